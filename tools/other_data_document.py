"""Write the page on networks where they were not trained, from the measurements of `tools.other_data`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tools import table

_SCORES = ("accuracy", "macro_f1", "worst_person")
_NAMES = {
    "accuracy": "accuracy, %",
    "macro_f1": "macro F1, %",
    "worst_person": "worst person's macro F1, %",
    "walking": "recall of walking, %",
    "turning": "the same with a simulated turn of 90 degrees in 2 s, %",
    "on_the_belly": "turned to simulate lying on the belly: `LAYING`, %",
    "macro_f1_gained": "macro F1 gained, points",
    "lose_more_than_a_point": "people of {people} who lose more than a point",
    "false_answers_per_hour": "false reports per hour",
    "unknown_in_activities": "known activities reported as `unknown`, %",
    "walking_median_s": "walking time until the mounting is found, median, s",
    "walking_p95_s": "the same, 95th percentile, s",
    "never_found": "mountings that are never found, %",
    "wrong_heading": "headings (which way is ahead) that are wrong by more than 90 degrees, %",
    "wrong_heading_of_walks": "the same in recordings that contain walking, %",
}
_LESS_IS_BETTER = {
    "lose_more_than_a_point",
    "false_answers_per_hour",
    "unknown_in_activities",
    "walking_median_s",
    "wrong_heading",
    "wrong_heading_of_walks",
}

_TITLES = {
    "accuracy": """Windows

`without-X` scores five activities of X, which was left out of training. `edge-anywhere` is scored on UCI HAR's test
subjects; seed 0 is shipped. `five-folds` cross-validates over MotionSense's people, with all data sets in training.
`arena-X` scores X's ten folds in the benchmark WHAR Arena.""",
    "macro_f1_gained": "Adapting to people of MotionSense, which was left out of training",
    "false_answers_per_hour": """Activities that were left out of training, live

`not-known-X` scores data set X, which has activities that no training data has. `not-learnt-A` scores activity A of
MotionSense, left out of training. A *false report* names a known activity during an unknown activity.""",
    "walking_median_s": "Finding how the phone is worn, live, in each data set left out",
}
"""Headings, by the first measure of the rows below them."""


def markdown(content: Mapping[str, Any]) -> str:
    """Return the text of `other_data.md`: a table of rows with the same first measure, a list for a single row."""
    content = _by_seconds(content)
    n_folds = len(content["five-folds"]["int8"]["accuracy"])
    text = f"""# People, phones and activities that were not in training

Written by `make other-data DATA='--data motionsense=… --data geotec=…'`. The program that measured the last section no
longer exists. All values are for int8: the mean over the seeds and, in brackets, the lowest and highest (5 seeds for
`arena-X` and `edge-anywhere`, {n_folds} for `five-folds`, 3 for the other rows). No score is more than
{_most_lost(content):.2f} points below float32's. A value in **bold** misses the project's target, which follows it. See
also the [doubts](README.md#doubts-about-other-data).
"""
    for first, title in _TITLES.items():
        rows = {name: row for name, row in content.items() if first == next(x for x in _NAMES if x in row["int8"])}
        shown = [x for x in _NAMES if any(x in row["int8"] for row in rows.values())]
        titles = [_NAMES[measure].format_map(next(iter(rows.values()))["int8"]) for measure in shown]
        cells = [[_cell(measure, row) for measure in shown] for row in rows.values()]
        if len(rows) > 1:
            lines = [[name, *values] for name, values in zip(rows, cells, strict=True)]
            body = table(" | ".join(["row", *titles]), lines)
        else:
            body = "".join(f"- {title}: {cell}\n" for title, cell in zip(titles, cells[0], strict=True))
        text += f"\n## {title}\n\n{body}"
    return text


def _by_seconds(content: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the row on adapting to people by a row for each number of seconds."""
    rows = {name: row for name, row in content.items() if name != "personalised"}
    for end in ("_2.56_s", "_10_s", "_30_s"):
        rows[f"{end[1:-2]} s of each activity"] = {
            part: {key.removesuffix(end): x for key, x in values.items() if key.endswith((end, "people"))}
            for part, values in content["personalised"].items()
        }
    return rows


def _most_lost(content: Mapping[str, Any]) -> float:
    """Compute the most points that int8 loses in a score of any row, on the mean over the seeds."""
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
    unit = 100 if _NAMES[measure].endswith("%") else 1
    values = unit * np.array(row["int8"][measure], float)
    spread = f" ({values.min():.2f} to {values.max():.2f})" if len(values) > 1 else ""
    target = unit * row.get("target", {}).get(measure, np.nan)
    is_missed = values.mean() > target if measure in _LESS_IS_BETTER else values.mean() < target
    return f"**{values.mean():.2f}**{spread}, target {target:.4g}" if is_missed else f"{values.mean():.2f}{spread}"
