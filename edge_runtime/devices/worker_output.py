"""What a worker tells on the way, and what is said of one that ended without an answer."""

from __future__ import annotations

import json
import signal


def progress_of(line: str) -> tuple[str, float] | None:
    """The stage and the share that is done; None for a line that is not the worker's, as some library prints it."""
    try:
        report = json.loads(line)
        return str(report["stage"]), float(report["share"])
    except (ValueError, KeyError, TypeError):
        return None


def obituary(title: str, stage: str, code: int, log: str) -> str:
    """One sentence on how the worker measuring `title` ended: signal or exit code, and the last words of its log."""
    lines = [line.strip() for line in log.splitlines()]
    words = next((line for line in reversed(lines) if line and not line.startswith(("INFO:", "WARNING:"))), "")
    if code == -signal.SIGKILL:
        how = "was killed, as the system does when memory runs out"
    elif code < 0:
        how = f"died of {signal_name(-code)}"
    else:
        how = f"ended with exit code {code} and left no answer"
    said = f" ({words[:200]})" if words else ""
    return f"the process measuring {title} {how} while {stage}{said}; try another --runtime or convert the model again"


def signal_name(number: int) -> str:
    """`SIGSEGV`, or `signal 35` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
