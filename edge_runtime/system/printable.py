"""Make text of unknown origin safe to show: without control characters for a terminal or a log."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import re

_LONGEST = 60

# All that a terminal obeys rather than shows but line ends and tabs: C0 and C1 controls; line and paragraph separators;
# marks, embeddings, overrides and isolates of direction (UAX #9); and lone surrogates, which no encoding has.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def has_control(text: str) -> bool:
    """Tell whether `text` has a line break or another control character: a label is one line of `labels.txt`."""
    return _CONTROL.search(text) is not None


def shown(text: str) -> str:
    """`text` with escapes such as `\\x1b` for all that a terminal would obey but line ends and tabs.

    Everything that reaches a terminal comes through here (`standard_streams`, `terminal.Console`).
    """
    return _OBEYED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def printable(text: str | bytes, longest: int = _LONGEST) -> str:
    """Put `text` on one line of at most `longest` characters, with escapes for those that cannot be printed.

    Bytes are read as UTF-8. Control characters, line ends, text directions and invalid bytes become escapes such as
    `\\x1b`; `…` stands for the rest of a longer text.
    """
    # One more than is shown tells whether something was cut; a megabyte of hostile text is never walked through.
    if isinstance(text, bytes):
        text = text[: 4 * (longest + 1)].decode("utf-8", "backslashreplace")
    shown = "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def quoted(text: str | bytes, longest: int = _LONGEST) -> str:
    """Put `printable(text)` between quotation marks."""
    return f"'{printable(text, longest)}'"
