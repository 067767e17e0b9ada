"""Find the model that an argument names, or the latest run's, and warn where its answers may be wrong."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime import runs
from edge_runtime.data import loading
from edge_runtime.data.data_sources import Sources
from edge_runtime.data.evaluation_data import is_other, learnt_from, learnt_placements
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import is_reference, model_path, reference_model
from edge_runtime.model.scheme_names import INT8
from edge_runtime.reports import outputs
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted, percent

_MOST_NOVEL = 0.5  # share of windows


def find_model(path: Path | None) -> Path:
    """Return the model that `path` names: a file, a reference model, or the int8 model of a run folder.

    Without a `path` it is the latest run's model or, if there is no run, `edge`; then stderr names it. Raises
    `InputError` when there is no model.
    """
    if path is None and not runs.LATEST.exists():
        outputs.say("No trained model here: using 'edge', for a phone upright at the waist.")
        return reference_model("edge", INT8)
    if path is not None and (is_reference(path) or not path.is_dir()):
        return model_path(path)
    chosen = model_path(runs.find_run(path, outputs.say).folder)
    if path is None:
        outputs.say(f"Using {chosen}.")
    return chosen


def long_enough(numbered: Iterable[tuple[int, Recording]], card: cards.Card) -> list[tuple[int, Recording]]:
    """Return the recordings, each after its number, that are as long as a window; stderr says how many are not.

    Raises `InputError` when all recordings are shorter.
    """
    recordings = list(numbered)
    is_long = [len(recording.samples) >= card.window.samples for _, recording in recordings]
    if not all(is_long):
        number, short = recordings[is_long.index(False)]
        example = f"for example recording {number} of subject {short.subject} ({short.file})"
        window = f"a window, {card.window.samples / short.rate_hz:g} s"
        if not any(is_long):
            raise InputError(f"no recording is as long as {window}, {example}: record more")
        n_short = f"{is_long.count(False)} of {counted(len(recordings), 'recording')}"
        outputs.say(f"Left out: {n_short}, shorter than {window}, {example}.")
    return [numbered for numbered, is_kept in zip(recordings, is_long, strict=True) if is_kept]


def warn_of_axes(card: cards.Card, mountings: Iterable[Mounting]) -> None:
    """Warn on stderr if devices were worn elsewhere than in the model's training, as far as that is known."""
    mountings = tuple(mountings)
    worn, learnt = sorted({mounting.placement for mounting in mountings} - {""}), learnt_placements(card)
    is_known = {*worn} <= {*learnt} or (card.frame == "walking" and not learnt)
    if is_known or not is_other(card, {mounting.source for mounting in mountings}):
        return
    where = f" at {printable(' and '.join(learnt), 100)}" if learnt else " one way"
    here = f", and here at {', '.join(worn)}"
    advice = (
        "" if card.frame == "walking" else ": turned or elsewhere, use edge-anywhere, or train with --frame walking"
    )
    outputs.say(f"'{card.name}' was trained with the device worn{where}{here}. It may be wrong more often{advice}.")


def untypical(novel: npt.NDArray[np.bool_]) -> str:
    """Say that most windows are `novel` `[n]` for their labels; "" unless they are."""
    if not len(novel) or novel.mean() <= _MOST_NOVEL:
        return ""
    share = f"{percent(float(novel.mean()), 0)} of windows are not typical of their labels, so live answers are unknown"
    return f"{share}: check labels, and how the device was worn ('har-edge predict' may name axes for a layout)"


def say_whom_it_fits(card: cards.Card) -> None:
    """Say on stderr whom the model is adapted to, if it is."""
    if card.personal_correction:
        person = printable(str(card.personal_correction.record.get("subject")), 50)
        outputs.say(f"This model is adapted to subject {person}: for other people, use '{card.name}' as it was before.")


def say_who_is_known(card: cards.Card, recordings: Iterable[Recording]) -> None:
    """Say on stderr how many people the model was trained on: it is right more often for them."""
    people = {(recording.mounting.source, recording.subject) for recording in recordings}
    learnt = [subject for source, subject in people if learnt_from(card, {subject: source})]
    if learnt:
        here = f"subject {learnt[0]}" if len(people) == 1 else f"{len(learnt)} of the {len(people)} people here"
        effect = "so its answers to them are right more often than to others"
        outputs.say(f"'{card.name}' was trained on {here}, {effect}: 'har-edge evaluate' leaves them out.")


def data_for(models: Sequence[Path], given: Sources | None) -> Sources:
    """Return the data of `--data`, or else the training data of the run of all `models`.

    Raises `InputError` when the runs were trained on different data.
    """
    if given is not None:
        return given
    runs_by_data = {runs.remembered_data(model): model for model in models}
    if len(runs_by_data) > 1:
        names = " and ".join(str(model) for model in runs_by_data.values())
        raise InputError(f"{names} were trained on different data: choose data with --data")
    return next(iter(runs_by_data), ())


def recordings_for(model: Path, given: Sources | None) -> Sources:
    """Return data as `data_for` does, but the embedded recordings for an official UCI HAR copy, which has windows."""
    chosen = data_for([model], given)
    return chosen if given is not None or loading.DataReader(chosen).has_recordings else ()
