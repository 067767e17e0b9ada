"""Shipped layouts: two on the first rows of published files, the others on files in the published format."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from described_recordings import rows
from programs import ROOT
from written_recordings import motion, on_grid, zipped

from edge_runtime.data.layout import DEFAULT, find_layout, shipped_layouts
from edge_runtime.data.layout_recordings import EXPORTS, read_recordings

EXCERPTS = ROOT / "tests/excerpts"
G = 9.80665


def read(name, folder):
    return read_recordings(folder, find_layout(name))


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def test_every_shipped_layout_is_in_the_documents():
    for name in {*shipped_layouts()} - {DEFAULT}:
        assert f"`{name}`" in (ROOT / "docs/data.md").read_text() or name in EXPORTS.values()


def test_motionsense_has_the_sign_of_apple_which_is_turned_round():
    recordings = read("motionsense", EXCERPTS / "motionsense").recordings
    assert [
        (recording.subject, recording.label_names[recording.labels[0]], len(recording.samples))
        for recording in recordings
    ] == [
        ("12", "STANDING", 30),
        ("1", "WALKING", 30),
    ]
    # The first row of std_6/sub_12.csv: gravity and userAcceleration in g, rotationRate in rad/s.
    acceleration = [0.267052 - 0.027138, -0.963358 - 0.009985, 0.024712 - 0.07914]
    assert recordings[0].samples[0] == pytest.approx([*acceleration, -0.147287, 0.185952, 0.068923], abs=1e-6)
    assert (recordings[0].mounting.source, recordings[0].mounting.placement) == ("MotionSense", "trouser pocket")


def test_geotec_has_bunched_times_which_are_evened_out():
    facts = read("geotec", EXCERPTS / "geotec")
    (recording,) = facts.recordings
    assert (recording.subject, recording.classes) == ("01", ("SITTING",))
    assert recording.label_names[1:] == ("sit_to_stand",)
    assert facts.rates_hz[0] == pytest.approx(104, abs=5)
    assert len(recording.samples) == pytest.approx(80 / 2, abs=3)
    assert np.linalg.norm(recording.samples[:, :3], axis=1) == pytest.approx(1, abs=0.1)
    # The first row of s01_01_sp.csv, in m/s2 and rad/s.
    acceleration = np.array([-4.160221, -1.182952, -8.990732]) / G
    assert recording.samples[0, :3] == pytest.approx(acceleration, abs=0.02)
    assert recording.samples[0, 3:] == pytest.approx([0.002825, -0.013897, -0.032146], abs=0.01)


def test_wisdm_in_its_published_format(tmp_path):
    _, samples = motion(100)
    lines = []
    for subject, activity in ((33, "Jogging"), (33, "Walking"), (17, "Walking")):
        wisdm_rows = [f"{subject},{activity},0,{row}" for row in rows(samples[:, :3] * G, end=";")]
        lines += [*wisdm_rows, f"{subject},{activity},4991922345000,0.69,10.8,", f"{wisdm_rows[0]}{wisdm_rows[1]}", ""]
    write(tmp_path / "WISDM_ar_v1.1_raw.txt", lines)
    facts = read("wisdm", tmp_path)
    assert [recording.subject for recording in facts.recordings] == ["33", "17"]
    assert facts.recordings[0].label_names == ("WALKING", "JOGGING")
    assert np.bincount(facts.recordings[0].labels).tolist() == pytest.approx([250, 250], abs=3)
    assert not facts.recordings[0].has_gyroscope
    assert facts.rows_left_out == 6
    expected = on_grid(np.arange(100) / 20, samples[:, :3], 90)
    assert facts.recordings[1].samples[3:90, :3] == pytest.approx(expected[3:], abs=1e-5)


def test_wisdm_2019_in_its_published_format(tmp_path):
    seconds, samples = motion(200, rate=20)
    for sensor, values in (("accel", samples[:, :3] * G), ("gyro", samples[:, 3:])):
        times = [f"1600,{'A' if t < 5 else 'F'},{252207666810782 + round(t * 1e9)}" for t in seconds]
        raw = tmp_path / "wisdm-dataset/raw"
        write(raw / "phone" / sensor / f"data_1600_{sensor}_phone.txt", rows(values, end=";", times=times))
        write(raw / "watch" / sensor / f"data_1600_{sensor}_watch.txt", ["other"])
    (recording,) = read("wisdm-2019", tmp_path).recordings
    assert (recording.subject, recording.classes) == ("1600", ("WALKING",))
    assert recording.label_names == ("WALKING", "typing")
    assert recording.samples == pytest.approx(on_grid(seconds, samples, len(recording.samples)), abs=1e-5)


def test_mobifall_in_its_published_format(tmp_path):
    seconds, samples = motion(300, rate=100)
    twice, fine = motion(600, rate=200)
    top = ["#timestamp(ns),x,y,z", "#Activity: 2 - WAL - Walking - 5m", "#" * 42, "", "", "@DATA"]
    sensors = {"acc": (seconds, samples[:, :3] * G), "gyro": (twice, fine[:, 3:]), "ori": (twice, fine[:, 3:])}
    for sensor, (clock, values) in sensors.items():
        times = [str(1_000_000_000_000 + round(t * 1e9)) for t in clock]
        path = tmp_path / "MobiFall_Dataset_v2.0/sub3/ADL/WAL" / f"WAL_{sensor}_3_1.txt"
        write(path, [*top, *rows(values, ", ", times=times)])
    (recording,) = read("mobifall", tmp_path).recordings
    assert (recording.subject, recording.classes, len(recording.samples)) == ("3", ("WALKING",), 150)
    assert recording.mounting.name == "3 trouser pocket"
    assert recording.samples[2:-2] == pytest.approx(on_grid(seconds, samples, 150)[2:-2], abs=0.01)


def test_sisfall_in_its_published_format(tmp_path):
    _, samples = motion(800, rate=200)
    counts = np.round(np.concatenate([samples[:, :3] * 256, np.rad2deg(samples[:, 3:]) / 0.06103515625], axis=1))
    for activity in ("D01", "F02"):
        lines = [",".join(f"{int(x):4d}" for x in (*row, 0, 0, 0)) + ";" for row in counts]
        write(tmp_path / f"SisFall_dataset/SA01/{activity}_SA01_R01.txt", [*lines, ""])
    walking, falling = read("sisfall", tmp_path).recordings
    assert (walking.subject, walking.label_names) == ("SA01", ("WALKING", "falling"))
    assert (walking.classes, set(falling.labels), len(walking.samples)) == (("WALKING",), {1}, 200)
    assert walking.samples[5:-5] == pytest.approx(samples[::4][5:-5], abs=0.02)


def test_pamap2_in_its_published_format(tmp_path):
    seconds, samples = motion(600, rate=100)
    lines = []
    for i, (t, x) in enumerate(zip(seconds, samples, strict=True)):
        values = [30.375, *(x[:3] * G), *(x[:3] * 0.9 * G), *x[3:], 14.6, -69.2, -5.5, 1, 0, 0, 0]
        lost = ["NaN"] * 17
        imus = [x for place in range(3) for x in ([f"{y:.6f}" for y in values] if i % 50 or place else lost)]
        activity = 0 if i < 300 else 4 if i < 500 else 17
        lines.append(" ".join([f"{8.38 + t:.2f}", str(activity), "104" if i % 11 == 0 else "NaN", *imus]))
    write(tmp_path / "Protocol/subject101.dat", lines)
    facts = read("pamap2", tmp_path)
    assert [recording.mounting.placement for recording in facts.recordings] == ["wrist", "chest", "ankle"]
    assert facts.rows_left_out == 12
    wrist, chest, ankle = facts.recordings
    assert (chest.subject, chest.label_names) == ("101", ("WALKING", "ironing"))
    assert np.bincount(chest.labels + 1).tolist() == pytest.approx([150, 100, 50], abs=1)
    for x in (chest, ankle):
        assert x.samples[5:-5] == pytest.approx(samples[::2][5:-5], abs=0.02)
    assert wrist.samples[30:40] == pytest.approx(samples[61:81:2], abs=0.05)  # its first row is lost


def test_harth_and_har70_in_their_published_format(tmp_path):
    samples = motion(300)[1]
    begin = datetime(2019, 1, 12)
    for place, extra in (("harth/S006.csv", False), ("harth/S015.csv", True), ("har70plus/501.csv", False)):
        times = [str(begin + timedelta(milliseconds=20 * i, microseconds=1))[:-3] for i in range(300)]
        times = [f"{i},{time}" for i, time in enumerate(times)] if extra else times
        head = "index," * extra + "timestamp,back_x,back_y,back_z,thigh_x,thigh_y,thigh_z,label"
        write(tmp_path / place, [head, *rows(samples, times=times, more=[["1"] * 200 + ["130"] * 100])])
    recordings = read("harth", tmp_path).recordings
    assert [(recording.subject, recording.mounting.placement) for recording in recordings] == [
        (subject, placement) for subject in ("501", "S006", "S015") for placement in ("lower back", "thigh")
    ]
    assert recordings[0].samples[:, :3] == pytest.approx(samples[:, :3], abs=1e-4)
    assert recordings[1].samples[:, :3] == pytest.approx(samples[:, 3:], abs=1e-4)
    assert not recordings[0].has_gyroscope
    assert recordings[0].label_names == ("WALKING", "sitting on a bicycle")


def test_realworld_in_its_published_format(tmp_path):
    seconds, samples = motion(300)
    times = [f"{i + 1},{1435993015000 + round(t * 1000)}" for i, t in enumerate(seconds)]

    def packed(sensor, values, name, places=("waist", "upperarm")):
        content = "\n".join(["id,attr_time,attr_x,attr_y,attr_z", *rows(values, times=times)])
        return zipped({f"{sensor}_{name}_{place}.csv": content for place in places})

    folder = tmp_path / "proband4/data"
    folder.mkdir(parents=True)
    for short, sensor, values in (("acc", "acc", samples[:, :3] * G), ("gyr", "Gyroscope", samples[:, 3:])):
        (folder / f"{short}_walking_csv.zip").write_bytes(packed(sensor, values, "walking_2"))
        (folder / f"{short}_sitting_csv.zip").write_bytes(packed(sensor, values, "sitting"))
        trials = {f"{short}_climbingup_{x}_csv.zip": packed(sensor, values, "climbingup", ["waist"]) for x in (1, 2)}
        (folder / f"{short}_climbingup_csv.zip").write_bytes(zipped(trials))
    recordings = read("realworld", tmp_path).recordings
    assert sorted(
        (recording.label_names[recording.labels[0]], recording.mounting.placement) for recording in recordings
    ) == [
        *[("SITTING", "upperarm"), ("SITTING", "waist"), ("WALKING", "upperarm"), ("WALKING", "waist")],
        *[("WALKING_UPSTAIRS", "waist")] * 2,
    ]
    for x in recordings:
        assert x.subject == "4"
        assert x.samples == pytest.approx(samples, abs=1e-6)
