"""Decode bytes into lines and samples: no input makes it fail, grow, or print control characters."""

from edge_runtime.data.columns import MalformedError, Row
from edge_runtime.data.units import NOT_NEEDED, Units
from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Item
from edge_runtime.live.sources.line_parser import LineParser
from edge_runtime.live.sources.unit_inference import UnitEstimator
from edge_runtime.system.printable import quoted

MAX_LINE_BYTES = 1 << 16  # a whole UDP datagram, or a thousand samples


class LineDecoder:
    """Cuts bytes into lines and parses them; the first line that is no sample is quoted, the others are counted.

    `stated` are the units that the user has given; `midway` as for `LineParser`.
    """

    def __init__(self, stated: Units, recorded: bool = False, midway: bool = False) -> None:
        self._stated, self._recorded = stated, recorded
        self._left_out = 0
        self._events: list[Event] = []
        self.samples = 0
        """Number of samples so far."""
        self.fault = ""
        """The fault of the first line that was no sample."""
        self.restart(midway)

    def restart(self, midway: bool = False) -> None:
        """Begin anew for another sender, with a header, units and mistakes of its own."""
        self._parser = LineParser(midway, needs_rotation=self._stated.rotation != NOT_NEEDED)
        self._units = UnitEstimator(self._stated)
        self._rest = b""
        self._skipping = False  # inside a line that is too long
        self._timed: bool | None = None
        self._reported: set[str] = set()

    def feed(self, content: bytes) -> list[Item]:
        """Take `content`, wherever it is cut; give the items that it completes.

        Raises `InputError` for a recording of unclear units.
        """
        *lines, rest = (self._rest + content).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if self._skipping or len(rest) > MAX_LINE_BYTES:
            if not self._skipping:
                self._leave_out(rest, f"longer than {MAX_LINE_BYTES // 1024} KiB")
            self._skipping, rest = True, b""
        self._rest = rest
        return self._items(lines, last=False)

    def end(self, is_whole: bool = True) -> list[Item]:
        """Give the items of the last line, which has no end, and of samples that wait for their units.

        Where the line may not be whole it is left out: half a number is a number too.
        """
        line, self._rest = self._rest, b""
        if not is_whole and line.strip() and not self._skipping:
            self._left_out += 1
        return self._items([line] if is_whole and not self._skipping else [], last=True)

    def _items(self, lines: list[bytes], last: bool) -> list[Item]:
        items: list[Item] = []
        rows: list[Row] = []
        units = self._parser.units
        for line in lines:
            found = self._read(line)
            if self._parser.units != units:
                items += self._in_units(rows, units, last=True)
                units, rows = self._parser.units, []
            rows += found
        items += self._in_units(rows, units, last)
        return self._finished(items)

    def _in_units(self, rows: list[Row], units: Units, last: bool = False) -> list[Item]:
        """The chunk for `rows`; a recording of unclear units is refused, a live source may yet become clear."""
        try:
            return self._units.take(rows, units, last)
        except InputError as error:
            if self._recorded:
                raise
            self._left_out += self._units.drop()
            self.fault = self.fault or str(error)
            self._report("units", str(error))
            return []

    def _read(self, line: bytes) -> list[Row]:
        if not line.strip():
            return []
        try:
            if len(line) > MAX_LINE_BYTES:
                raise MalformedError(f"longer than {MAX_LINE_BYTES // 1024} KiB")
            if b"\0" in line:
                raise MalformedError("it has zero bytes, as UTF-16 has between its letters; send or save it as UTF-8")
            rows = self._parser.parse(line.decode("utf-8-sig", "replace"))
            self._check_times(rows)
            self._report_contradictions()
        except MalformedError as error:
            self._leave_out(line, str(error))
            return []
        return rows

    def _report_contradictions(self) -> None:
        options = ("", "--units", "--gyro-units")
        for mine, theirs, option in zip(self._stated, self._parser.units, options, strict=True):
            if mine not in (None, NOT_NEEDED) and theirs is not None and mine != theirs:
                self._report(option, f"the header states another unit than {option}, which is followed", "units")

    def _check_times(self, rows: list[Row]) -> None:
        for time, _ in rows:
            if self._timed is None:
                self._timed = time is not None
            if self._timed != (time is not None):
                raise MalformedError(
                    "it has no time" if self._timed else "it has a time, and the first sample had none"
                )

    def _leave_out(self, line: bytes, why: str) -> None:
        self._left_out += 1
        fault = f"{quoted(line.replace(bytes(1), b'').strip())}: {why}"
        self.fault = self.fault or fault
        self._report("malformed", f"a line is no sample, {fault}; further ones are only counted")

    def _report(self, what: str, text: str, kind: str = "") -> None:
        """Say `text` once, of the kind `what` if no other is given."""
        if what not in self._reported:
            self._reported.add(what)
            self._events.append(Event(kind or what, text))

    def _finished(self, items: list[Item]) -> list[Item]:
        """`items` with the events and the number of left-out lines between them."""
        finished: list[Item] = [*self._events]
        self._events = []
        for item in items:
            if isinstance(item, Chunk):
                self.samples += len(item)
                item = Chunk(item.seconds, item.samples, self._recorded, self._left_out)
                self._left_out = 0
            finished.append(item)
        if self._left_out:
            finished.append(Chunk(None, NO_SAMPLES.samples, self._recorded, self._left_out))
            self._left_out = 0
        return finished
