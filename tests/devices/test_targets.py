"""Targets that cannot be measured on are refused."""

import pytest
from programs import assert_one_sentence, write_program

from edge_runtime.devices.adb import Adb
from edge_runtime.devices.phone import Phone
from edge_runtime.errors import DeviceError
from edge_runtime.system.progress import ignore_progress


@pytest.fixture
def har_edge(har_edge_here, tmp_path):
    """The command with a cache of its own."""
    environment = {"COLUMNS": "120", "HAR_EDGE_CACHE": str(tmp_path / "cache")}
    return lambda *arguments, **changes: har_edge_here(*arguments, env=environment | changes)


@pytest.mark.parametrize(
    ("target", "programs", "noun"),
    [
        ("python:/bin/false", {}, "/bin/false"),
        ("ssh://pi", {"HAR_EDGE_SSH": "no-such-ssh"}, "no-such-ssh"),
        ("ssh://pi", {"HAR_EDGE_SSH": "ssh 'x"}, "HAR_EDGE_SSH"),
        ("emulated:x", {}, "cortex-a72"),
        ("adb:", {"HAR_EDGE_ADB": "no-such-adb"}, "no-such-adb"),
    ],
)
def test_an_unusable_target_is_refused_before_models_and_data_are_read(har_edge, tmp_path, target, programs, noun):
    absent = tmp_path / "absent"  # neither model nor data: they would be missed first
    assert_one_sentence(har_edge("bench", absent, "--data", absent, "--on", target, **programs), 2, noun)
    assert_one_sentence(har_edge("devices", target, **programs), 2, noun)
    assert not (tmp_path / "cache").exists()


def test_adb_without_a_usable_phone_is_a_device_error(har_edge, tmp_path, monkeypatch):
    adb = tmp_path / "adb"
    monkeypatch.setenv("HAR_EDGE_ADB", str(adb))
    for listed, noun in (("abc offline", "'offline'"), ("a device; echo b device", "a, b")):
        write_program(adb, f"echo; echo {listed}")
        done = har_edge("devices", "adb:")
        assert done.returncode == 3
        assert noun in done.stdout + done.stderr


def test_a_phone_that_does_not_name_its_folders_is_a_device_error(tmp_path, monkeypatch):
    monkeypatch.setenv("HAR_EDGE_ADB", str(write_program(tmp_path / "adb", "echo 14")))
    with pytest.raises(DeviceError, match="abc"):
        Phone(Adb("abc")).prepare(ignore_progress)
