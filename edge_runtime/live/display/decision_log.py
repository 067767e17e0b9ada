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
        self._path, self.missed = path, 0
        header = ["time", "seconds", "activity", "warming_up", "reason", "inference_ms"]
        first_line = csv_text([[*header, *(f"p_{label}" for label in labels)]]).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+", buffering=0)
            self._file.seek(0)
            beginning = self._file.read(len(first_line))
            if not beginning:
                self._append(first_line)
            self._file.seek(-1, os.SEEK_END)
            # The log of a killed program may end in half a row.
            self._line_end = b"" if self._file.read(1) == b"\n" else b"\n"
        except OSError as error:
            raise InputError(f"cannot write {path} ({error.strerror or error}): give --log another file") from error
        if beginning not in (b"", first_line):
            self._file.close()
            raise InputError(f"{path} is not a log of these activities: give --log another file")

    def write(self, decision: Decision) -> Notice | None:
        """Append a row; return a notice about the first row that cannot be written."""
        probabilities = [f"{float(p):.5f}" for p in decision.probabilities]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = [f"{decision.seconds:.6f}", decision.activity, int(decision.warming_up), decision.reason]
        row = csv_text([[now, *facts, f"{decision.inference_ms:.4f}", *probabilities]])
        try:
            self._append(self._line_end + row.encode())
            self._line_end = b""
        except OSError as error:
            self.missed += 1
            if self.missed == 1:
                text = f"cannot write {self._path} ({error.strerror or error}): rows are missing from the log"
                return Notice(decision.seconds, "log", text)
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, content: bytes) -> None:
        before = os.fstat(self._file.fileno()).st_size
        try:
            while content:  # a disk that is almost full takes a part
                content = content[self._file.write(content) :]
        except OSError:
            os.ftruncate(self._file.fileno(), before)
            raise
