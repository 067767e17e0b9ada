"""Several devices at a time: a failure on one device costs no other device; messages about targets."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from programs import assert_one_sentence, write_program

from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.devices.adb import Adb
from edge_runtime.devices.phone import Phone
from edge_runtime.devices.python import PythonDevice
from edge_runtime.devices.targets import measure_on
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.progress import ignore_progress

QUICK = MeasurementSettings(rounds=2, control=False)


@pytest.fixture
def model(models):
    return models[1:]


@dataclass
class Scripted:
    """This Python under another name, which does something before each job and hears of its progress."""

    name: str
    here: bool = True
    most_windows: int | None = None
    first: Callable[[], object] = lambda: None
    on_stage: Callable[[str], object] = lambda stage: None
    jobs: list[str] = field(default_factory=list)
    """The beginnings and ends of jobs, perhaps of several devices."""

    def __post_init__(self):
        self._python = PythonDevice()
        self.instructions, self.stop, self.close = self._python.instructions, self._python.stop, self._python.close

    def prepare(self, on_progress, with_onnx=False):
        on_progress(0.0, "preparing")

    def run(self, job, folder, on_progress):
        self.jobs.append(f"{self.name} begins")
        self.first()
        answer = self._python.run(job, folder, lambda share, stage: self.on_stage(stage))
        self.jobs.append(f"{self.name} ends")
        return answer


def measure(devices, models, data, on_report=lambda device, report: None, settings=QUICK):
    return measure_on(devices, models, data, settings, [ignore_progress] * len(devices), on_report)


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


def test_a_failing_device_and_an_unwritable_report_cost_no_other_device_and_fewer_windows_are_named(model, few):
    def written(device, report):
        if device.name == "unwritable":
            raise InputError("bench-unwritable.json is a folder")
        reported.append(device.name)

    def go_away():
        raise DeviceError("it went away")

    reported: list[str] = []
    devices = [
        Scripted("faulty", first=lambda: 1 / 0),
        Scripted("unwritable"),
        Scripted("away", here=False, first=go_away),
        Scripted("good", most_windows=10),
    ]
    outcomes = measure(devices, model, few, written)
    assert [type(outcome.error) for outcome in outcomes] == [ZeroDivisionError, InputError, DeviceError, type(None)]
    assert [outcome.report is not None for outcome in outcomes] == [False, True, False, True]
    assert reported == ["good"]
    (_, usual, _, slow), every = (
        (outcome.report and outcome.report.data for outcome in outcomes),
        -(-len(few.test) // 10),
    )
    part = replace(few, test=few.test.select(slice(None, None, every)))
    assert (slow.windows, slow.fingerprint) == (len(part.test), part.fingerprint)
    assert slow.windows <= 10
    assert str(every) in slow.name.removeprefix(few.name)
    assert (usual.windows, usual.name) == (len(few.test), few.name)


def test_local_devices_are_measured_one_after_the_other_and_remote_devices_at_the_same_time(model, few):
    jobs: list[str] = []
    meeting = threading.Barrier(2, timeout=60)
    met = threading.Event()

    def meet() -> None:
        if not met.is_set():
            meeting.wait()
            met.set()

    remote = Scripted("remote", here=False, first=meet)
    outcomes = measure([Scripted("a", first=meet, jobs=jobs), remote, Scripted("b", jobs=jobs)], model, few)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    half = len(jobs) // 2
    assert jobs == ["a begins", "a ends"] * (half // 2) + ["b begins", "b ends"] * (half // 2)


@pytest.fixture
def har_edge(har_edge_here, tmp_path):
    """The command with a cache of its own."""
    environment = {"COLUMNS": "120", "HAR_EDGE_CACHE": str(tmp_path / "cache")}
    return lambda *arguments, **changes: har_edge_here(*arguments, env=environment | changes)


FAST = ("edge", "--rounds", "1", "--no-control", "--runtime", "litert")


def test_the_command_measures_available_devices_and_names_the_others(har_edge, tmp_path):
    targets = ("--on", "local", "--on", "python:/none/python", "--on", "adb:")
    done = har_edge("bench", *FAST, *targets, HAR_EDGE_ADB="false")
    assert_one_sentence(done, 3, "python:/none/python, adb:")
    assert "false devices" in done.stdout
    assert len(json.loads((tmp_path / "bench-local.json").read_text())["results"]) == 2
    assert "/none/python" in (tmp_path / "bench-devices.html").read_text()


def test_adb_without_a_usable_board_is_a_device_error(har_edge, tmp_path, monkeypatch):
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


def test_clean_continues_after_a_failure_and_refuses_devices_without_files(har_edge, tmp_path):
    boards = tmp_path / "cache/boards/one"
    boards.mkdir(parents=True)
    (boards / "content").write_bytes(bytes(2_000_000))
    done = har_edge("devices", "clean", "adb:", "emulated:cortex-a72", HAR_EDGE_ADB="false")
    assert done.returncode == 3
    assert "emulated-cortex-a72: removed 2.0 MB" in done.stdout
    assert "false devices" in done.stderr
    assert not (tmp_path / "cache/boards").exists()
    assert_one_sentence(har_edge("devices", "clean", "local"), 2, "local")
