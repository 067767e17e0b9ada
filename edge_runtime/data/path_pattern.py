"""Match the paths of recordings with a pattern, whose names in braces stand for what a path says.

`{label}_{trial}/sub_{subject}.csv` matches `A_DeviceMotion_data/dws_1/sub_12.csv`: label `dws`, subject `12`.
"""

import re
from collections import Counter
from collections.abc import Sequence

SENSOR = "sensor"
"""The name that tells apart the files of one recording."""

_TOKEN = re.compile(r"\{([^{}]*)\}|(\*\*/|\*)|([{}])")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_MOST_NAMES, _MOST_STARS = 8, 8  # no path has more
_MOST_DEEP, _MOST_TRIED = 2, 2  # `**/`, and wildcards of which each length is tried
_MOST_BOTH = 3  # with all four a path of ordinary length takes 3 ms, and one of 32 long names 20 s
_MOST_FOLDERS, _LONGEST = 32, 255  # no file system has longer names


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

        The top is inside the folder `around` all files, which ends in `/`. A path of more than 32 folders does not fit,
        nor one with a name of more than 255 characters.
        """
        parts = path.split("/")
        if len(parts) > _MOST_FOLDERS + 1 or max(map(len, parts)) > _LONGEST:
            return None
        for pattern, is_at_top in self._patterns:
            found = pattern.fullmatch(path.removeprefix(around) if is_at_top else path)
            if found:
                return dict.fromkeys(self.names, "") | found.groupdict()
        return None


def _compiled(text: str) -> tuple[re.Pattern[str], list[str]]:
    """The expression of a pattern, and its names.

    A `*` or `{name}` reaches to the first place of the text behind it. This leaves most to the rest, so that no other
    place has to be tried: both stand in an atomic group, but for those that are `_tried`.
    """
    if not text.strip("/") or len(text) > 300:
        raise ValueError("it has no text, or too much")
    parts, last, end = ["" if text.startswith("/") else "(?:.*/)?"], 0, ""
    names: list[str] = []
    tokens = list(_TOKEN.finditer(text := text.lstrip("/")))
    tried = _tried(text, tokens)
    for place, token in enumerate(tokens):
        parts.append(re.escape(text[last : token.start()]))
        last = token.end()
        if token[1] in names:
            parts.append(f"(?P={token[1]})")
            continue
        if token[2] == "**/" and token.start() and text[token.start() - 1] != "/":
            raise ValueError("'**/' stands for whole folders: begin one with it")
        is_atomic = token[2] != "**/" and place not in tried
        parts += [end, "(?>" * is_atomic, _part(token, names)]
        end = ")" * is_atomic
    if len(names) > _MOST_NAMES or text.count("*") > _MOST_STARS:
        raise ValueError(f"it has more than {_MOST_NAMES} names in braces, or {_MOST_STARS} asterisks")
    n_deep = text.count("**/")
    if n_deep > _MOST_DEEP or len(tried) > _MOST_TRIED or n_deep + len(tried) > _MOST_BOTH:
        raise ValueError(
            f"it has more than {_MOST_DEEP} '**/', or {_MOST_TRIED} names that come again, with those and asterisks "
            f"before them in a folder, or {_MOST_BOTH} of both"
        )
    return re.compile("".join([*parts, re.escape(text[last:]), r"\Z", end]), re.IGNORECASE), names


def _tried(text: str, tokens: Sequence[re.Match[str]]) -> set[int]:
    """The places of names that come again, and of all names and asterisks before them in the same folder."""
    counts = Counter(x[1] for x in tokens if x[1])
    first = {name: next(i for i, x in enumerate(tokens) if x[1] == name) for name, n in counts.items() if n > 1}
    return {
        i
        for place in first.values()
        for i, x in enumerate(tokens[: place + 1])
        if "/" not in text[x.start() : tokens[place].start()] and (x[1] is None or first.get(x[1], i) == i)
    }


def _part(token: re.Match[str], names: list[str]) -> str:
    """The expression of a token that is new; its name joins `names`."""
    name, star, brace = token.groups()
    if brace:
        raise ValueError(f"it has a '{brace}' without the other one")
    if star:
        return "[^/]*?" if star == "*" else "(?:.*/)?"
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{{{name}}}' is no name of small letters, digits and underscores")
    names.append(name)
    return f"(?P<{name}>[^/]+?)"
