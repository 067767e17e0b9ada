"""A device that answers with anything: each answer ends in one sentence that names the device, exit code 3."""

import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from programs import assert_one_sentence

from edge_runtime.bench import measurement
from edge_runtime.bench.measurement import MeasurementSettings
from edge_runtime.devices import connection, remote
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.system.progress import ignore_progress
from tools.attack import hostile_device, package_index
from tools.attack.hostile_device import ASKED, MEASURED, line, run

QUICK = MeasurementSettings(runs=2, rounds=1, control=False)


class Scripted:
    """A transport to `scripted_agent.py` with a script of its own."""

    name = "odd"

    def __init__(self, folder: Path, script: dict[str, Any]) -> None:
        self._program = hostile_device.program(folder / "script.json", script)

    def command(self, argv: Sequence[str]) -> list[str]:
        return [*self._program, " ".join(argv)]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        return DeviceError(f"odd was lost ({connection.last_words(stderr, code)}): try again")


@pytest.fixture(scope="module", autouse=True)
def _an_index_here(tmp_path_factory):
    """Packages are chosen without a network, and once for each greeting."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("packages")
        for name, value in package_index.write(folder / "index").items():
            patch.setenv(name, value)
        patch.setenv("HAR_EDGE_CACHE", str(folder / "cache"))
        yield


def assert_a_sentence(error: HarEdgeError) -> None:
    sentence = str(error)
    assert not sentence.startswith("pip "), f"it was not asked: {sentence}"
    assert sentence.isprintable(), sentence
    assert len(sentence) < 2500


def measure(device, models, data):
    device.prepare(ignore_progress)
    return measurement.measure(models[:1], data, device, QUICK)


@pytest.mark.parametrize("script", MEASURED.values(), ids=MEASURED.keys())
def test_whatever_it_answers_to_a_measurement_is_a_sentence(script, models, few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    device = RemoteDevice(Scripted(tmp_path, script))
    with closing(device), pytest.raises(DeviceError) as caught:
        measure(device, models, few)
    assert_a_sentence(caught.value)
    assert [x.name for x in tmp_path.iterdir()] == ["script.json"], "it wrote a file here"


def test_a_good_answer_is_one(models, few, tmp_path):
    """So that each of the others is refused for what is odd in it."""
    good = hostile_device.good(len(few.test), len(few.labels))
    with closing(RemoteDevice(Scripted(tmp_path, good))) as device:
        report = measure(device, models, few)
    assert report.results[0].latency_ms.max == 0.0011


@pytest.mark.parametrize("script", ASKED.values(), ids=ASKED.keys())
def test_whatever_it_answers_to_a_question_is_a_sentence(script, tmp_path):
    device = RemoteDevice(Scripted(tmp_path, script))
    with closing(device), pytest.raises(DeviceError, match=r"^odd") as caught:
        _ = device.clean() if "clean" in script else device.read_machine()
    assert_a_sentence(caught.value)


def test_one_that_gives_signs_of_life_without_end_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "MOST_NOTICES", 50)
    device = RemoteDevice(Scripted(tmp_path, {"clean": line(alive=True) * 60}))
    with pytest.raises(DeviceError, match="50 messages and no answer"):
        device.clean()
    device.close()


def test_one_that_does_not_stop_a_silent_worker_is_left(models, few, tmp_path):
    script = run(line(alive=True))
    device = RemoteDevice(Scripted(tmp_path, script), silence_seconds=-1000)
    with closing(device), pytest.raises(DeviceError, match=r"odd: .* gave no sign of life"):
        measure(device, models, few)


def test_one_that_does_not_take_what_is_sent_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "SILENCE_SECONDS", 0.3)
    large = tmp_path / "large"
    large.write_bytes(bytes(1 << 20))
    device = RemoteDevice(Scripted(tmp_path, {"deaf": True}))
    with pytest.raises(DeviceError, match="no sign of life"):
        device.connect().ask("put", remote.Done, payload=large, digest="0" * 64)
    device.close()


def test_what_it_says_on_stderr_blocks_nothing_and_only_its_end_is_kept(tmp_path):
    device = RemoteDevice(Scripted(tmp_path, {"stderr": "x" * 500_000 + "\nthe end", "greeting": ""}))
    with pytest.raises(DeviceError, match=r"odd") as caught:
        device.connect()
    assert "x" * 1000 not in str(caught.value)
    device = RemoteDevice(Scripted(tmp_path, {"stderr": "x" * 500_000}))
    assert device.clean() == 1
    device.close()


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        (["bench", "edge-small", "--runs", "2", "--rounds", "1", "--no-control", "--on"], {"greeting": "[]\n"}),
        (["devices"], {"look": line(done=True, description={})}),
        (["devices", "clean"], {"clean": line(done=True)}),
    ],
)
def test_the_command_says_it_with_exit_code_3(har_edge_here, tmp_path, arguments, script):
    ssh = shlex.join(hostile_device.program(tmp_path / "script.json", script))
    done = har_edge_here(*arguments, "ssh://odd", env={"HAR_EDGE_SSH": ssh})
    assert_one_sentence(done, 3, "odd")
