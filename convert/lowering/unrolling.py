"""Recurrent layers, unrolled over their steps."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import layers

from convert.lowering.cells import GRUCell, LSTMCell
from convert.lowering.gate_layout import GateLayout
from convert.lowering.keras_graph import Call
from convert.lowering.layers import Operation
from convert.lowering.quantisation_points import Tap, rounded_for
from convert.lowering.refusals import require
from convert.lowering.sequences import Activation, each, in_turn, steps_of

_CELLS: dict[type, type[LSTMCell] | type[GRUCell]] = {layers.LSTM: LSTMCell, layers.GRU: GRUCell}


def is_recurrent(layer: Any) -> bool:
    """Whether `layer` can be unrolled."""
    return type(layer) in _CELLS


def check(layer: Any) -> None:
    """Raise `InputError` when an option of a recurrent layer cannot be converted in any form."""
    require(layer, stateful=(False,), return_state=(False,))


def unroll(call: Call, site: str, sources: Sequence[str]) -> Operation:
    """One operation for all steps of a recurrent layer, whose state is at `site`, as its input has to be."""
    layer = call.layer
    cell = _CELLS[type(layer)](layer, call.name, site)

    def run(inputs: Sequence[Activation], tap: Tap, arrangement: GateLayout) -> Activation:
        x = inputs[0] if sources[0] == site else each(inputs[0], lambda x: rounded_for(site, sources[0], x, tap))
        steps = steps_of(x, arrangement.row_by_row)
        if layer.go_backwards:
            steps.reverse()
        carried = cell.start(steps[0].shape[0])
        states: list[tf.Tensor] = []
        for step in in_turn(steps):
            carried = cell(step, carried, not states, tap, arrangement)
            states.append(carried[0])
        if not layer.return_sequences:
            return states[-1]
        return states[::-1] if call.in_reverse else states

    return run
