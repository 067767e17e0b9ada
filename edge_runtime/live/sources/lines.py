"""Bytes -> lines -> samples, whatever the bytes are: no input makes it fail, grow, or print what it should not."""

from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Item
from edge_runtime.live.sources.records import MalformedError, Reader
from edge_runtime.live.sources.units import NOT_NEEDED, Row, UnitEstimator, Units
from edge_runtime.system.printable import quoted

LONGEST_LINE = 1 << 16  # a whole UDP datagram, or a thousand samples


class Lines:
    """Cuts bytes into lines and reads them; the first line that is no sample is quoted, the others are counted.

    `stated` are the units that the user has given; `midway` as for `Reader`.
    """

    def __init__(self, stated: Units, recorded: bool = False, midway: bool = False) -> None:
        self._stated, self._recorded = stated, recorded
        self._reader, self._measured = self._new_reader(midway), UnitEstimator(stated)
        self._rest = b""
        self._skipping = False  # inside a line that is too long
        self._timed: bool | None = None
        self._left_out = 0
        self._to_say: list[Event] = []
        self._said: set[str] = set()
        self.samples = 0
        """How many samples there have been."""
        self.fault = ""
        """What was wrong with the first line that was no sample."""

    def restart(self, midway: bool = False) -> None:
        """Another sender begins, with a header, units and a line of its own, and mistakes of its own."""
        self._reader, self._measured = self._new_reader(midway), UnitEstimator(self._stated)
        self._rest, self._skipping, self._timed = b"", False, None
        self._said.clear()

    def _new_reader(self, midway: bool) -> Reader:
        return Reader(midway, needs_rotation=self._stated.rotation != NOT_NEEDED)

    def feed(self, content: bytes) -> list[Item]:
        """What comes of `content`, wherever it is cut. Raises `InputError` for a recording of unclear units."""
        *lines, rest = (self._rest + content).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if self._skipping or len(rest) > LONGEST_LINE:
            if not self._skipping:
                self._leave_out(rest, f"longer than {LONGEST_LINE // 1024} KiB")
            self._skipping, rest = True, b""
        self._rest = rest
        return self._items(lines, last=False)

    def end(self, is_whole: bool = True) -> list[Item]:
        """What comes of the last line, which has no end, and of samples that wait for their units.

        Where the line may not be whole it is left out: half a number is a number too.
        """
        line, self._rest = self._rest, b""
        if not is_whole and line.strip() and not self._skipping:
            self._left_out += 1
        return self._items([line] if is_whole and not self._skipping else [], last=True)

    def _items(self, lines: list[bytes], last: bool) -> list[Item]:
        items: list[Item] = []
        rows: list[Row] = []
        units = self._reader.units
        for line in lines:
            found = self._read(line)
            if self._reader.units != units:
                items += self._in_units(rows, units, last=True)
                units, rows = self._reader.units, []
            rows += found
        items += self._in_units(rows, units, last)
        return self._finished(items)

    def _in_units(self, rows: list[Row], units: Units, last: bool = False) -> list[Item]:
        """The chunk for `rows`; a recording of unclear units is refused, a live source may yet become clear."""
        try:
            return self._measured.take(rows, units, last)
        except InputError as error:
            if self._recorded:
                raise
            self._left_out += self._measured.forget()
            self.fault = self.fault or str(error)
            self._say("units", str(error))
            return []

    def _read(self, line: bytes) -> list[Row]:
        if not line.strip():
            return []
        try:
            if len(line) > LONGEST_LINE:
                raise MalformedError(f"longer than {LONGEST_LINE // 1024} KiB")
            if b"\0" in line:
                raise MalformedError("it has zero bytes, as UTF-16 has between its letters; send or save it as UTF-8")
            rows = self._reader.read(line.decode("utf-8-sig", "replace"))
            self._check_times(rows)
            self._say_contradictions()
        except MalformedError as error:
            self._leave_out(line, str(error))
            return []
        return rows

    def _say_contradictions(self) -> None:
        options = ("", "--units", "--gyro-units")
        for mine, theirs, option in zip(self._stated, self._reader.units, options, strict=True):
            if mine not in (None, NOT_NEEDED) and theirs is not None and mine != theirs:
                self._say(option, f"the header states another unit than {option}, which is followed", "units")

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
        self._say("malformed", f"a line is no sample, {fault}; further ones are only counted")

    def _say(self, what: str, text: str, kind: str = "") -> None:
        """Say `text` once, of the kind `what` if no other is given."""
        if what not in self._said:
            self._said.add(what)
            self._to_say.append(Event(kind or what, text))

    def _finished(self, items: list[Item]) -> list[Item]:
        """`items` with what is to be known of the lines between them."""
        finished: list[Item] = [*self._to_say]
        self._to_say = []
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
