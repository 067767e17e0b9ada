"""Limit the loss of each window to the classes that any data set has for its placement.

Without it, a network that only meets pockets in walking learns that every pocket walks. After X. Zhou, V. Koltun, P.
Krähenbühl: Simple Multi-dataset Detection, CVPR 2022; they take the labels of the window's own data set.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset
from train.fit.made_postures import MadePosture


def plan_placement_labels(
    dataset: Dataset, rows: npt.NDArray[np.bool_], postures: Sequence[MadePosture]
) -> tuple[tuple[int, ...], ...]:
    """Return, by mounting, the classes of its placement in the training windows `rows`, and the made `postures`.

    The data set stands for an unknown placement. Empty if all have the same classes, or without mountings.
    """
    train = dataset.train.select(rows)
    if train.mounting is None:
        return ()
    places = [mounting.placement or mounting.source for mounting in dataset.mountings]
    classes: dict[str, set[int]] = {place: set() for place in places}
    for mounting, y in np.unique(np.stack([train.mounting, train.y]), axis=1).T.tolist():
        classes[places[mounting]].add(y)
    for posture in postures:
        for mounting in posture.mountings:
            labels = classes[places[mounting]]
            if labels.intersection(posture.still):
                labels.add(posture.posture)
    by_place = {place: tuple(sorted(labels)) for place, labels in classes.items() if labels}
    if len(set(by_place.values())) < 2:
        return ()
    return tuple(by_place.get(place, ()) for place in places)
