"""Write golden vectors for ports to other languages: `python -m tools.golden`; `--check` compares them.

A few seconds of real recordings, step by step from the sensor to the answer: raw samples, signals, the int8 input of
each window, the logits, the activity, and what live recognition decides. `tests/golden/README.md` says how to read
them.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Recording
from edge_runtime.errors import CheckFailedError, HarEdgeError
from edge_runtime.live.recognizer import Decision, LiveRecognizer
from edge_runtime.model.classifier import Classifier, Preparation, dequantise, softmax
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import frontend
from edge_runtime.system.files import sha256, write_text
from tools import ROOT

FOLDER = ROOT / "tests" / "golden"
MODEL = reference_model("edge", "int8")
HOP, LENGTH = dataset.WINDOW.hop, 640  # samples: a window each 1.28 s, 12.8 s in all
STRETCHES = {"walking": ("WALKING", 200), "sitting_down": ("stand_to_sit", -320), "lying_down": ("sit_to_lie", -320)}
"""Name -> the label whose first sample it is near, and how many samples after it the stretch begins."""
SUBJECT = 7  # one of the training subjects
RAW_COLUMNS = ("ax", "ay", "az", "gx", "gy", "gz")
WITHIN = {"signals": 1e-6, "logits": 1e-5, "probabilities": 1e-5}
"""Tolerances for other machines, signals in g and rad/s; all other values are equal."""


@dataclass(frozen=True)
class WindowVector:
    """A window and its answers, with what live recognition decides when its last sample, number `last`, has come."""

    last: int
    input: list[list[int]]
    output: list[int]
    logits: list[float]
    probabilities: list[float]
    activity: str
    live_activity: str
    live_probabilities: list[float]


@dataclass(frozen=True)
class Vectors:
    """One stretch: `raw` `[n, 6]` in g and rad/s, `signals` `[n - 1, 9]` in g and rad/s, and its windows."""

    raw: np.ndarray
    signals: np.ndarray
    model_sha256: str
    windows: list[WindowVector]

    def save(self, folder: Path) -> None:
        """Write the three files of the stretch."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values, columns, form in (
            ("raw.csv", self.raw, RAW_COLUMNS, "%.17g"),
            ("signals.csv", self.signals, [x.name for x in frontend.SIGNALS], "%.9f"),
        ):
            np.savetxt(folder / name, values, form, delimiter=",", header=",".join(columns), comments="")
        windows = ",\n  ".join(json.dumps(asdict(x)) for x in self.windows)
        text = f'{{"model_sha256": "{self.model_sha256}",\n "windows": [\n  {windows}\n ]}}\n'
        write_text(folder / "windows.json", text)

    @classmethod
    def load(cls, folder: Path) -> "Vectors":
        """The inverse of `save`."""
        raw, signals = (np.loadtxt(folder / x, delimiter=",", skiprows=1) for x in ("raw.csv", "signals.csv"))
        content = json.loads((folder / "windows.json").read_text())
        return cls(raw, signals, content["model_sha256"], [WindowVector(**x) for x in content["windows"]])


def make(raw: np.ndarray, classifier: Classifier) -> Vectors:
    """All steps from `raw` samples on, whose filters start at the first one."""
    signals = frontend.signals(raw)
    columns = [[x.name for x in frontend.SIGNALS].index(x.name) for x in classifier.card.signals]
    prepare = Preparation(classifier.card.normalisation, classifier.model.input)
    recognizer = LiveRecognizer(classifier, HOP, gentle=False)
    decisions = [x for x in [*recognizer.push(raw), *recognizer.flush()] if isinstance(x, Decision)]
    windows = []
    for first, decision in zip(range(0, len(signals) - dataset.WINDOW.samples + 1, HOP), decisions, strict=True):
        window = signals[first : first + dataset.WINDOW.samples, columns].astype(np.float32)
        taken = prepare(window).copy()
        given = classifier.model.run(taken)[0].copy()
        logits = dequantise(given, classifier.model.output)
        windows.append(
            WindowVector(
                last=first + dataset.WINDOW.samples - 1,
                input=taken[0].tolist(),
                output=given.tolist(),
                logits=_rounded(logits),
                probabilities=_rounded(softmax(logits, classifier.card.temperature)),
                activity=classifier.card.labels[int(logits.argmax())],
                live_activity=decision.activity,
                live_probabilities=_rounded(decision.probabilities),
            )
        )
    return Vectors(raw, signals, sha256(MODEL), windows)


def stretches() -> Iterator[tuple[str, np.ndarray]]:
    """The name and raw samples `[LENGTH, 6]` of each stretch."""
    recordings = [x for x in loading.load_recordings() if x.subject == SUBJECT]
    for name, (label, offset) in STRETCHES.items():
        recording = next(x for x in recordings if _first(x, label) is not None)
        start = (_first(recording, label) or 0) + offset
        yield name, recording.samples[start : start + LENGTH]


def check(folder: Path, classifier: Classifier) -> None:
    """Raise `CheckFailedError`, with the first place, when vectors made anew differ from those in `folder`."""
    for name in STRETCHES:
        stored = Vectors.load(folder / name)
        if stored.model_sha256 != sha256(MODEL):
            raise CheckFailedError(f"{folder / name} is of another model than {MODEL.name}: run `make golden`")
        made = make(stored.raw, classifier)
        _same(f"{name}/signals.csv", made.signals, stored.signals, WITHIN["signals"])
        if len(made.windows) != len(stored.windows):
            raise CheckFailedError(f"{name}/windows.json has {len(stored.windows)} windows, not {len(made.windows)}")
        for i, (new, old) in enumerate(zip(made.windows, stored.windows, strict=True)):
            for field, value in asdict(new).items():
                within = WITHIN.get(field.removeprefix("live_"), 0.0)
                _same(f"{name}/windows.json, window {i}, {field}", value, getattr(old, field), within)


def main() -> None:
    """Write the vectors, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    classifier = Classifier(MODEL)
    if arguments.check:
        try:
            check(FOLDER, classifier)
        except HarEdgeError as error:
            sys.exit(f"Error: {error}")
        print(f"{FOLDER}: as made anew")
        return
    for name, raw in stretches():
        make(raw, classifier).save(FOLDER / name)
        print(FOLDER / name)


def _first(recording: Recording, label: str) -> int | None:
    """The first sample of a label in a recording that has enough around it."""
    found = np.flatnonzero(recording.labels == recording.label_names.index(label))
    return next((int(x) for x in found if LENGTH < x < len(recording.labels) - LENGTH), None)


def _same(place: str, made: Any, stored: Any, within: float) -> None:
    if isinstance(made, str) or within == 0:
        different = made != stored
    else:
        different = np.shape(made) != np.shape(stored) or bool(np.abs(np.subtract(made, stored)).max() > within)
    if different:
        raise CheckFailedError(f"{place} differs from what is made anew")


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(x), 7) for x in values]


if __name__ == "__main__":
    main()
