"""Read what a worker tells on the way, and explain in a sentence why one left no answer."""

from __future__ import annotations

import json
import signal

from edge_runtime.system.child_processes import signal_name
from edge_runtime.system.progress import OnProgress

SILENCE_SECONDS = 300.0
"""A worker that reports nothing for so long is stopped."""


class WorkerOutput:
    """What the worker measuring `title` has told so far; `on_progress` hears of it."""

    def __init__(self, title: str, on_progress: OnProgress) -> None:
        self.stage = "starting"
        self._title, self._on_progress = title, on_progress

    def hear(self, line: str) -> None:
        """Take a line that the worker printed: a share that is done with its stage, or a library's chatter."""
        try:
            report = json.loads(line)
            share, self.stage = float(report["share"]), str(report["stage"])
        except (ValueError, KeyError, TypeError):
            return
        self._on_progress(share, self.stage)

    def last_message(self, code: int, log: str) -> str:
        """One sentence on how the worker ended: signal or exit code, and the last words of its log."""
        words = last_words(log)
        if code == -signal.SIGKILL:
            how = "was killed, as the system does when memory runs out"
        elif code < 0:
            how = f"died of {signal_name(-code)}"
        else:
            how = f"ended with exit code {code} and left no answer"
        said = f" ({words[:200]})" if words else ""
        advice = "try another --runtime or convert the model again"
        return f"the process measuring {self._title} {how} while {self.stage}{said}; {advice}"

    def silence(self, seconds: float) -> str:
        """One sentence on the worker, which was stopped after it had reported nothing for `seconds`."""
        return (
            f"the process measuring {self._title} gave no sign of life for {seconds:g} s (last: {self.stage}) and was "
            "stopped; try fewer --runs or another --runtime"
        )


def last_words(log: str) -> str:
    """The last line of `log` that is no chatter; nothing where there is none."""
    lines = [line.strip() for line in log.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith(("INFO:", "WARNING:"))), "")
