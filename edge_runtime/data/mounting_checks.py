"""Check that devices stay as they are worn in all recordings of a mounting, as a layout says.

Whoever walks has gravity in the mean acceleration: its direction is how the device is turned. Where it differs from
walk to walk of one mounting, the device was put on anew between them, and no walking frame fits all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Mounting, Recording
from edge_runtime.data.sensor_checks import CALM_G, Finding, smoothed_and_movement
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.system.quantities import counted

# Chosen on UCI HAR's 21 training subjects, each recording a mounting, MotionSense's 24 people and GeoTec's 23. Angles
# from the walk that is nearest to all others of its mounting, as they are: 4 degrees in the median of UCI HAR's (95 %
# within 11, 99 % within 17), 5 of MotionSense's (35, 152), 4 of GeoTec's (25, 47); of any movement 3 (11, 88),
# 6 (35, 141) and 5 (26, 145). Beyond 45 degrees, where live recognition too takes a device to be elsewhere, are none,
# 3.0 % and 1.9 % of walks, phones that were put back otherwise, and 15 % of those of the worst person (of any movement
# 1.3, 3.7 and 2.0 %, and 22 %). With each walk of UCI HAR and each file of the others turned at random, ten times, the
# medians are 74 to 77 degrees, and 75 to 78 % are beyond 45: of 99 of 100 mountings with six of them at least 43 %.
_ELSEWHERE_DEG = 45.0
_TOO_MANY = 1 / 3
_LEAST_ELSEWHERE = 2  # one of two may have been put back otherwise
_PAUSE_S = 1.0  # within a walk
_LEAST_WALKING_S = 2.5  # by its label
_LEAST_MOVEMENT_S = 5.0  # of any: sitting down and lying down take less
_WALKING = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")


@dataclass(frozen=True)
class _Walk:
    """A stretch of walking, `start_s` after the first sample of a recording; gravity has the direction `up` `[3]`."""

    file: str
    start_s: float
    up: npt.NDArray[np.float64]


def mounting_findings(recordings: Sequence[Recording]) -> Iterator[Finding]:
    """Yield how walks in the same mounting differ in the direction of gravity.

    Where nothing is labelled walking all movement that lasts counts: with labels a wrist may turn between activities.
    """
    has_walking = any(set(_WALKING).intersection(x.found_labels) for x in recordings)
    by_mounting: dict[Mounting, list[_Walk]] = {}
    for x in recordings:
        by_mounting.setdefault(x.mounting, []).extend(_walks(x, has_walking))
    compared = [x for x in by_mounting.values() if len(x) > 1]
    if not compared:
        return
    apart = [x for walks in compared for x in _apart_deg(walks)]
    elsewhere = [walk for walk, deg in apart if deg > _ELSEWHERE_DEG]
    n, median = sum(map(len, compared)), float(np.median([deg for _, deg in apart]))
    numbers = {"walks": n, "mountings": len(compared), "elsewhere": len(elsewhere), "median_deg": median}
    what = "walking" if has_walking else "movement"
    stretches = counted(n, f"stretch of {what}", f"stretches of {what}")
    if not elsewhere:
        widest = max(deg for _, deg in apart)
        text = f"In {stretches} devices point as in others of their mounting, within {widest:.0f} degrees."
        yield Finding("mounting", text, numbers=numbers)
        return
    seen = f"in {len(elsewhere)} of {stretches} by more than {_ELSEWHERE_DEG:.0f} degrees"
    if elsewhere[0].file:
        seen += f", {elsewhere[0].file} at {elsewhere[0].start_s:.0f} s first"
    if len(elsewhere) < max(_LEAST_ELSEWHERE, _TOO_MANY * len(apart)):
        text = f"The device points elsewhere than in the rest of its mounting {seen}: see how it was worn there."
        yield Finding("mounting", text, numbers=numbers)
        return
    is_in_files = all(x.file == walks[0].file != "" for walks in compared for x in walks)
    mend = "Cut files where it was put on anew, and" if is_in_files else "Where it was put on anew for each file"
    yield Finding(
        "mounting",
        f"The device points elsewhere from walk to walk of a mounting, {seen}. {mend} write "
        'mounting = "each file" above all tables; models of --frame walking then take files in which somebody moves.',
        is_fault=True,
        numbers=numbers,
    )


def _walks(recording: Recording, only_walking: bool) -> Iterator[_Walk]:
    """Each stretch of movement, of walking alone or any."""
    smooth, movement = smoothed_and_movement(recording.samples[:, :3])
    counts = movement > CALM_G**2
    if only_walking:
        walking = [i for i, name in enumerate(recording.label_names) if name in _WALKING]
        counts &= np.isin(recording.labels, walking)
    least_s = _LEAST_WALKING_S if only_walking else _LEAST_MOVEMENT_S
    rows = np.flatnonzero(counts)
    for walk in np.split(rows, np.flatnonzero(np.diff(rows) > _PAUSE_S * RATE_HZ) + 1):
        if len(walk) >= least_s * RATE_HZ:
            mean = smooth[walk].mean(axis=0)
            yield _Walk(recording.file, float(walk[0]) / RATE_HZ, mean / np.linalg.norm(mean))


def _apart_deg(walks: Sequence[_Walk]) -> list[tuple[_Walk, float]]:
    """How far the device points in each walk of a mounting from that which is nearest to all, which is left out."""
    directions = np.stack([x.up for x in walks])
    apart = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))
    nearest = int(apart.sum(axis=0).argmin())
    return [(x, float(apart[i, nearest])) for i, x in enumerate(walks) if i != nearest]
