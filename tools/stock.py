"""A network in the float32 forms of others, for comparison: `python -m tools.stock RUN`.

`stock_float32.tflite` is what TensorFlow's converter makes of the Keras network as it is, with a batch of one: a loop
for each recurrent layer that is not unrolled. (The converter's int8 calibration dies of such loops, so that there is no
int8 to compare with.) `fused_float32.tflite` has TFLite's own LSTM operator, if all recurrent layers are LSTMs.
"""

import sys
import tempfile
from pathlib import Path

from convert.keras_files import load_network
from edge_runtime.errors import InputError
from edge_runtime.host.tensorflow_setup import import_tensorflow
from edge_runtime.model.model_card import load, write_model
from edge_runtime.runs import Run

FORMS = ("stock", "fused")


def convert(run: Run) -> None:
    """Write the final network of `run`, with its card, in all of `FORMS` that there are of it."""
    import_tensorflow("the stock converter")
    from convert.lowering.network import lower
    from convert.quantise.tflite_converter import to_float32

    network, card = load_network(run.model), load(run.card)
    write_model(path(run, "stock"), _stock(network), card)
    try:
        fused = lower(network, fused=True)
    except InputError as refusal:
        print(f"not fused: {refusal}")
        return
    if fused.is_fused:
        write_model(path(run, "fused"), to_float32(fused), card)


def path(run: Run, form: str) -> Path:
    """Where the model of one of `FORMS` is."""
    return run.folder / f"{form}_float32.tflite"


def _stock(network: object) -> bytes:
    import keras
    import tensorflow as tf

    assert isinstance(network, keras.Model)
    signature = [keras.InputSpec(shape=(1, *network.input_shape[1:]), dtype="float32")]
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        network.export(folder, input_signature=signature, verbose=False)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


if __name__ == "__main__":
    convert(Run(Path(sys.argv[1])))
