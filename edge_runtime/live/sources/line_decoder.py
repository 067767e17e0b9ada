"""Decode bytes into samples in s, g and rad/s: no input makes it fail, grow, or print control characters."""

import numpy as np

from edge_runtime.data.column_names import MalformedError, Row
from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Item
from edge_runtime.live.sources.line_parser import LineParser
from edge_runtime.signals.frontend import N_CHANNELS
from edge_runtime.signals.units import ACCELERATION_UNITS, NOT_NEEDED, TIME_UNITS, Units, inferred_units, unit_name
from edge_runtime.system.printable import quoted

MAX_LINE_BYTES = 1 << 16
_TOO_LONG = f"longer than {MAX_LINE_BYTES // 1024} KiB"

N_JUDGED = 50
"""The samples after a header that wait until their units are judged: a second at the usual rate."""


class LineDecoder:
    """Cuts bytes into lines and parses them; the first line that is no sample is quoted, the others are counted.

    `stated` are the units that the user has given, which go before those of a header; `midway` as for `LineParser`.
    Rotation without a unit is taken as rad/s. How the bytes are cut into blocks changes nothing.
    """

    def __init__(self, stated: Units, recorded: bool = False, midway: bool = False) -> None:
        self._stated, self._recorded = stated, recorded
        self._left_out = 0
        self._items: list[Item] = []
        self.samples = 0
        """Number of samples so far."""
        self.fault = ""
        """The fault of the first line that was no sample."""
        self.restart(midway)

    def restart(self, midway: bool = False) -> None:
        """Begin anew for another sender, with a header, units and mistakes of its own."""
        self._parser = LineParser(midway, needs_rotation=self._stated.rotation != NOT_NEEDED)
        self._rest = b""
        self._skipping = False  # inside a line that is too long
        self._has_times: bool | None = None
        self._waiting: list[Row] = []
        self._header = Units()  # what is stated of these rows
        self._units = None if None in self._stated else self._stated
        self._reported: set[str] = set()

    def feed(self, content: bytes) -> list[Item]:
        """Take `content`, wherever it is cut; give the items that it completes.

        Raises `InputError` for a recording of unclear units.
        """
        *lines, rest = (self._rest + content).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        for line in lines:
            self._take(line)
        if self._skipping or len(rest) > MAX_LINE_BYTES:
            if not self._skipping:
                self._leave_out(rest, _TOO_LONG)
            self._skipping, rest = True, b""
        self._rest = rest
        return self._finished()

    def end(self, is_whole: bool = True) -> list[Item]:
        """Give the items of the last line, which has no end, and of samples that wait for their units.

        Where the line may not be whole it is left out: half a number is a number too.
        """
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
                raise MalformedError(_TOO_LONG)
            rows = self._parser.parse(line.decode("utf-8-sig", "replace")) if line.strip() else []
            self._check_times(rows)
        except MalformedError as error:
            self._leave_out(line, str(error))
            return
        if rows and self._parser.units != self._header:
            self._release()
            self._header = self._parser.units
            self._units = None if None in self._stated else self._stated
        self._waiting += rows
        self.samples += len(rows)
        if self._units is None and len(self._waiting) >= N_JUDGED:
            self._judge()

    def _check_times(self, rows: list[Row]) -> None:
        for time, _ in rows:
            if self._has_times not in (None, time is not None):
                raise MalformedError("it has a time, and the first sample had none, or the other way round")
            self._has_times = time is not None

    def _judge(self) -> None:
        """Find the units of the rows that wait; where they are unclear, a live source may yet become clear."""
        stated = self._stated.or_else(self._header)
        times = [time for time, _ in self._waiting if time is not None]
        try:
            units = inferred_units(stated, [values[:3] for _, values in self._waiting], times)
        except InputError as error:
            if self._recorded:
                raise
            self._left_out += len(self._waiting)
            self._waiting = []
            self.fault = self.fault or str(error)
            self._report("unclear", Event("units", str(error)))
            return
        self._units = units
        found = []
        if stated.acceleration is None and units.acceleration:
            found.append(f"acceleration in {unit_name(units.acceleration, ACCELERATION_UNITS)}")
        if stated.time is None and units.time:
            found.append(f"time in {unit_name(units.time, TIME_UNITS)}")
        if found:
            rotation = "; rotation is taken as rad/s (--gyro-units deg/s if it is not)" * (units.rotation is None)
            self._items.append(Event("units", f"no unit is stated; by their size: {', '.join(found)}{rotation}"))

    def _release(self) -> None:
        """Give out the rows that wait, judged by themselves where there are no more of their header."""
        if self._waiting and self._units is None:
            self._judge()
        if self._waiting and self._units:
            self._items.append(self._chunk(self._waiting, self._units))
            self._waiting, self._left_out = [], 0

    def _chunk(self, rows: list[Row], units: Units) -> Chunk:
        samples = np.array([values for _, values in rows]).reshape(-1, N_CHANNELS)
        samples[:, :3] *= units.acceleration or 1.0
        samples[:, 3:] *= 1.0 if units.rotation is None else units.rotation
        seconds = None
        if self._has_times:
            seconds = np.array([time for time, _ in rows], np.float64) * (units.time or 1.0)
        return Chunk(seconds, samples, self._recorded, self._left_out)

    def _leave_out(self, line: bytes, why: str) -> None:
        self._left_out += 1
        fault = f"{quoted(line.replace(bytes(1), b'').strip())}: {why}"
        self.fault = self.fault or fault
        self._report("malformed", Event("malformed", f"a line is no sample, {fault}; further ones are only counted"))

    def _report(self, what: str, event: Event) -> None:
        """Say something once to each sender."""
        if what not in self._reported:
            self._reported.add(what)
            self._items.append(event)

    def _finished(self) -> list[Item]:
        if self._units:
            self._release()
        if self._left_out:
            self._items.append(Chunk(None, NO_SAMPLES.samples, self._recorded, self._left_out))
            self._left_out = 0
        items, self._items = self._items, []
        return items
