"""Choose evaluation data: people whom models were not trained on, or the person whom one is adapted to."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
import numpy as np
import numpy.typing as npt

from edge_runtime.bench.aggregation import ModelFile
from edge_runtime.data import joining, uci_har
from edge_runtime.data.coarse_labels import coarse_label, is_coarse
from edge_runtime.data.data_sources import Sources
from edge_runtime.data.dataset import Dataset, Motionless, Mounting, Recording, Split, own_test_subjects
from edge_runtime.data.loading import DataReader, check_unchanged
from edge_runtime.data.recording_checks import say_misfits
from edge_runtime.data.recording_windows import in_seconds, seconds_without_windows
from edge_runtime.data.scores import names_of
from edge_runtime.data.subject_groups import natural_order, noun_of
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.types import Window
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted

_FIRST_NAMES = 5  # of many people, in a sentence


@dataclass(frozen=True)
class EvaluatedWindows:
    """Windows to score a model on: `y` counts in its labels, `test.mounting` in `mountings`.

    `left_out` counts, by label, the windows whose label the model does not have, but for the `motionless`, of which no
    walking frame can be found where the model takes windows in that; `not_scored` are the other people.
    """

    test: Split
    mountings: tuple[Mounting, ...]
    left_out: dict[str, int]
    motionless: Motionless
    not_scored: list[int | str]

    def occurring(self, n_labels: int) -> npt.NDArray[np.bool_]:
        """Which of the model's labels the windows have `[n_labels]`: the closed set."""
        return np.bincount(self.test.y, minlength=n_labels) > 0


@dataclass(frozen=True)
class EvaluatedRecordings:
    """Recordings to score a model on, each after its number; `not_scored` are the people of the others."""

    numbered: list[tuple[int, Recording]]
    not_scored: list[int | str]


def recordings(chosen: Sources, card: Card, is_remembered: bool) -> EvaluatedRecordings:
    """The recordings that are `chosen` to evaluate the model of `card` with.

    Those of its training's test subjects; of everyone whom it was not trained on, by its card, or of the data's test
    subjects where the card does not tell; of the person whom the model is adapted to. Stderr says what does not fit in
    data that a layout describes and, of data that is given, who is left out. Raises `InputError` when there are none,
    when they lack signals or labels of the model, or when data that `is_remembered` by the model's run changed since.
    """
    reader = DataReader(chosen)
    found = list(enumerate(reader.recordings))
    say_misfits(reader)
    if reader.sources and is_remembered:
        check_unchanged(reader.windows(card.window), reader.sources, card)
    people = {x.subject: x.mounting.source for _, x in found}
    scored = _scored([card], people, reader.test_subjects, is_remembered)
    chosen_recordings = [(number, x) for number, x in found if x.subject in scored]
    _check([x for _, x in chosen_recordings], card)
    return EvaluatedRecordings(chosen_recordings, natural_order(people.keys() - scored))


def windows(models: Sequence[ModelFile], chosen: Sources, is_remembered: bool) -> Dataset:
    """The windows of the same people, whom none of the `models` was trained on, as the test part of all.

    UCI HAR's are the published ones, joined with other data sets too, where the models take windows so long. Raises
    `InputError` as `recordings`, and when the models were trained on different people of the data.
    """
    cards = [x.card for x in models]
    reader = DataReader(chosen)
    if chosen and reader.has_recordings:
        for card in cards:
            _check(reader.recordings, card)
    data = reader.windows_to_score(cards[0].window)
    say_misfits(reader)
    people: dict[int | str, str] = {}
    for part in (data.train, data.test):
        sources = names_of(part, data.mountings, "source").tolist()
        people |= {x: y or data.name for x, y in zip(part.subject.tolist(), sources, strict=True)}
    if chosen and is_remembered:
        for card in cards:
            check_unchanged(data, chosen, card)
    scored = _scored(cards, people, data.test.subject.tolist(), is_remembered)
    if chosen and reader.has_recordings and not is_remembered:
        _say_what_no_window_has([x for x in reader.recordings if x.subject in scored], data.window)
    return data.with_test(scored)


def _say_what_no_window_has(found: Sequence[Recording], window: Window) -> None:
    """Say on stderr how long labels last in recordings that were `found`, of which no window is wholly in one class."""
    others, short = seconds_without_windows([x for x in found if x.mounting.source != uci_har.NAME], window)
    whys = ("which are no class", f"in pieces shorter than {in_seconds(window)}")
    said = [f"{_durations(part)}, {why}" for part, why in zip((others, short), whys, strict=True) if part]
    if said:
        click.echo(f"Without a window, and not scored: {'; '.join(said)}.", err=True)


def _durations(seconds: Mapping[str, float]) -> str:
    """The longest of the labels' `seconds`, in words, and the number of the others."""
    longest = sorted(seconds, key=lambda x: -seconds[x])[:_FIRST_NAMES]
    more = len(seconds) - len(longest)
    named = ", ".join(f"{seconds[x]:.0f} s of {printable(x, 30)}" for x in longest)
    return f"{named} and of {counted(more, 'other label')}" if more else named


def _check(found: Sequence[Recording], card: Card) -> None:
    """Raise `InputError` unless the recordings that were `found` have the signals of a model, and one of its labels."""
    for x in found:
        x.check_signals(card.signals)
    labels = {label for x in found for label in x.found_labels}
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


def is_other(card: Card, sources: Iterable[str]) -> bool:
    """Tell whether the model of `card` was trained on none of the data sets `sources`, by its card."""
    own = _own_sources(card)
    return bool(own) and not {*sources} & {*own}


def learnt_placements(card: Card) -> list[str]:
    """Where devices were worn in a model's training, by its card, or in UCI HAR; empty where that is not known."""
    record = card.training.get("data")
    told = record.get("placements") if isinstance(record, dict) else None
    if isinstance(told, list):
        return [x for x in told if isinstance(x, str)]
    return [uci_har.PLACEMENT] if _own_sources(card) == [uci_har.NAME] else []


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


def _scored(
    cards: Sequence[Card],
    people: Mapping[int | str, str],
    test_subjects: Iterable[int | str],
    is_remembered: bool,
) -> set[int | str]:
    """Those of the `people`, each with the data set, whom none of the models of `cards` was trained on.

    Those among `test_subjects` where a card does not tell, the person whom a model is adapted to. Of data that is not
    `is_remembered`, stderr says once who is left out, and for which models. Raises `InputError` when all are, or when
    the models were trained on different ones.
    """
    everyone, left_out = {*people}, dict.fromkeys((x.name for x in cards), frozenset[int | str]())
    parts: list[set[int | str]] = []
    for card in cards:
        learnt = None if card.personal_correction else _trained_on(card, people)
        if card.personal_correction:
            parts.append({_person(card, natural_order(people))})
        elif learnt is None:
            parts.append({*test_subjects})
        else:
            left_out[card.name] |= learnt
            parts.append(everyone - learnt)
    parts = [x for x in parts if x != everyone] or [everyone]
    if any(x != parts[0] for x in parts):
        raise InputError(
            "the models were trained with different test subjects: measure them one after the other, so that none is "
            "scored on people whom it was trained on"
        )
    concerned = [name for name, learnt in left_out.items() if learnt]
    if concerned and not is_remembered:
        names, were = " and ".join(f"'{x}'" for x in concerned), "was" if len(concerned) == 1 else "were"
        click.echo(
            f"Not scored, since {names} {were} trained on these {noun_of(people)}s: {_first(left_out[concerned[0]])}.",
            err=True,
        )
    return parts[0]


def _trained_on(card: Card, people: Mapping[int | str, str]) -> set[int | str] | None:
    """Find those of the `people` whom the model was trained on; None where its card does not tell.

    Each person has the data set. Raises `InputError` when these are all.
    """
    if own := own_test_subjects(card, people):  # whatever the data is called now
        return {*people} - {*own}
    if not _own_sources(card) or not isinstance(card.training.get("subjects"), list):
        return set() if is_other(card, {*people.values()} - {""}) else None
    learnt = {*learnt_from(card, people)}
    if len(learnt) == len(people):
        nouns = f"{noun_of(people)}s"
        kept = {x for source in {*people.values()} for x in _named(card, "test_subjects", source)}
        which = f", such as {_first(kept)}" if kept else ""
        raise InputError(
            f"'{card.name}' was trained on all {nouns} of this data ({_first(people)}), whose scores say nothing "
            f"about others: give {nouns} that were kept for its test{which}, or new ones, named otherwise"
        )
    return learnt


def _first(people: Iterable[int | str]) -> str:
    """The first few names, in natural order, and the number of the others."""
    ordered = natural_order(people)
    n_more = len(ordered) - _FIRST_NAMES
    named = ", ".join(printable(str(x), 30) for x in ordered[:_FIRST_NAMES])
    return f"{named} and {n_more} more" if n_more > 0 else named


def evaluated(model: ModelFile, data: Dataset) -> EvaluatedWindows:
    """The test windows of `data` as `model` takes them; raises `InputError` unless these fit it, and one label."""
    card = model.card
    check_data(model, in_labels_of([model], data)[0])
    test = dataclasses.replace(data, train=data.train.select(np.zeros(len(data.train), np.bool_)))
    moving, motionless = moving_for([model], test)
    # Before windows of other labels are left out, which show how the device was worn, too.
    test, left_out = in_labels_of([model], moving.in_walking_frame() if card.frame == "walking" else moving)
    check_data(model, test)
    scored = test.select([x.name for x in card.signals]).test
    return EvaluatedWindows(scored, test.mountings, left_out, motionless, not_scored(data))


def moving_for(models: Sequence[ModelFile], data: Dataset) -> tuple[Dataset, Motionless]:
    """`data` without windows that have no walking frame, where one of the `models` takes that; those of the test.

    Raises `InputError` as `Dataset.moving`.
    """
    if all(x.card.frame == "device" for x in models):
        return data, Motionless()
    return data.moving(), data.motionless(data.test)


def not_scored(data: Dataset) -> list[int | str]:
    """The people of `data` who are not in its test part, in natural order."""
    return natural_order({*data.train.subject.tolist()})


def in_labels_of(models: Sequence[ModelFile], data: Dataset) -> tuple[Dataset, dict[str, int]]:
    """`data` with the classes of the `models`, and by other labels how many test windows are left out.

    Windows stay as they are where none has a class of the models. Raises `InputError` when the models tell different
    classes apart.
    """
    coarse, fine = ([x.title for x in models if is_coarse(x.card.labels) is wanted] for wanted in (True, False))
    if coarse and fine:
        raise InputError(f"{coarse[0]} tells coarse classes apart, {fine[0]} does not: bench them one after the other")
    labels = models[0].card.labels
    other = next((x for x in models if x.card.labels != labels), None)
    if other:
        raise InputError(
            f"{models[0].title} and {other.title} tell different activities apart: bench one after the other"
        )
    named = tuple(map(coarse_label, data.labels)) if coarse else data.labels
    known = np.array([x in labels for x in named])
    if not known.all() and not known[data.test.y].any():
        return data, {}
    counts = np.bincount(data.test.y, minlength=len(data.labels)).tolist()
    left_out = {x: n for x, n, kept in zip(data.labels, counts, known, strict=True) if n and not kept}
    places = np.array([labels.index(x) if x in labels else 0 for x in named], np.uint8)
    parts = (part if known.all() else part.select(known[part.y]) for part in (data.train, data.test))
    train, test = (dataclasses.replace(part, y=places[part.y]) for part in parts)
    return dataclasses.replace(data, labels=labels, train=train, test=test), left_out


def check_data(model: ModelFile, data: Dataset) -> None:
    """Raise `InputError` unless `data` has the classes, the signals and the windows that `model` was made for."""
    card = model.card
    if not len(data.test):
        raise InputError(f"the data '{data.name}' has no test windows: give other data with --data")
    if card.labels != data.labels:
        found = [data.labels[i] for i in np.unique(data.test.y)]
        raise InputError(
            f"{model.title} tells {', '.join(card.labels)} apart, but the windows to score of '{data.name}' are of "
            f"{', '.join(found)}: give the data of this model with --data"
        )
    offered = {signal.name: signal.unit for signal in data.signals}
    for signal in card.signals:
        if offered.get(signal.name) != signal.unit:
            raise InputError(
                f"{model.title} takes the signal {signal.name} in {signal.unit}, which the data '{data.name}' does not "
                f"have: give the data of this model with --data"
            )
    wanted, given = card.window, data.window
    if (wanted.samples, wanted.rate_hz) != (given.samples, given.rate_hz):
        raise InputError(
            f"{model.title} takes windows of {wanted}, but those of '{data.name}' have {given}: give the data of this "
            "model with --data"
        )


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
