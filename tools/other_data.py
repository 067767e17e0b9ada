"""Measure networks where they were not trained: `python -m tools.other_data [ROW]... --data LAYOUT=PATH --runs FOLDER`.

Writes `docs/results/other_data.json` and `other_data.md`, where other rows stay as they were. All rows take hours; a
training in `FOLDER` is not repeated, and a stopped training goes on. UCI HAR's official test subjects are only scored
in the rows `edge-anywhere` and `arena-uci-har`, whose protocols use them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from edge_runtime.data import evaluation_data, uci_har
from edge_runtime.data.dataset import WINDOW, Dataset, Split
from edge_runtime.data.layout import FOLDER
from edge_runtime.data.loading import load_data
from edge_runtime.data.scores import Scores, answers_among, names_of, score
from edge_runtime.live import correction_ridge
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
"""Rotation of windows of standing, in the walking frame."""
DRAWS = 5  # of the windows that a person shows
SHOWN = {"2.56_s": 1, "10_s": 6, "30_s": 22}
"""Windows of each activity that a person shows, a hop apart."""

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Ground:
    """The data sets by their layouts' names, the folder of runs, and the seeds of the trainings."""

    data: Mapping[str, str]
    runs: Path
    seeds: range

    def path(self, *names: str) -> list[str]:
        """Return data sets as values of `--data`."""
        return [UCI_HAR if name == UCI_HAR else f"{name}={self.data[name]}" for name in names]

    def run(self, name: str, seed: int, data: Sequence[str], *options: str) -> Run:
        """Return a run of `edge` in both forms; train it on `data` and convert it, unless it is there."""
        run = Run(self.runs / name / f"seed-{seed}")
        train(run, seed, (*_data(data), *options))
        if not all(run.tflite(form).exists() for form in FORMS):
            har_edge("convert", run.folder, "--quantize-as", "int8", "--max-drop", 100)
        return run

    def without(self, name: str, seed: int) -> Run:
        """Return the network that was trained on all data sets but one, without UCI HAR's official test subjects.

        Without UCI HAR, the last person is kept for the test.
        """
        others = self.path(*(x for x in (UCI_HAR, *self.data) if x != name))
        data = load_data(others)
        official = _official(data)
        kept = ",".join(map(str, official or data.test.subject[-1:].tolist()))
        return self.run(f"without-{name}", seed, others, *ANY_MOUNTING, "--test-subjects", kept)


def everyone(data: Dataset) -> Dataset:
    """Move everyone but UCI HAR's official test subjects to the test part."""
    people = [x for part in (data.train, data.test) for x in part.subject.tolist()]
    return data.with_test({*people} - {*_official(data)})


def closed_set(path: Path, data: Dataset, labels: Sequence[str], source: str | None = None) -> Scores:
    """Score a model on the test windows of `data` with one of the `labels`, with answers among these labels."""
    test = _test(path, data, labels, source)
    classifier = Classifier(path)
    classes = np.isin(classifier.card.labels, labels)
    return score(test, answers_among(classifier.logits(test.X), classes), classifier.card.labels)


def without(ground: Ground, name: str, target: Sequence[float]) -> Measured:
    """Row: an unseen data set, five activities; recall of walking, with and without made turns."""
    data = everyone(load_data(ground.path(name)))

    def measured(seed: int, form: str) -> Measured:
        path = ground.without(name, seed).tflite(form)
        X = _test(path, data, FIVE[:1]).X
        X_turning = X + np.resize([1, -1], (len(X), 1, 1)).astype(np.float32) * made_turn()
        recalls = {"walking": _share(path, X, FIVE[0], FIVE), "turning": _share(path, X_turning, FIVE[0], FIVE)}
        return {**_mean([closed_set(path, data, FIVE)]), **recalls}

    forms, targets = _by_form(measured, ground), dict(zip(("accuracy", "macro_f1"), target, strict=True))
    return forms | {"target": targets | {"turning": float(np.mean(forms["int8"]["walking"])) - 0.03}}


def made_turn() -> npt.NDArray[np.float32]:
    """Compute the signals `[128, 9]` that a left turn of 90 degrees in 2 s adds to a window in the walking frame."""
    seconds = np.arange(WINDOW.samples) / RATE_HZ
    rate = np.pi / 4 * (1 - np.cos(np.pi * np.clip(seconds - 0.28, 0, 2)))
    raw = np.zeros((WINDOW.samples, N_CHANNELS))
    raw[:, 2], raw[:, 3] = 1.3 * rate / STANDARD_GRAVITY, rate  # at 1.3 m/s
    return signals(raw).astype(np.float32)


def _share(path: Path, X: npt.NDArray[np.float32], label: str, among: Sequence[str]) -> float:
    """Compute the share of windows with the answer `label`, with answers among the labels `among`."""
    classifier = Classifier(path)
    labels = classifier.card.labels
    answers = answers_among(classifier.logits(X), np.isin(labels, among))
    return float(np.mean(answers == labels.index(label)))


def anywhere(ground: Ground) -> Measured:
    """Row: `edge-anywhere`, trained on all data sets, on UCI HAR's official test subjects."""
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
        worst = min(min(score.per_subject_macro_f1.values()) for score in scores)
        return {**_mean(scores), "worst_person": worst, "on_the_belly": float(np.mean(shares))}

    return _by_form(measured, ground) | {"target": {"macro_f1": 0.94, "worst_person": 0.82}}


def arena(ground: Ground, name: str, target: float) -> Measured:
    """Row: WHAR Arena's protocol, ten groups of people of one data set; macro-F1."""
    data = load_data(ground.path(name))
    groups = _groups(data, None, 10)

    def scored(seed: int, form: str) -> Measured:
        scores = []
        for number, group in enumerate(groups):
            people = ("--test-subjects", ",".join(map(str, group)))
            run = ground.run(f"arena-{name}/{number}", seed, ground.path(name), *people)
            scores.append(closed_set(run.tflite(form), data.with_test(group), data.labels))
        return _mean(scores)

    return _by_form(scored, ground) | {"target": {"macro_f1": target}}


def personalised(ground: Ground) -> Measured:
    """Row: macro-F1 gained by seconds of each activity, and people who lose more than a point."""
    data = everyone(load_data(ground.path("motionsense")))
    forms: dict[str, Any] = {}
    for form in FORMS:
        forms[form] = {}
        models = {seed: ground.without("motionsense", seed).tflite(form) for seed in ground.seeds}
        for shown, n in SHOWN.items():
            gains = [_gains(path, data, seed, n) for seed, path in models.items()]
            forms[form] |= {
                f"macro_f1_gained_{shown}": [100 * float(gain.mean()) for gain in gains],
                f"lose_more_than_a_point_{shown}": [float((gain < -0.01).sum(axis=1).mean()) for gain in gains],
                "people": gains[0].shape[1],
            }
    return forms | {"target": {"macro_f1_gained_2.56_s": 4.0, "lose_more_than_a_point_2.56_s": 2}}


def not_known(ground: Ground, name: str) -> Measured:
    """Row: false answers of live recognition, an hour, during activities that the network never learnt."""
    runs = [ground.without(name, seed) for seed in ground.seeds]
    return _unknown(runs, ground.path(name), name, "mounting_not_known")


def not_learnt(ground: Ground, label: str) -> Measured:
    """Row: one activity of MotionSense that was not learnt with the others, live, for the test subjects.

    The frame is the device's: all phones were worn alike, and without walking there is no other frame.
    """
    name = _not_learnt(label)
    layout = ground.runs / name / "layout.toml"
    layout.parent.mkdir(parents=True, exist_ok=True)
    write_text(layout, not_a_class((FOLDER / "motionsense.toml").read_text(), label))
    data = [f"{layout}={ground.data['motionsense']}"]
    return _unknown([ground.run(name, seed, data) for seed in ground.seeds], data, "live")


def not_a_class(layout: str, label: str) -> str:
    """Return the text of a layout with `label` among the other labels instead of the classes."""
    (line,) = (x for x in layout.splitlines() if x.endswith(f' = "{label}"'))
    return layout.replace(f"{line}\n", "") + f"\n[other_labels]\n{line}\n"


def _not_learnt(label: str) -> str:
    return f"not-learnt-{label.lower().replace('_', '-')}"


ROWS: dict[str, Callable[[Ground], Measured]] = {
    "without-motionsense": lambda ground: without(ground, "motionsense", (0.885, 0.84)),
    "without-uci-har": lambda ground: without(ground, UCI_HAR, (0.905, 0.91)),
    "edge-anywhere": anywhere,
    "five-folds": five_folds,
    "arena-uci-har": lambda ground: arena(ground, UCI_HAR, 0.961),
    "arena-motionsense": lambda ground: arena(ground, "motionsense", 0.935),
    "personalised": personalised,
    "not-known-motionsense": lambda ground: not_known(ground, "motionsense"),
    "not-known-geotec": lambda ground: not_known(ground, "geotec"),
    **{_not_learnt(label): partial(not_learnt, label=label) for label in (*FIVE, "JOGGING")},
}


@click.command()
@click.argument("rows", nargs=-1, metavar="[ROW]...", type=click.Choice(list(ROWS)))
@click.option("--data", multiple=True, required=True, metavar="LAYOUT=PATH", help="Each data set but UCI HAR.")
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Where the run folders are kept.")
@click.option("--seeds", type=int, metavar="N", help="Number of seeds.  [default: 3; 5 for edge-anywhere and arena-X]")
def main(rows: Sequence[str], data: Sequence[str], runs: Path, seeds: int | None) -> None:
    """Measure the rows ROW, or all, and write the table."""
    sets = dict(x.split("=", 1) for x in data)
    out = RESULTS / "other_data.json"
    for row in rows or ROWS:
        ground = Ground(sets, runs, range(seeds or (5 if row.startswith(("arena", "edge")) else 3)))
        measured = ROWS[row](ground)
        content = (json.loads(out.read_text()) if out.exists() else {}) | {row: measured}
        write_result("other_data", content, markdown(content))


def _by_form(measure: Callable[[int, str], Scores | Measured], ground: Ground) -> dict[str, Any]:
    """Measure each form with each seed, and return lists over the seeds; of `Scores`, accuracy and macro-F1."""
    forms: dict[str, Any] = {}
    for form in FORMS:
        each = [measure(seed, form) for seed in ground.seeds]
        rows = [x if isinstance(x, Mapping) else _mean([x]) for x in each]
        forms[form] = {key: [float(row[key]) for row in rows] for key in rows[0]}
    return forms


def _mean(scores: Sequence[Scores]) -> Measured:
    return {key: float(np.mean([getattr(score, key) for score in scores])) for key in ("accuracy", "macro_f1")}


def _groups(data: Dataset, source: str | None, n: int) -> list[list[Any]]:
    """Divide the people of `source`, or all, into `n` groups with about as many windows each."""
    from sklearn.model_selection import GroupKFold

    whole = data.train.joined(data.test)
    part = whole if source is None else whole.select(names_of(whole, data.mountings, "source") == source)
    return [np.unique(part.subject[rows]).tolist() for _, rows in GroupKFold(n).split(part.X, part.y, part.subject)]


def _folds(ground: Ground, seed: int, form: str) -> Iterator[tuple[Path, Dataset, str]]:
    """Yield, for five groups of MotionSense's people, the network of all others, and data with the group as test."""
    sets = ground.path(UCI_HAR, *ground.data)
    data = load_data(sets)
    source = load_data(ground.path("motionsense")).mountings[0].source
    official = _official(data)
    for number, group in enumerate(_groups(data, source, 5)):
        people = [*official, *group]
        options = (*ANY_MOUNTING, "--test-subjects", ",".join(map(str, people)))
        yield ground.run(f"five-folds/{number}", seed, sets, *options).tflite(form), data.with_test(people), source


def _official(data: Dataset) -> list[Any]:
    """Return UCI HAR's official test subjects in the test part of `data`."""
    is_official = names_of(data.test, data.mountings, "source") == uci_har.NAME
    return np.unique(data.test.subject[is_official]).tolist()


def _test(path: Path, data: Dataset, labels: Sequence[str], source: str | None = None) -> Split:
    """Select the test windows of `data` with one of `labels` and of `source`, as the model at `path` takes them."""
    card = read_model(path)[1]
    evaluated = evaluation_data.evaluated(card, data)
    rows = np.isin(np.array(card.labels)[evaluated.test.y], labels)
    if source is not None:
        rows &= names_of(evaluated.test, evaluated.mountings, "source") == source
    return evaluated.test.select(rows)


def _gains(path: Path, data: Dataset, seed: int, n_shown: int) -> npt.NDArray[np.float64]:
    """Compute the macro-F1 gained `[DRAWS, people]` on windows that do not overlap the windows shown."""
    classifier, test = Classifier(path), _test(path, data, FIVE)
    card, logits, look = classifier.card, classifier.logits(test.X), looks(test.X, classifier.card)
    classes = np.isin(card.labels, FIVE)
    random, people = np.random.default_rng(seed), np.unique(test.subject)
    gains = np.zeros((DRAWS, len(people)))
    for i, person in product(range(DRAWS), people):
        rows = np.flatnonzero(test.subject == person)
        of_activity = [rows[test.y[rows] == y] for y in np.unique(test.y[rows])]
        shown = np.concatenate([np.roll(rows, -random.integers(len(rows)))[:n_shown] for rows in of_activity])
        rest = np.setdiff1d(rows, [shown - 1, shown, shown + 1])
        correction = correction_ridge.fit_correction(logits[shown], look[shown], test.y[shown], card.temperature)
        windows = test.select(np.isin(np.arange(len(test)), rest))
        before, after = (
            score(windows, answers_among(answers, classes), card.labels).macro_f1
            for answers in (logits[rest], correction.apply(logits[rest], look[rest]))
        )
        gains[i, people == person] = after - before
    return gains


def _unknown(runs: Sequence[Run], data: Sequence[str], name: str, *others: str) -> Measured:
    """Score live recognition on `data` with the models of `runs`; also return the scores `others`."""
    keys = ("false_answers_per_hour", "unknown_in_activities", *others)
    forms: dict[str, Any] = {}
    for form in FORMS:
        models = [run.tflite(form) for run in runs]
        outs = [path.with_suffix(f".{name}.json") for path in models]
        for path, out in zip(models, outs, strict=True):
            if not out.exists():
                har_edge("evaluate", path, "--live", *_data(data), "--json", out)
        each = [json.loads(out.read_text()) for out in outs]
        forms[form] = {key: [x[key] for x in each] for key in keys}
    return forms | {"target": {"false_answers_per_hour": 6.0, "unknown_in_activities": 0.12}}


def _data(paths: Sequence[str]) -> list[str]:
    return [x for path in paths for x in ("--data", path)]


if __name__ == "__main__":
    main()
