"""Tell windows of several data sets only from classes that are known where their devices were worn.

A network that only meets pockets in walking would else learn that every pocket walks. The loss of a window is taken
among the labels that any data set has for its placement (after X. Zhou, V. Koltun, P. Krähenbühl: Simple Multi-dataset
Detection. CVPR 2022, who take the labels of the window's own data set).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset
from train.fit.made_postures import MadePosture


def plan_placement_labels(
    dataset: Dataset, kept: npt.NDArray[np.bool_], made: Sequence[MadePosture]
) -> tuple[tuple[int, ...], ...]:
    """By mounting, the classes of its placement in the training windows `kept`, and those `made` of them.

    The data set stands for an unknown placement. Empty if all have the same classes, or without mountings.
    """
    train = dataset.train.select(kept)
    if train.mounting is None:
        return ()
    places = [x.placement or x.source for x in dataset.mountings]
    classes: dict[str, set[int]] = {x: set() for x in places}
    for mounting, y in np.unique(np.stack([train.mounting, train.y]), axis=1).T.tolist():
        classes[places[mounting]].add(y)
    for x in made:
        for mounting in x.mountings:
            found = classes[places[mounting]]
            if found.intersection(x.still):
                found.add(x.posture)
    known = {place: tuple(sorted(x)) for place, x in classes.items() if x}
    if len(set(known.values())) < 2:
        return ()
    return tuple(known.get(x, ()) for x in places)
