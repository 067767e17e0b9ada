"""Match the paths of recordings with a pattern, whose names in braces stand for what a path says.

`{label}_{trial}/sub_{subject}.csv` matches `A_DeviceMotion_data/dws_1/sub_12.csv`: label `dws`, subject `12`.
"""

import re

SENSOR = "sensor"
"""The name that tells apart the files of one recording."""

_TOKEN = re.compile(r"\{([^{}]*)\}|(\*\*/|\*)|([{}])")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_MOST_NAMES, _MOST_STARS = 8, 8  # more make a match slow, and no path has them


class PathPattern:
    """Patterns of paths with `/` between folders: `{name}` and `*` stand for text without one, `**/` for any folders.

    They may begin in any folder; behind a `/` of its own, at the top alone. Of several the first that fits is taken.
    Capital and small letters are not told apart. Raises `ValueError`, whose text says why, for one that is none.
    """

    def __init__(self, *texts: str) -> None:
        self.text = " or ".join(texts)
        found = [_compiled(x) for x in texts]
        self._patterns = [(pattern, text.startswith("/")) for (pattern, _), text in zip(found, texts, strict=True)]
        self.names = list(dict.fromkeys(name for _, names in found for name in names))

    def match(self, path: str, around: str = "") -> dict[str, str] | None:
        """What `path` says by name, "" for names of other patterns; None where it does not fit.

        The top is inside the folder `around` all files, which ends in `/`.
        """
        for pattern, is_at_top in self._patterns:
            found = pattern.fullmatch(path.removeprefix(around) if is_at_top else path)
            if found:
                return dict.fromkeys(self.names, "") | found.groupdict()
        return None


def _compiled(text: str) -> tuple[re.Pattern[str], list[str]]:
    if not text.strip("/") or len(text) > 300:
        raise ValueError("it has no text, or too much")
    parts, last = ["" if text.startswith("/") else "(?:.*/)?"], 0
    names: list[str] = []
    for token in _TOKEN.finditer(text := text.lstrip("/")):
        parts += [re.escape(text[last : token.start()]), _part(token, names)]
        last = token.end()
    if len(names) > _MOST_NAMES or text.count("*") > _MOST_STARS:
        raise ValueError(f"it has more than {_MOST_NAMES} names in braces, or {_MOST_STARS} asterisks")
    return re.compile("".join([*parts, re.escape(text[last:])]), re.IGNORECASE), names


def _part(token: re.Match[str], names: list[str]) -> str:
    """The expression of a token; its name joins `names`."""
    name, star, brace = token.groups()
    if brace:
        raise ValueError(f"it has a '{brace}' without the other one")
    if star:
        return "[^/]*?" if star == "*" else "(?:.*/)?"
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{{{name}}}' is no name of small letters, digits and underscores")
    if name in names:
        return f"(?P={name})"
    names.append(name)
    return f"(?P<{name}>[^/]+?)"
