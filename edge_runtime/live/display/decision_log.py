"""Log a stream: append a row to a CSV file for each decision."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.live.decider import Decision
from edge_runtime.system.files import csv_text


class Log:
    """Appends rows to a CSV file.

    Raises `InputError` when the file cannot be written or is not a log of the same labels.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self._path = path
        header = ["time", "seconds", "activity", "warming_up", "reason", "inference_ms"]
        first_line = csv_text([[*header, *(f"p_{label}" for label in labels)]]).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise self._fault(error) from error
        self._file.seek(0)
        beginning = self._file.read(len(first_line))
        if beginning not in (b"", first_line):
            self._file.close()
            raise InputError(f"{path} is not a log of these activities: give --log another file")
        if not beginning:
            self._append(first_line)

    def write(self, decision: Decision) -> None:
        """Append a row."""
        probabilities = [f"{float(p):.5f}" for p in decision.probabilities]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = [f"{decision.seconds:.6f}", decision.activity, int(decision.warming_up), decision.reason]
        self._append(csv_text([[now, *facts, f"{decision.inference_ms:.4f}", *probabilities]]).encode())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> InputError:
        return InputError(f"cannot write {self._path} ({error.strerror or error}): give --log another file")
