"""Decode bytes into samples in s, g and rad/s, with bounded memory for any input."""

import numpy as np

from edge_runtime.data.column_names import Row
from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Item
from edge_runtime.live.sources.line_parser import MOST_IN_FILE, MOST_READINGS, LineParser
from edge_runtime.signals.units import (
    N_JUDGED,
    NOT_NEEDED,
    ROTATION_UNITS,
    Units,
    are_degrees,
    inferred_units,
    units_notice,
)
from edge_runtime.system.printable import quoted

MAX_LINE_BYTES = 1 << 16


class LineDecoder:
    """Cuts bytes into lines and parses them; the first unreadable line is quoted, further lines are counted.

    The units that the user has `stated` take precedence over a header; `midway` as for `LineParser`. Rotation without
    a unit is taken as rad/s, or as deg/s from where it is too fast for rad/s. `samples` counts the usable samples;
    `fault` describes the first unreadable line.

    In a `file` no samples are missing, and the readings of sensors may stand far apart. Raises `InputError` where its
    units are unclear.
    """

    def __init__(self, stated: Units, midway: bool = False, file: str = "") -> None:
        self._stated, self._file = stated, file
        self._left_out = 0
        self._items: list[Item] = []
        self.samples = 0
        self.fault = ""
        self.restart(midway)

    def restart(self, midway: bool = False) -> None:
        """Start again for another sender, which has its own header and units."""
        needs_rotation = self._stated.rotation != NOT_NEEDED
        self._parser = LineParser(midway, needs_rotation, MOST_IN_FILE if self._file else MOST_READINGS)
        self._rest = b""
        self._has_times: bool | None = None
        self._is_misfit = False  # the latest samples have times unlike the samples before, or the reverse
        self._waiting: list[Row] = []
        self._reported: set[str] = set()
        self._begin(Units())

    def _begin(self, header: Units) -> None:
        """Begin rows of a new `header`, whose units apply where the user has not stated units."""
        self._header = header
        self._units = None if None in self._stated else self._stated
        self._is_noticed = True
        self._rotations = np.empty((0, 3))  # the latest, while their unit is not stated

    def feed(self, content: bytes) -> list[Item]:
        """Take `content`, cut anywhere; return the items that it completes."""
        *lines, rest = (self._rest + content).split(b"\n")
        for line in lines:
            self._take(line)
        self._rest = rest[: MAX_LINE_BYTES + 1]  # as much as shows that it is too long
        return self._finished()

    def end(self, is_whole: bool = True) -> list[Item]:
        """Give the items of the last line, unless it may not be whole, and of samples that wait for their units."""
        line, self._rest = self._rest, b""
        if is_whole:
            self._take(line)
        elif line.strip():
            self._left_out += 1
        self._release()
        return self._finished()

    def _take(self, line: bytes) -> None:
        try:
            if len(line) > MAX_LINE_BYTES:
                raise InputError(f"longer than {MAX_LINE_BYTES // 1024} KiB")
            rows = self._parser.parse(line.decode("utf-8-sig", "replace")) if line.strip() else []
            is_misfit, self._is_misfit = self._is_misfit, bool(rows) and self._has_times is (rows[0][0] is None)
            if self._is_misfit and not is_misfit:
                raise InputError("some samples have times, and others do not")
        except InputError as error:
            self._left_out += 1
            if "malformed" not in self._reported:
                fault = f"{quoted(line.replace(bytes(1), b'').strip())}: {error}"
                self.fault = self.fault or fault
                self._report(Event("malformed", f"a line is not a sample, {fault}; further lines are only counted"))
            return
        if not rows:
            return
        if self._is_misfit and self._units is None:  # the lines before were cut
            self._leave_out()
        if self._is_misfit or self._parser.units != self._header:
            self._release()
            self._begin(self._parser.units)
        self._has_times = rows[0][0] is not None
        self._waiting += rows
        self.samples += len(rows)
        if self._units is None and len(self._waiting) >= N_JUDGED:
            self._judge()

    def _judge(self) -> None:
        """Infer the units of the waiting rows; if they are unclear, the units of later rows may be clear."""
        stated = self._stated.or_else(self._header)
        times = [time for time, _ in self._waiting if time is not None]
        try:
            units = inferred_units(stated, [values[:3] for _, values in self._waiting], times)
        except InputError as error:
            if self._file:
                raise InputError(f"{self._file}: {error}") from error
            self._leave_out()
            self.fault = self.fault or str(error)
            self._report(Event("units", str(error)))
            return
        self._units, self._is_noticed = units, False

    def _leave_out(self) -> None:
        self._left_out += len(self._waiting)
        self.samples -= len(self._waiting)
        self._waiting = []

    def _release(self) -> None:
        """Emit the waiting rows, after judging their units if necessary."""
        if self._waiting and self._units is None:
            self._judge()
        if self._waiting and self._units:
            samples = np.array([values for _, values in self._waiting])
            are_later, are_anew = len(self._rotations) > 0, False
            if self._units.rotation is None:
                self._rotations = np.concatenate([self._rotations, samples[:, 3:]])[-N_JUDGED:]
                if len(self._rotations) == N_JUDGED and are_degrees(self._rotations):
                    self._units, self._is_noticed = self._units._replace(rotation=ROTATION_UNITS["deg/s"]), False
                    are_anew = are_later
            if not self._is_noticed and (notice := units_notice(self._stated.or_else(self._header), self._units)):
                self._items.append(Event("units", notice))
            self._is_noticed = True
            samples[:, :3] *= self._units.acceleration or 1.0
            samples[:, 3:] *= 1.0 if self._units.rotation is None else self._units.rotation
            times = np.array([time for time, _ in self._waiting], np.float64) if self._has_times else None
            seconds = None if times is None else times * (self._units.time or 1.0)
            self._items.append(Chunk(seconds, samples, bool(self._file), are_anew))
            self._waiting = []

    def _report(self, event: Event) -> None:
        """Report an event of this kind once for each sender."""
        if event.kind not in self._reported:
            self._reported.add(event.kind)
            self._items.append(event)

    def _finished(self) -> list[Item]:
        if self._units:
            self._release()
        if self._left_out:
            self._items.append(Chunk(None, NO_SAMPLES.samples, left_out=self._left_out))
            self._left_out = 0
        items, self._items = self._items, []
        return items
