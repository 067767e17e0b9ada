"""A machine of its own: what runs there, its answers beside this machine's, and its end."""

import os
import select
import subprocess
from pathlib import Path

import looped_model
import numpy as np
import pytest
from programs import MODELS

from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.data import loading
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import predict, preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system import child_processes
from edge_runtime.system.progress import ignore_progress

TOLERANCE = 1e-5  # float sums in another order, of logits as large as 20


def run(device, *argv: str, **options) -> subprocess.CompletedProcess[str]:
    return child_processes.run_program(device.transport.command(argv, **options), 240)


def test_programs_find_the_cpu_that_was_asked_for_also_those_that_they_start(a72, a76):
    for device, part, has_dot_product in ((a72, "0xd08", False), (a76, "0xd0b", True)):
        cpuinfo = run(device, "sh", "-c", "uname -m; cat /proc/cpuinfo").stdout
        assert cpuinfo.startswith("aarch64\n")
        assert f"CPU part\t: {part}" in cpuinfo
        assert ("asimddp" in cpuinfo) is has_dot_product


def test_it_has_its_own_network_and_tmp_and_the_commands_exit_code(a72, tmp_path):
    (tmp_path / "file").write_text("a file")
    code = "touch /tmp/x; python3 -c 'import socket; print(socket.if_nameindex())'"
    done = run(a72, "sh", "-c", f"{code}; cat /job/file; exit 7", job=tmp_path)
    assert (done.returncode, done.stdout) == (7, "[(1, 'lo')]\na file"), done.stderr
    assert run(a72, "ls", "/tmp").stdout == ""


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


@pytest.mark.parametrize(("model", "tolerance"), [("int8", 0), ("float32", TOLERANCE), ("loops", 0)])
def test_answers_are_those_of_this_machine_int8_to_the_bit(a76, tmp_path, model, tolerance):
    windows = loading.load_data(None).test.X[:: 200 if model == "loops" else 20]
    path = looped_model.write(tmp_path / "m.tflite", windows) if model == "loops" else MODELS[model]
    flatbuffer, card = cards.read_model(path)
    opened = open_model(flatbuffer, "litert")
    here = predict(opened, preparation(card, opened.input), windows)
    (tmp_path / "model.tflite").write_bytes(Path(path).read_bytes())
    np.save(tmp_path / "windows.npy", windows)
    job = MeasurementJob("job", "measure", "model.tflite", model, windows="windows.npy", runs=1)
    answer = a76.run(job, tmp_path, ignore_progress)
    assert answer.facts["machine"]["emulated"]
    assert np.abs(answer.arrays["logits"] - here).max() <= tolerance
