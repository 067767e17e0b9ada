"""Check that the size of numbers shows their units, and which signals are the axes of one quantity."""

import numpy as np
import pytest
from written_recordings import motion

from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import triads
from edge_runtime.signals.units import ACCELERATION_UNITS, TIME_UNITS, Units, inferred_units

SECONDS, SAMPLES = motion(100)


@pytest.mark.parametrize("time", TIME_UNITS)
@pytest.mark.parametrize("acceleration", ACCELERATION_UNITS)
def test_units_are_inferred_by_size_and_checked_by_the_same_rule(time, acceleration):
    units = Units(TIME_UNITS[time], ACCELERATION_UNITS[acceleration])
    values, times = SAMPLES[:, :3] / units.acceleration, (SECONDS / units.time).tolist()
    assert inferred_units(Units(), values, times) == units
    assert inferred_units(units, values, times) == units
    for other in {*TIME_UNITS} - {time}:
        with pytest.raises(InputError, match="times"):
            inferred_units(Units(TIME_UNITS[other]), values, times)
    for other in {*ACCELERATION_UNITS} - {acceleration}:
        with pytest.raises(InputError, match="acceleration"):
            inferred_units(Units(None, ACCELERATION_UNITS[other]), values)


def test_sizes_of_no_unit_leave_a_stated_one_and_are_refused_without():
    counts = 4 * SAMPLES[:, :3]
    assert inferred_units(Units(1.0, 1.0), counts, SECONDS.tolist()) == Units(1.0, 1.0)
    with pytest.raises(InputError, match="acceleration"):
        inferred_units(Units(1.0), counts, SECONDS.tolist())
    with pytest.raises(InputError, match="times are"):
        inferred_units(Units(None, 1.0), SAMPLES[:, :3], np.zeros(100).tolist())
    assert inferred_units(Units(), SAMPLES[:, :3]).time is None


def test_axes_of_one_quantity_are_three_in_a_row_that_differ_in_their_letter():
    assert triads([signal.name for signal in SIGNALS]) == {0: "body_acc", 3: "body_gyro", 6: "total_acc"}
    assert triads(["t", "ax", "ay", "az", "Gyro X", "Gyro Y", "Gyro Z"]) == {1: "a", 4: "Gyro"}
    for names in (["acc_x", "acc_y"], ["acc_x", "acc_z", "acc_y"], ["acc_x", "gyro_y", "acc_z"]):
        assert triads(names) == {}
