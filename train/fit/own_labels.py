"""Tell windows of several data sets only from classes that their own data set has.

A data set lacks activities, and what else is peculiar to it, such as where the phone was worn, must not speak against
them. A network that meets one data set's pocket in walking alone would else learn that whatever is in a pocket walks.
Where labels differ, the loss is taken among those of the window's own data set (X. Zhou, V. Koltun, P. Krähenbühl:
Simple Multi-dataset Detection. CVPR 2022).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset
from train.fit.made_postures import MadePosture


def plan_own_labels(
    dataset: Dataset, kept: npt.NDArray[np.bool_], made: Sequence[MadePosture]
) -> tuple[tuple[int, ...], ...]:
    """By mounting, the classes that its data set has in the training windows `kept`, and those that are `made` of it.

    Empty where all data sets have all classes that are learnt, or where mountings are not known.
    """
    train = dataset.train.select(kept)
    if train.mounting is None:
        return ()
    classes: dict[str, set[int]] = {x.source: set() for x in dataset.mountings}
    for mounting, y in np.unique(np.stack([train.mounting, train.y]), axis=1).T.tolist():
        classes[dataset.mountings[mounting].source].add(y)
    for x in made:
        for mounting in x.mountings:
            found = classes[dataset.mountings[mounting].source]
            if found.intersection(x.still):
                found.add(x.posture)
    own = {source: tuple(sorted(x)) for source, x in classes.items() if x}
    if len(set(own.values())) < 2:
        return ()
    return tuple(own.get(x.source, ()) for x in dataset.mountings)


def as_table(own: Sequence[Sequence[int]], n_classes: int) -> npt.NDArray[np.bool_] | None:
    """The classes of each mounting as `[n_mountings, n_classes]`; None for none."""
    if not own:
        return None
    return np.array([np.isin(np.arange(n_classes), classes) for classes in own])
