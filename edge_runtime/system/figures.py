"""Make and save figures in one style."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError
from edge_runtime.system.files import atomic_path
from edge_runtime.system.installation import pip_install

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")

_INK = "#333333"
_TITLE, _TEXT, _NOTE = 13, 10, 8  # points
_LARGEST = 50.0  # inches: a larger picture takes gigabytes to draw
_LONGEST_NAME = 28  # letters
_EM = 0.62  # the width of a letter in its height; the font's average is 0.55

# Related activities have related colours: walking blue to green, rest warm, transitions purple to grey.
_ACTIVITIES = (
    "#4c9be8", "#2aa198", "#8bc34a", "#f2b134", "#ef7d57", "#c0568f",
    "#7e57c2", "#b39ddb", "#5c6bc0", "#9fa8da", "#8d6e63", "#bdbdbd",
)  # fmt: skip


def activity_colour(label: int) -> str:
    """The colour of activity `label` in all pictures, those of a terminal too."""
    return _ACTIVITIES[label % len(_ACTIVITIES)]


def require_matplotlib() -> None:
    """Raise `InputError` without matplotlib; have it draw without a notebook, whose MPLBACKEND may be set here."""
    os.environ["MPLBACKEND"] = "agg"
    if find_spec("matplotlib") is None:
        raise InputError(f"a picture needs matplotlib, which is not installed here: {pip_install('matplotlib')}")


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure, in inches, whose `title` is broken where it would be wider."""
    require_matplotlib()
    from matplotlib.figure import Figure

    width, height = min(width, _LARGEST), min(height, _LARGEST)
    figure = Figure(figsize=(width, height), layout="constrained", dpi=130, facecolor="white")
    figure.suptitle(_fitting(title, width, _TITLE), fontsize=_TITLE, color=_INK)
    return figure


def save(figure: Figure, path: Path, note: str = "") -> None:
    """Write a figure, with `note` below it, in the format of the name of `path`."""
    if note:
        figure.supxlabel(_fitting(note, figure.get_figwidth(), _NOTE), fontsize=_NOTE, color="0.35")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().lstrip("."))


def plain_text(text: str) -> str:
    """Escape `text` for matplotlib, so that a dollar sign begins no formula."""
    return text.replace("$", r"\$")


def percent_ticks(axis: Axis) -> None:
    """Write shares as percent, with all their digits."""
    axis.set_major_formatter(lambda share, _: f"{round(100 * share, 6):g} %")


def legend_below(figure: Figure, handles: Sequence[Artist], title: str) -> None:
    """Explain `handles` below a figure in at most six columns; more than two rows make it higher."""
    widest = max(text_width(str(x.get_label()), _TEXT) for x in handles) + 0.6
    columns = max(1, min(6, int(figure.get_figwidth() / widest)))
    more_rows = max(0, math.ceil(len(handles) / columns) - 2)
    figure.set_figheight(min(figure.get_figheight() + 0.21 * more_rows, _LARGEST))
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False, title=title)


def short_name(text: str) -> str:
    """`text` escaped for matplotlib, without its middle where it is long."""
    half = _LONGEST_NAME // 2
    return plain_text(text if len(text) <= _LONGEST_NAME else f"{text[:half]}…{text[1 - half :]}")


def text_width(text: str, points: float) -> float:
    """The width of `text` in inches, roughly, in letters of `points`."""
    return len(text) * _EM * points / 72


def _fitting(text: str, width: float, size: float) -> str:
    """`text` in lines of `width` inches."""
    return plain_text(textwrap.fill(text, max(12, int(width * 72 / (_EM * size)))))
