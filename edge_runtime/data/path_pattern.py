"""Match the paths of recordings with a pattern, whose names in braces stand for what a path says.

`{label}_{trial}/sub_{subject}.csv` matches `A_DeviceMotion_data/dws_1/sub_12.csv`: label `dws`, subject `12`.
"""

import re

SENSOR = "sensor"
"""The name that tells apart the files of one recording."""

_TOKEN = re.compile(r"\{([^{}]*)\}|(\*)|([{}])")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_MOST_NAMES, _MOST_STARS = 8, 8  # more make a match slow, and no path has them


class PathPattern:
    """A pattern of paths with `/` between folders: `{name}` and `*` stand for text without one.

    It may begin in any folder; behind a `/` of its own, at the top alone. Capital and small letters are not told apart.
    Raises `ValueError`, whose text says why, for one that is none.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        if not text.strip("/") or len(text) > 300:
            raise ValueError("it has no text, or too much")
        parts, last = ["" if text.startswith("/") else "(?:.*/)?"], 0
        for token in _TOKEN.finditer(text := text.lstrip("/")):
            parts += [re.escape(text[last : token.start()]), self._part(token)]
            last = token.end()
        if len(self.names) > _MOST_NAMES or text.count("*") > _MOST_STARS:
            raise ValueError(f"it has more than {_MOST_NAMES} names in braces, or {_MOST_STARS} asterisks")
        self._pattern = re.compile("".join([*parts, re.escape(text[last:])]), re.IGNORECASE)

    def match(self, path: str) -> dict[str, str] | None:
        """What `path` says by name; None where it does not fit."""
        found = self._pattern.fullmatch(path)
        return found.groupdict() if found else None

    def _part(self, token: re.Match[str]) -> str:
        name, star, brace = token.groups()
        if brace:
            raise ValueError(f"it has a '{brace}' without the other one")
        if star:
            return "[^/]*?"
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{{{name}}}' is no name of small letters, digits and underscores")
        if name in self.names:
            return f"(?P={name})"
        self.names.append(name)
        return f"(?P<{name}>[^/]+?)"
