"""`har-edge bench`: what it writes and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_fixtures import ROOT

import edge_runtime
from edge_runtime import cli
from edge_runtime.errors import ExitCode

MODELS = [Path(edge_runtime.__file__).parent / "models" / f"edge_{scheme}.tflite" for scheme in ("float32", "int8")]


def test_the_command_keeps_what_was_measured_and_ends_with_3_when_a_worker_is_killed(tmp_path):
    """A real worker, killed by someone while it measures the second model."""
    killer = """
import os, signal, sys, time
from pathlib import Path
while True:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(bytes(1))
            if b"-B" in words and words[-2].endswith(b"/0-1.job.json") and sys.argv[1].encode() in words[-2]:
                os.kill(int(process.name), signal.SIGKILL)
                sys.exit()
        except OSError:
            pass
    time.sleep(0.01)
"""
    output = tmp_path / "bench.json"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen([sys.executable, "-c", killer, str(temporary)]) as process:
        try:
            command = [sys.executable, ROOT / "har_edge.py", "bench", *MODELS, "--runs", "4", "--rounds", "2"]
            done = subprocess.run(
                [*command, "--json", output],
                env=os.environ | {"TMPDIR": str(temporary)},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            process.kill()
    assert done.returncode == 3, done.stderr
    assert "edge_int8.tflite was killed" in " ".join(done.stdout.split())
    assert str(MODELS[1]) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    content = json.loads(output.read_text())
    assert [x["file"] for x in content["results"]] == [str(MODELS[0])]
    assert [x["file"] for x in content["failures"]] == [str(MODELS[1])]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("option", ["--json", "--csv", "--html"])
def test_bench_does_not_overwrite_the_model_it_measures(option, capsys):
    before = MODELS[1].read_bytes()
    arguments = ["bench", str(MODELS[1]), option, str(MODELS[1])]
    assert cli.run(cli.make_command(cli.DEVICE_COMMANDS), arguments) == ExitCode.USAGE
    assert "would overwrite" in capsys.readouterr().err
    assert MODELS[1].read_bytes() == before
