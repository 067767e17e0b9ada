"""Write the page on networks where they were not trained from what `tools.other_data` measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tools import table

_SCORES = ("accuracy", "macro_f1", "worst_person")
_UNITS = dict.fromkeys((*_SCORES, "wrong_heading", "wrong_heading_of_walks"), 100)  # in per cent
_NAMES = {
    "accuracy": "accuracy, %",
    "macro_f1": "macro F1, %",
    "worst_person": "worst person's macro F1, %",
    "points_lost": "accuracy lost, points",
    **{
        name: text
        for shown, seconds in (("2.56_s", "2.56 s of each activity"), ("10_s", "10 s"), ("30_s", "30 s"))
        for name, text in (
            (f"macro_f1_gained_{shown}", f"macro F1 gained by {seconds}, points"),
            (f"lose_more_than_a_point_{shown}", "people of {people} who lose more than a point"),
        )
    },
    "novelty_auroc": "AUROC of novelty",
    "false_answers_per_hour": "false reports an hour",
    "unknown_in_activities": "known activities called `unknown`, share",
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

_TITLES = {
    "accuracy": """Windows

`without-X`: X was in no training. `edge-anywhere`: the shipped model on UCI HAR's test subjects. `five-folds`: a fifth
of MotionSense's people left out, all data sets in training. `arena-X`: WHAR Arena's ten folds of X.""",
    "points_lost": "MotionSense live, each person's phone turned at random",
    "macro_f1_gained_2.56_s": "Adapting to people of MotionSense, which was in no training",
    "novelty_auroc": """Activities that were not learnt, live

`not-known-X`: those of X, which was in no training. `not-learnt-A`: A of MotionSense, left out of the training. A false
report names a known activity while an unknown one was done.""",
    "walking_median_s": "Finding how the phone is worn, live",
}
"""Headings, by the first measure of the rows below them."""


def markdown(content: Mapping[str, Any]) -> str:
    """The text of `other_data.md`: a table for rows with the same first measure, a list for one without its like."""
    text = f"""# Where the networks were not trained

Written by `make other-data DATA='--data motionsense=… --data geotec=…'`: int8, the mean over 3 seeds (`arena-X` 5,
`edge-anywhere` 1), in brackets the lowest and highest. int8 loses at most {_most_lost(content):.2f} points of a score
against float32. **Bold** misses the project's target, which stands beside it.
[Doubts](README.md#doubts-about-other-data).
"""
    for first, title in _TITLES.items():
        rows = {name: row for name, row in content.items() if first == next(x for x in _NAMES if x in row["int8"])}
        shown = [x for x in _NAMES if any(x in row["int8"] for row in rows.values())]
        titles = [_NAMES[x].format_map(next(iter(rows.values()))["int8"]) for x in shown]
        cells = [[_cell(x, row) for x in shown] for row in rows.values()]
        if len(rows) > 1:
            found = table(" | ".join(["row", *titles]), [[name, *own] for name, own in zip(rows, cells, strict=True)])
        else:
            found = "".join(f"- {title}: {cell}\n" for title, cell in zip(titles, cells[0], strict=True))
        text += f"\n## {title}\n\n{found}"
    return text


def _most_lost(content: Mapping[str, Any]) -> float:
    """Points of a score that int8 loses in any row, on the mean over the seeds."""
    means = [
        [np.mean(row[x][key]) for x in ("float32", "int8")]
        for row in content.values()
        for key in row["int8"]
        if key in _SCORES
    ]
    return float(100 * max(floats - ints for floats, ints in means))


def _cell(measure: str, row: Mapping[str, Any]) -> str:
    if measure not in row["int8"]:
        return ""
    unit = _UNITS.get(measure, 1)
    values = unit * np.array(row["int8"][measure], float)
    spread = f" ({values.min():.2f} to {values.max():.2f})" if len(values) > 1 else ""
    wanted = unit * row.get("target", {}).get(measure, np.nan)
    is_missed = values.mean() > wanted if measure in _LESS_IS_BETTER else values.mean() < wanted
    return f"**{values.mean():.2f}**{spread}, target {wanted:g}" if is_missed else f"{values.mean():.2f}{spread}"
