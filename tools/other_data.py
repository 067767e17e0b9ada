"""Measure networks where they were not trained: `python -m tools.other_data [ROW]... --data LAYOUT=PATH --runs FOLDER`.

Leaves `docs/results/other_data.json` and `other_data.md`, where other rows stay as they were. Takes hours for all rows;
a training that `FOLDER` holds is not repeated, and a stopped one goes on. UCI HAR's official test subjects are only
scored in the rows `edge-anywhere` and `arena-uci-har`, whose protocols have them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from edge_runtime.data import evaluation_data, uci_har
from edge_runtime.data.dataset import WINDOW, Dataset, Recording, Split
from edge_runtime.data.layout import FOLDER
from edge_runtime.data.loading import load_data, load_recordings
from edge_runtime.data.scores import Scores, answers_among, names_of, score
from edge_runtime.live import correction_ridge, stream_scores
from edge_runtime.live.recording_tracks import track_recordings
from edge_runtime.model.classifier import Classifier, looks
from edge_runtime.model.model_card import read_model
from edge_runtime.runs import Run
from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, signals
from edge_runtime.signals.mounting import turned
from edge_runtime.signals.types import STANDARD_GRAVITY
from edge_runtime.system.files import write_text
from tools import RESULTS, har_edge, write_result
from tools.measure_networks import train
from tools.other_data_document import markdown

FORMS = ("float32", "int8")
UCI_HAR = "uci-har"
ANY_MOUNTING = ("--frame", "walking")
FIVE = uci_har.LABELS[:5]
ONTO_THE_BELLY = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Turns windows of who stands, in the walking frame."""
TURNS = 3  # of each person's phone
DRAWS = 5  # of the windows that a person shows
SHOWN = {"2.56_s": 1, "10_s": 6, "30_s": 22}
"""Windows of each activity that a person shows, a hop apart."""

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Ground:
    """The data sets by their layouts' names, where runs are kept, and the seeds of the trainings."""

    data: Mapping[str, str]
    runs: Path
    seeds: range

    def path(self, *names: str) -> list[str]:
        """Data sets as `--data` takes them."""
        return [UCI_HAR if x == UCI_HAR else f"{x}={self.data[x]}" for x in names]

    def run(self, name: str, seed: int, data: Sequence[str], *options: str) -> Run:
        """A finished run of `edge` in both forms: trained on `data` and converted, unless it is there."""
        run = Run(self.runs / name / f"seed-{seed}")
        train(run, seed, (*_data(data), *options))
        if not all(run.tflite(form).exists() for form in FORMS):
            har_edge("convert", run.folder, "--quantize-as", "int8", "--max-drop", 100)
        return run

    def without(self, name: str, seed: int) -> Run:
        """The network that was trained on all data sets but one, without UCI HAR's official test subjects.

        Without UCI HAR it is the last person who is kept for the test.
        """
        others = self.path(*(x for x in (UCI_HAR, *self.data) if x != name))
        data = load_data(others)
        official = _official(data)
        kept = ",".join(map(str, official or data.test.subject[-1:].tolist()))
        return self.run(f"without-{name}", seed, others, *ANY_MOUNTING, "--test-subjects", kept)


def everyone(data: Dataset) -> Dataset:
    """The same windows, those of everyone but UCI HAR's official test subjects in the test part."""
    people = [x for part in (data.train, data.test) for x in part.subject.tolist()]
    return data.with_test({*people} - {*_official(data)})


def closed_set(path: Path, data: Dataset, labels: Sequence[str], source: str | None = None) -> Scores:
    """Score a model on the test windows of `data` that have one of the `labels`, with answers among these."""
    test = _test(path, data, labels, source)
    classifier = Classifier(path)
    classes = np.isin(classifier.card.labels, labels)
    return score(test, answers_among(classifier.logits(test.X), classes), classifier.card.labels)


def without(ground: Ground, name: str, target: Sequence[float]) -> Measured:
    """Row: a data set that the network has not seen, five activities; recall of walking, with made turns too."""
    data = everyone(load_data(ground.path(name)))

    def measured(seed: int, form: str) -> Measured:
        path = ground.without(name, seed).tflite(form)
        X = _test(path, data, FIVE[:1]).X
        X_turning = X + np.resize([1, -1], (len(X), 1, 1)).astype(np.float32) * made_turn()
        recalls = {"walking": _share(path, X, FIVE[0], FIVE), "turning": _share(path, X_turning, FIVE[0], FIVE)}
        return {**_mean([closed_set(path, data, FIVE)]), **recalls}

    found, targets = _by_form(measured, ground), dict(zip(("accuracy", "macro_f1"), target, strict=True))
    return found | {"target": targets | {"turning": float(np.mean(found["int8"]["walking"])) - 0.03}}


def made_turn() -> npt.NDArray[np.float32]:
    """Signals `[128, 9]` that a turn of 90 degrees to the left in 2 s adds to a window in the walking frame."""
    seconds = np.arange(WINDOW.samples) / RATE_HZ
    rate = np.pi / 4 * (1 - np.cos(np.pi * np.clip(seconds - 0.28, 0, 2)))
    raw = np.zeros((WINDOW.samples, N_CHANNELS))
    raw[:, 2], raw[:, 3] = 1.3 * rate / STANDARD_GRAVITY, rate  # at 1.3 m/s
    return signals(raw).astype(np.float32)


def _share(path: Path, X: npt.NDArray[np.float32], label: str, among: Sequence[str]) -> float:
    """The share of windows that a model gives `label`, with answers among the labels `among`."""
    classifier = Classifier(path)
    labels = classifier.card.labels
    answers = answers_among(classifier.logits(X), np.isin(labels, among))
    return float(np.mean(answers == labels.index(label)))


def anywhere(ground: Ground) -> Measured:
    """Row: the network of `edge-anywhere`, trained on all data sets, on UCI HAR's official test people."""
    data, sets = load_data(ground.path(UCI_HAR)), ground.path(UCI_HAR, *ground.data)

    def scored(seed: int, form: str) -> Scores:
        run = ground.run("edge-anywhere", seed, sets, *ANY_MOUNTING)
        return closed_set(run.tflite(form), data, uci_har.LABELS)

    return _by_form(scored, ground) | {"target": {"accuracy": 0.975}}


def five_folds(ground: Ground) -> Measured:
    """Row: MotionSense's people in five groups, trained together with all other data; the worst is by macro-F1."""

    def measured(seed: int, form: str) -> Measured:
        scores, shares = list[Scores](), []
        for path, data, source in _folds(ground, seed, form):
            scores.append(closed_set(path, data, (*FIVE, "JOGGING"), source))
            standing = _test(path, data, ["STANDING"], source)
            X_lying = turned(standing.X, [x.name for x in data.signals], ONTO_THE_BELLY)
            shares.append(_share(path, X_lying, "LAYING", uci_har.LABELS))
        worst = min(y for x in scores for y in x.per_subject_macro_f1.values())
        return {**_mean(scores), "worst_person": worst, "on_the_belly": float(np.mean(shares))}

    return _by_form(measured, ground) | {"target": {"macro_f1": 0.94, "worst_person": 0.82}}


def arena(ground: Ground, name: str, target: float) -> Measured:
    """Row: WHAR Arena's protocol, ten groups of people of one data set; macro-F1."""
    data = load_data(ground.path(name))
    groups = _groups(data, None, 10)

    def scored(seed: int, form: str) -> Measured:
        found = []
        for number, group in enumerate(groups):
            people = ("--test-subjects", ",".join(map(str, group)))
            run = ground.run(f"arena-{name}/{number}", seed, ground.path(name), *people)
            found.append(closed_set(run.tflite(form), data.with_test(group), data.labels))
        return _mean(found)

    return _by_form(scored, ground) | {"target": {"macro_f1": target}}


def turned_live(ground: Ground) -> Measured:
    """Row: live accuracy lost on MotionSense, left out of training, when each person's phone is turned at random."""
    recordings = load_recordings(ground.path("motionsense"))

    def measured(seed: int, form: str) -> Measured:
        classifier = Classifier(ground.without("motionsense", seed).tflite(form))
        random, straight = np.random.default_rng(seed), live_accuracy(recordings, classifier)
        lost = [straight - live_accuracy(in_turned_phones(recordings, random), classifier) for _ in range(TURNS)]
        return {"points_lost": 100 * float(np.mean(lost))}

    return _by_form(measured, ground) | {"target": {"points_lost": 0.3}}


def live_accuracy(recordings: Sequence[Recording], classifier: Classifier) -> float:
    """The share of windows that live recognition reports right."""
    tracks, card = [x for _, x in track_recordings(recordings, classifier)], classifier.card
    return stream_scores.score(tracks, len(card.labels), card.window.samples, RATE_HZ).live_accuracy


def in_turned_phones(recordings: Sequence[Recording], random: np.random.Generator) -> list[Recording]:
    """The same recordings, those of a person turned by one rotation drawn from all."""
    people = dict.fromkeys(x.subject for x in recordings)
    turns = {x: Rotation.from_quat(random.normal(size=4)).as_matrix() for x in people}
    return [
        replace(x, samples=(x.samples.reshape(-1, 2, 3) @ turns[x.subject].T).reshape(-1, N_CHANNELS))
        for x in recordings
    ]


def personalised(ground: Ground) -> Measured:
    """Row: macro-F1 gained by seconds of each activity, and people who lose over a point."""
    data = everyone(load_data(ground.path("motionsense")))
    found: dict[str, Any] = {}
    for form in FORMS:
        found[form] = {}
        models = {seed: ground.without("motionsense", seed).tflite(form) for seed in ground.seeds}
        for shown, n in SHOWN.items():
            gains = [_gains(path, data, seed, n) for seed, path in models.items()]
            found[form] |= {
                f"macro_f1_gained_{shown}": [100 * float(x.mean()) for x in gains],
                f"lose_more_than_a_point_{shown}": [float((x < -0.01).sum(axis=1).mean()) for x in gains],
                "people": gains[0].shape[1],
            }
    return found | {"target": {"macro_f1_gained_2.56_s": 4.0, "lose_more_than_a_point_2.56_s": 2}}


def not_known(ground: Ground, name: str) -> Measured:
    """Row: false answers an hour of live recognition to activities that the network never learnt."""
    runs = [ground.without(name, seed) for seed in ground.seeds]
    return _unknown(runs, ground.path(name), name, "mounting_not_known")


def not_learnt(ground: Ground, label: str) -> Measured:
    """Row: one activity of MotionSense that was not learnt with the others, live, over the people kept for the test.

    It is of `--frame device`: all phones were worn alike, and without walking there is no other frame.
    """
    name = _not_learnt(label)
    layout = ground.runs / name / "layout.toml"
    layout.parent.mkdir(parents=True, exist_ok=True)
    write_text(layout, not_a_class((FOLDER / "motionsense.toml").read_text(), label))
    data = [f"{layout}={ground.data['motionsense']}"]
    return _unknown([ground.run(name, seed, data) for seed in ground.seeds], data, "live")


def not_a_class(layout: str, label: str) -> str:
    """The text of a layout in which `label` is an other label instead of a class."""
    (line,) = (x for x in layout.splitlines() if x.endswith(f' = "{label}"'))
    return layout.replace(f"{line}\n", "") + f"\n[other_labels]\n{line}\n"


def _not_learnt(label: str) -> str:
    return f"not-learnt-{label.lower().replace('_', '-')}"


ROWS: dict[str, Callable[[Ground], Measured]] = {
    "without-motionsense": lambda x: without(x, "motionsense", (0.885, 0.84)),
    "without-uci-har": lambda x: without(x, UCI_HAR, (0.905, 0.91)),
    "edge-anywhere": anywhere,
    "five-folds": five_folds,
    "arena-uci-har": lambda x: arena(x, UCI_HAR, 0.961),
    "arena-motionsense": lambda x: arena(x, "motionsense", 0.935),
    "turned": turned_live,
    "personalised": personalised,
    "not-known-motionsense": lambda x: not_known(x, "motionsense"),
    "not-known-geotec": lambda x: not_known(x, "geotec"),
    **{_not_learnt(label): partial(not_learnt, label=label) for label in (*FIVE, "JOGGING")},
}


@click.command()
@click.argument("rows", nargs=-1, metavar="[ROW]...", type=click.Choice(list(ROWS)))
@click.option("--data", multiple=True, required=True, metavar="LAYOUT=PATH", help="Each data set but UCI HAR.")
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Where the run folders are kept.")
@click.option("--seeds", type=int, metavar="N", help="Seeds, else 3; for edge-anywhere and arena-X 5.")
def main(rows: Sequence[str], data: Sequence[str], runs: Path, seeds: int | None) -> None:
    """Measure the rows ROW, or all, and write the table."""
    sets = dict(x.split("=", 1) for x in data)
    out = RESULTS / "other_data.json"
    for row in rows or ROWS:
        ground = Ground(sets, runs, range(seeds or (5 if row.startswith(("arena", "edge")) else 3)))
        measured = ROWS[row](ground)
        kept = json.loads(out.read_text()) if out.exists() else {}
        content = kept | {row: measured}
        write_result("other_data", content, markdown(content))


def _by_form(measure: Callable[[int, str], Scores | Measured], ground: Ground) -> dict[str, Any]:
    """What `measure` finds of each form, a list over the seeds; of `Scores` accuracy and macro-F1."""
    found: dict[str, Any] = {}
    for form in FORMS:
        each = [measure(seed, form) for seed in ground.seeds]
        rows = [x if isinstance(x, Mapping) else _mean([x]) for x in each]
        found[form] = {key: [float(x[key]) for x in rows] for key in rows[0]}
    return found


def _mean(found: Sequence[Scores]) -> Measured:
    return {key: float(np.mean([getattr(x, key) for x in found])) for key in ("accuracy", "macro_f1")}


def _groups(data: Dataset, source: str | None, n: int) -> list[list[Any]]:
    """The people of `source`, or all, in `n` groups of about as many windows."""
    from sklearn.model_selection import GroupKFold

    whole = data.train.joined(data.test)
    own = whole if source is None else whole.select(names_of(whole, data.mountings, "source") == source)
    return [np.unique(own.subject[rows]).tolist() for _, rows in GroupKFold(n).split(own.X, own.y, own.subject)]


def _folds(ground: Ground, seed: int, form: str) -> Iterator[tuple[Path, Dataset, str]]:
    """MotionSense's people in five groups: the network of all others, the data with the group in the test part."""
    sets = ground.path(UCI_HAR, *ground.data)
    data = load_data(sets)
    source = load_data(ground.path("motionsense")).mountings[0].source
    official = _official(data)
    for number, group in enumerate(_groups(data, source, 5)):
        kept = [*official, *group]
        options = (*ANY_MOUNTING, "--test-subjects", ",".join(map(str, kept)))
        yield ground.run(f"five-folds/{number}", seed, sets, *options).tflite(form), data.with_test(kept), source


def _official(data: Dataset) -> list[Any]:
    """UCI HAR's official test subjects, where they are in the test part of `data`."""
    is_official = names_of(data.test, data.mountings, "source") == uci_har.NAME
    return np.unique(data.test.subject[is_official]).tolist()


def _test(path: Path, data: Dataset, labels: Sequence[str], source: str | None = None) -> Split:
    """The test windows of `data`, as the model at `path` takes them, that have one of `labels` and are of `source`."""
    card = read_model(path)[1]
    found = evaluation_data.evaluated(card, data)
    rows = np.isin(np.array(card.labels)[found.test.y], labels)
    if source is not None:
        rows &= names_of(found.test, found.mountings, "source") == source
    return found.test.select(rows)


def _gains(path: Path, data: Dataset, seed: int, n_shown: int) -> npt.NDArray[np.float64]:
    """The macro-F1 gained `[DRAWS, people]` on windows that do not overlap those shown, in the frame of all of them."""
    classifier, test = Classifier(path), _test(path, data, FIVE)
    card, logits, look = classifier.card, classifier.logits(test.X), looks(test.X, classifier.card)
    classes = np.isin(card.labels, FIVE)
    random, people = np.random.default_rng(seed), np.unique(test.subject)
    gains = np.zeros((DRAWS, len(people)))
    for i, person in ((i, x) for i in range(DRAWS) for x in people):
        own = np.flatnonzero(test.subject == person)
        of_activity = [own[test.y[own] == y] for y in np.unique(test.y[own])]
        shown = np.concatenate([np.roll(x, -random.integers(len(x)))[:n_shown] for x in of_activity])
        rest = np.setdiff1d(own, [shown - 1, shown, shown + 1])
        learnt = correction_ridge.fit_correction(logits[shown], look[shown], test.y[shown], card.temperature)
        rows = test.select(np.isin(np.arange(len(test)), rest))
        before, after = (
            score(rows, answers_among(x, classes), card.labels).macro_f1
            for x in (logits[rest], learnt.apply(logits[rest], look[rest]))
        )
        gains[i, people == person] = after - before
    return gains


def _unknown(runs: Sequence[Run], data: Sequence[str], name: str, *others: str) -> Measured:
    """What live recognition makes of `data` by the models of `runs`, with `others` of its scores, too."""
    keys = ("false_answers_per_hour", "unknown_in_activities", *others)
    found: dict[str, Any] = {}
    for form in FORMS:
        models = [run.tflite(form) for run in runs]
        outs = [path.with_suffix(f".{name}.json") for path in models]
        for path, out in zip(models, outs, strict=True):
            if not out.exists():
                har_edge("evaluate", path, "--live", *_data(data), "--json", out)
        each = [json.loads(out.read_text()) for out in outs]
        found[form] = {key: [x[key] for x in each] for key in keys}
    return found | {"target": {"false_answers_per_hour": 6.0, "unknown_in_activities": 0.12}}


def _data(paths: Sequence[str]) -> list[str]:
    return [x for path in paths for x in ("--data", path)]


if __name__ == "__main__":
    main()
