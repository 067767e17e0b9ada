"""Make text of unknown origin safe to show: without control characters for a terminal or a log."""

import re

_LONGEST = 60

# A terminal obeys, besides line ends and tabs: C0 and C1 controls, line and paragraph separators, and direction marks
# (UAX #9). Lone surrogates cannot be encoded.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def has_control(text: str) -> bool:
    """Tell whether `text` has a line break or another control character."""
    return _CONTROL.search(text) is not None


def shown(text: str) -> str:
    """Return `text` with escapes such as `\\x1b` for all that a terminal would obey, except line ends and tabs."""
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable(text: str | bytes, longest: int = _LONGEST) -> str:
    """Put `text` on one line of at most `longest` characters, with escapes for those that cannot be printed.

    Bytes are read as UTF-8; `…` stands for the rest of a longer text.
    """
    if isinstance(text, bytes):
        text = text[: 4 * (longest + 1)].decode("utf-8", "backslashreplace")
    letters = text[: longest + 1]
    line = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in letters)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def quoted(text: str | bytes, longest: int = _LONGEST) -> str:
    """Put `printable(text)` between quotation marks."""
    return f"'{printable(text, longest)}'"
