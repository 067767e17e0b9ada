"""Log a stream: append a row for each decision to a CSV file."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.live.decider import Decision, Notice
from edge_runtime.system.files import csv_text


class Log:
    """Appends rows to a CSV file, each whole or not at all; `missed` counts those that could not be written.

    Raises `InputError` when the file cannot be opened, or is not a log of the same labels.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self._path, self._failed = path, False
        self.missed = 0
        header = ["time", "seconds", "activity", "warming_up", "reason", "inference_ms", *(f"p_{x}" for x in labels)]
        first_line = csv_text([header]).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            found = os.pread(self._descriptor, len(first_line), 0)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}; give --log another file") from error
        if found and found != first_line:
            os.close(self._descriptor)
            raise InputError(f"{path} is no log of these activities: choose another file for --log")
        # The log of a killed program may end in half a row.
        is_torn = bool(found) and os.pread(self._descriptor, 1, path.stat().st_size - 1) != b"\n"
        self._pending = (b"\n" if is_torn else b"") if found else first_line

    def write(self, decision: Decision) -> Notice | None:
        """Append a row; give a notice when the writing of rows begins to fail, or works again."""
        probabilities = [f"{float(p):.5f}" for p in decision.probabilities]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = [f"{decision.seconds:.6f}", decision.activity, int(decision.warming_up), decision.reason]
        row = csv_text([[now, *facts, f"{decision.inference_ms:.4f}", *probabilities]])
        try:
            self._append(self._pending + row.encode())
        except OSError as error:
            self.missed += 1
            if self._failed:
                return None
            self._failed = True
            why = f"cannot write {self._path}: {error.strerror or error}; the stream goes on without its log"
            return Notice(decision.seconds, "log", why)
        self._pending, had_failed, self._failed = b"", self._failed, False
        return Notice(decision.seconds, "log", f"{self._path} can be written again") if had_failed else None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _append(self, content: bytes) -> None:
        before = os.fstat(self._descriptor).st_size
        written = 0
        try:
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise
