"""Targets that cannot be measured on are refused."""

import pytest
from programs import assert_one_sentence, write_program


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
