"""Match the paths of recordings with a pattern, whose names in braces stand for what a path says.

`{label}_{trial}/sub_{subject}.csv` matches `A_DeviceMotion_data/dws_1/sub_12.csv`: label `dws`, subject `12`.
"""

import re

_TOKEN = re.compile(r"(\{[a-z]\w*\}|\*\*/|\*)")
_MOST_TOKENS, _MOST_DEEP = 6, 2  # in one name, and `**/`: each has all its lengths tried
_LONGEST_NAME, _LONGEST_PATH = 100, 1000  # of paths that are matched, so that no trying takes long


class PathPattern:
    """Patterns of paths with `/` between folders: `{name}` and `*` stand for text without one, `**/` for any folders.

    They may begin in any folder; behind a `/` of its own, at the top alone. Of several the first that fits is taken.
    Capital and small letters are not told apart. Raises `ValueError` for one that is none.
    """

    def __init__(self, *texts: str) -> None:
        self.text = " or ".join(texts)
        self._ends = tuple(_TOKEN.split(x)[-1].casefold() for x in texts)
        self._patterns = [(re.compile(_expression(x), re.IGNORECASE), x.startswith("/")) for x in texts]
        self.names = list(dict.fromkeys(name for pattern, _ in self._patterns for name in pattern.groupindex))

    def match(self, path: str, around: str = "") -> dict[str, str] | None:
        """What `path` says by name, "" for names of other patterns; None where it does not fit, or is too long.

        The top is inside the folder `around` all files, which ends in `/`.
        """
        if not path.casefold().endswith(self._ends):  # before each length of each name is tried
            return None
        if len(path) > _LONGEST_PATH or max(map(len, path.removeprefix(around).split("/"))) > _LONGEST_NAME:
            return None
        for pattern, is_at_top in self._patterns:
            if found := pattern.fullmatch(path.removeprefix(around) if is_at_top else path):
                return dict.fromkeys(self.names, "") | found.groupdict()
        return None


def _expression(text: str) -> str:
    """The regular expression of a pattern."""
    parts, known = ["" if text.startswith("/") else "(?:.*/)?"], set[str]()
    pieces = _TOKEN.split(text.lstrip("/"))
    if any(x in part for part in pieces[::2] for x in "{}") or not text.strip("/"):
        raise ValueError(f"{text!r} is no pattern of paths: names in braces have small letters, digits and underscores")
    if text.count("**/") > _MOST_DEEP or any(len(_TOKEN.findall(x)) > _MOST_TOKENS for x in text.split("/")):
        raise ValueError(f"{text!r} has more than {_MOST_DEEP} **/, or {_MOST_TOKENS} names and asterisks in a name")
    for i, part in enumerate(pieces):
        name = part[1:-1]
        if i % 2 == 0:
            parts.append(re.escape(part))
        elif part.startswith("*"):
            parts.append("[^/]*?" if part == "*" else "(?:.*/)?")
        else:
            parts.append(f"(?P={name})" if name in known else f"(?P<{name}>[^/]+?)")
            known.add(name)
    return "".join(parts)
