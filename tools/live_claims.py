"""What is claimed of live recognition and of adapting to a person: accuracy, delay, speed, memory."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from claim import COMMAND, ROOT, Claim, at_most

from edge_runtime.commands.model_arguments import reference_model
from edge_runtime.live.recording_replay import follow
from edge_runtime.live.stream_scores import score
from edge_runtime.model.classifier import Classifier

sys.path.insert(0, str(ROOT / "tests"))
from disturbed import delivered

from edge_runtime.data import loading

LIVE_HOUR = """
import time
import numpy as np
from edge_runtime import uci_har
from edge_runtime.model.classifier import Classifier
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.commands.model_arguments import reference_model
samples = np.concatenate([x.samples for x in uci_har.recordings()])[: 3600 * 50]
seconds = np.arange(len(samples)) / 50
recognizer = LiveRecognizer(Classifier(reference_model("edge", "int8")))
start = time.process_time()
for i in range(len(samples)):
    recognizer.push(samples[i : i + 1], seconds[i : i + 1])
print(time.process_time() - start)
"""


def live_claims(folder: Path) -> Iterator[Claim]:
    """Measure them; files go to `folder`."""
    yield from _test_subjects(folder / "live.json")
    yield _disturbed()
    done = subprocess.run([sys.executable, "-c", LIVE_HOUR], check=True, capture_output=True, text=True)
    seconds = float(done.stdout)
    yield at_most("an hour of live samples, fed one by one, takes", seconds, 20, "s of one core", "one run")
    yield day_of_memory()
    path = folder / "gains.json"
    command = [*COMMAND, "personalise", "edge", "--evaluate", "--seconds", "60", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    yield from personal_claims(json.loads(path.read_text())["gains"])


def day_of_memory() -> Claim:
    """Memory over a simulated day of samples that come late, twice, out of order or not at all."""
    command = [sys.executable, str(ROOT / "tests" / "long_stream.py"), "24"]
    held = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    evidence = (
        f"24 h of jittered samples; {held[0] / 1e6:.1f} MB are held after 2.4 h, {held[-1] / 1e6:.1f} MB at the end"
    )
    return at_most("over a simulated day the memory grows by", (max(held) - held[0]) / 1e6, 1, "MB", evidence)


def personal_claims(gains: Sequence[Mapping[str, Any]]) -> Iterator[Claim]:
    """What adapting is worth: `gains` of people, with accuracies (0 to 1) `before` and `after`."""
    before, after = (100 * fmean(x[key] for x in gains) for key in ("before", "after"))
    people = f"{len(gains)} test subjects, 60 s of sitting and of standing each"
    evidence = f"{people}: {before:.2f} and {after:.2f} %"
    gain = f"{after - before:+.2f} points"
    yield Claim("adapting to a person gains, on the mean", "more than 0 points", gain, after > before, evidence)
    worst = max(gains, key=lambda x: x["before"] - x["after"])
    loss = 100 * (worst["before"] - worst["after"])
    yield at_most("adapting to a person costs, at worst", loss, 1, "points", f"{people}: subject {worst['subject']}")


def _test_subjects(path: Path) -> Iterator[Claim]:
    subprocess.run([*COMMAND, "evaluate", "edge", "--live", "--json", str(path)], check=True, capture_output=True)
    found = json.loads(path.read_text())
    evidence = f"whole recordings of {found['subjects']} test subjects, {found['hours']:.1f} h of activities"
    yield at_most("live, a new activity is reported after", found["delay_median_s"], 3, "s (median)", evidence)
    yield at_most("live, false changes are", found["false_changes_per_hour"], 6, "an hour", evidence)
    live, alone = (100 * found[key] for key in ("live_accuracy", "window_accuracy"))
    words = f"{live:.2f} % of {found['windows']} windows; each alone {alone:.2f} %"
    yield Claim("live accuracy, unknown counting as wrong, is", "reported", words, True, evidence)


def _disturbed() -> Claim:
    """What a bad connection costs: 1 % of samples lost, 1 % repeated, 1 % overtaken, times up to 5 ms wrong."""
    classifier = Classifier(reference_model("edge", "int8"))
    test = set(loading.load_data(None).test.subject.tolist())
    recordings = [x for x in loading.load_recordings(None) if x.subject in test]
    window = classifier.card.window
    clean, rough = (
        score(
            [follow(x, classifier, delivered=how(i, x)) for i, x in enumerate(recordings)],
            6,
            window.samples,
            window.rate_hz,
        )
        for how in (lambda i, x: None, lambda i, x: delivered(len(x.samples), x.rate_hz, i))
    )
    evidence = f"{len(recordings)} recordings, {100 * clean.live_accuracy:.2f} and {100 * rough.live_accuracy:.2f} %"
    change = 100 * (clean.live_accuracy - rough.live_accuracy)
    return at_most("lost, late and repeated samples cost live accuracy", change, 0.5, "points", evidence, 2)
