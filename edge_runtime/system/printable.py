"""Make text of unknown origin safe to show: without control characters for a terminal or a log."""

_LONGEST = 60


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
