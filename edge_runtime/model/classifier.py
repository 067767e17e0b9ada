"""Classify windows in physical units, with any TFLite runtime."""

import warnings
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.graphs import Tensor
from edge_runtime.model.interpreters import Model, open_model
from edge_runtime.model.model_paths import model_path
from edge_runtime.model.novelty import GRAVITY, Flags, motion_features
from edge_runtime.model.personal_correction import look
from edge_runtime.signals.mounting import in_walking_frame
from edge_runtime.signals.normalisation import normalise
from edge_runtime.signals.raw_signals import measured_names, raw_factors
from edge_runtime.signals.sensor_faults import GRAVITY_SIZES_G
from edge_runtime.system.standard_streams import suppressed_stderr

RAW_INPUT = "raw_windows"
"""The name of the input tensor of a graph that normalises windows itself."""

Prepare = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""Turns a window `[samples, n_signals]` in physical units into the input tensor `[1, samples, n_signals]`."""


def preparation(card: cards.Card, tensor: Tensor) -> Prepare:
    """Choose how a window becomes the input `tensor`: unchanged if the graph normalises windows itself."""
    if card.raw_input:
        return lambda window: window[np.newaxis]
    rows = [np.broadcast_to(row, tensor.shape[1:]).copy() for row in card.normalisation.rows()]  # five times as fast
    return lambda window: quantise(normalise(window, *rows)[np.newaxis], tensor)


def quantise(values: npt.NDArray[np.float32], tensor: Tensor) -> npt.NDArray[Any]:
    """Quantise `values` for `tensor`: round(value / scale) + zero point, saturated; a float tensor takes them as is.

    Like LiteRT's QUANTIZE, and unlike tflite-runtime 2.14's, it multiplies by the float32 inverse of the scale and
    rounds ties to even.
    """
    if tensor.dtype == "float32":
        return values
    limits = np.iinfo(tensor.dtype)
    steps = np.rint(values * (np.float32(1) / np.float32(tensor.scale))) + np.float32(tensor.zero_point)
    return np.clip(steps, np.float32(limits.min), np.float32(limits.max)).astype(tensor.dtype)


class Classifier:
    """A model, ready to classify windows: a `.tflite` file, a run folder's model, or a reference model by its name.

    Windows are in the card's frame; `in_frame` turns them into it. Raises `InputError` when the file or the runtime
    cannot be used. A crafted graph may crash this process: let `edge_runtime.devices.trial.try_model` open a model of
    unknown origin first, and pass its `content`.
    """

    def __init__(self, path: Path | str, runtime: str = "auto", threads: int = 1, content: bytes | None = None) -> None:
        path = model_path(path)
        flatbuffer, self.card = cards.read_model(path) if content is None else cards.parse(content, str(path))
        with suppressed_stderr():
            self.model = open_model(flatbuffer, runtime, threads, name=str(path))
        check_graph(self.model.input, self.model.output, self.card, str(path))
        self._prepare = preparation(self.card, self.model.input)
        self._has_turned = self.card.frame == "device"  # windows into the model's frame

    def __repr__(self) -> str:
        return f"Classifier({self.card.name}: {self.card.window} to {', '.join(self.card.labels)})"

    def in_frame(self, windows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Turn recorded windows `[n, samples, n_signals]` into the frame that the model expects.

        All windows are of one person and one mounting. Raises `InputError` when no window shows walking.
        """
        checked, rate_hz = check_windows(windows, self.card), self.card.window.rate_hz
        if self.card.frame == "device":
            return checked
        if rate_hz is None:
            raise InputError(f"the card of '{self.card.name}' has no rate, which the walking frame needs: add it")
        turned = in_walking_frame(checked, self.card.signal_names, rate_hz)
        self._has_turned = True
        return turned

    def logits(self, windows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Compute the logits `[n, n_labels]`, personal correction included, of windows `[n, samples, n_signals]`.

        Raises `InputError` for a wrong shape and for values that are not finite.
        """
        checked = check_windows(windows, self.card)
        logits = self._predict(checked)
        correction = self.card.personal_correction
        return logits if correction is None else correction.apply(logits, looks(checked, self.card))

    def _predict(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Call `predict`; for a model with loops, which may be endless, in a thread that Ctrl-C abandons."""
        if not self.model.has_loops:
            return predict(self.model, self._prepare, windows)
        done: SimpleQueue[npt.NDArray[np.float32] | Exception] = SimpleQueue()

        def work() -> None:
            try:
                done.put(predict(self.model, self._prepare, windows))
            except Exception as error:  # noqa: BLE001 - raised again below
                done.put(error)

        Thread(target=work, daemon=True).start()
        answer = done.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def probabilities(self, windows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Compute the softmax `[n, n_labels]` of the logits over the card's temperature."""
        return softmax(self.logits(windows), self.card.temperature)

    def classify(self, windows: npt.ArrayLike) -> list[str]:
        """Name the label of each window of `windows` `[n, samples, n_signals]`."""
        return [self.card.labels[i] for i in self._indices(windows)]

    def predict(self, windows: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Return the same answers as indices `[n]` into the card's labels.

        Warns of acceleration that is not in g, and of windows for a model of the walking frame without `in_frame`.
        """
        return self._indices(windows)

    def _indices(self, windows: npt.ArrayLike) -> npt.NDArray[np.intp]:
        answers = self.logits(windows).argmax(axis=1)
        if not self._has_turned:
            warnings.warn(f"{self.card.name} takes windows of the walking frame: see in_frame", stacklevel=3)
        if len(answers) and {(name, "g") for name in GRAVITY} <= {(x.name, x.unit) for x in self.card.signals}:
            size = float(np.median(np.linalg.norm(gravity(np.asarray(windows), self.card), axis=1)))
            if not GRAVITY_SIZES_G[0] < size < GRAVITY_SIZES_G[1]:
                warnings.warn(f"acceleration has a size of about {size:.2g}, and 1 g is expected", stacklevel=3)
        return answers

    def score(self, windows: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Compute the accuracy for the label indices `y` `[n]`. Raises `InputError` for an unusable `y`."""
        checked, truth = check_windows(windows, self.card), np.asarray(y)
        if truth.dtype.kind not in "iu" or truth.shape != checked.shape[:1] or not len(truth):
            raise InputError(f"y must have the index of a label for each of the {len(checked)} windows, at least one")
        return float(np.mean(self._indices(checked) == truth))


def gravity(windows: npt.NDArray[np.floating], card: cards.Card) -> npt.NDArray[np.float64]:
    """Compute the mean acceleration (g) `[n, 3]` of windows `[n, samples, n_signals]`: the phone's orientation."""
    columns = [card.signal_names.index(name) for name in GRAVITY]
    return np.asarray(windows[..., columns], np.float64).mean(axis=1)


def looks(windows: npt.NDArray[np.floating], card: cards.Card) -> npt.NDArray[np.float64]:
    """Compute the looks `[n, n_features]` of windows for a personal correction. Raises `InputError` without a rate."""
    if card.window.rate_hz is None:
        raise InputError(f"the card of '{card.name}' has no rate, which a personal correction needs: add it")
    return look(windows, card.signal_names, card.window.rate_hz)


def are_novel(windows: npt.NDArray[np.floating], y: npt.NDArray[np.integer], card: cards.Card) -> Flags:
    """Tell which windows `[n, samples, n_signals]` are novel for their classes `y` `[n]`, so that they stay unknown."""
    if card.live.novelty is None:
        return np.zeros(len(y), np.bool_)
    factors = raw_factors(card.signals)
    measured = windows if factors is None else windows * factors
    novelty = card.live.novelty.detect(motion_features(measured, measured_names(card.signals), card.window))
    return np.asarray(novelty.novel_posture | novelty.novel_movement)[np.arange(len(y)), y]


def softmax(logits: npt.ArrayLike, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Compute the probabilities `[..., n]` of logits `[..., n]` over a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def predict(model: Model, prepare: Prepare, windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Compute the logits `[n, n_labels]` of `windows` `[n, samples, n_signals]` by an inference for each window."""
    logits = np.empty((len(windows), model.output.shape[-1]), np.float32)
    for row, window in zip(logits, windows, strict=True):
        row[:] = dequantise(model.run(prepare(window))[0], model.output)
    return logits


def dequantise(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[np.float32]:
    """Compute the float32 values of the quantised `values` of `tensor`."""
    if tensor.dtype == "float32":
        return np.asarray(values, np.float32)
    return (values.astype(np.int32) - np.int32(tensor.zero_point or 0)).astype(np.float32) * np.float32(tensor.scale)


def check_windows(windows: npt.ArrayLike, card: cards.Card) -> npt.NDArray[np.float32]:
    """Return `windows` as float32 `[n, samples, n_signals]`. Raises `InputError` for a wrong shape, NaN or infinity."""
    checked = np.asarray(windows, np.float32)
    samples, n_signals = card.input_shape
    if checked.ndim != 3 or checked.shape[1:] != card.input_shape:
        hint = "; give a single window as window[None]" if checked.shape == card.input_shape else ""
        raise InputError(
            f"windows have the shape {checked.shape}, but the model '{card.name}' expects [n, {samples}, {n_signals}]: "
            f"{card.window} of {', '.join(card.signal_names)}{hint}"
        )
    bad = np.flatnonzero(~np.isfinite(checked).all(axis=(1, 2)))
    if len(bad):
        raise InputError(f"window {bad[0]} has a value that is NaN or infinite: leave it out or repair it")
    return checked


def check_graph(input_: Tensor, output: Tensor, card: cards.Card, name: str) -> None:
    """Raise `InputError` unless the input and the output of the graph in `name` fit `card`."""
    for what, tensor in (("input", input_), ("output", output)):
        if tensor.dtype != "float32" and (tensor.dtype not in ("int8", "uint8", "int16") or not tensor.scale):
            raise InputError(f"{name} has an {what} of type {tensor.dtype} without one scale: convert it again")
    in_graph = (input_.name == RAW_INPUT, input_.shape, output.shape)
    on_card = (card.raw_input, (1, *card.input_shape), (1, len(card.labels)))
    for what, actual, expected in zip(("raw input", "input", "output"), in_graph, on_card, strict=True):
        if actual != expected:
            raise InputError(
                f"{name} has {what} {actual}, but its card says {expected}: attach the right card by 'har-edge card'"
            )
