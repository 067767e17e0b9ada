"""Check what no file can show: full disks and places that cannot be written, kills, hostile peers, devices that lie."""

import hashlib
import io
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import commands
import files
import numpy as np
import package_index
import pytest
from files import DEEP, ESCAPE
from programs import ROOT, processes, start_har_edge, wait_until

from edge_runtime.bench import machine, machine_state
from edge_runtime.data import uci_har


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Path:
    """A folder with a model, a result, and recordings of three people and of one."""
    folder = tmp_path_factory.mktemp("ground")
    for name in ("rec", "one"):
        (folder / name).mkdir()
    for subject in ("anna", "bert", "carl"):
        (folder / f"rec/{subject}.csv").write_text(files.recording(subject, 600))
    data = next(x for x in uci_har.recordings() if set(x.labels.tolist()) >= {3, 4, 5})
    activities = np.concatenate([np.flatnonzero(data.labels == x)[:700] for x in (3, 4, 5)])
    lines = [
        f"{i / 50},{','.join(map(str, data.samples[row]))},{data.label_names[data.labels[row]]},anna\n"
        for i, row in enumerate(activities)
    ]
    (folder / "one/anna.csv").write_text(files.TOP + "".join(lines))
    (folder / "x.json").write_text(json.dumps(files.result()))
    (folder / "m.tflite").write_bytes(files.MODEL.read_bytes())
    (folder / "card.json").write_text(json.dumps(files.card()))
    return folder


# Disks. OUT is the file that a line writes.

OUTPUTS = {
    "html": "report x.json --html OUT.html",
    "csv": "report x.json --csv OUT.csv",
    "compare": "compare x.json x.json --json OUT.json",
    "export": "data export --data rec -o OUT.npz",
    "evaluate": "evaluate edge-small --data rec --json OUT.json",
    "stream": "stream edge-small --replay 0 --speed 0 --quiet --data rec --log OUT.csv",
    "personalise": "personalise edge-small --data one -o OUT.tflite",
}
GOES_ON = {"stream"}
"""A live stream goes on without its log, and says so."""


def output_of(name: str, to: Path) -> tuple[list[str], Path]:
    """The words of a line that writes `to`, and the file that this is with its ending."""
    words = shlex.split(OUTPUTS[name])
    suffix = next(x for x in words if x.startswith("OUT")).removeprefix("OUT")
    path = Path(f"{to}{suffix}")
    return [str(path) if x.startswith("OUT") else x for x in words], path


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_cannot_be_written_is_named_and_the_old_file_stays(name, ground, tmp_path):
    words, path = output_of(name, tmp_path / "out")
    whole = commands.run(words, ground)
    assert whole.code == 0, whole.error
    for left in (0, path.stat().st_size // 2):
        path.write_bytes(b"precious")
        with commands.limited("FSIZE", left):
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


def test_a_model_keeps_its_card_on_a_full_disk(ground):
    before = (ground / "m.tflite").read_bytes()
    with commands.limited("FSIZE", 10_000):
        ending = commands.run("card m.tflite --from card.json", ground)
    assert (ending.code, ending.fault) == (2, "")
    assert (ground / "m.tflite").read_bytes() == before


@pytest.mark.parametrize("redirection", [">/dev/full", "| true", "<&- >&- 2>&-"])
def test_streams_that_are_closed_or_full_end_no_line_in_a_traceback(redirection, ground):
    line = "report x.json" if redirection == ">/dev/full" else "stream edge-small --replay 0 --speed 0 --data rec"
    shell = f"{sys.executable} {ROOT}/har_edge.py {line} {redirection}"
    done = subprocess.run(["bash", "-c", shell], cwd=ground, capture_output=True, check=False, timeout=100)
    assert done.returncode in (0, 2)
    assert b"Traceback" not in done.stderr


# Kills

BENCH = "bench edge-small --rounds 4 --runs 20 --data rec --json OUT/b.json --csv OUT/b.csv"
PERSONALISE = "personalise edge-small --data one -o OUT/m.tflite"


@pytest.mark.parametrize(
    ("victim", "number"),
    [(BENCH, signal.SIGKILL), (BENCH, signal.SIGTERM), (PERSONALISE, signal.SIGKILL), (PERSONALISE, signal.SIGINT)],
)
def test_a_killed_command_leaves_whole_files_and_no_process(victim, number, ground, tmp_path):
    """At a random moment: everything found then must be right, so that the moment does not matter."""
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
    """The processes that a command has started with `mark` in their environment, zombies left out."""
    found = []
    for process in processes():
        with suppress(OSError):  # it has just ended, or is another user's
            if f"HAR_EDGE_MARK={mark}\0".encode() in Path(f"/proc/{process}/environ").read_bytes():
                found.append(process)
    return found


def is_whole(path: Path) -> bool:
    content = path.read_bytes()
    if path.suffix == ".json":
        return bool(json.loads(content)["results"])
    if path.suffix == ".tflite":
        return hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]
    return path.suffix == ".csv" and content.endswith(b"\n")


# Peers


class Listener:
    """`har-edge stream` on a free port of this machine, and what it has said so far."""

    def __init__(self, protocol: str) -> None:
        self.kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        self.process = start_har_edge("stream", "edge-small", f"--{protocol}", "127.0.0.1:0", "--jsonl")
        self.said: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self.said or self.process.poll() is not None)
        self.port = int(re.search(r":(\d+)$", self.said[0]["text"])[1])
        self.seconds = 0.0

    def _read(self) -> None:
        self.said.extend(map(json.loads, self.process.stdout))

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, self.kind)
        made.settimeout(20)
        made.connect(("127.0.0.1", self.port))
        return made

    def send(self, content: bytes) -> None:
        """Send `content` from a new connection; a listener that hangs up is its own matter."""
        with suppress(OSError), closing(self.connect()) as connection:
            for start in range(0, len(content), 60_000):
                connection.sendall(content[start : start + 60_000])

    def recognises(self) -> bool:
        """Tell whether a good peer is recognised now: a refused one tries again, as others send."""
        before = self._decisions()
        for _ in range(8):
            with suppress(OSError), closing(self.connect()) as connection:
                for _ in range(400):
                    self.seconds += 0.02
                    connection.send(GOOD % (self.seconds, b"0.1"))
                    time.sleep(0.0005)
                for _ in range(40):
                    if self._decisions() - before >= 3:
                        return True
                    time.sleep(0.05)
        return False

    def _decisions(self) -> int:
        return sum(x.get("type") == "decision" for x in self.said)

    def flood(self) -> None:
        """Many connections at once, which are reset."""
        connections = [self.connect() for _ in range(100)]
        for connection in connections:
            with suppress(OSError):
                connection.send(b'{"t": 1,')
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()


GOOD = b'{"t": %.4f, "acc": [0.98, %s, 0.1], "gyro": [0.01, 0.02, 0.01]}\n'
VALUES = (b"1e39", b"1e400", b"NaN", b"101", b"9" * 5000, b"null")
RAW = (bytes(70_000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b'{"t": 1, "acc": [1,', b"x" * (5 << 20), b"[]\n" * 9000)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_whatever_one_peer_sends_the_next_one_is_recognised(protocol):
    listener = Listener(protocol)
    odd = [GOOD % (1, b"0.1") * 200 + GOOD % (i, x) * 20 for i, x in enumerate(VALUES)]
    with listener.process:
        for content in (*RAW, *odd, *files.odd_samples().values()):
            if protocol == "tcp" or len(content) < 1 << 20:
                listener.send(content)
        listener.flood()
        assert listener.process.poll() is None, listener.process.stderr.read()
        assert listener.recognises()
        status = Path(f"/proc/{listener.process.pid}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+)", status)[1]) < 1 << 20  # kB
        listener.process.send_signal(signal.SIGINT)
        error = listener.process.stderr.read()
    assert listener.process.returncode == 0
    assert "Traceback" not in error
    assert not commands.CONTROLS.search(error)


# Devices

PYTHON = {"path": "/usr/bin/python3", "version": [3, 11, 2], "bits": 64, "numpy": None}
HELLO = {"machine": "x86_64", "libc": ["glibc", "2.36"], "interpreters": [PYTHON]}
# Times that claim more than there is memory.
HEADER = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**15},), }}\n".encode()
CLAIMED = files.zipped([("latency_ns.npy", b"\x93NUMPY\x01\x00" + len(HEADER).to_bytes(2, "little") + HEADER)])


def line(**message) -> str:
    return json.dumps(message) + "\n"


def run(before: str = "", **changes) -> dict:
    return {"run": before + line(**{"done": True, "code": 0, "log": "", "silent": False, **changes})}


def sent(suffix: str, content: bytes) -> str:
    return line(file=f"%JOB%{suffix}", n_bytes=len(content)) + content.decode("latin-1")


def answer(arrays: bytes) -> dict:
    """A run that leaves these arrays, whole."""
    text = json.dumps({"format": 1, "facts": {}, "arrays_sha256": hashlib.sha256(arrays).hexdigest()})
    return run(sent(".npz", arrays) + sent(".json", text.encode()))


class Runs:
    """Runs a program where it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch PLANTED",)


def pickled() -> bytes:
    content = io.BytesIO()
    np.savez(content, latency_ns=np.array([Runs()], object))
    return content.getvalue()


MEASURED = {
    "greets with a list": {"greeting": "[]\n"},
    "greets deeply": {"greeting": DEEP + "\n"},
    "greets without end": {"greeting": "A" * (2 << 20)},
    "greets with an error": {"greeting": line(error=ESCAPE + "x" * 5000)},
    "has an odd library": {"hello": {**HELLO, "libc": ["glibc", "x"]}},
    "has files without end": {"missing": line(alive=True, n_bytes=10**12)},
    "dies with last words": run(log=ESCAPE + "last words", code=1),
    "is silent": run(silent=True),
    "leaves nothing": run(),
    "leaves a deep answer": run(sent(".json", DEEP.encode())),
    "leaves no zip": answer(b"PK"),
    "leaves a pickle": answer(pickled()),
    "claims more than there is memory": answer(CLAIMED),
}
ASKED = {
    "looks oddly": ("devices ssh://h", {"look": line(done=True, description={"machine": ESCAPE, "state": ESCAPE})}),
    "cleans a list": ("devices clean ssh://h", {"clean": "[]\n"}),
}


@pytest.fixture
def lies(ground, tmp_path, monkeypatch):
    """Run a line with a device that answers as a script says; no network is needed for its packages."""
    for name, value in package_index.write(tmp_path / "index").items():
        monkeypatch.setenv(name, value)

    def run_with(words: str, script: dict) -> commands.Ending:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"hello": HELLO, **script}))
        agent = [sys.executable, "-S", "-E", str(Path(__file__).with_name("scripted_agent.py")), str(path)]
        monkeypatch.setenv("HAR_EDGE_SSH", shlex.join(agent))
        return commands.run(words, ground)

    return run_with


MEASURE = "bench edge-small --on ssh://h --data rec --runs 2 --rounds 1 --no-control"


def test_what_a_device_says_truly_is_taken(lies):
    """Else each lie would be refused for another reason."""
    described = {"machine": asdict(machine.read_facts()), "state": asdict(machine_state.state())}
    for words, script in (("devices", {"look": line(done=True, description=described)}), ("devices clean", {})):
        ending = lies(f"{words} ssh://h", script)
        assert ending.code == 0, ending.error


def test_a_lie_is_a_sentence(lies, ground):
    endings = {name: lies(MEASURE, script) for name, script in MEASURED.items()}
    endings |= {name: lies(*asked) for name, asked in ASKED.items()}
    assert {name: (x.code, x.fault) for name, x in endings.items() if x.fault or x.code != 3} == {}
    assert not list(ground.rglob("PLANTED"))
