"""Measure the claims about live recognition and adapting to a person: accuracy, delay, speed, memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from edge_runtime.data import loading
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.frontend import RATE_HZ
from tools import ROOT, personal_gain
from tools.claim import Claim, at_most, har_edge_json
from tools.personal_gain import Gain


def live_claims(folder: Path) -> Iterator[Claim]:
    """Measure the claims; files go to `folder`."""
    yield from _test_subjects(har_edge_json(folder / "live.json", "evaluate", "edge", "--live"))
    yield _hour()
    yield _day_of_memory()
    gains, _ = personal_gain.measure(Classifier(reference_model("edge", "int8")), (), seconds=10)
    yield from personal_claims(gains)


def personal_claims(gains: Sequence[Gain]) -> Iterator[Claim]:
    """Claim what adapting is worth."""
    before, after = 100 * fmean(x.before for x in gains), 100 * fmean(x.after for x in gains)
    people = f"{len(gains)} test subjects, 10 s of each activity"
    evidence = f"{people}: {before:.2f} and {after:.2f} %"
    gain = f"{after - before:+.2f} points"
    yield Claim("adapting to a person gains, on the mean", "more than 0 points", gain, after > before, evidence)
    worst = max(gains, key=lambda x: x.before - x.after)
    loss = 100 * (worst.before - worst.after)
    yield at_most("adapting to a person costs, at worst", loss, 1, "points", f"{people}: subject {worst.subject}")


def _hour() -> Claim:
    samples = np.concatenate([recording.samples for recording in loading.load_recordings()])[: 3600 * RATE_HZ]
    times = np.arange(len(samples)) / RATE_HZ
    recognizer = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    start = time.process_time()
    for i in range(len(samples)):
        recognizer.push(samples[i : i + 1], times[i : i + 1])
    seconds = time.process_time() - start
    return at_most("an hour of live samples, fed one by one, takes", seconds, 20, "s of one core", "one run")


def _day_of_memory() -> Claim:
    """Measure memory over a simulated day of samples that come late, twice, out of order or not at all."""
    command = [sys.executable, str(ROOT / "tests" / "live" / "long_stream.py"), "24"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "support"), str(ROOT)))}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    sizes = json.loads(done.stdout)
    evidence = (
        f"24 h of jittered samples; {sizes[0] / 1e6:.1f} MB are held after 2.4 h, {sizes[-1] / 1e6:.1f} MB at the end"
    )
    return at_most("over a simulated day the memory grows by", (max(sizes) - sizes[0]) / 1e6, 1, "MB", evidence)


def _test_subjects(scores: Mapping[str, Any]) -> Iterator[Claim]:
    evidence = f"whole recordings of {scores['subjects']} test subjects, {scores['hours']:.1f} h of activities"
    yield at_most("live, a new activity is reported after", scores["delay_median_s"], 3, "s (median)", evidence)
    yield at_most("live, false changes are", scores["false_changes_per_hour"], 6, "an hour", evidence)
