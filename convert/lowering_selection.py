"""Select unrolled or looped recurrent layers by their number of steps."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convert.lowering.network import MOST_UNROLLED, Lowered, lower
from convert.lowering.recurrent_layers import FEWEST_STEPS
from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SelectedLowering:
    """A lowered network, and the reason for its form."""

    network: Lowered
    reason: str


def select_lowering(model: "keras.Model", wanted: str) -> SelectedLowering:
    """Lower `model` as `wanted`, one of `auto`, `looped` and `unrolled`.

    Raises `InputError` for a network that cannot be lowered, or has no layer of enough steps for a loop.
    """
    asked_for = f"asked for with --lstm {wanted}"
    if wanted == "unrolled":
        return SelectedLowering(replace(lower(model), is_looped=False), asked_for)
    if wanted == "looped":
        network = lower(model, most_unrolled=0)
        if not network.loop_steps:
            raise InputError(
                f"--lstm looped needs a recurrent layer of {FEWEST_STEPS} steps or more, which is no ConvLSTM: "
                "leave it out"
            )
        return SelectedLowering(network, asked_for)
    network = lower(model)
    if not network.n_steps:
        return SelectedLowering(network, "there is no recurrent layer")
    if not network.loop_steps:
        rule = f"up to {MOST_UNROLLED}, they" if network.n_steps <= MOST_UNROLLED else "those of a ConvLSTM always"
        return SelectedLowering(network, f"of {network.n_steps} steps; {rule} are written out")
    return SelectedLowering(
        network, f"of {network.loop_steps} steps; beyond {MOST_UNROLLED}, a loop is smaller and faster"
    )
