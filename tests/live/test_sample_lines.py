"""Lines of text -> samples: names and units as boards, apps and people write them, and whatever else may come."""

import json

import numpy as np
import pytest
from streams import HEADERS, G, csv_lines, kinds, samples, seconds, standing
from written_recordings import posture

from edge_runtime.live.sources import Chunk, Event, Item
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.live.sources.line_parser import LineParser
from edge_runtime.signals.units import Units

TIMES = np.arange(100) / 50
STATED = Units(1.0, 1.0, 1.0)
GOOD = '{"acc": [1, 0, 0], "gyro": [0, 0, 0]}\n'


def read(text: str, stated: Units | None = None, midway: bool = False) -> list[Item]:
    lines = LineDecoder(stated or Units(), midway)
    return [*lines.feed(text.encode()), *lines.end()]


def left_out(items: list[Item]) -> int:
    return sum(item.left_out for item in items if isinstance(item, Chunk))


def said(items: list[Item]) -> str:
    return " ".join(item.text for item in items if isinstance(item, Event))


UNSTATED = {
    "none": ("", 1, 1, 1),
    "none ns": ("", 1e9, G, 1),
    "boards": ("micros,AcX,AcY,AcZ,GyX,GyY,GyZ", 1e6, 1, 1),
    "epoch": ("epoch_ms,ax,ay,az,gx,gy,gz", 1e3, 1, 1),
    "unstated": ("Timestamp,acceleration_x,acceleration_y,acceleration_z,gyro_x,gyro_y,gyro_z", 1e3, G, 1),
}


@pytest.mark.parametrize(
    ("header", "per_second", "per_g", "per_rad"), (HEADERS | UNSTATED).values(), ids=HEADERS | UNSTATED
)
def test_columns_and_units_are_those_of_the_header_or_of_the_numbers(header, per_second, per_g, per_rad):
    items = read(csv_lines(standing() * np.repeat([per_g, per_rad], 3), header, TIMES * per_second))
    assert np.allclose(samples(items), standing())
    assert np.allclose(seconds(items), TIMES)
    assert left_out(items) == 0


BLANKS = "t[s] ax[g] ay[g]  az[g] gx gy gz\n2 1  0 0 4 5 6\n2.02 1  0 0 4 5 6\n"
DATES = (
    "time,ax[g],ay[g],az[g],gx,gy,gz\n2024-05-01T10:00:02+02:00,1,0,0,4,5,6\n2024-05-01 10:00:02.02+02:00,1,0,0,4,5,6\n"
)
COMMAS = "t[s];ax[g];ay[g];az[g];gx;gy;gz\n2,00;1,0;0;0;4;5,0;6\n2,02;1;0;0;4;5;6\n"
WITH_A_TITLE = "My walk\n\n" + COMMAS.replace(",", ".").replace(";", "\t")
QUOTED = 't[s],note,ax[g],ay[g],az[g],gx,gy,gz\n2,"a, b","1",0,0,4,5,6\n2.02,"",1,0,0,4,5,6\n'


@pytest.mark.parametrize(
    ("text", "first_s"), [(BLANKS, 2), (DATES, 1714550402), (COMMAS, 2), (WITH_A_TITLE, 2), (QUOTED, 2)]
)
def test_lines_are_read_in_the_forms_that_spreadsheets_write(text, first_s):
    items = read(text, STATED)
    assert np.allclose(samples(items), [[1, 0, 0, 4, 5, 6]] * 2)
    assert np.allclose(seconds(items), [first_s, first_s + 0.02])


@pytest.mark.parametrize("name", ["accelerometer_", "Linear Acceleration "])
def test_a_header_that_cannot_be_used_is_said_once_and_nothing_is_taken_for_it(name):
    header = f"seconds_elapsed,{','.join(name + x for x in 'xyz')},gx,gy,gz"
    items = read(csv_lines(standing(), header, TIMES))
    assert (len(samples(items)), kinds(items), left_out(items)) == (0, ["malformed"], 101)
    assert "gravity" in said(items)


def by_sensor(shift: float, names: tuple[str, str] = ("accelerometer", "gyroscope")) -> list[str]:
    """A line for each sensor: the gyroscope, which turns faster and faster, `shift` seconds later."""
    readings = []
    for t in TIMES.tolist():
        readings += [(t, names[0], 1.0, 0.0, 0.0), (t + shift, names[1], t + shift, 0.0, 0.0)]
        readings.append((t, "magnetometer", 20, 30, 40))
    return [json.dumps({"timestamp": t, "sensor": name, "values": values}) for t, name, *values in readings]


@pytest.mark.parametrize("shift", [0.0, 0.007])
def test_sensors_that_are_sent_one_by_one_are_paired_by_their_times(shift):
    lines = by_sensor(shift, names := ("android.sensor.accelerometer", "Gyro"))
    items = read("\n".join(lines))
    assert len(samples(items)) >= 99
    assert np.allclose(samples(items)[:, 3], seconds(items))
    assert left_out(items) == 0
    without = read("\n".join(line for line in lines * 3 if names[1] not in line))
    assert len(samples(without)) == 0
    assert "gyroscope" in said(without)


NAMES = "ax[{0}],ay[{0}],az[{0}],gx[rad/s],gy[rad/s],gz[rad/s]"


def test_an_option_takes_precedence_over_the_header():
    assert np.allclose(samples(read(csv_lines(standing(), NAMES.format("m/s2")), Units(None, 1.0, None))), standing())
    turned = read("ax,ay,az,gx,gy,gz\n9.80665,0,0,180,0,0\n", Units(None, 1 / G, np.pi / 180))
    assert np.allclose(samples(turned), [[1, 0, 0, np.pi, 0, 0]])


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("t,ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]", []),
        ("t,ax[g],ay[g],az[g],gx,gy,gz", ["--gyro-units"]),
        ("t,ax,ay,az,gx[rad/s],gy[rad/s],gz[rad/s]", ["--units"]),
        ("", ["--units", "--gyro-units"]),
    ],
)
def test_a_notice_names_the_options_for_the_units_that_are_assumed(header, options):
    items = read(csv_lines(standing(), header, TIMES))
    assert [word for word in said(items).replace(")", " ").split() if "--" in word.strip("(")] == options


def test_unclear_units_of_a_live_source_may_become_clear():
    lines = LineDecoder(Units())
    items = [y for size in (16384.0, 16384.0, 1.0) for y in lines.feed(csv_lines(standing(50, size)).encode())]
    assert kinds(items) == ["units", "units"]  # once what is wrong, once what was found
    assert np.allclose(samples(items), standing(50))
    assert left_out(items) == 100


@pytest.mark.parametrize("still", [0, 500])
def test_rotation_without_a_unit_is_in_degrees_where_it_is_too_fast_for_radians(still):
    """Someone walks, at once or after standing still."""
    walked = posture("WALKING", 20)[:500]
    rows = np.concatenate([standing(still), walked]) * ([1.0] * 3 + [180 / np.pi] * 3)
    lines = LineDecoder(Units())
    items = [y for chunk in np.split(rows, len(rows) // 5) for y in lines.feed(csv_lines(chunk).encode())]
    assert kinds(items) == ["units"] * (1 + bool(still))
    assert "deg/s" in said(items)
    assert [chunk.anew for chunk in items if isinstance(chunk, Chunk)].count(True) == bool(still)
    assert np.allclose(samples(items)[-400:], walked[-400:])
    fast = read(csv_lines(rows), Units(None, None, 1.0))
    assert np.allclose(samples(fast), rows)


def xyz(*values) -> dict[str, float]:
    return dict(zip("xyz", values, strict=True))


def reading(name, values=(0, 0, 0)) -> dict[str, object]:
    return {"name": name, "time": 1.5e9, "values": xyz(*values)}


gyroscope, total = reading("gyroscope", (4, 5, 6)), reading("totalacceleration", (1, 2, 3))
acceleration = {"timestamp": 1.5e9, "value": [G, 2 * G, 3 * G]}
sensor_streamer = {"accelerometer": acceleration, "gyroscope": {"timestamp": 1.5e9 + 1, "value": [4, 5, 6]}}
JSON = [
    ({"t": 1.5, "acc": [1, 2, 3], "gyro": [4, 5, 6]}, STATED),
    ({"Timestamp": "1.5", "accelerometer": ["1", "2", "3"], "gyroscope": ["4", "5", "6"]}, STATED),
    ({"t": 1.5, "ax": 1, "ay": 2, "az": 3, "gx": 4, "gy": 5, "gz": 6}, STATED),
    ({"t[ms]": 1500, "aX[m/s2]": G, "aY[m/s2]": 2 * G, "aZ[m/s2]": 3 * G, "gyroX": 4, "gyroY": 5, "gyroZ": 6}, Units()),
    (sensor_streamer, Units()),
    ({"timestamp": 7} | sensor_streamer, Units()),
    ({"timestamp": 1.5, "accelerometer": xyz(1, 2, 3), "gyroscope": xyz(4, 5, 6)}, STATED),
    ({"payload": [reading("battery"), reading("accelerometer"), gyroscope, total]}, Units(1e-9, 1.0, 1.0)),
]


@pytest.mark.parametrize(("content", "stated"), JSON)
def test_every_shape_of_json_gives_the_same_sample(content, stated):
    items = read(json.dumps(content), stated)
    assert np.allclose(samples(items), [[1, 2, 3, 4, 5, 6]])
    assert seconds(items).tolist() == [1.5]


@pytest.mark.parametrize(
    "line",
    [
        *("{", '{"acc": [1, 2], "gyro": [1, 2, 3]}', '{"t": NaN, "acc": [1, 2, 3], "gyro": [1, 2, 3]}'),
        *("1,2,3", "\x00\x1b[31m", "1,2,3,4,5,six", "POST / HTTP/1.1"),
        json.dumps({"payload": [reading("accelerometer")]}),
    ],
)
def test_a_line_that_is_no_sample_is_said_once_counted_and_costs_nothing_else(line):
    items = read(GOOD * 60 + (line + "\n") * 3 + GOOD * 60)
    assert (len(samples(items)), left_out(items), kinds(items).count("malformed")) == (120, 3, 1)
    assert said(items).isprintable()


def test_what_a_sensor_could_not_measure_reaches_the_recogniser_as_nan():
    items = read('{"acc": [1, null, 0], "gyro": [0, "nan", Infinity]}\n' * 2, Units(None, 1.0, 1.0))
    assert np.isfinite(samples(items)).sum() == 2 * 3
    assert left_out(items) == 0


def test_a_board_that_starts_in_the_middle_of_a_line_has_that_line_left_out():
    text = csv_lines(standing(), times=TIMES)
    assert len(samples(read(text[3:], midway=True))) == 99
    header = "t[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n"
    assert len(samples(read(header + text, midway=True))) == 100


@pytest.mark.parametrize("cut", [3, 8, 20, len("0.0,"), len("0.0,1.0,")])
@pytest.mark.parametrize("header", ["", "t[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n"])
def test_a_cut_first_line_costs_at_most_three_lines(cut, header):
    text = csv_lines(standing(), times=TIMES)
    items = read(text[cut:].replace("\n", "\n" + header, 1))
    assert np.allclose(samples(items)[-97:], standing()[3:])
    assert np.allclose(seconds(items)[-97:], TIMES[3:])


@pytest.mark.parametrize("size", [1, 7, 100])
def test_lines_in_pieces_of_any_size_give_the_same(size):
    text = csv_lines(standing(), NAMES.format("g")) + "junk\n" + GOOD * 20 + "\n".join(by_sensor(0.007))
    lines = LineDecoder(Units())
    items = [y for i in range(0, len(text), size) for y in lines.feed(text[i : i + size].encode())] + [*lines.end()]
    assert np.array_equal(samples(items), samples(read(text)))
    assert (kinds(items), left_out(items)) == (kinds(read(text)), left_out(read(text)))


@pytest.mark.parametrize(
    "lines",
    [
        ["time,ax,ay,az", "1.5,0.1,0.2,0.9"],
        ["t,acc_x,acc_y,acc_z,gx,gy,gz", "1.5,0.1,0.2,0.9,5,5,5"],
        ['{"sensor": "accelerometer", "t": 1.5, "values": [0.1, 0.2, 0.9]}'],
    ],
)
def test_a_sample_without_rotation_has_no_rotation_where_none_is_needed(lines):
    reader = LineParser(needs_rotation=False)
    rows = [row for line in lines for row in reader.parse(line)]
    assert rows == [(1.5, [0.1, 0.2, 0.9, 0, 0, 0])]
