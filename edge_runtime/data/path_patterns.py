"""Match the paths of files with patterns such as `{label}/{subject}/{trial}.csv`, and read the names in them."""

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"(\{[a-z]\w*\}|\*\*/|\*)")


class PathPattern:
    """Patterns of paths; the first pattern that fits is used.

    `{name}` and `*` match the shortest text without `/`, `**/` matches any folders. A pattern may start in any folder;
    with a leading `/` it starts at the top. Case does not matter. Raises `ValueError` for a wrong pattern.
    """

    def __init__(self, *texts: str) -> None:
        self.text = " or ".join(texts)
        self._patterns = [(re.compile(_expression(text), re.IGNORECASE), text.startswith("/")) for text in texts]
        self.names = list(dict.fromkeys(name for pattern, _ in self._patterns for name in pattern.groupindex))

    def match(self, path: str, around: str = "") -> dict[str, str] | None:
        """The texts of all names in `path`, where it fits; the top is inside the folder `around` all files."""
        for pattern, is_at_top in self._patterns:
            if matched := pattern.fullmatch(path.removeprefix(around) if is_at_top else path):
                return dict.fromkeys(self.names, "") | matched.groupdict()
        return None


def _expression(text: str) -> str:
    """A regular expression in which only folders are tried again: where text may be longer, what follows fits too."""
    pieces = _TOKEN.split(text.lstrip("/"))
    if any(brace in part for part in pieces[::2] for brace in "{}") or not text.strip("/"):
        raise ValueError(f"{text!r} is not a pattern of paths: names in braces have small letters and digits")
    first, *behind = anchored(pieces[::2])
    parts, named = ["" if text.startswith("/") else "(?:.*/)?", first], set[str]()
    for token, then in zip(pieces[1::2], behind, strict=True):
        name = token[1:-1]
        like = "[^/]*?" if token == "*" else f"(?P={name})" if name in named else f"(?P<{name}>[^/]+?)"
        parts.append(f"(?:.*/)?{then}" if token == "**/" else f"(?>{like}{then})")
        named.add(name)
    return "".join(parts)


def anchored(texts: Sequence[str]) -> list[str]:
    """Regular expressions of `texts`; the last one matches only at the end."""
    return [*map(re.escape, texts[:-1]), re.escape(texts[-1]) + r"\Z"]
