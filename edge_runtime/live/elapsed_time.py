"""How long a stream has gone on, by the clock of its source, which may be set back or replaced by another."""

_JUMP_S = 3600.0
"""What is longer than that from one decision to the next is another clock, or time that nobody waits for."""


class Elapsed:
    """Adds up what passes from one moment to the next; a clock that goes back or jumps adds nothing."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: float | None = None

    def at(self, second: float) -> float:
        """The seconds since the first call, now that it is `second` by the source's clock."""
        passed = 0.0 if self._last is None else second - self._last
        if 0 < passed <= _JUMP_S:
            self.seconds += passed
        self._last = second
        return self.seconds
