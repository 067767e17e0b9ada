"""Choose evaluation data: people who are new to the models, or the person that one is adapted to."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.data.data_sources import Sources, in_words
from edge_runtime.data.dataset import Dataset, Motionless, Split, own_test_subjects
from edge_runtime.data.facing import facing_back, headings
from edge_runtime.data.loading import DataReader, check_unchanged, prefixes
from edge_runtime.data.names import natural_order, noun_of, plain_name
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.data.recording_checks import misfits
from edge_runtime.data.scores import names_of
from edge_runtime.data.sensor_checks import Finding, listed
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.axes import BACKWARDS_AXES
from edge_runtime.signals.raw_signals import are_raw
from edge_runtime.system.printable import printable, quoted

_FIRST_NAMES = 5  # of many people, in a sentence


@dataclass(frozen=True)
class EvaluatedWindows:
    """Windows to score a model on: `test.y` indexes the model's labels, `test.mounting` indexes `mountings`.

    `left_out` counts, by label, windows whose label the model lacks; `not_scored` are the other people.
    """

    test: Split
    mountings: tuple[Mounting, ...]
    left_out: dict[str, int]
    motionless: Motionless
    not_scored: list[int | str]


def scored_recordings(
    chosen: Sources, card: Card, is_remembered: bool
) -> tuple[list[tuple[int, Recording]], list[int | str], list[Finding]]:
    """The `chosen` recordings of people who are new to the model of `card`, with numbers; the other people; notices.

    Notices are of misfits of the data and the other people; training has printed them where a run remembers data.
    Raises `InputError` when nobody is left, when signals or labels of the model are missing, or when data that a run
    remembers has changed.
    """
    reader = DataReader(chosen, card.window.rate_hz)
    everyone = list(enumerate(reader.recordings))
    if reader.sources and is_remembered:
        check_unchanged(reader.windows(card.window), reader.sources, card)
    people = {recording.subject: recording.mounting.source for _, recording in everyone}
    scored = scored_people([card], people, reader.test_subjects(card.window))
    notices = [*_notices(reader, [card], people, scored, is_remembered)]
    numbered = [(number, recording) for number, recording in everyone if recording.subject in scored]
    _check_recordings([recording for _, recording in numbered], card)
    return numbered, natural_order(people.keys() - scored), notices


def scored_windows(cards: Sequence[Card], chosen: Sources, is_remembered: bool) -> tuple[Dataset, list[Finding]]:
    """All windows of `chosen`, with the people who are new to the models of these `cards` as test part, and notices.

    Raises `InputError` as `scored_recordings`, and when the models have different labels, or were trained on different
    people of the data.
    """
    if other := next((card for card in cards if card.labels != cards[0].labels), None):
        raise InputError(f"'{cards[0].name}' and '{other.name}' have different labels: bench one after the other")
    reader = DataReader(chosen)
    if chosen and reader.has_recordings:
        for card in cards:
            _check_recordings(reader.recordings, card)
    data = reader.found_windows(cards[0].window)
    if not len(data.train) + len(data.test):
        raise InputError(f"{in_words(chosen)}: nobody has {data.window} of one label in one piece")
    people: dict[int | str, str] = {}
    for part in (data.train, data.test):
        sources = names_of(part, data.mountings, "source").tolist()
        people |= {x: y or data.name for x, y in zip(part.subject.tolist(), sources, strict=True)}
    if chosen and is_remembered:
        for card in cards:
            check_unchanged(data, chosen, card)
    scored = scored_people(cards, people, data.test.subject.tolist())
    data = data.with_test(scored)
    return data, [*_notices(reader, cards, people, scored, is_remembered), *_facing_back(cards, data)]


def _check_recordings(recordings: Sequence[Recording], card: Card) -> None:
    """Raise `InputError` unless the recordings have the signals of a model, and one of its labels."""
    for x in recordings:
        x.check_signals(card.signals)
    labels = {label for recording in recordings for label in recording.found_labels}
    if not labels & set(card.labels):
        raise InputError(
            f"'{card.name}' recognises {', '.join(card.labels)}, but these recordings have "
            f"{'the labels ' + ', '.join(sorted(labels)) if labels else 'no labels'}: name them alike, or map them"
        )


def scored_people(
    cards: Sequence[Card], people: Mapping[int | str, str], test_subjects: Iterable[int | str]
) -> set[int | str]:
    """The `people`, each with the data set, who are in the training of none of the models with these `cards`.

    Falls back to `test_subjects` if a card does not list training subjects. For a personalised model, returns that
    person. Raises `InputError` when nobody is left, or the models differ in their people.
    """
    everyone, testing = {*people}, {*test_subjects}
    parts: list[set[int | str]] = []
    for card in cards:
        if card.personal_correction:
            name = str(card.personal_correction.record.get("subject"))
            parts.append({person for person in people if str(person) == name})
            if not parts[-1]:
                raise InputError(f"'{card.name}' was adapted to subject {name}, and the data has only {_first(people)}")
            continue
        learnt = _trained_on(card, people)
        parts.append(testing if learnt is None else everyone - learnt)
    parts = [part for part in parts if part != everyone] or [everyone]
    if any(part != parts[0] for part in parts):
        raise InputError("the models were trained with different test subjects: measure them one after the other")
    if not parts[0]:
        raise InputError(f"no {noun_of(people)} here ({_first(people)}) is new to '{cards[0].name}': give others")
    return parts[0]


def _notices(
    reader: DataReader,
    cards: Sequence[Card],
    people: Mapping[int | str, str],
    scored: Iterable[int | str],
    is_remembered: bool,
) -> Iterator[Finding]:
    general = [card for card in cards if not card.personal_correction]
    if silent := [quoted(card.name) for card in general if not card.sources]:
        text = f"The card of {listed(silent)} lists no people: the people scored here may have been in the training."
        yield Finding("perhaps known", text)
    if not is_remembered:
        yield from misfits(reader.described, frame=cards[0].frame)
        yield from _not_scored(general, people)
        yield from _perhaps_known(general, scored)


def _not_scored(cards: Sequence[Card], people: Mapping[int | str, str]) -> Iterator[Finding]:
    """A finding that names the `people` in the training of the models, if there are any."""
    if trained := {card.name: subjects for card in cards if (subjects := _trained_on(card, people))}:
        names, subjects = " and ".join(f"'{name}'" for name in trained), next(iter(trained.values()))
        text = f"Not scored, since in the training of {names}: {noun_of(people)} {_first(subjects)}."
        yield Finding("not scored", text)


def _perhaps_known(cards: Sequence[Card], scored: Iterable[int | str]) -> Iterator[Finding]:
    """A finding that names the people who are `scored` and have the name of someone in a model's training."""
    learners = {plain_name(x) for card in cards for x in _learners(card)} - {""}
    if alike := [person for person in scored if plain_name(person) in learners]:
        text = f"Scored, although the training had people of these names: {_first(alike)}. They may be the same people."
        yield Finding("perhaps known", text)


def _facing_back(cards: Sequence[Card], data: Dataset) -> Iterator[Finding]:
    """A finding on the people to score whose devices face backwards, compared with the training of a model."""
    of_people = headings(data, data.test)
    for card in cards:
        if card.live.ahead and (back := facing_back(of_people, card.live.ahead)):
            text = f"The devices of {_first(back)} face backwards, compared with the training of {quoted(card.name)}"
            mend = f'a layout\'s axes = "{BACKWARDS_AXES}" turns them round, or use edge-anywhere'
            yield Finding("axes", f"{text}: {mend}.")


def _trained_on(card: Card, people: Mapping[int | str, str]) -> set[int | str] | None:
    """The `people`, each with the data set, in the training of the model; None where its card is silent."""
    if test_subjects := own_test_subjects(card, people):  # whatever the data is called now
        return {*people} - {*test_subjects}
    if not card.sources or not isinstance(card.training.get("subjects"), list):
        return set() if is_other(card, {*people.values()} - {""}) else None
    return {*learnt_from(card, people)}


def is_other(card: Card, sources: Iterable[str]) -> bool:
    """Tell whether the model of `card` was trained on none of the data sets `sources`."""
    return bool(card.sources) and not {*sources} & {*card.sources}


def learnt_placements(card: Card) -> list[str]:
    """The placements in a model's training, by its card or of UCI HAR; empty if they are unknown."""
    listed = card.training_data.get("placements")
    if isinstance(listed, list):
        return [text for text in listed if isinstance(text, str)]
    return [embedded_recordings.PLACEMENT] if card.sources == [uci_har.NAME] else []


def learnt_from(card: Card, people: Mapping[int | str, str]) -> list[int | str]:
    """The `people`, each with the data set, who are training subjects by the card, with or without prefixes."""
    learners: list[int | str] = []
    for subject, source in people.items():
        plain = re.escape(prefixes([source])[0])
        bare = {str(subject), *(re.sub(f"^{plain}{x}", "", str(subject)) for x in ("", r"\d+-"))}
        if {*map(str.casefold, bare)} & {*map(str.casefold, _training_subjects(card, source))}:
            learners.append(subject)
    return natural_order(learners)


def _training_subjects(card: Card, source: str) -> set[str]:
    """The training subjects of the data set `source`, without prefixes; all, where the card does not name it."""
    sources, every = card.sources, {str(person) for person in _learners(card)}
    if not sources or not every:
        return set()
    name = str(card.training_data.get("name"))
    if sources == [name]:
        return every if source == name else set()
    names = name.split(" + ")
    if source not in names:
        return every
    before = [prefix for name_of_part, prefix in zip(names, prefixes(names), strict=True) if name_of_part == source]
    return {subject.removeprefix(prefix) for subject in every for prefix in before if subject.startswith(prefix)}


def _learners(card: Card) -> list[int | str]:
    people = card.training.get("subjects")
    return people if isinstance(people, list) else []


def _first(people: Iterable[int | str]) -> str:
    ordered = natural_order(people)
    n_more = len(ordered) - _FIRST_NAMES
    named = ", ".join(printable(str(person), 30) for person in ordered[:_FIRST_NAMES])
    return f"{named} and {n_more} more" if n_more > 0 else named


def evaluated(card: Card, data: Dataset) -> EvaluatedWindows:
    """The test windows of `data` as the model of `card` takes them. Raises `InputError` unless these fit it."""
    check_data(card, in_labels_of(card, data)[0])
    test = dataclasses.replace(data, train=data.train.select(np.zeros(len(data.train), np.bool_)))
    moving, motionless = moving_for([card], test)
    # Windows of other labels show how the device was worn, so they are left out only afterwards.
    test, left_out = in_labels_of(card, moving.in_walking_frame() if card.frame == "walking" else moving)
    check_data(card, test)
    scored = test.select([signal.name for signal in card.signals]).test
    return EvaluatedWindows(scored, test.mountings, left_out, motionless, natural_order(data.train.subject.tolist()))


def moving_for(cards: Sequence[Card], data: Dataset) -> tuple[Dataset, Motionless]:
    """For a model of the walking frame: `data` without motionless windows, and how many the test part had."""
    if all(card.frame == "device" for card in cards):
        return data, Motionless()
    return data.moving(), data.motionless(data.test)


def in_labels_of(card: Card, data: Dataset) -> tuple[Dataset, dict[str, int]]:
    """`data` with the classes of `card`, if any window has one, and the test windows left out by other labels."""
    labels = card.labels
    is_class = np.array([name in labels for name in data.labels])
    if not is_class.all() and not is_class[data.test.y].any():
        return data, {}
    counts = np.bincount(data.test.y, minlength=len(data.labels)).tolist()
    left_out = {label: n for label, n, kept in zip(data.labels, counts, is_class, strict=True) if n and not kept}
    places = np.array([labels.index(name) if name in labels else 0 for name in data.labels], np.uint8)
    parts = (part if is_class.all() else part.select(is_class[part.y]) for part in (data.train, data.test))
    train, test = (dataclasses.replace(part, y=places[part.y]) for part in parts)
    return dataclasses.replace(data, labels=labels, train=train, test=test), left_out


def check_data(card: Card, data: Dataset) -> None:
    """Raise `InputError` unless `data` has the classes, the signals and the windows that a model was made for."""
    model_window, window = card.window, data.window
    lacking = next((signal for signal in card.signals if signal not in data.signals), None)
    if card.labels != data.labels or not len(data.test):
        scored_labels = ", ".join(data.labels[i] for i in np.unique(data.test.y)) or "nobody"
        wrong = f"recognises {', '.join(card.labels)}, and its windows to score are labelled {scored_labels}"
    elif lacking:
        wrong = f"takes the signal {lacking.name} in {lacking.unit}, which it lacks"
    elif (model_window.samples, model_window.rate_hz) != (window.samples, window.rate_hz):
        wrong = f"takes windows of {model_window}, and its windows have {window}"
    else:
        return
    mend = (
        "score recordings with 'har-edge evaluate --live'"
        if lacking and are_raw(card.signals)
        else "give other data with --data"
    )
    raise InputError(f"the data '{data.name}' does not fit: '{card.name}' {wrong}; {mend}")
