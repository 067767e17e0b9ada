"""Choose evaluation data: people whom the model was not trained on, or the person whom it is adapted to."""

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
import numpy as np
import numpy.typing as npt

from edge_runtime.bench import measurement
from edge_runtime.bench.aggregation import ModelFile
from edge_runtime.data import joining, recording_windows
from edge_runtime.data.coarse_labels import coarse_label, is_coarse
from edge_runtime.data.data_sources import Sources, in_words
from edge_runtime.data.dataset import Dataset, Mounting, Recording, Split, own_test_subjects
from edge_runtime.data.loading import DataReader, check_unchanged
from edge_runtime.data.scores import names_of
from edge_runtime.data.subject_groups import natural_order, noun_of
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.system.printable import printable

_FIRST_NAMES = 5  # of many people, in a sentence


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

    Those of its training's test subjects; of everyone whom it was not trained on, by its card, or of the data's test
    subjects where the card does not tell; of the person whom the model is adapted to. Of data that is given, stderr
    says who is left out. Raises `InputError` when there are none, when they lack signals or labels of the model, or
    when data that `is_remembered` by the model's run changed since.
    """
    return _recordings(DataReader(chosen), card, is_remembered)


def _recordings(reader: DataReader, card: Card, is_remembered: bool) -> list[tuple[int, Recording]]:
    found = list(enumerate(reader.recordings))
    if reader.sources and is_remembered:
        check_unchanged(reader.windows(card.window), reader.sources, card)
    people = {x.subject: x.mounting.source for _, x in found}
    if card.personal_correction:
        chosen = {_person(card, sorted(people, key=str))}
    else:
        told = _not_learnt_from(card, people, is_remembered)
        chosen = {*reader.test_subjects} if told is None else told
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
    own = _own_sources(card)
    return bool(own) and not {*sources} & {*own}


def learnt_from(card: Card, people: Mapping[int | str, str]) -> list[int | str]:
    """Those of the `people`, each with the data set, whom the card names among its training subjects.

    Data sets that are joined have a prefix before the names of their people, in the card or in `people`.
    """
    found: list[int | str] = []
    for subject, source in people.items():
        plain = re.escape(joining.prefixes([source])[0])
        bare = {str(subject), *(re.sub(f"^{plain}{x}", "", str(subject)) for x in ("", r"\d+-"))}
        if bare & _named(card, "subjects", source):
            found.append(subject)
    return natural_order(found)


def _own_sources(card: Card) -> list[str]:
    """The data sets of a model's training; empty where its card does not tell."""
    record = card.training.get("data")
    if not isinstance(record, dict):
        return []
    own = record.get("sources", [record.get("name")])
    return [x for x in own if isinstance(x, str)] if isinstance(own, list) else []


def _named(card: Card, part: str, source: str) -> set[str]:
    """People of the data set `source` in a `part` of the card, `subjects` or `test_subjects`, named as in the data.

    Of a data set that the card does not name, those of several data sets with their prefixes.
    """
    own, people = _own_sources(card), card.training.get(part)
    if not own or not isinstance(people, list):
        return set()
    every = {str(x) for x in people}
    name = str(card.training["data"].get("name"))
    if own == [name]:
        return every if source == name else set()
    names = name.split(" + ")
    if source not in names:
        return every
    before = [x for y, x in zip(names, joining.prefixes(names), strict=True) if y == source]
    return {x.removeprefix(y) for x in every for y in before if x.startswith(y)}


def _not_learnt_from(card: Card, people: Mapping[int | str, str], is_remembered: bool) -> set[int | str] | None:
    """The `people`, each with the data set, whom the model was not trained on; None where its card does not tell.

    Of data that is not `is_remembered`, stderr says who is left out. Raises `InputError` when all are.
    """
    if own := own_test_subjects(card, people):  # whatever the data is called now
        learnt: Collection[int | str] = {*people} - {*own}
    elif _own_sources(card) and isinstance(card.training.get("subjects"), list):
        learnt = learnt_from(card, people)
    else:
        return {*people} if is_other(card, {*people.values()} - {""}) else None
    nouns = f"{noun_of(people)}s"
    if len(learnt) == len(people):
        kept = {x for source in {*people.values()} for x in _named(card, "test_subjects", source)}
        which = f", such as {_first(kept)}" if kept else ""
        raise InputError(
            f"'{card.name}' was trained on all {nouns} of this data ({_first(people)}), whose scores say nothing "
            f"about others: give {nouns} that were kept for its test{which}, or new ones, named otherwise"
        )
    if learnt and not is_remembered:
        click.echo(f"Not scored, since the model was trained on these {nouns}: {_first(learnt)}.", err=True)
    return {*people} - {*learnt}


def new_people(data: Dataset, card: Card, is_remembered: bool) -> set[int | str]:
    """The people in `data` whom the model of `card` was not trained on; its test subjects, if the card does not tell.

    Of data that is not `is_remembered` by the model's run, stderr says who is left out. Raises `InputError` when all
    are.
    """
    people: dict[int | str, str] = {}
    for part in (data.train, data.test):
        sources = names_of(part, data.mountings, "source").tolist()
        people |= {x: y or data.name for x, y in zip(part.subject.tolist(), sources, strict=True)}
    told = _not_learnt_from(card, people, is_remembered)
    return {*data.test.subject.tolist()} if told is None else told


def _first(people: Iterable[int | str]) -> str:
    """The first few names, in natural order, and the number of the others."""
    ordered = natural_order(people)
    n_more = len(ordered) - _FIRST_NAMES
    named = ", ".join(printable(str(x), 30) for x in ordered[:_FIRST_NAMES])
    return f"{named} and {n_more} more" if n_more > 0 else named


def windows(model: ModelFile, chosen: Sources, is_remembered: bool) -> EvaluatedWindows:
    """The windows of the same people.

    Labels of the model may be absent. Raises `InputError` unless signals and windows are those of the
    `chosen` data, and at least one label; and when data that `is_remembered` by the model's run changed since.
    """
    card = model.card
    reader = DataReader(chosen)
    if not chosen or not reader.has_recordings:
        data = reader.windows_to_score(card.window)
        if chosen and is_remembered:
            check_unchanged(data, chosen, card)
        if card.personal_correction:
            person = _person(card, np.unique(data.test.subject).tolist())
            data = dataclasses.replace(data, test=data.test.select(data.test.subject == person))
        else:
            data = data.with_test(new_people(data, card, is_remembered))
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
