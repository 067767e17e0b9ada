"""`har-edge bench`: what it writes and how it ends."""

import json
import os
import signal

from programs import MODELS, assert_one_sentence, finish, processes, start_har_edge, wait_until


def test_the_command_keeps_what_was_measured_and_ends_with_3_when_a_worker_is_killed(tmp_path):
    """A real worker, killed by someone while it measures the second model."""
    output = tmp_path / "bench.json"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    options = ("--runs", 4, "--rounds", 2, "--json", output)
    process = start_har_edge("bench", *MODELS.values(), *options, env={"TMPDIR": str(temporary)})
    wait_until(lambda: processes("-B", temporary, "/0-1.job.json"))
    os.kill(processes("-B", temporary, "/0-1.job.json")[0], signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 3, done.stderr
    assert "edge_int8.tflite was killed" in " ".join(done.stdout.split())
    assert str(MODELS["int8"]) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    content = json.loads(output.read_text())
    assert [x["file"] for x in content["results"]] == [str(MODELS["float32"])]
    assert [x["file"] for x in content["failures"]] == [str(MODELS["int8"])]
    assert list(temporary.iterdir()) == []


def test_bench_does_not_overwrite_the_model_it_measures(har_edge_here):
    before = MODELS["int8"].read_bytes()
    for option in ("--json", "--csv", "--html"):
        assert_one_sentence(har_edge_here("bench", MODELS["int8"], option, MODELS["int8"]), 2, "would overwrite")
    assert MODELS["int8"].read_bytes() == before
