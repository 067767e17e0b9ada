"""Train a published network on UCI HAR's windows: `python -m tools.published_networks.training NAME FOLDER`.

Leaves `<name>.keras`, the `normalisation.json` of its windows, and `training.json`, in `FOLDER`.
"""

import time
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data.loading import load_data
from tools import write_json

LEARNING_RATE, BATCH_SIZE, SEED = 2e-3, 128, 0


@click.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def main(name: str, folder: Path) -> None:
    """Train the network NAME in FOLDER."""
    import_tensorflow("training")
    train(name, folder)


def train(name: str, folder: Path) -> None:
    """Train a network for its epochs with Adam and a cosine schedule; nothing is chosen during training.

    Training leaves out the subjects that `har-edge convert` checks an external model on.
    """
    import keras

    from convert.conversion_input import held_out_windows
    from convert.keras_layers import ends_in_softmax
    from tools.published_networks.networks import NETWORKS
    from train.fit.recipe import Recipe
    from train.fit.signal_normalisation import measure_normalisation

    published, data = NETWORKS[name], load_data(None)
    is_held_out = held_out_windows(data.train)
    fitting, held_out = data.train.select(~is_held_out), data.train.select(is_held_out)
    normalisation = measure_normalisation(fitting.X, Recipe(), [x.name for x in data.signals])

    keras.utils.set_random_seed(SEED)
    network = published.to_train()
    steps = -(-len(fitting) // BATCH_SIZE) * published.epochs
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(network)),
        metrics=["accuracy"],
        jit_compile=False,
    )
    started = time.process_time()
    X = published.arrange(normalisation.apply(fitting.X))
    history = network.fit(X, fitting.y, BATCH_SIZE, published.epochs, verbose=2).history
    seconds = time.process_time() - started

    network = published.trained(network)
    answers = network.predict(published.arrange(normalisation.apply(held_out.X)), verbose=0).argmax(1)
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / f"{name}.keras")
    write_json(folder / "normalisation.json", asdict(normalisation))
    content = {
        "epochs": published.epochs,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "cpu_seconds": seconds,
        "parameters": network.count_params(),
        "training_accuracy": history["accuracy"][-1],
        "held_out_subjects": np.unique(held_out.subject).tolist(),
        "held_out_accuracy": float(np.mean(answers == held_out.y)),
    }
    write_json(folder / "training.json", content)


if __name__ == "__main__":
    main()
