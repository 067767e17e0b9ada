"""Write golden vectors for ports to other languages: `python -m tools.golden`.

The vectors show each step from the sensor to the answer, for a few seconds of real recordings.
`tests/golden/README.md` says how to read them.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.data import dataset, loading
from edge_runtime.data.recording import Recording
from edge_runtime.live.decider import STEPS, Decision
from edge_runtime.live.mounting_search import SURE, MountingSearch
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier, quantise, softmax
from edge_runtime.model.interpreters import Model, Tensor
from edge_runtime.model.model_card import WALKING
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import frontend
from edge_runtime.signals.mounting import is_moving
from edge_runtime.system.files import sha256, write_text
from tools import ROOT

FOLDER = ROOT / "tests" / "golden"
MODEL, OF_ANY_MOUNTING = (reference_model(name, "int8") for name in ("edge", "edge-anywhere"))
HOP, LENGTH = dataset.WINDOW.hop, 640  # samples: a window each 1.28 s, 12.8 s in all
STRETCHES = {"walking": ("WALKING", 200), "sitting_down": ("stand_to_sit", -320), "lying_down": ("sit_to_lie", -320)}
"""Name -> a label, and how many samples after the label's first sample the stretch begins."""
WORN_ANY_WAY = "worn_any_way"
"""The stretch of walking again, from a turned phone: its y axis points up."""
ASKEW = [2, 0, 1, 5, 3, 4]  # the phone's columns, as columns of the phone at the waist
SUBJECT = 7  # one of the training subjects
RAW_COLUMNS, SIGNAL_NAMES = ("ax", "ay", "az", "gx", "gy", "gz"), [x.name for x in frontend.SIGNALS]


def make(raw: np.ndarray, classifier: Classifier) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Compute the signals `[n, 9]` of `raw` `[n, 6]`, both in g and rad/s, and each window with its answers.

    The filters start at the first sample. `tests/golden/README.md` names the fields of a window.
    """
    signals = frontend.signals(raw)
    columns = [SIGNAL_NAMES.index(signal.name) for signal in classifier.card.signals]
    search = None
    if classifier.card.frame == "walking":
        search = MountingSearch(classifier.card.signal_names, classifier.card.window)
    normalisation, of_int8 = classifier.card.normalisation, quantised_windows(classifier.model)
    recognizer = LiveRecognizer(classifier, gentle=False)
    decisions = [x for x in [*recognizer.push(raw), *recognizer.flush()] if isinstance(x, Decision)]
    windows = []
    for first, decision in zip(range(0, len(signals) - dataset.WINDOW.samples + 1, HOP), decisions, strict=True):
        window = signals[first : first + dataset.WINDOW.samples, columns].astype(np.float32)
        mounting = {}
        if search:
            as_worn, window = window, search.turn(window)
            mounting = {"mounting": None if search.rotation is None else search.rotation.tolist()}
            steps = _find_steps(window, classifier)
            if search.rotation is not None and not (search.is_settled and steps[1]):
                steps = _find_steps(search.own(as_worn), classifier)
            search.update(as_worn, *steps)
        (logits,) = classifier.logits(window[np.newaxis])
        windows.append(
            mounting
            | {
                "last": first + dataset.WINDOW.samples - 1,
                "int8": quantise(normalisation.apply(window), of_int8).tolist(),
                "logits": _rounded(logits),
                "probabilities": _rounded(softmax(logits, classifier.card.temperature)),
                "activity": classifier.card.labels[int(logits.argmax())],
                "live_activity": decision.activity,
                "live_probabilities": _rounded(decision.probabilities),
            }
        )
    return signals, windows


def quantised_windows(model: Model) -> Tensor:
    """Return the tensor `[1, samples, n_signals]` that an int8 model of raw windows computes from its input."""
    main = model.graphs[0]
    (operator,) = (x for x in main.operators if x.name == "QUANTIZE")
    return replace(main.tensors[operator.outputs[0]], shape=model.input.shape)  # inside the graph, its rows are longer


def save(folder: Path, raw: np.ndarray, classifier: Classifier) -> None:
    """Write the three files of the stretch `raw` `[n, 6]` into `folder`."""
    signals, windows = make(raw, classifier)
    folder.mkdir(parents=True, exist_ok=True)
    for name, values, columns, form in (
        ("raw.csv", raw, RAW_COLUMNS, "%.17g"),
        ("signals.csv", signals, SIGNAL_NAMES, "%.9f"),
    ):
        np.savetxt(folder / name, values, form, delimiter=",", header=",".join(columns), comments="")
    rows = ",\n  ".join(map(json.dumps, windows))
    write_text(
        folder / "windows.json",
        f'{{"model_sha256": "{sha256(model_of(folder.name))}",\n "windows": [\n  {rows}\n ]}}\n',
    )


def model_of(stretch: str) -> Path:
    """Return the model that answers `stretch`."""
    return OF_ANY_MOUNTING if stretch == WORN_ANY_WAY else MODEL


def stretches() -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and raw samples `[LENGTH, 6]` of each stretch."""
    recordings = [recording for recording in loading.load_recordings() if recording.subject == SUBJECT]
    for name, (label, offset) in STRETCHES.items():
        recording, first = next((x, first) for x in recordings if (first := _first(x, label)) is not None)
        raw = recording.samples[first + offset : first + offset + LENGTH]
        yield name, raw
        if name == "walking":
            yield WORN_ANY_WAY, raw[:, ASKEW]


def main() -> None:
    """Write golden vectors for ports to other languages."""
    for name, raw in stretches():
        save(FOLDER / name, raw, Classifier(model_of(name)))
        print(FOLDER / name)


def _find_steps(window: np.ndarray, classifier: Classifier) -> tuple[bool, bool]:
    """Tell whether the answer to a turned window is walking or stairs, and whether it is walking."""
    card = classifier.card
    if not is_moving(window[np.newaxis], card.signal_names)[0]:
        return False, False
    answer = classifier.probabilities(window[np.newaxis])[0]
    steps = [label in STEPS for label in card.labels]
    return bool(answer[steps].sum() > SURE), bool(answer[card.labels.index(WALKING)] > SURE)


def _first(recording: Recording, label: str) -> int | None:
    """Return the first sample of a label with enough samples around it; None without a sample."""
    samples = np.flatnonzero(recording.labels == recording.label_names.index(label))
    return next((int(i) for i in samples if LENGTH < i < len(recording.labels) - LENGTH), None)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 7) for value in values]


if __name__ == "__main__":
    main()
