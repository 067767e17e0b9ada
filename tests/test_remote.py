"""A device at the other end of a pipe: the real agent, without a network between."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime import bench, doubts
from edge_runtime.bench import Settings
from edge_runtime.dataset import Split
from edge_runtime.devices import open_remote, packages
from edge_runtime.devices.connection import Connection
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.several import measure_on
from edge_runtime.errors import DeviceError, HarEdgeError, InputError

MODELS = Path(bench.__file__).parent / "models"
QUICK = Settings(runs=4, rounds=2, control=False)


class Here:
    """A transport to this machine; `python` runs the agent."""

    def __init__(self, name: str, cache: Path, python: str = sys.executable) -> None:
        self.name, self._cache, self._python = name, cache, python

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["env", f"XDG_CACHE_HOME={self._cache}", f"PATH={self._cache}", self._python, *argv[1:]]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        return DeviceError(f"ended with {code}, {'at work' if greeted else 'at once'}: {stderr[-200:]}")


@pytest.fixture
def device(tmp_path):
    device = RemoteDevice(Here("here", tmp_path), ready=True)
    yield device
    device.close()


@pytest.fixture
def few(uci_har):
    rows = slice(None, None, 60)
    test = uci_har.test
    return replace(uci_har, test=Split(test.X[rows], test.y[rows], test.subject[rows]))


@pytest.fixture
def models():
    return [bench.open_file(MODELS / f"edge_{x}.tflite") for x in ("float32", "int8")]


def measure(device, models, data):
    device.prepare(lambda stage, share: None)
    stages = []
    report = bench.measure(models, data, device, QUICK, lambda share, text: stages.append(text))
    return report, stages


def test_it_answers_as_this_machine_does_and_what_is_there_is_not_sent_again(device, models, few, tmp_path):
    report, stages = measure(device, models, few)
    local = bench.measure(models, few, bench_here(), QUICK)
    assert [x.confusion for x in report.results] == [x.confusion for x in local.results]
    assert report.device["name"] == "here"
    assert [x for x in stages if "sending" in x]
    device.close()
    again, stages = measure(RemoteDevice(Here("here", tmp_path), ready=True), models, few)
    assert not [x for x in stages if "sending" in x]
    assert [x.sha256 for x in again.results] == [x.sha256 for x in report.results]


def bench_here():
    from edge_runtime.devices.python import this_python

    return this_python()


def test_nothing_of_a_job_stays_and_clean_removes_the_rest(device, models, few, tmp_path):
    measure(device, models, few)
    root = tmp_path / "har-edge" / "device"
    assert list((root / "jobs").iterdir()) == []
    assert len(list((root / "objects").iterdir())) == 4, "two models, the windows, the worker"
    assert device.clean() > 500_000
    assert not root.exists()


def test_a_damaged_file_there_is_sent_again(device, models, few, tmp_path):
    measure(device, models, few)
    device.close()
    damaged = max((tmp_path / "har-edge/device/objects").iterdir(), key=lambda x: x.stat().st_size)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    report, stages = measure(RemoteDevice(Here("here", tmp_path), ready=True), models, few)
    assert [x for x in stages if "sending" in x]
    assert not report.failures


def test_the_error_of_a_worker_comes_back_as_what_it_is(device, few, tmp_path, models):
    broken = replace(models[1], title="broken.tflite", content=models[1].content[:1000])
    with pytest.raises(InputError, match=r"broken\.tflite|model-0"):
        measure(device, [broken], few)


def test_what_it_is_and_does_is_told(device):
    found = device.describe()
    assert found["machine"]["machine"] == os.uname().machine
    assert isinstance(doubts.of_state(found["state"]), tuple)


def test_a_device_that_cannot_be_reached_is_an_error_and_loses_no_other(models, few, tmp_path):
    devices = [
        RemoteDevice(Here(x, tmp_path, python), ready=True)
        for x, python in (("a", "/bin/false"), ("b", sys.executable))
    ]
    reported = []
    outcomes = measure_on(
        devices, models, few, QUICK, [lambda share, text: None] * 2, lambda device, report: reported.append(device.name)
    )
    assert "ended with 1, at once" in str(outcomes[0].error)
    assert outcomes[1].report is not None
    assert reported == ["b"]


def test_an_agent_that_dies_is_noticed(device):
    connection = device.connect()
    os.kill(connection._process.pid, signal.SIGKILL)
    with pytest.raises(DeviceError, match="at work"):
        connection.ask("missing", digests=[])


def test_text_before_the_first_message_is_named(tmp_path):
    class Chatty(Here):
        def command(self, argv):
            return ["sh", "-c", 'echo "Welcome!"; exec "$@"', "sh", *super().command(argv)]

    with pytest.raises(DeviceError, match=r"chatty answers with something else \('Welcome!'\)"):
        Connection(Chatty("chatty", tmp_path))


@pytest.mark.parametrize("name", ["../lock", "lock", "a/b", "..", ""])
def test_no_file_of_a_job_has_a_name_that_leads_elsewhere(device, name):
    request = {"interpreter": sys.executable, "site": None, "files": {}, "texts": {name: ""}, "job": "x"}
    with pytest.raises(DeviceError, match="is no name for a file"):
        device.connect().ask("run", **request)


@pytest.mark.parametrize("digest", ["", "../lock", "A" * 64])
def test_only_digests_name_objects(device, digest):
    with pytest.raises(DeviceError, match="is no SHA-256"):
        device.connect().ask("missing", digests=[digest])


def test_a_file_that_is_not_what_was_announced_is_not_kept(device, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with pytest.raises(DeviceError, match="damaged"):
        device.connect().ask("put", payload=path, digest="0" * 64)
    assert device.connect().ask("missing", digests=["0" * 64])["missing"] == ["0" * 64]


def python(*version: int, bits: int = 64, numpy: str | None = None) -> dict:
    return {"version": list(version), "bits": bits, "path": f"/usr/bin/python{version[0]}.{version[1]}", "numpy": numpy}


def hello(machine: str, *interpreters: dict, libc: tuple[str, str] = ("glibc", "2.36")) -> dict:
    return {"machine": machine, "libc": list(libc), "interpreters": list(interpreters)}


@pytest.mark.parametrize(
    ("greeting", "runtime", "expected"),
    [
        (hello("aarch64", python(3, 11, 2)), "auto", ("litert", "/usr/bin/python3.11", 2)),
        (hello("aarch64", python(3, 9, 2), python(3, 12, 1)), "auto", ("litert", "/usr/bin/python3.12", 2)),
        # A 32-bit system under a 64-bit kernel: what counts is Python's own width.
        (hello("aarch64", python(3, 11, 2, bits=32)), "auto", ("tflite-runtime", "/usr/bin/python3.11", 2)),
        (
            hello("armv7l", python(3, 11, 2, bits=32, numpy="1.24.2")),
            "auto",
            ("tflite-runtime", "/usr/bin/python3.11", 1),
        ),
        (hello("x86_64", python(3, 11, 2)), "tflite-runtime", ("tflite-runtime", "/usr/bin/python3.11", 2)),
    ],
)
def test_the_runtime_that_fits_is_chosen(greeting, runtime, expected):
    setup = packages.choose(greeting, runtime, "pi")
    assert (setup.runtime, setup.interpreter, len(setup.requirements)) == expected


@pytest.mark.parametrize(
    ("greeting", "runtime", "kind", "words"),
    [
        (hello("aarch64", python(3, 9, 2)), "auto", DeviceError, r"pi has Python 3\.9\.2, but litert needs 3\.10 to"),
        (hello("armv7l", python(3, 13, 1, bits=32)), "auto", DeviceError, r"tflite-runtime needs 3\.9 to 3\.11"),
        (hello("armv7l", python(3, 11, 1, bits=32)), "litert", DeviceError, "32-bit system"),
        (hello("aarch64", python(3, 11, 2)), "tensorflow", InputError, "--runtime litert"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(greeting, runtime, kind, words):
    with pytest.raises(kind, match=words):
        packages.choose(greeting, runtime, "pi")


def test_wheels_are_those_of_the_devices_c_library():
    setup = packages.choose(hello("aarch64", python(3, 11, 2, bits=32), libc=("glibc", "2.31")), "auto", "pi")
    assert setup.platform.tags[0] == "manylinux_2_31_armv7l"
    assert setup.platform.tags[-2:] == ["manylinux_2_17_armv7l", "manylinux2014_armv7l"]
    musl = packages.choose(hello("aarch64", python(3, 11, 2), libc=("", "")), "auto", "pi")
    with pytest.raises(DeviceError, match="glibc"):
        _ = musl.platform


@pytest.mark.parametrize("target", ["pi", "telnet://pi", "ssh:pi", ""])
def test_a_target_that_is_none_is_refused(target):
    with pytest.raises(InputError, match="cannot measure on"):
        open_remote(target)
