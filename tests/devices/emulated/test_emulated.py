"""Emulated boards, kept in the user's cache folder from run to run: their answers, instructions and ends."""

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import looped_model
import numpy as np
import pytest
from home import Home
from programs import MODELS, succeeded
from written_recordings import write_few

from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.data import loading
from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.errors import DeviceError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import predict, preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system import child_processes
from edge_runtime.system.progress import ignore_progress

ONCE = ("--runs", "4", "--rounds", "1", "--no-control")


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[str], EmulatedDevice]]:
    with ExitStack() as stack:

        def prepared(cpu: str) -> EmulatedDevice:
            device = stack.enter_context(closing(EmulatedDevice(cpu, "auto")))
            device.prepare(ignore_progress)
            return device

        yield prepared


@pytest.fixture(scope="session")
def a72(opened) -> EmulatedDevice:
    """A Raspberry Pi 4's CPU."""
    return opened("cortex-a72")


@pytest.fixture(scope="session")
def a76(opened) -> EmulatedDevice:
    """A Raspberry Pi 5's CPU, which has an int8 product."""
    return opened("cortex-a76")


def test_programs_find_the_cpu_that_was_asked_for_and_no_network(a72, a76):
    script = "uname -m; cat /proc/cpuinfo; python3 -c 'import socket; print(socket.if_nameindex())'"
    for device, part, has_dot_product in ((a72, "0xd08", False), (a76, "0xd0b", True)):
        said = child_processes.run_program(device.transport.command(["sh", "-c", script]), 240).stdout
        assert said.startswith("aarch64\n")
        assert f"CPU part\t: {part}" in said
        assert ("asimddp" in said) is has_dot_product
        assert said.endswith("[(1, 'lo')]\n")


def test_it_ends_with_who_started_it(a72):
    ours, its = os.pipe()
    command = a72.transport.command(["sh", "-c", f"echo started >/dev/fd/{its}; sleep 600"])
    launcher = subprocess.Popen(command, pass_fds=[its], start_new_session=True)
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as alive:
        assert alive.read(8) == b"started\n"
        launcher.kill()
        launcher.wait()
        readable, _, _ = select.select([alive], [], [], 60)
        assert readable
        assert alive.read(1) == b""


def test_the_answers_of_a_loop_are_those_of_this_machine_to_the_bit(a76, tmp_path):
    windows = loading.load_data(None).test.X[::200]
    flatbuffer, card = cards.read_model(looped_model.write(tmp_path / "model.tflite", windows))
    opened = open_model(flatbuffer, "litert")
    here = predict(opened, preparation(card, opened.input), windows)
    np.save(tmp_path / "windows.npy", windows)
    job = MeasurementJob("job", "measure", "model.tflite", "loops", windows="windows.npy", runs=1)
    answer = a76.run(job, tmp_path, ignore_progress)
    assert answer.facts["machine"]["emulated"]
    assert np.array_equal(answer.arrays["logits"], here)


@pytest.mark.usefixtures("a72")
def test_bench_and_devices_show_answers_as_here_and_instructions_and_no_times(tmp_path):
    few, home = write_few(tmp_path / "recordings"), Home(tmp_path)
    succeeded(home.run("bench", *MODELS.values(), "--data", few, *ONCE))
    here = json.loads((tmp_path / "bench-local.json").read_text())["results"]
    succeeded(home.run("bench", *MODELS.values(), "--data", few, "--on", "emulated:cortex-a72", *ONCE))
    report = json.loads((tmp_path / "bench-emulated-cortex-a72.json").read_text())
    assert (report["device"]["machine"], report["device"]["emulated"]) == ("aarch64", True)
    assert [x["confusion"] for x in report["results"]] == [x["confusion"] for x in here]
    assert [x["latency_ms"] for x in report["results"]] == [None, None]
    float32, int8 = (x["instructions"]["per_inference"] for x in report["results"])
    assert 0.6 < int8 / float32 < 1
    looked = succeeded(home.run("devices", "emulated:cortex-a72")).stdout
    assert [x for x in ("times mean nothing", "aarch64", "litert on Python 3.13") if x not in looked] == []
    assert "spoil" not in looked


def test_a_count_is_plausible_the_same_again_and_less_with_an_int8_product(a72, a76):
    def counted(device: EmulatedDevice, scheme: str, seed: int = 0) -> int:
        flatbuffer = Path(MODELS[scheme]).read_bytes()
        values = np.random.default_rng(seed).normal(size=open_model(flatbuffer).input.shape).astype(np.float32)
        return device.count_instructions(flatbuffer, values).per_inference

    float32, int8 = counted(a76, "float32"), counted(a76, "int8")
    # Nearly all of the network's 48 k parameters are used in each of 8 steps, 4 at a time.
    assert 48_000 * 8 / 4 < float32 < 48_000 * 8
    assert counted(a76, "int8", seed=1) == int8 <= 0.45 * float32
    assert counted(a72, "float32") == pytest.approx(float32, rel=0.01)
    with pytest.raises(DeviceError, match="litert"):
        a72.count_instructions(b"no model" * 100, np.zeros((1, 128, 9), np.int8))
