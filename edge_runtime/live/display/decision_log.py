"""Log a stream: append a row to a CSV file for each decision."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.live.decider import Decision, Notice
from edge_runtime.system.files import csv_text


class Log:
    """Appends whole rows to a CSV file; `missed` counts the rows that could not be written.

    Raises `InputError` when the file cannot be opened or is not a log of the same labels.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self._path, self._failed = path, False
        self.missed = 0
        header = ["time", "seconds", "activity", "warming_up", "reason", "inference_ms"]
        first_line = csv_text([[*header, *(f"p_{label}" for label in labels)]]).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            beginning = os.pread(self._descriptor, len(first_line), 0)
        except OSError as error:
            raise InputError(f"cannot write {path} ({error.strerror or error}): give --log another file") from error
        if beginning and beginning != first_line:
            os.close(self._descriptor)
            raise InputError(f"{path} is not a log of these activities: give --log another file")
        # The log of a killed program may end in half a row.
        is_torn = bool(beginning) and os.pread(self._descriptor, 1, path.stat().st_size - 1) != b"\n"
        self._pending = (b"\n" if is_torn else b"") if beginning else first_line

    def write(self, decision: Decision) -> Notice | None:
        """Append a row; return a notice when writing begins to fail or works again."""
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
            text = f"cannot write {self._path} ({error.strerror or error}): the stream goes on without a log"
            return Notice(decision.seconds, "log", text)
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
