"""Choose evaluation data: people whom the model was not trained on, or the person whom it is adapted to."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import measurement
from edge_runtime.bench.aggregation import ModelFile
from edge_runtime.data import recording_windows
from edge_runtime.data.coarse_labels import coarse_label, is_coarse
from edge_runtime.data.data_sources import Sources, in_words
from edge_runtime.data.dataset import Dataset, Mounting, Recording, Split, own_test_subjects
from edge_runtime.data.loading import DataReader, check_unchanged
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card


@dataclass(frozen=True)
class EvaluatedWindows:
    """Windows to score a model on: `y` counts in its labels, `test.mounting` in `mountings`.

    `left_out` counts, by label, the windows whose label the model does not have.
    """

    test: Split
    mountings: tuple[Mounting, ...]
    left_out: dict[str, int]

    def occurring(self, n_labels: int) -> npt.NDArray[np.bool_]:
        """Which of the model's labels the windows have `[n_labels]`: the closed set."""
        return np.bincount(self.test.y, minlength=n_labels) > 0


def recordings(chosen: Sources, card: Card, is_remembered: bool) -> list[tuple[int, Recording]]:
    """The recordings that are `chosen` to evaluate the model of `card` with, each after its number.

    Those of its training's test subjects, or else of the data's; of everyone in data that it was not trained on, and
    where there are fewer people than a training needs; of the person whom the model is adapted to. Raises `InputError`
    when there are none, when they lack signals or labels of the model, or when data that `is_remembered` by the model's
    run changed since.
    """
    return _recordings(DataReader(chosen), card, is_remembered)


def _recordings(reader: DataReader, card: Card, is_remembered: bool) -> list[tuple[int, Recording]]:
    found = list(enumerate(reader.recordings))
    if reader.sources and is_remembered:
        check_unchanged(reader.windows(card.window), reader.sources, card)
    subjects = sorted({x.subject for _, x in found}, key=str)
    if card.personal_correction:
        chosen = {_person(card, subjects)}
    elif own := own_test_subjects(card, subjects):  # whatever the data is called now
        chosen = set(own)
    else:
        is_strange = is_other(card, _sources(x.mounting for _, x in found))
        chosen = set(subjects if is_strange else reader.test_subjects)
    chosen_recordings = [(number, x) for number, x in found if x.subject in chosen]
    for _, x in chosen_recordings:
        x.check_signals(card.signals)
    labels = {label for _, x in chosen_recordings for label in x.found_labels}
    known = {coarse_label(x) for x in labels} if is_coarse(card.labels) else labels
    if not labels:
        raise InputError(
            "these recordings have no label to score by: fill their column label, or say in their layout where labels "
            "are; 'har-edge predict' needs none"
        )
    if not known & set(card.labels):
        raise InputError(
            f"'{card.name}' tells {', '.join(card.labels)} apart, but these recordings are labelled "
            f"{', '.join(sorted(labels))}: name them so under [labels] of their layout, or give the data of this "
            "model with --data"
        )
    return chosen_recordings


def is_other(card: Card, sources: Iterable[str]) -> bool:
    """Tell whether the model of `card` was trained on none of the data sets `sources`, by its card."""
    record = card.training.get("data")
    if not isinstance(record, dict):
        return False
    own = record.get("sources", [record.get("name")])
    return bool(own) and not {*sources} & {*own}


def windows(model: ModelFile, chosen: Sources, is_remembered: bool) -> EvaluatedWindows:
    """The windows of the same people.

    Labels of the model may be absent. Raises `InputError` unless signals and windows are those of the
    `chosen` data, and at least one label; and when data that `is_remembered` by the model's run changed since.
    """
    card = model.card
    reader = DataReader(chosen)
    if not chosen or not reader.has_recordings:
        data = reader.windows(card.window)
        if chosen and is_remembered:
            check_unchanged(data, chosen, card)
        if card.personal_correction:
            person = _person(card, np.unique(data.test.subject).tolist())
            data = dataclasses.replace(data, test=data.test.select(data.test.subject == person))
        else:
            people = {*data.train.subject.tolist(), *data.test.subject.tolist()}
            if not own_test_subjects(card, people) and is_other(card, _sources(data.mountings) or {data.name}):
                data = data.with_test(people)
    else:
        found = [x for _, x in _recordings(reader, card, is_remembered)]
        data = recording_windows.as_test(in_words(chosen), found, card.window)
    return evaluated(model, data)


def evaluated(model: ModelFile, data: Dataset) -> EvaluatedWindows:
    """The test windows of `data` as `model` takes them; raises `InputError` unless these fit it, and one label."""
    card = model.card
    data = data.as_for(card)
    counts = np.bincount(data.test.y, minlength=len(data.labels)).tolist()
    others = {x: n for x, n in zip(data.labels, counts, strict=True) if n and x not in card.labels}
    data = _in_labels_of(card, data)
    measurement.check_data(dataclasses.replace(model, card=dataclasses.replace(card, personal_correction=None)), data)
    return EvaluatedWindows(data.test, data.mountings, others)


def _sources(mountings: Iterable[Mounting]) -> set[str]:
    """The data sets of `mountings`, as far as these tell."""
    return {x.source for x in mountings} - {""}


def _person(card: Card, subjects: Sequence[int | str]) -> int | str:
    assert card.personal_correction is not None
    name = str(card.personal_correction.record.get("subject"))
    for subject in subjects:
        if str(subject) == name:
            return subject
    raise InputError(
        f"'{card.name}' was adapted to subject {name}, and the data is of {', '.join(map(str, subjects))}: give "
        "recordings of the same person with --data"
    )


def _in_labels_of(card: Card, data: Dataset) -> Dataset:
    """The test windows whose labels are the model's, with classes that count in the model's; all, if there are none."""
    known = np.array([x in card.labels for x in data.labels])
    if not known[data.test.y].any():
        return data
    places = np.array([card.labels.index(x) if x in card.labels else 0 for x in data.labels], np.uint8)
    test = data.test.select(known[data.test.y])
    nobody = data.train.select(np.zeros(len(data.train), np.bool_))
    return dataclasses.replace(data, labels=card.labels, train=nobody, test=dataclasses.replace(test, y=places[test.y]))
