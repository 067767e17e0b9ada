"""Show where the int8 model of a run loses precision: `python -m tools.diagnosis RUN`.

Two forms of the network run side by side on held-out windows: in float, and with the int8 model's arithmetic. At each
place their difference is the noise so far, which may be harmless. So each place in turn stays in float while all others
round: the gain of the logits is its cost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from rich.table import Table

from convert.conversion_job import ConversionJob
from convert.lowering.network import Lowered, select_lowering
from convert.options import Options
from convert.parity import snr_db
from convert.quantise.calibration import ActivationRange, Ranges, draw_windows
from convert.run_networks import load_run_data, of_run
from edge_runtime.model.model_card import read_model
from edge_runtime.runs import Run
from edge_runtime.system.terminal import Console
from tools.int8_arithmetic import WEIGHTS, Int8Arithmetic, Rounding

Array = npt.NDArray[np.float32]

WINDOWS = 512  # drawn from the held-out ones


@dataclass(frozen=True)
class Place:
    """The precision of one place of the int8 model, over the steps of a recurrent layer.

    `snr_db` is the median signal-to-noise ratio in decibels, `worst_db` the least, at `step`, and `rounding_db` is for
    this rounding only. `cut_off` is the share of values out of range, `bits` the entropy of the 256 values. The logits
    gain `gain_db` if only this place stays in float.
    """

    name: str
    kind: str
    snr_db: float
    worst_db: float
    step: int | None
    rounding_db: float
    cut_off: float
    bits: float
    gain_db: float


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Diagnose the final network of RUN, which `har-edge convert --quantize-as int8` has converted."""
    run = Run(folder)
    card = read_model(run.tflite("int8"))[1]
    ranges = {point: ActivationRange(*limits) for point, limits in card.quantisation["ranges"].items()}
    job = ConversionJob(folder, folder, Options())
    *_, given = of_run(job, load_run_data(job))
    network, _ = select_lowering(given.model, card.quantisation["lowering"])
    rows = draw_windows(given.held_out, min(WINDOWS, len(given.held_out)), given.seed)
    places, logits_db = diagnose(network, ranges, given.card.normalisation.apply(given.held_out.X[rows]))
    show(places, logits_db)


def diagnose(network: Lowered, ranges: Ranges, X: Array) -> tuple[list[Place], float]:
    """The places where the int8 form of `network` rounds, in their order, and the logits' signal-to-noise ratio.

    `X` `[n, samples, n_signals]` are normalised windows.
    """
    arithmetic = Int8Arithmetic(network, ranges, len(X))
    (exact, in_float), (_, in_int8) = (_run(arithmetic, X, is_rounded) for is_rounded in (False, True))
    steps: dict[str, list[tuple[Rounding, Array, Array]]] = {}
    for at, value, arrived in zip(arithmetic.roundings, in_float, in_int8, strict=True):
        steps.setdefault(at.name, []).append((at, value, arrived))
    answers = _answers(arithmetic, tuple(steps), X)
    logits_db = _snr_db(answers(None), exact)
    places = [_place(name, own, _snr_db(answers(name), exact) - logits_db) for name, own in steps.items()]
    return places, logits_db


def weakest(places: list[Place]) -> Place:
    """The place that costs the logits most."""
    return max(places, key=lambda x: x.gain_db if math.isfinite(x.gain_db) else -math.inf)


def show(places: list[Place], logits_db: float) -> None:
    """Print a row for each place, and name the one that costs the logits most."""
    table = Table(box=None, pad_edge=False)
    for name in ("place", "SNR dB", "worst", "step", "own rounding", "cut off", "bits of 8", "cost to logits, dB"):
        table.add_column(name, justify="left" if name == "place" else "right", no_wrap=name == "place")
    for x in places:
        numbers = (f"{x.rounding_db:.1f}", f"{100 * x.cut_off:.1f} %", f"{x.bits:.1f}", f"{x.gain_db:.1f}")
        table.add_row(x.name, f"{x.snr_db:.1f}", f"{x.worst_db:.1f}", str(x.step or ""), *numbers)
    console = Console(markup=False)
    console.print(table)
    place = weakest(places)
    console.print(
        f"{place.name} costs most: if it stayed in float, the logits' SNR would rise from {logits_db:.1f} dB to "
        f"{logits_db + place.gain_db:.1f} dB."
    )


def _place(name: str, steps: list[tuple[Rounding, Array, Array]], gain_db: float) -> Place:
    noise = [_snr_db(at.grid.round(arrived).numpy(), exact) for at, exact, arrived in steps]
    worst = int(np.argmin(noise))
    levels = [at.grid.levels(arrived) for at, _, arrived in steps]
    kind = steps[0][0].kind
    return Place(
        name=name,
        kind=kind,
        snr_db=median(noise),
        worst_db=noise[worst],
        step=None if kind == WEIGHTS else steps[worst][0].step,
        rounding_db=median(_snr_db(at.grid.round(exact).numpy(), exact) for at, exact, _ in steps),
        cut_off=float(np.mean([np.mean((x < 0) | (x > 255)) for x in levels])),
        bits=median(map(_entropy, levels)),
        gain_db=gain_db,
    )


def _entropy(levels: Array) -> float:
    counts = np.bincount(np.clip(levels, 0, 255).astype(np.uint8).ravel())
    shares = counts[counts > 0] / levels.size
    return float(-(shares * np.log2(shares)).sum())


def _snr_db(answers: Array, expected: Array) -> float:
    """The ratio in decibels, infinite without noise."""
    found = snr_db(answers, expected)
    return float("inf") if found is None else found


def _answers(arithmetic: Int8Arithmetic, names: tuple[str, ...], X: Array) -> Callable[[str | None], Array]:
    """A function that returns the logits when the place of a name, or none, stays in float."""

    def logits(windows: tf.Tensor, in_float: tf.Tensor) -> tf.Tensor:
        return arithmetic(windows, lambda at, x: tf.where(in_float == names.index(at.name), x, at.grid.round(x)))

    # One graph for all names, since it takes longer to make than to run.
    windows = tf.constant(X)
    function = tf.function(logits, autograph=False).get_concrete_function(windows, tf.TensorSpec([], tf.int32))
    return lambda name: function(windows, tf.constant(-1 if name is None else names.index(name))).numpy()


def _run(arithmetic: Int8Arithmetic, X: Array, is_rounded: bool) -> tuple[Array, list[Array]]:
    """The logits, and the values before each rounding; nothing is rounded unless `is_rounded`."""

    def run(windows: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        arrived: list[tf.Tensor] = []

        def round_value(at: Rounding, x: tf.Tensor) -> tf.Tensor:
            arrived.append(x)
            return at.grid.round(x) if is_rounded else x

        return arithmetic(windows, round_value), arrived

    windows = tf.constant(X)
    logits, arrived = tf.function(run, autograph=False).get_concrete_function(windows)(windows)
    return logits.numpy(), [x.numpy() for x in arrived]


if __name__ == "__main__":
    main()
