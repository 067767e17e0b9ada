"""One CSV file -> samples: its header, or the size of its numbers, says what they are."""

from pathlib import Path

import numpy as np
import pytest
from streams import HEADERS, G, csv_lines, standing

from edge_runtime.data.csv_recordings import CsvRecording, read_csv_recording
from edge_runtime.errors import InputError
from edge_runtime.signals.units import NOT_NEEDED, Units

TIMES = np.arange(100) / 50
NAMES = "ax[{0}],ay[{0}],az[{0}],gx[rad/s],gy[rad/s],gz[rad/s]"
UNSTATED = {
    "unstated": ("Timestamp,acceleration_x,acceleration_y,acceleration_z,gyro_x,gyro_y,gyro_z", 1e3, G, 1),
    "none": ("", 1, 1, 1),
    "none ns": ("", 1e9, G, 1),
}


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, stated: Units | None = None) -> CsvRecording:
        path: Path = tmp_path / "walk.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_csv_recording(path, stated or Units())

    return read


@pytest.mark.parametrize(
    ("header", "per_second", "per_g", "per_rad"), (HEADERS | UNSTATED).values(), ids=HEADERS | UNSTATED
)
def test_columns_and_units_are_those_of_the_header_or_of_the_numbers(read, header, per_second, per_g, per_rad):
    values = standing() * np.repeat([per_g, per_rad], 3)
    recording = read(csv_lines(values, header, TIMES * per_second))
    assert np.allclose(recording.samples, standing())
    assert np.allclose(recording.seconds, TIMES)
    assert recording.n_left_out == 0


BLANKS = "t[s] ax[g] ay[g]  az[g] gx gy gz\n2 1  0 0 4 5 6\n2.02 1  0 0 4 5 6\n"
DATES = (
    "time,ax[g],ay[g],az[g],gx,gy,gz\n2024-05-01T10:00:02+02:00,1,0,0,4,5,6\n2024-05-01 10:00:02.02+02:00,1,0,0,4,5,6\n"
)
COMMAS = "t[s];ax[g];ay[g];az[g];gx;gy;gz\n2,00;1,0;0;0;4;5,0;6\n2,02;1;0;0;4;5;6\n"
WITH_A_TITLE = "My walk\n\n" + COMMAS.replace(",", ".").replace(";", "\t")


@pytest.mark.parametrize(
    ("text", "first_s"), [(BLANKS, 2.0), (DATES, 1714550402.0), (COMMAS, 2.0), (WITH_A_TITLE, 2.0)]
)
def test_rows_are_read_in_the_forms_that_spreadsheets_write(read, text, first_s):
    recording = read(text)
    assert np.allclose(recording.samples, [[1, 0, 0, 4, 5, 6]] * 2)
    assert np.allclose(recording.seconds, [first_s, first_s + 0.02])


@pytest.mark.parametrize("names", [("accelerometer", "gyroscope"), ("android.sensor.accelerometer", "Gyro")])
def test_rows_of_single_sensors_are_paired_by_their_times(read, names):
    """The gyroscope, which turns faster and faster, is 7 ms late."""
    rows = ["time,sensor,x,y,z"]
    for t in TIMES.tolist():
        late = t + 0.007
        rows += [f"{t},{names[0]},1,0,0", f"{late},{names[1]},{late},0,0", f"{t},magnetometer,20,30,40"]
    recording = read("\n".join(rows))
    assert len(recording.samples) == 99
    assert np.allclose(recording.samples[:, 3], recording.seconds)
    with pytest.raises(InputError, match="rotation"):
        read("\n".join(row for row in rows if names[1] not in row))


def test_samples_without_times_or_rotation_have_none(read):
    recording = read(csv_lines(standing(), NAMES.format("g")))
    assert recording.seconds is None
    accelerations = read("time,ax,ay,az\n" + "".join(f"{t},1,0,0\n" for t in TIMES), Units(rotation=NOT_NEEDED))
    assert accelerations.samples.tolist() == [[1, 0, 0, 0, 0, 0]] * 100


def test_rows_that_are_not_samples_are_left_out_and_impossible_values_are_marked(read):
    rows = csv_lines(standing(), NAMES.format("g")).splitlines()
    odd = ["1,2", "1,0,0,0,zero,0", "battery, low", rows[0], "1,0,nan,0,0,0"]
    recording = read("\n".join([*rows[:50], *odd, "101,0,0,0,0,0", *rows[50:]]).encode() + b"\n\xff\x00junk\n")
    assert (len(recording.samples), recording.n_left_out) == (101, 6)
    assert np.flatnonzero(np.isnan(recording.samples).any(axis=1)).tolist() == [49]


@pytest.mark.parametrize(("size", "unit", "stated_g"), [(1.0, "m/s2", None), (16384.0, "", None), (1.0, "", 1 / G)])
def test_numbers_that_fit_no_unit_or_not_the_stated_one_are_refused(read, size, unit, stated_g):
    with pytest.raises(InputError, match=r"as in|--units"):
        read(csv_lines(standing(size=size), NAMES.format(unit)), Units(None, stated_g, None))


def test_an_option_takes_precedence_over_the_header(read):
    recording = read(csv_lines(standing(), NAMES.format("m/s2")), Units(None, 1.0, None))
    assert np.allclose(recording.samples, standing())


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("", "empty"),
        ("to be\nor not\n", "'to'"),
        ("ax,ay,az,gx,gy,gz\n", "no row"),
        ("1,2,3\n4,5,6\n", "header"),
        ("time,accelerometer_x,accelerometer_y,accelerometer_z,seconds_elapsed,gx,gy,gz\n0,1,0,0,0,0,0,0\n", "gravity"),
        ("x\n" * 5_000_000, "lines"),
        ("a" * 1_000_000, "characters"),
    ],
)
def test_a_file_without_samples_is_refused_by_its_name(read, text, noun):
    with pytest.raises(InputError, match=rf"walk\.csv.*{noun}"):
        read(text)
