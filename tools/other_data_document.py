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
    "worst_person": "macro F1 of the worst person, %",
    "points_lost": "accuracy lost live, points",
    **{
        name: text
        for shown, seconds in (("2.56_s", "2.56 s of each activity"), ("10_s", "10 s"), ("30_s", "30 s"))
        for name, text in (
            (f"macro_f1_gained_{shown}", f"macro F1 gained by {seconds}, points"),
            (f"lose_more_than_a_point_{shown}", "people of {people} who lose more than a point by that"),
        )
    },
    "novelty_auroc": "AUROC of novelty",
    "false_answers_per_hour": "false answers an hour",
    "mounting_not_known": "postures before the first walk, share of time in activities",
    "unknown_in_activities": "unknown in the rest of it",
    "joined": "answers of several activities at once",
    "walking_median_s": "walking until the mounting is found, median, s",
    "walking_p95_s": "the same, 95th percentile, s",
    "never_found": "mountings never found",
    "wrong_heading": "headings wrong by more than 90 degrees, %",
    "wrong_heading_of_walks": "the same, of recordings with a walk in them, %",
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
        "Written by `make other-data DATA='--data motionsense=… --data geotec=…'`: means over the seeds, in brackets "
        "the lowest and the highest. Answers are among the labels that the scored windows have; in the rows turned, "
        "not-known-…, not-learnt-… and found-live, which are of live recognition, among all labels of the model and "
        "`unknown`. No run was chosen by these numbers. The recipe of the walking frame was: by leaving out UCI HAR "
        "and MotionSense in turn, so that the rows without-… lean on it; two limits of the search for walking were set "
        "with MotionSense in view, and so were a number of the rule on movement (`persistence.ATYPICAL`), the limit of "
        "steps and the allowance for other phones (`train/novelty_statistics.py`), on which the rows "
        "not-known-motionsense and not-learnt-… lean. "
        f"int8 is to lose at most {MOST_LOST} points.\n\n"
        + table("row | measure | seeds | float32 | int8 | int8 loses | least or most | reached", rows)
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
            limit = "" if wanted is None else f"{unit * wanted:g}"
            about = (name, title.format_map(row["int8"]), str(len(ints)))
            lines.append((*about, _spread(floats), _spread(ints), lost, limit, reached))
    return lines


def _reached(measure: str, value: float, wanted: float) -> str:
    return "yes" if (value <= wanted if measure in _LESS_IS_BETTER else value >= wanted) else "no"


def _spread(values: Sequence[float] | np.ndarray) -> str:
    spread = f" ({np.min(values):.2f} to {np.max(values):.2f})" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
