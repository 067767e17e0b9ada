"""Notices that come again and again: a few are shown, the others only counted."""

from collections import deque

from edge_runtime.live.recognizer import Notice

_KINDS = ("gap", "clock", "invalid")
"""What a bad connection or clock may bring with every sample."""

_SHOWN, _WITHIN_S = 3, 60.0


class Repeats:
    """Lets through `_SHOWN` notices of each such kind within a minute of signal, then one that says there are more.

    After a minute without any of that kind it begins anew.
    """

    def __init__(self) -> None:
        self._lately: dict[str, deque[float]] = {}
        self._is_quiet: set[str] = set()

    def hear(self, notice: Notice, now: float) -> Notice | None:
        """What to show of `notice`, which comes after `now` seconds of signal; None if it is only counted."""
        if notice.kind not in _KINDS:
            return notice
        lately = self._lately.setdefault(notice.kind, deque(maxlen=_SHOWN))
        if not lately or now - lately[-1] > _WITHIN_S:
            self._is_quiet.discard(notice.kind)
        is_too_often = len(lately) == _SHOWN and now - lately[0] <= _WITHIN_S
        lately.append(now)
        if notice.kind in self._is_quiet:
            return None
        if not is_too_often:
            return notice
        self._is_quiet.add(notice.kind)
        text = f"{notice.text}; this keeps happening, and is only counted until there was none for a minute"
        return Notice(notice.seconds, notice.kind, text)
