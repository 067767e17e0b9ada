"""Name data: `uci-har`, a path, or LAYOUT=PATH, alone or several together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edge_runtime.errors import InputError

EMBEDDED = "uci-har"
FOREIGN = "for other formats, name a layout as LAYOUT=PATH (docs/data.md)"
"""The advice for files of an unknown form."""


@dataclass(frozen=True)
class DataSource:
    """The data set at `path`, or the embedded one; `layout` is a name or the path of a TOML file, "" by the content."""

    path: Path | None = None
    layout: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `text`, which may be any existing path. Raises `InputError` for wrong text."""
        if text == EMBEDDED:
            return cls()
        layout, equals, path = text.partition("=")
        if not equals or Path(text).exists():
            return cls(Path(text))
        if not layout or not path:
            raise InputError(f"'{text}' names no data: give a path, or LAYOUT=PATH")
        return cls(Path(path), layout)

    def __str__(self) -> str:
        if self.path is None:
            return EMBEDDED
        return f"{self.layout}={self.path}" if self.layout else str(self.path)


Sources = tuple[DataSource, ...]
"""Data sets that are taken together; without any, the embedded one."""

Given = str | Path | Sequence[str | Path | DataSource] | None


def sources(given: Given) -> Sources:
    """The `given` sources; () is the embedded data. Raises `InputError` as `parse` does, and for one given twice."""
    named = [given] if isinstance(given, (str, Path)) else given or ()
    sources_or_paths = (DataSource.parse(name) if isinstance(name, str) else name for name in named)
    parsed = [DataSource(source) if isinstance(source, Path) else source for source in sources_or_paths]
    twice = next((x for x in parsed if parsed.count(x) > 1), None)
    if twice:
        raise InputError(f"the data {twice} is given twice: give it once")
    return () if parsed == [DataSource()] else tuple(parsed)


def in_words(chosen: Sources) -> str:
    """The sources for a sentence."""
    return " and ".join(map(str, chosen)) if chosen else "the embedded data"


def data_texts(chosen: Sources | None) -> tuple[str, ...] | None:
    """The sources as `--data` names them, wherever a later command is started; None for the embedded data."""
    texts = []
    for x in chosen or ():
        is_file = x.layout.endswith(".toml") or Path(x.layout).is_file()
        layout = str(Path(x.layout).resolve()) if is_file else x.layout
        texts.append(str(DataSource(x.path.resolve() if x.path else None, layout)))
    return tuple(texts) or None
