"""A network as TensorFlow's own converter gives it: `python tools/stock.py RUN OUT`, for comparison.

Keras's own form with a batch of one, in float32: a loop for each recurrent layer that is not unrolled. The converter's
int8 calibration dies of such loops, so that there is none to compare with.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from convert.keras_files import load_network
from edge_runtime.card import load, write_model
from edge_runtime.host import import_tensorflow
from edge_runtime.runs import Run


def convert(run: Run, out: Path) -> None:
    """Write the final network of `run`, with its card under another name, to `out`."""
    import_tensorflow("the stock converter")
    import keras
    import tensorflow as tf

    network = load_network(run.model)
    signature = [keras.InputSpec(shape=(1, *network.input_shape[1:]), dtype="float32")]
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        network.export(folder, input_signature=signature, verbose=False)
        flatbuffer = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    card = load(run.card)
    write_model(out, bytes(flatbuffer), replace(card, name=f"{card.name}, stock"))


if __name__ == "__main__":
    convert(Run(Path(sys.argv[1])), Path(sys.argv[2]))
