"""Emulated boards, kept in the user's cache folder from run to run: their answers, instructions and ends."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from home import Home
from programs import MODELS, succeeded
from written_recordings import write_few

from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import open_model
from edge_runtime.system import child_processes
from edge_runtime.system.progress import ignore_progress

ONCE = ("--rounds", "1", "--no-control", "--runtime", "litert")


@pytest.fixture(scope="session")
def boards() -> Iterator[tuple[EmulatedDevice, EmulatedDevice]]:
    """With the CPUs of a Raspberry Pi 4 and of a Raspberry Pi 5, which has an int8 product."""
    with closing(EmulatedDevice("cortex-a72", "auto")) as a72, closing(EmulatedDevice("cortex-a76", "auto")) as a76:
        a72.prepare(ignore_progress)
        a76.prepare(ignore_progress)
        yield a72, a76


def test_programs_find_the_requested_cpu_and_no_network(boards):
    script = "uname -m; cat /proc/cpuinfo; python3 -c 'import socket; print(socket.if_nameindex())'"
    for device, part, has_dot_product in zip(boards, ("0xd08", "0xd0b"), (False, True), strict=True):
        output = child_processes.run_program(device.transport.command(["sh", "-c", script]), 240).stdout
        assert output.startswith("aarch64\n")
        assert f"CPU part\t: {part}" in output
        assert ("asimddp" in output) is has_dot_product
        assert output.endswith("[(1, 'lo')]\n")


@pytest.mark.usefixtures("boards")
def test_bench_and_devices_show_the_same_answers_instructions_and_no_times(tmp_path):
    few, home = write_few(tmp_path / "recordings"), Home(tmp_path)
    succeeded(home.run("bench", *MODELS.values(), "--data", few, *ONCE))
    here = json.loads((tmp_path / "bench-local.json").read_text())["results"]
    succeeded(home.run("bench", *MODELS.values(), "--data", few, "--on", "emulated:cortex-a72", *ONCE))
    report = json.loads((tmp_path / "bench-emulated-cortex-a72.json").read_text())
    assert (report["device"]["machine"], report["device"]["emulated"]) == ("aarch64", True)
    assert [result["confusion"] for result in report["results"]] == [result["confusion"] for result in here]
    assert [result["latency_ms"] for result in report["results"]] == [None, None]
    float32, int8 = (result["instructions"]["per_inference"] for result in report["results"])
    assert 0.6 < int8 / float32 < 1
    looked = succeeded(home.run("devices", "emulated:cortex-a72")).stdout
    assert [noun for noun in ("emulated", "aarch64", "litert on Python 3.13") if noun not in looked] == []
    assert "spoil" not in looked


def test_a_count_is_plausible_repeatable_and_lower_with_an_int8_product(boards):
    a72, a76 = boards

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
