"""Write the table of networks where they were not trained from what `tools.other_data` measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tools import table

_SHARES = ("accuracy", "macro_f1", "worst_person", "wrong_heading", "wrong_heading_of_walks")
_UNITS = dict.fromkeys(_SHARES, 100)  # in per cent
_NAMES = {
    "accuracy": "accuracy, %",
    "macro_f1": "macro F1, %",
    "worst_person": "worst person's macro F1, %",
    "points_lost": "accuracy lost live, points",
    **{
        name: text
        for shown, seconds in (("2.56_s", "2.56 s of each activity"), ("10_s", "10 s"), ("30_s", "30 s"))
        for name, text in (
            (f"macro_f1_gained_{shown}", f"macro F1 gained by {seconds}, points"),
            (f"lose_more_than_a_point_{shown}", "people of {people} who lose more than a point"),
        )
    },
    "novelty_auroc": "AUROC of novelty",
    "false_answers_per_hour": "false answers an hour",
    "mounting_not_known": "postures before the first walk, share of time",
    "unknown_in_activities": "unknown in the rest of it",
    "joined": "joint answers",
    "walking_median_s": "walking until found, median, s",
    "walking_p95_s": "the same, 95th percentile, s",
    "never_found": "mountings never found",
    "wrong_heading": "headings wrong by over 90 degrees, %",
    "wrong_heading_of_walks": "the same, with a walk, %",
}
_LESS_IS_BETTER = {
    "points_lost",
    "lose_more_than_a_point_2.56_s",
    "false_answers_per_hour",
    "walking_median_s",
    "wrong_heading",
    "wrong_heading_of_walks",
}
MOST_LOST = 0.3
"""Points that int8 may lose against float32."""


def markdown(content: Mapping[str, Any]) -> str:
    """The text of `other_data.md`: a line for each measure of each row, and what int8 loses."""
    rows = [line for name, row in content.items() for line in _lines(name, row)]
    sizes = [
        f"- {name}: int8 file {row['size_bytes'] / 1000:.1f} kB with its card, p50 {row['p50_us']:.1f} µs a window"
        for name, row in content.items()
        if "size_bytes" in row
    ]
    return (
        "# Where the networks were not trained\n\n"
        "Written by `make other-data DATA='--data motionsense=… --data geotec=…'`: int8, the mean over the seeds, in "
        "brackets the lowest and the highest; `other_data.json` has float32 too. Answers are among the labels of the "
        "scored windows; in rows of live recognition (turned, not-known-…, not-learnt-…, found-live) among all labels "
        f"and `unknown`. int8 may lose at most {MOST_LOST} points. How the recipe and its limits were chosen, and what "
        "leans on that choice: [README.md](README.md#doubts-about-other-data).\n\n"
        + table("row | measure | seeds | int8 | int8 loses | target", rows)
        + ("\n" + "\n".join(sizes) + "\n" if sizes else "")
    )


def _lines(name: str, row: Mapping[str, Any]) -> list[tuple[str, ...]]:
    target = row.get("target", {})
    lines = []
    for measure, title in _NAMES.items():
        if measure in row["int8"]:
            unit = _UNITS.get(measure, 1)
            floats, ints = (unit * np.array(row[form][measure], float) for form in ("float32", "int8"))
            wanted = target.get(measure)
            reached = "" if wanted is None else _reached(measure, ints.mean(), unit * wanted)
            lost = f"{floats.mean() - ints.mean():.2f}" if measure in _UNITS and measure not in _LESS_IS_BETTER else ""
            limit = "" if wanted is None else f"{unit * wanted:g}, {reached}"
            about = ("" if lines else name, title.format_map(row["int8"]), str(len(ints)))
            lines.append((*about, _spread(ints), lost, limit))
    return lines


def _reached(measure: str, value: float, wanted: float) -> str:
    return "met" if (value <= wanted if measure in _LESS_IS_BETTER else value >= wanted) else "missed"


def _spread(values: Sequence[float] | np.ndarray) -> str:
    spread = f" ({np.min(values):.2f} to {np.max(values):.2f})" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
