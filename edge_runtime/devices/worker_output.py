"""What a worker tells on the way, and what is said of one that left no answer."""

from __future__ import annotations

import json
import signal

from edge_runtime.system.child_processes import signal_name

SILENCE_SECONDS = 300.0
"""A worker that reports nothing for so long is stopped."""


def progress_of(line: str) -> tuple[float, str] | None:
    """The share that is done, and the stage; None for a line that is not the worker's, as some library prints it."""
    try:
        report = json.loads(line)
        return float(report["share"]), str(report["stage"])
    except (ValueError, KeyError, TypeError):
        return None


def last_message(title: str, stage: str, code: int, log: str) -> str:
    """One sentence on how the worker measuring `title` ended: signal or exit code, and the last words of its log."""
    words = last_words(log)
    if code == -signal.SIGKILL:
        how = "was killed, as the system does when memory runs out"
    elif code < 0:
        how = f"died of {signal_name(-code)}"
    else:
        how = f"ended with exit code {code} and left no answer"
    said = f" ({words[:200]})" if words else ""
    return f"the process measuring {title} {how} while {stage}{said}; try another --runtime or convert the model again"


def silence(title: str, stage: str, seconds: float) -> str:
    """One sentence on the worker measuring `title`, which was stopped after it had reported nothing for `seconds`."""
    return (
        f"the process measuring {title} gave no sign of life for {seconds:g} s (last: {stage}) and was stopped; "
        "try fewer --runs or another --runtime"
    )


def last_words(log: str) -> str:
    """The last line of `log` that is no chatter; nothing where there is none."""
    lines = [line.strip() for line in log.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith(("INFO:", "WARNING:"))), "")
