"""Check which signals are taken for the axes of one quantity."""

import pytest

from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import triads


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([x.name for x in SIGNALS], {0: "body_acc", 3: "body_gyro", 6: "total_acc"}),
        (["t", "ax", "ay", "az", "Gyro X", "Gyro Y", "Gyro Z"], {1: "a", 4: "Gyro"}),
        (["x", "y", "z"], {0: ""}),
        (["acc_x", "acc_y"], {}),
        (["acc_x", "acc_z", "acc_y"], {}),
        (["acc_x", "gyro_y", "acc_z"], {}),
    ],
    ids=str,
)
def test_three_in_a_row_that_differ_in_their_letter(names, found):
    assert triads(names) == found
