"""Check full disks, places that cannot be written, and killed commands."""

import hashlib
import json
import random
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import commands
import files
import pytest
from programs import processes, start_har_edge, wait_until
from written_recordings import posture, write_pieces

from edge_runtime.data import uci_har


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Path:
    """Make a folder with a result, recordings of three people, and a recording of one person."""
    folder = tmp_path_factory.mktemp("ground")
    (folder / "rec").mkdir()
    for subject in ("anna", "bert", "carl"):
        (folder / f"rec/{subject}.csv").write_text(files.recording(subject, 600))
    write_pieces(folder / "one/anna.csv", [(label, posture(label, 14)) for label in uci_har.LABELS[3:]], "anna")
    (folder / "x.json").write_text(json.dumps(files.result()))
    return folder


# Disks: OUT is the file that a line writes.

OUTPUTS = {
    "html": "report x.json --html OUT.html",
    "csv": "report x.json --csv OUT.csv",
    "compare": "compare x.json x.json --json OUT.json",
    "export": "data export --data rec -o OUT.npz",
    "evaluate": "evaluate edge-small --data rec --json OUT.json",
    "stream": "stream edge-small --replay 0 --speed 0 --data rec --log OUT.csv",
    "personalise": "personalise edge-small --data one -o OUT.tflite --anyway",
}
GOES_ON = {"stream"}
"""A live stream says that it cannot write its log, and goes on."""


def output_of(name: str, to: Path) -> tuple[list[str], Path]:
    """Return the words of a line that writes `to`, and the path of the file with its suffix."""
    words = shlex.split(OUTPUTS[name])
    suffix = next(word for word in words if word.startswith("OUT")).removeprefix("OUT")
    path = Path(f"{to}{suffix}")
    return [str(path) if word.startswith("OUT") else word for word in words], path


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_that_cannot_be_written_is_named_and_the_old_file_stays(name, ground, tmp_path):
    words, path = output_of(name, tmp_path / "out")
    whole = commands.run(words, ground)
    assert whole.code == 0, whole.error
    for limit in (0, path.stat().st_size // 2):
        path.write_bytes(b"precious")
        with commands.limited("FSIZE", limit):
            ending = commands.run(words, ground)
        assert (ending.code == 2 and path.name in ending.error) or name in GOES_ON
        assert path.read_bytes() == b"precious" or name in GOES_ON
        assert not ending.fault
    path.unlink()
    path.mkdir()
    full = tmp_path / f"full{path.suffix}"
    full.symlink_to("/dev/full")
    for to in (path.with_suffix(""), full.with_suffix(""), Path("/proc/nowhere/x"), Path("y" * 300)):
        ending = commands.run(output_of(name, to)[0], ground)
        assert ending.code == 2 or name in GOES_ON, ending
        assert not ending.fault
    assert {*tmp_path.iterdir()} == {path, full}
    assert full.is_symlink()


# Kills

BENCH = "bench edge-small --rounds 4 --runtime litert --data rec --json OUT/b.json --csv OUT/b.csv"
PERSONALISE = "personalise edge-small --data one -o OUT/m.tflite --anyway"


@pytest.mark.parametrize(
    ("victim", "number"), [(BENCH, signal.SIGKILL), (BENCH, signal.SIGTERM), (PERSONALISE, signal.SIGINT)]
)
def test_a_killed_command_leaves_whole_files_and_no_process(victim, number, ground, tmp_path):
    """The moment is random, since the files must be right at every moment."""
    for name in ("b.json", "b.csv"):
        (tmp_path / name).write_bytes(b"precious")
    mark = {"HAR_EDGE_MARK": str(tmp_path)}
    with start_har_edge(*victim.replace("OUT", str(tmp_path)).split(), cwd=ground, env=mark) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0.5, 3))
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -number)
    assert "Traceback" not in out + error
    wait_until(lambda: not marked(str(tmp_path)), 30)
    for path in tmp_path.iterdir():
        is_mine = number != signal.SIGKILL or not path.name.startswith(".")  # SIGKILL leaves temporary files
        assert path.read_bytes() == b"precious" or not is_mine or is_whole(path), path


def marked(mark: str) -> list[int]:
    """Find the processes with `mark` in their environment, except zombies."""
    pids = []
    for process in processes():
        with suppress(OSError):  # the process has just ended, or belongs to another user
            if f"HAR_EDGE_MARK={mark}\0".encode() in Path(f"/proc/{process}/environ").read_bytes():
                pids.append(process)
    return pids


def is_whole(path: Path) -> bool:
    content = path.read_bytes()
    if path.suffix == ".json":
        return bool(json.loads(content)["results"])
    if path.suffix == ".tflite":
        return hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]
    return path.suffix == ".csv" and content.endswith(b"\n")
