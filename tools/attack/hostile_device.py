"""Collect what a hostile device may say: scripts for `scripted_agent.py`, each wrong in one thing."""

import hashlib
import io
import json
import os
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bench import machine

AGENT = Path(__file__).with_name("scripted_agent.py")
ESCAPE = "\x1b]0;title\x07"
DEEP = "[" * 200_000
PYTHON = {"path": "/usr/bin/python3", "version": [3, 11, 2], "bits": 64, "numpy": None}
HELLO = {"machine": "x86_64", "libc": ["glibc", "2.36"], "interpreters": [PYTHON]}
JOB = "%JOB%"
"""The player puts the name of the job here that is asked for."""


def program(path: Path, script: dict[str, Any]) -> list[str]:
    """The command that plays `script`, written at `path`; the loader's command follows as its last argument."""
    path.write_text(json.dumps({"hello": HELLO, **script}))
    return [sys.executable, "-S", "-E", str(AGENT), str(path)]


def line(**message: Any) -> str:
    """A message."""
    return json.dumps(message) + "\n"


def hello(**changes: Any) -> dict[str, Any]:
    """A greeting, changed."""
    return {"greeting": line(hello={**HELLO, **changes})}


def run(before: str = "", **changes: Any) -> dict[str, Any]:
    """An answer to `run`, changed, after messages."""
    return {"run": before + line(**{"done": True, "code": 0, "log": "", "silent": False, **changes})}


def file(name: Any, content: bytes, **changes: Any) -> str:
    """A message that brings a file."""
    return line(**{"file": name, "n_bytes": len(content), **changes}) + content.decode("latin-1")


def answer(content: Any, arrays: bytes | None = None) -> dict[str, Any]:
    """A run that leaves an answer: its JSON, as text or value, and the bytes of its arrays."""
    text = content if isinstance(content, str) else json.dumps(content)
    sent = file(f"{JOB}.npz", arrays) if arrays is not None else ""
    return run(sent + file(f"{JOB}.json", text.encode()))


def with_arrays(content: bytes, facts: Any = None) -> dict[str, Any]:
    """A run that leaves facts and these bytes as arrays, with their digest."""
    digest = hashlib.sha256(content).hexdigest()
    return answer({"format": 1, "facts": FACTS if facts is None else facts, "arrays_sha256": digest}, content)


def saved(**arrays: Any) -> bytes:
    """The bytes of arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def claimed(shape: str, dtype: str = "'<i8'") -> bytes:
    """The arrays of an answer, the first of which has this shape and type in its header and no content."""
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    short = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("latency_ns.npy", short)
    return file.getvalue()


class Runs:
    """Runs a program where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Run it."""
        return os.system, ("touch pickled",)


TENSOR = {"index": 0, "name": "x", "shape": [1, 8], "dtype": "int8", "scales": [0.1], "zero_points": [0]}
MODEL = {
    **{"input": TENSOR, "output": TENSOR, "scheme": "int8", "stateful": False, "operators": {"ADD": 1}},
    **{"xnnpack": {}, "operator_costs": {}},
}
STATE = json.loads(json.dumps(asdict(machine.state())))
FACTS = {
    "machine": json.loads(json.dumps(asdict(machine.read_facts()))),
    **{"before": STATE, "after": STATE, "others_busy": 0.0, "runtime": {"name": "litert", "version": "2"}},
    **{"model": MODEL, "pinned_cpu": 0, "load_ms": 1.0, "first_ms": 1.0, "harness_overhead_us": 0.1},
    **{"warm_up": {"calls": 1, "seconds": 0.1, "stable": True}},
    **{"baseline_memory_bytes": 1, "peak_memory_bytes": 2},
}
TIMES = np.array([1000, 1100], np.int64)
LOGITS = np.zeros((40, 6), np.float32)
GOOD = {"latency_ns": TIMES, "end_to_end_ns": TIMES, "logits": LOGITS}


def good(windows: int, classes: int) -> dict[str, Any]:
    """A run that leaves what is asked for, of so many windows and classes."""
    return with_arrays(saved(**{**GOOD, "logits": np.zeros((windows, classes), np.float32)}))


def facts(**changes: Any) -> dict[str, Any]:
    """A run that leaves good arrays and changed facts."""
    return with_arrays(saved(**GOOD), {**FACTS, **changes})


def without(name: str) -> dict[str, Any]:
    """A run that leaves all facts but one."""
    return with_arrays(saved(**GOOD), {key: x for key, x in FACTS.items() if key != name})


MEASURED = {
    "greeting: a list": {"greeting": "[]\n"},
    "greeting: null": {"greeting": "null\n"},
    "greeting: something else": {"greeting": line(x=1)},
    "greeting: nothing in it": {"greeting": line(hello=None)},
    "greeting: deep": {"greeting": DEEP + "\n"},
    "greeting: a line without end": {"greeting": "A" * (2 << 20)},
    "greeting: half": {"greeting": '{"hello"'},
    "greeting: too old": {"greeting": '{"python": "2.7.18"}'},
    "greeting: too old, oddly": {"greeting": '{"python": [1]}'},
    "greeting: an error": {"greeting": line(error=ESCAPE + "x" * 5000)},
    "greeting: an error of no text": {"greeting": line(error={"a": 1})},
    "greeting: bytes": {"greeting": "\xff\xfe\n"},
    "greeting: half a surrogate": {"greeting": '{"hello": "\\ud800"}\n'},
    "greeting: a large number": {"greeting": '{"hello": 1' + "0" * 5000 + "}\n"},
    "hello: no interpreter": hello(interpreters=[]),
    "hello: an odd interpreter": hello(interpreters=[{"path": 5}]),
    "hello: an odd version": hello(interpreters=[{**PYTHON, "version": ["3"]}]),
    "hello: a large version": hello(interpreters=[{**PYTHON, "version": [10**30, 1, 1]}]),
    "hello: no C library": hello(libc=None),
    "hello: a C library without end": hello(libc=["glibc", "2.999999999"]),
    "hello: an odd C library": hello(libc=["glibc", "x"]),
    "hello: an odd machine": hello(machine=ESCAPE),
    "missing: an error": {"missing": line(error=ESCAPE)},
    "missing: nothing": {"missing": line(done=True)},
    "missing: null": {"missing": line(done=True, missing=None)},
    "missing: text": {"missing": line(done=True, missing="x")},
    "missing: unknown files": {"missing": line(done=True, missing=["f" * 64])},
    "missing: bytes without end": {"missing": line(alive=True, n_bytes=10**12)},
    "missing: a negative number of bytes": {"missing": line(file="x", n_bytes=-1)},
    "put: an error": {"put": line(error=ESCAPE)},
    "put: a list": {"put": "[]\n"},
    "environment: an error": {"environment": line(error=ESCAPE)},
    "environment: nothing": {"environment": line(done=True)},
    "environment: null": {"environment": line(done=True, site=None)},
    "environment: something else": {"environment": line(x=1)},
    "environment: an odd stage": {"environment": line(stage=[1])},
    "run: an error": {"run": line(error=ESCAPE)},
    "run: nothing": {"run": line(done=True)},
    "run: null": run(code=None),
    "run: an odd log": run(log=5),
    "run: a large code": run(code=10**12),
    "run: last words": run(log=ESCAPE + "last words", code=1),
    "run: a signal without a name": run(code=-35),
    "run: silence": run(silent=True),
    "run: neither answer nor notice": {"run": line(x=1)},
    "run: two notices in one": {"run": line(stage="x", line="y")},
    "run: lines that are no progress": run(
        line(line='{"share": 1e999, "stage": "x"}')
        + line(line='{"share": 1' + "0" * 400 + ', "stage": "x"}')
        + line(line='{"share": true, "stage": 5}')
        + line(line='{"share": NaN}')
        + line(line=DEEP[:60_000]),
        code=1,
    ),
    **{
        f"run: a file named {name!r}": run(file(name, b"x"))
        for name in ("../x", "..", "", "a\0b", 5, "worker.pyz", "model-0.tflite", "0-0.job.json", f"../{JOB}.json")
    },
    "run: a file twice": run(file(f"{JOB}.json", b"[]") * 2),
    "run: a file larger than any": run(file(f"{JOB}.json", b"", n_bytes=10**12)),
    "answer: nothing": run(),
    "answer: empty": answer(""),
    "answer: a list": answer("[]"),
    "answer: of another format": answer({"format": 9, "facts": {}, "arrays_sha256": None}),
    "answer: null": answer({"format": 1, "facts": None, "arrays_sha256": None}),
    "answer: no facts": answer({"format": 1, "facts": {}, "arrays_sha256": None}),
    "answer: deep": answer(DEEP),
    "answer: an error of no kind": answer({"format": 1, "error": {"a": 1}, "exit_code": "x"}),
    "answer: a fault": answer({"format": 1, "error": "x", "exit_code": 70}),
    "answer: an error": answer({"format": 1, "error": ESCAPE, "exit_code": 3}),
    "answer: no arrays": answer({"format": 1, "facts": FACTS, "arrays_sha256": None}),
    "answer: arrays of another digest": answer({"format": 1, "facts": FACTS, "arrays_sha256": "f" * 64}, saved(**GOOD)),
    "answer: a digest that is none": answer({"format": 1, "facts": FACTS, "arrays_sha256": 5}, b""),
    **{
        f"facts: {name} is {value!r}"[:80]: facts(**{name: value})
        for name, value in [
            ("machine", None),
            ("machine", {"machine": 5}),
            ("before", {}),
            ("after", []),
            ("runtime", "litert"),
            ("model", {**MODEL, "operators": {"ADD": -1}}),
            ("model", {**MODEL, "input": {}}),
            ("load_ms", -1.0),
            ("load_ms", 1e308),
            ("first_ms", "1"),
            ("warm_up", {"calls": 1}),
            ("peak_memory_bytes", 2**62),
            ("energy", {"per_inference_mj": "x"}),
        ]
    },
    **{f"facts: no {name}": without(name) for name in ("machine", "before", "model", "load_ms", "warm_up")},
    "arrays: no zip": with_arrays(b"PK"),
    "arrays: a pickle": with_arrays(saved(**{**GOOD, "latency_ns": np.array([Runs()], object)})),
    "arrays: more than there is memory": with_arrays(claimed(f"({10**15},)")),
    "arrays: a shape of 5000 digits": with_arrays(claimed(f"(1{'0' * 5000},)")),
    "arrays: a nested shape": with_arrays(claimed("(" * 4000)),
    "arrays: a nested type": with_arrays(claimed("(1,)", "[" * 4000)),
    "arrays: numbers of no size": with_arrays(claimed("(1,)", "'<i0'")),
    "arrays: none of them": with_arrays(saved()),
    "arrays: no times": with_arrays(saved(**{**GOOD, "latency_ns": TIMES[:0]})),
    "arrays: times of another type": with_arrays(saved(**{**GOOD, "latency_ns": TIMES.astype(float)})),
    "arrays: times of nothing": with_arrays(saved(**{**GOOD, "latency_ns": TIMES * 0})),
    "arrays: times of centuries": with_arrays(saved(**{**GOOD, "end_to_end_ns": TIMES * 10**15})),
    "arrays: no logits": with_arrays(saved(**{**GOOD, "logits": LOGITS[:3]})),
    "arrays: logits of other classes": with_arrays(saved(**{**GOOD, "logits": LOGITS[:, :2]})),
    "arrays: logits that are no numbers": with_arrays(saved(**{**GOOD, "logits": LOGITS * np.nan})),
}

DESCRIPTION = {"machine": FACTS["machine"], "state": STATE}
GOOD_LOOK = {"look": line(done=True, description=DESCRIPTION)}
ASKED = {
    "look: an error": {"look": line(error=ESCAPE)},
    "look: nothing": {"look": line(done=True)},
    "look: null": {"look": line(done=True, description=None)},
    "look: text": {"look": line(done=True, description="x")},
    "look: empty": {"look": line(done=True, description={})},
    "look: odd": {"look": line(done=True, description={"machine": ESCAPE, "state": ESCAPE})},
    "look: an odd machine": {
        "look": line(done=True, description={**DESCRIPTION, "machine": {**FACTS["machine"], "cores": "x"}})
    },
    "look: an odd state": {"look": line(done=True, description={**DESCRIPTION, "state": {**STATE, "throttled": [1]}})},
    "clean: an error": {"clean": line(error=ESCAPE)},
    "clean: nothing": {"clean": line(done=True)},
    "clean: null": {"clean": line(done=True, removed_bytes=None)},
    "clean: text": {"clean": line(done=True, removed_bytes="x")},
    "clean: more than there is": {"clean": line(done=True, removed_bytes=10**30)},
    "hello: only an old Python": hello(interpreters=[{**PYTHON, "version": [3, 8, 1]}]),
}
