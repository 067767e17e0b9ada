"""Activities that a placement cannot tell apart are one answer, and only there."""

import numpy as np
import pytest

from edge_runtime.model.alike_labels import IN_A_POCKET, AlikeLabels, leans_back

LABELS = ("WALKING", "SITTING", "STANDING", "LAYING")


def test_they_look_alike_where_the_placement_is_such_or_not_known():
    alike = ("trouser pocket", " Trouser  POCKET", "", "my pocket", "chest", "wrist")  # at some nothing was learnt
    assert all(map(IN_A_POCKET.holds, alike))
    assert not any(map(IN_A_POCKET.holds, ("waist", "WAIST ")))
    assert AlikeLabels(LABELS[1:3], ("Waist",)).holds("waist")
    assert IN_A_POCKET.name == "SITTING or LAYING"


@pytest.mark.parametrize(
    ("acceleration", "leans"),
    [
        ([1, 0, 0], False),  # upright
        ([0.9, 0.4, 0], False),  # sitting, at the waist
        ([0.4, 0.9, 0], True),  # sitting, in a pocket
        ([0, -1, 0], False),  # face down
        ([0, 0, 1], False),  # on a side
    ],
)
def test_a_device_leans_back_where_its_tilt_points_behind(acceleration, leans):
    assert leans_back(np.array([acceleration] * 2, float)).tolist() == [leans] * 2


@pytest.mark.parametrize(
    ("labels", "places"), [(("SITTING", "JUMPING"), ("waist",)), (("LAYING",) * 2, ("waist",)), (LABELS[1:3], ())]
)
def test_unusable_ones_say_so(labels, places):
    assert IN_A_POCKET.fault(LABELS) is None
    assert AlikeLabels(labels, places).fault(LABELS)
