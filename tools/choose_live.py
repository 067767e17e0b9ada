"""Choose smoothing and novelty limits of live recognition by cross-validation: `python -m tools.choose_live`.

Networks are trained on three folds of the 21 training subjects and answer for the fourth, over whole recordings. Writes
`docs/results/live.md`; the test subjects are not used. Takes about ten minutes on 2 cores.
"""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Dataset, Recording, cut
from edge_runtime.live.personal_learning import RIDGE
from edge_runtime.live.personalisation import gain, stretches
from edge_runtime.live.recognizer import WARM_UP_S
from edge_runtime.live.stream_scores import LiveScores, Track, score
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.live_settings import Smoothing
from edge_runtime.model.novelty import NoveltyDetector
from edge_runtime.signals import frontend
from edge_runtime.system.files import write_text
from edge_runtime.system.quantities import percent
from tools import RESULTS, table
from tools.choose_recipe import FOLDS, int8_classifier, plan
from tools.live_streams import HOP, Stream, fold_of, smooth, stream_of
from tools.novelty_report import novelty_section
from train.cross_validation import choose_folds
from train.fit.recipe import Recipe
from train.novelty_statistics import MOVEMENT, POSTURE, fit_novelty_detector
from train.run.fit_processes import run_jobs
from train.temperature import fit_temperature

LIVE = RESULTS / "live.md"
PHASES = (0, 32)
GRID = {
    "evidence": (0.5, 0.7),
    "change_moving": (0.5, 0.7),
    "movement": (0.03, 0.045),
    "confidence": (0.8, 0.85, 0.95),
}
# Limits of far and strange, of postures and of movements.
LIMITS = (
    ((2.0, 2.5), (2.0, 2.5)),
    ((2.0, 4.0), (1.5, 2.5)),
    ((2.5, 4.0), (1.5, 2.0)),
    ((2.5, 4.0), (1.5, 2.5)),
    ((2.5, 4.0), (1.5, 3.0)),
    ((2.5, 4.0), (2.0, 2.5)),
    ((2.5, 6.0), (1.5, 2.5)),
)
NO_LIMITS = ((np.inf, np.inf), (np.inf, np.inf))
# A little less than would do: 3 s, and 6 an hour.
MOST_DELAY_S, MOST_FALSE_CHANGES, LEAST_IN_TRANSITIONS = 2.75, 5.5, 1 / 3
SHOWN = 10
RIDGES, SECONDS = (3.0, 10.0, 30.0), (3.0, 10.0, 30.0)
START_EVERY = 1500  # samples: where streams begin that know no past
START_LENGTH = 1000
Limits = tuple[tuple[float, float], tuple[float, float]]
Settings = tuple[Limits, Smoothing | None]


def main() -> None:
    """Train, score every setting, and leave the tables."""
    import_tensorflow("choosing the smoothing")
    data = loading.load_data()
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        models = _train(data, Path(folder))
    recordings = [x for x in loading.load_recordings() if x.subject in data.train.subject]
    streams = [stream_of(x, models, phase) for x in recordings for phase in PHASES]
    temperature = _temperature(streams)
    alone = _score(streams, [x.logits.argmax(1) for x in streams])
    scored: list[tuple[Settings, LiveScores]] = [((NO_LIMITS, None), alone)]
    for limits in (NO_LIMITS, *LIMITS):
        detectors = _detectors(data, *limits)
        novelty = [x.novelty(detectors[x.fold]) for x in streams]
        for values in itertools.product(*GRID.values()):
            smoothing = Smoothing(**dict(zip(GRID, values, strict=True)))
            shown = [smooth(x, n, smoothing, temperature) for x, n in zip(streams, novelty, strict=True)]
            scored.append(((limits, smoothing), _score(streams, shown)))
        print(limits, flush=True)
    section = novelty_section(streams, models, _detectors(data), temperature)
    gains = [_personal(recordings, models, temperature, ridge, seconds) for seconds in SECONDS for ridge in RIDGES]
    write_text(LIVE, _report(scored, temperature, section, _starts(recordings, models), gains))
    print(LIVE)


def _train(data: Dataset, folder: Path) -> list[Classifier]:
    """The int8 network of each fold, which has not seen the fold's subjects."""
    folds = enumerate(choose_folds(data.train, data.labels, FOLDS))
    jobs = [plan(Recipe(), data, held_out, i, i, folder) for i, held_out in folds]
    run_jobs(jobs, data, lambda job, step: None)
    return [int8_classifier(job, data) for job in jobs]


def _temperature(streams: list[Stream]) -> float:
    """Fitted to the windows that lie wholly in one activity."""
    n = len(loading.load_data().labels)
    first = np.concatenate([x.recording.labels[x.ends - dataset.WINDOW.samples] for x in streams])
    last = np.concatenate([x.labels() for x in streams])
    rows = (last == first) & (last >= 0) & (last < n)
    return fit_temperature(np.concatenate([x.logits for x in streams])[rows], last[rows])


def _detectors(data: Dataset, *limits: tuple[float, float]) -> list[NoveltyDetector]:
    """One for each fold, fitted to the others' subjects."""
    seen = [~np.isin(data.train.subject, x) for x in choose_folds(data.train, data.labels, FOLDS)]
    return [fit_novelty_detector(replace(data, train=data.train.select(rows)), *limits) for rows in seen]


def _score(streams: list[Stream], shown: list[np.ndarray]) -> LiveScores:
    tracks = [
        Track(x.recording.subject, x.recording.labels, x.ends, x.logits.argmax(1), reported)
        for x, reported in zip(streams, shown, strict=True)
    ]
    return score(tracks, len(loading.load_data().labels), dataset.WINDOW.samples, frontend.RATE_HZ)


def _starts(recordings: list[Recording], models: list[Classifier]) -> dict[str, list[float]]:
    """Shares of windows that are answered as with a long past, by their number, for each way to start."""
    agreement: dict[str, list[np.ndarray]] = {"from zero": [], "gentle": []}
    for recording in recordings[::2]:
        model = models[fold_of(recording)]
        whole = frontend.signals(recording.samples)
        starts = np.arange(0, START_LENGTH - dataset.WINDOW.samples, HOP)
        for first in range(500, len(whole) - START_LENGTH, START_EVERY):
            expected = model.logits(cut(whole, first + starts)).argmax(1)
            for name, gentle in (("from zero", False), ("gentle", True)):
                front_end = frontend.FrontEnd(gentle)
                signals = front_end.push(recording.samples[first : first + START_LENGTH + 1])
                agreement[name].append(model.logits(cut(signals, starts)).argmax(1) == expected)
    return {name: np.mean(rows, axis=0).tolist() for name, rows in agreement.items()}


def _personal(
    recordings: list[Recording], models: list[Classifier], temperature: float, ridge: float, seconds: float
) -> list[str]:
    """A row: what `seconds` of each activity gain for people whom the network has not seen."""
    gains = []
    for subject in sorted({x.subject for x in recordings}):
        own = [x for x in recordings if x.subject == subject]
        model = models[fold_of(own[0])]
        model.card = replace(model.card, temperature=temperature)
        found, _ = stretches(own, model)
        gains.append(gain(subject, found, seconds, model, ridge))
    before, after = (np.mean([getattr(x, name) for x in gains]) for name in ("before", "after"))
    f1 = [np.mean([getattr(x, f"macro_f1_{name}") for x in gains]) for name in ("before", "after")]
    worst = 100 * min(x.macro_f1_after - x.macro_f1_before for x in gains)
    n_lose = sum(x.macro_f1_after - x.macro_f1_before < -0.01 for x in gains)
    cells = [f"{seconds:g} s", f"{ridge:g}", f"{sum(x.used for x in gains)} of {len(gains)}"]
    cells += [percent(before), percent(after), *map(percent, f1), f"{worst:+.2f}", f"{n_lose}"]
    return _bold(cells, ridge == RIDGE)


def _report(
    scored: list[tuple[Settings, LiveScores]],
    temperature: float,
    novelty: str,
    starts: dict[str, list[float]],
    gains: list[list[str]],
) -> str:
    default = ((POSTURE, MOVEMENT), Smoothing())
    good = [
        x for x in scored if x[1].delay_median_s <= MOST_DELAY_S and x[1].false_changes_per_hour <= MOST_FALSE_CHANGES
    ]
    rows = [scored[0], *sorted(good, key=lambda x: -x[1].live_accuracy)[:SHOWN]]
    rows += [x for x in scored if x[0] == default and x not in rows]
    smoothing = table(
        "evidence | change, moving | moving, g | confidence | far | strange | accuracy | of all moments | delay, "
        "median | 90 % | false changes / h | unknown, activities | transitions",
        [_bold(_cells(settings, scores), settings == default) for settings, scores in rows],
    )
    ages = [f"{(dataset.WINDOW.samples + HOP * i) / frontend.RATE_HZ:.1f}" for i in range(len(starts["gentle"]))]
    shares = [[percent(x, 1) for x in starts[name]] for name in ("from zero", "gentle")]
    start = table("seconds after the start | from zero | gentle", zip(ages, *shares, strict=True))
    header = (
        "of each | ridge | adapted | accuracy before | after | macro F1 before | after | worst | lose more than a point"
    )
    return f"""# Live recognition, by cross-validation over the 21 training subjects

Int8 networks trained on three folds of the subjects answer for the fourth over whole recordings, a window every 1.28 s,
in two phases; temperature {temperature:.2f}. Written by `python -m tools.choose_live`.

## Smoothing

The first row is each window alone. Then, of {len(scored) - 1} settings, those with a median delay of at most
{MOST_DELAY_S:g} s and at most {MOST_FALSE_CHANGES:g} false changes an hour, the most accurate first (windows wholly in
one activity; unknown counts as wrong). A false change in brackets is one of a window that showed nothing but the
labelled activity. Far and strange are multiples of the distance within which 95 % of other people's windows are, of
postures and of movements. Bold, the default: the most accurate of those that know at least
{percent(LEAST_IN_TRANSITIONS, 0)} of transitions for unknown.

{smoothing}{novelty}
## The start

Streams that begin in the middle of recordings: share of windows answered as if the filters had known the whole past.

{start}
## Adapting to a person

Learnt from the first seconds of each activity of each subject, the first {WARM_UP_S:g} s of a recording left out,
scored on all other windows (16 samples apart) of that subject; the mean over subjects. The worst is in points of
macro F1, and so is what subjects lose.

{table(header, gains)}"""


def _cells(settings: Settings, scores: LiveScores) -> list[str]:
    limits, smoothing = settings
    cells = ["–"] * 6
    if smoothing is not None:
        cells[:4] = (f"{getattr(smoothing, name):g}" for name in GRID)
    if limits != NO_LIMITS:
        cells[4:] = (f"{a:g}, {b:g}" for a, b in zip(*limits, strict=True))
    return [
        *cells,
        percent(scores.live_accuracy),
        percent(scores.sample_accuracy, 1),
        f"{scores.delay_median_s:.2f} s",
        f"{scores.delay_p90_s:.2f} s",
        f"{scores.false_changes_per_hour:.1f} ({scores.false_changes_seen_per_hour:.1f})",
        percent(scores.unknown_in_activities, 1),
        percent(scores.unknown_in_transitions, 1),
    ]


def _bold(cells: list[str], is_bold: bool) -> list[str]:
    return [f"**{x}**" for x in cells] if is_bold else cells


if __name__ == "__main__":
    main()
