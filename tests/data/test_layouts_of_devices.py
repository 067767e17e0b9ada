"""Several devices, people or trials in a file, and labels by columns."""

import numpy as np
import pytest
from described_recordings import layout, rows, sensors
from written_recordings import motion

from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

BY_CELL = f'files = "{{subject}}.csv"\nrate = 50\nlabel = {{ column = 7 }}\n{sensors()}'
SECONDS, SAMPLES = motion(300)


def read(folder, text):
    return read_recordings(folder, layout(text))


def samples_of(found, **said):
    """The samples of the one recording of which this is said."""
    (one,) = (x for x in found.recordings if all(getattr(x.mounting, k, x.subject) == v for k, v in said.items()))
    return one.samples


def test_devices_side_by_side_are_recordings_of_the_same_person(tmp_path):
    ankle = motion(300, 2)[1]
    lines = rows(np.concatenate([SAMPLES, ankle], axis=1), " ", times=SECONDS, more=[["walk"] * 300])
    for i in (100, 101):  # the ankle only
        lines[i] = " ".join([*lines[i].split()[:7], *["NaN"] * 6, "walk"])
    (tmp_path / "1.dat").write_text("\n".join(lines))
    text = 'files = "{subject}.dat"\nbad_rows = "leave out"\nlabel = { column = 14 }\n[time]\ncolumn = 1\nunit = "s"\n'
    found = read(tmp_path, f"{text}{sensors(2)}[placements]\nhand = 0\nankle = 6\n")
    assert [(x.subject, x.mounting.placement, x.mounting.name) for x in found.recordings] == [
        ("1", "hand", "1 hand"),
        ("1", "ankle", "1 ankle"),
    ]
    assert samples_of(found, placement="hand") == pytest.approx(SAMPLES, abs=1e-9)
    whole = np.r_[:100, 102:300]
    assert samples_of(found, placement="ankle")[whole] == pytest.approx(ankle[whole], abs=1e-9)
    assert found.rows_left_out == 2


def test_rows_of_several_devices_and_people_may_alternate_in_files_of_one_sensor_each(tmp_path):
    """Two devices of one person and one of another, all at the same time; that of b has no gyroscope."""
    samples = {"a1": motion(300, 1)[1], "a2": motion(300, 2)[1], "b1": motion(300, 3)[1]}
    for sensor, columns in (("acc", slice(3)), ("gyro", slice(3, 6))):
        lines = ["t,x,y,z,user,device,gt"]
        for i, t in enumerate(SECONDS):
            for name, x in samples.items():
                if sensor == "acc" or name != "b1":
                    more = [[name[0]], [name], ["null" if i < 100 else "walk"]]
                    lines += rows([x[i, columns]], times=[t], more=more)
        (tmp_path / f"Phones_{sensor}.csv").write_text("\n".join(lines))
    text = 'files = "Phones_{sensor}.csv"\nsubject = { column = "user", several = true }\nlabel = { column = "gt" }\n'
    text += 'device = { column = "device", several = true }\n'
    tables = f'[time]\ncolumn = "t"\nunit = "s"\n{sensors(2, names=("acc", "gyro"))}'
    tables += '[labels]\nwalk = "WALKING"\nnull = ""\n'
    found = read(tmp_path, text + tables)
    assert [(x.subject, x.mounting.device) for x in found.recordings] == [("a", "a1"), ("a", "a2")]
    for device in ("a1", "a2"):
        assert samples_of(found, device=device) == pytest.approx(samples[device], abs=1e-9)
    assert (found.recordings[0].labels[:100] == -1).all()
    assert (found.recordings[0].labels[100:] == 0).all()
    assert found.without_rotation == ["Phones_acc.csv b b1"]
    one = read(tmp_path, f'where = {{ device = ["a2", "none"] }}\n{text}{tables}')
    assert [x.mounting.device for x in one.recordings] == ["a2"]


@pytest.mark.parametrize("clock", ["rate = 50\n", '[time]\ncolumn = 1\nunit = "s"\n'])
def test_a_column_may_tell_trials_apart_with_or_without_times_that_begin_again(tmp_path, clock):
    trials = {name: motion(300, seed)[1] for seed, name in enumerate(("1", "2"))}
    lines = [row for name, x in trials.items() for row in rows(x, times=SECONDS, more=[[name] * 300])]
    (tmp_path / "anna.csv").write_text("\n".join(lines))
    text = 'files = "{subject}.csv"\nlabel = "walk"\ntrial = { column = 8, several = true }\n'
    found = read(tmp_path, text + clock + sensors(2)).recordings
    assert [(x.subject, x.trial) for x in found] == [("anna", "1"), ("anna", "2")]
    for x in found:
        assert x.samples == pytest.approx(trials[x.trial], abs=1e-9)


def test_labels_that_are_numbers_are_the_same_however_written_and_others_are_left_out_together(tmp_path):
    labels = np.repeat(["1", "1.0", "1.0000000e+00", "2.0", "24"], 60)
    (tmp_path / "a.csv").write_text("\n".join(rows(SAMPLES, more=[labels])))
    found = read(tmp_path, BY_CELL + '[labels]\n1 = "WALKING"\n3 = "SITTING"\n"*" = ""\n')
    assert found.recordings[0].labels.tolist() == [0] * 180 + [-1] * 120
    assert found.absent_labels == ("3",)


def test_a_star_in_the_name_of_a_label_is_any_text(tmp_path):
    labels = ["7030 sleeping;MET 0.95", "17250 walking as the means;MET 3.5", "walking, dog", "F01", "walk"]
    (tmp_path / "a.csv").write_text("\n".join(rows(SAMPLES, "\t", more=[np.repeat(labels, 60)])))
    text = BY_CELL + '[labels]\n"* sleeping;*" = "LAYING"\n"*walking*;*" = "WALKING"\n"*walking*" = ""\n'
    text += 'walk = "STANDING"\n'
    found = read(tmp_path, text + '"sit*" = "SITTING"\n[other_labels]\n"F*" = "falling"\n"*" = "rest"\n')
    recording = found.recordings[0]
    assert found.absent_labels == ("sit*",)
    assert [recording.label_names[i] if i >= 0 else "" for i in recording.labels[30::60]] == [
        *("LAYING", "WALKING", "", "falling", "STANDING")
    ]
    with pytest.raises(InputError, match="'F01'"):
        read(tmp_path, text)
