"""Answer as no agent does: a program in place of ssh, which ATTACK_MODE tells how to misbehave."""

import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ESCAPE = "\x1b]0;PLANTED\x07"
ENDLESS_S = 10.0
PATIENT_S = 20.0
TASKS = ("missing", "put", "environment", "look", "run", "clean")
FIELDS = ("site", "missing", "description", "removed_bytes", "code", "log", "silent")

HELLO: dict[str, Any] = {
    "machine": "x86_64",
    "libc": ["glibc", "2.36"],
    "interpreters": [
        {"path": "/usr/bin/python3", "version": [3, 11, 2], "bits": 64, "pip": True, "ensurepip": True, "numpy": None}
    ],
}
DEEP = b"[" * 200_000

# The first message instead of a good one: bytes as they are, or JSON.
HELLOS: dict[str, Any] = {
    "list": [],
    "null": None,
    "number": 5,
    "unknown": {"x": 1},
    "hello-null": {"hello": None},
    "hello-list": {"hello": []},
    "no-interpreters": {"hello": HELLO | {"interpreters": []}},
    "interpreters-null": {"hello": HELLO | {"interpreters": None}},
    "odd-interpreter": {"hello": HELLO | {"interpreters": [{"path": 5}]}},
    "odd-version": {"hello": HELLO | {"interpreters": [HELLO["interpreters"][0] | {"version": "x"}]}},
    "odd-libc": {"hello": HELLO | {"libc": None}},
    "escape-machine": {"hello": HELLO | {"machine": ESCAPE}},
    "huge-number": {"hello": HELLO | {"machine": 10**400}},
    "deep": DEEP,
    "digits": b"1" + b"0" * 5000,
    "not-utf-8": b"\xff\xfe\xfd",
    "escape": ESCAPE.encode(),
    "error": {"error": f"{ESCAPE}evil"},
    "error-null": {"error": None},
    "error-long": {"error": "x" * 1_000_000},
    "python": b'{"python": "\\u001b]0;PLANTED\\u0007"}',
    "old-python": b'{"python": 5',
    "silence": b"",
}

# What is sent during `run`: files by name and content, or messages.
RUN_FILES: dict[str, Any] = {
    "climbing": ("../../../../PLANTED", b"x"),
    "absolute": ("/tmp/PLANTED", b"x"),
    "dots": ("..", b"x"),
    "nameless": ("", b"x"),
    "zero": ("a\0b", b"x"),
    "number": (5, b"x"),
    "worker": ("worker.pyz", b"x"),
    "long": ("x" * 5000, b"x"),
}
RUN_MESSAGES: dict[str, Any] = {
    "escape-line": {"line": json.dumps({"share": 0.5, "stage": f"{ESCAPE}line"})},
    "infinite-share": {"line": '{"share": 1e999, "stage": "x"}'},
    "nan-share": {"line": '{"share": NaN, "stage": "x"}'},
    "digits-share": {"line": '{"share": 1' + "0" * 400 + ', "stage": "x"}'},
    "deep-line": {"line": DEEP.decode()},
    "line-number": {"line": 5},
    "unknown": {"x": 1},
    "negative-bytes": {"file": "x", "n_bytes": -5},
    "text-bytes": {"file": "x", "n_bytes": "x"},
    "float-bytes": {"file": "x", "n_bytes": 1e300},
}
RUN_ANSWERS: dict[str, bytes] = {
    "list": b"[]",
    "nulls": b'{"facts": null, "arrays_sha256": null}',
    "no-facts": b'{"facts": {}, "arrays_sha256": null}',
    "deep": DEEP,
    "not-utf-8": b"\xff\xfe",
    "digits": b'{"facts": 1' + b"0" * 5000 + b"}",
    "error-code": json.dumps({"error": "x", "exit_code": "zzz"}).encode(),
    "error-success": json.dumps({"error": "x", "exit_code": 0}).encode(),
    "error-own": json.dumps({"error": "x", "exit_code": 70}).encode(),
    "error-null": json.dumps({"error": None, "exit_code": None}).encode(),
    "error-escape": json.dumps({"error": f"{ESCAPE}boo", "exit_code": 3}).encode(),
}


class _Pickled:
    """A value whose reading would run a command."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch PLANTED",)


def modes() -> dict[str, tuple[str, ...]]:
    """The names of all modes, each with the tasks that it needs to be asked for."""
    found: dict[str, tuple[str, ...]] = {f"hello-{x}": ("run", "look", "clean") for x in HELLOS}
    found |= {f"{kind}-{task}": (task,) for kind in ("error", "nothing", "nulls", "texts", "endless") for task in TASKS}
    found |= dict.fromkeys(("unknown-missing", "escape-stage", "no-stage", "huge-payload", "pickle"), ("run",))
    found |= dict.fromkeys(("escape-look",), ("look",))
    found |= dict.fromkeys(("huge-clean",), ("clean",))
    for kind, names in (("file", RUN_FILES), ("message", RUN_MESSAGES), ("answer", RUN_ANSWERS)):
        found |= {f"{kind}-{x}": ("run",) for x in names}
    return found


def send(message: Any, payload: bytes = b"") -> None:
    """Send a message, then bytes."""
    line = message if isinstance(message, bytes) else json.dumps(message).encode()
    sys.stdout.buffer.write(line + b"\n" + payload)
    sys.stdout.buffer.flush()


def endless() -> None:
    """Send without a line end, for a while or until nobody reads."""
    deadline = time.monotonic() + ENDLESS_S
    while time.monotonic() < deadline:
        sys.stdout.buffer.write(b"A" * (1 << 20))
        sys.stdout.buffer.flush()


def requests() -> Iterator[dict[str, Any]]:
    """Read the host's requests, with the bytes that belong to them."""
    lines = sys.stdin.buffer
    for line in lines:
        request = json.loads(line)
        lines.read(request.get("n_bytes", 0))
        yield request


def answer(mode: str, request: dict[str, Any]) -> None:
    """Answer one request: wrongly where `mode` is about it, else as an agent does."""
    task = request["do"]
    kind, _, about = mode.partition("-")
    if about == task and kind in ("error", "nothing", "nulls", "texts", "endless"):
        wrong = {
            "error": {"error": f"{ESCAPE}evil {'x' * 5000}"},
            "nothing": {"done": True},
            "nulls": {"done": True} | dict.fromkeys(FIELDS),
            "texts": {"done": True} | dict.fromkeys(FIELDS, "x"),
        }
        return send(wrong[kind]) if kind in wrong else endless()
    if mode == "huge-payload" and task == "missing":
        send({"n_bytes": 10**12, "alive": True})
        return endless()
    if task == "missing":
        return send({"done": True, "missing": ["f" * 64] if mode == "unknown-missing" else list(request["sizes"])})
    if task == "environment":
        stages = {"escape-stage": {"stage": f"{ESCAPE}stage"}, "no-stage": {"x": 1}}
        if mode in stages:
            send(stages[mode])
        return send({"done": True, "site": "/x/site", "made": True})
    if task == "look":
        odd = {"machine": ESCAPE, "state": ESCAPE}
        return send({"done": True, "description": odd if mode == "escape-look" else {}})
    if task == "clean":
        return send({"done": True, "removed_bytes": 10**4000 if mode == "huge-clean" else 10})
    if task == "run":
        return run(kind, about, request["job"].removesuffix(".job.json"))
    return send({"done": True})


def run(kind: str, about: str, name: str) -> None:
    """Answer a measurement: with odd files, messages or answers, and odd last words."""
    if kind == "message":
        send(RUN_MESSAGES[about])
    files = {"file": RUN_FILES, "answer": {x: (f"{name}.json", content) for x, content in RUN_ANSWERS.items()}}
    if kind in files:
        path, content = files[kind][about]
        send({"file": path, "n_bytes": len(content)}, content)
    if kind == "pickle":
        arrays = io.BytesIO()
        np.savez(arrays, latency=np.array([_Pickled()], dtype=object))
        facts = {"facts": {}, "arrays_sha256": hashlib.sha256(arrays.getvalue()).hexdigest()}
        for suffix, content in (("npz", arrays.getvalue()), ("json", json.dumps(facts).encode())):
            send({"file": f"{name}.{suffix}", "n_bytes": len(content)}, content)
    send({"done": True, "code": 1, "log": f"{ESCAPE}last words", "silent": False})


def main() -> None:
    """Take the agent's source, greet, and answer until the host leaves."""
    mode = os.environ["ATTACK_MODE"]
    # The remote command ends with the size of the agent's source, its name and how it is compiled.
    sys.stdin.buffer.read(int(sys.argv[-1].split()[-3].strip("'")))
    if mode == "hello-endless":
        return endless()
    if mode.startswith("hello-"):
        send(HELLOS[mode.removeprefix("hello-")])
        # An agent stays; the host decides.
        deadline = time.monotonic() + PATIENT_S
        while time.monotonic() < deadline and sys.stdin.buffer.read(1 << 16):
            pass
        return None
    send({"hello": HELLO})
    for request in requests():
        answer(mode, request)
    return None


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(0)
