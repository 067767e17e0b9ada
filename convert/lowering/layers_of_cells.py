"""Read an RNN of cells as the recurrent layers that it is equal to."""

from typing import Any

from keras import layers

from convert.lowering.refusals import refuse

_LAYER_OF = {
    layers.LSTMCell: layers.LSTM,
    layers.GRUCell: layers.GRU,
    layers.SimpleRNNCell: layers.SimpleRNN,
}


def as_layers(layer: Any, n_features: int) -> list[Any]:
    """Return the stack of layers that `layer`, if it is an RNN of one or several cells, is; else itself alone.

    Raises `InputError` for cells that no layer has.
    """
    if type(layer) is not layers.RNN:
        return [layer]
    cells = layer.cell.cells if type(layer.cell) is layers.StackedRNNCells else [layer.cell]
    found = []
    for number, cell in enumerate(cells):
        if type(cell) not in _LAYER_OF:
            refuse(layer, f"has a cell {type(cell).__name__}: use {', '.join(x.__name__ for x in _LAYER_OF)}")
        is_last = number == len(cells) - 1
        options = {
            "name": layer.name if is_last else f"{layer.name}.{cell.name}",
            "return_sequences": layer.return_sequences or not is_last,
            "go_backwards": layer.go_backwards and number == 0,  # the sequence of those above is turned already
        }
        same = _LAYER_OF[type(cell)].from_config(cell.get_config() | options)
        same.build((None, None, n_features))
        same.set_weights(cell.get_weights())
        found.append(same)
        n_features = cell.units
    return found
