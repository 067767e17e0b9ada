"""Measure what adapting a model gains for each new person: `python -m tools.personal_gain [MODEL] [--data PATH]`.

Each person's first seconds of each activity adapt the model, and all other windows are scored before and after.
`--json FILE` writes `seconds`, `not_scored` (who, and why) and `gains`, a `Gain` for each person.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import click

from edge_runtime.data import evaluation_data
from edge_runtime.data.data_sources import sources
from edge_runtime.data.scores import confusion_matrix, macro_f1
from edge_runtime.errors import InputError
from edge_runtime.live import personalisation
from edge_runtime.live.personalisation import Stretch
from edge_runtime.live.stream_scores import share
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import model_path
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.system.quantities import percent
from tools import table_of, write_json


@dataclass(frozen=True)
class Gain:
    """Accuracy and macro F1, 0 to 1, of one person's other windows before and after.

    Macro F1 is over the person's activities. `used` is false if the correction fails its cross-validation.
    """

    subject: int | str
    windows: int
    before: float
    after: float
    macro_f1_before: float
    macro_f1_after: float
    used: bool


_COLUMNS: dict[str, Callable[[Gain], str]] = {
    "subject": lambda gain: str(gain.subject),
    "windows": lambda gain: str(gain.windows),
    "accuracy": lambda gain: percent(gain.before),
    "after": lambda gain: percent(gain.after),
    "macro F1": lambda gain: percent(gain.macro_f1_before),
    "macro F1 after": lambda gain: percent(gain.macro_f1_after),
    "used": lambda gain: "yes" if gain.used else "no",
}


@click.command()
@click.argument("model", type=click.Path(path_type=Path), default="edge")
@click.option("--data", multiple=True, metavar="[LAYOUT=]PATH", help="Recordings.  [default: UCI HAR]")
@click.option("--seconds", default=10.0, help="Time to learn from, of each activity.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Also write the gains to this file.")
def main(model: Path, data: Sequence[str], seconds: float, out: Path | None) -> None:
    """Print what adapting MODEL gains for each person who was not in its training."""
    gains, not_scored = measure(Classifier(model_path(model)), data, seconds)
    for subject, reason in not_scored.items():
        print(f"Not scored: subject {subject}: {reason}.")
    if not gains:
        raise click.ClickException("nobody is scored")
    rates = [
        fmean(getattr(gain, key) for gain in gains) for key in ("before", "after", "macro_f1_before", "macro_f1_after")
    ]
    mean = Gain("mean", sum(x.windows for x in gains), *rates, used=all(x.used for x in gains))
    print(table_of(_COLUMNS, [*gains, mean]), end="")
    if out:
        write_json(out, {"seconds": seconds, "not_scored": not_scored, "gains": [*map(asdict, gains)]})


def measure(classifier: Classifier, data: Sequence[str], seconds: float) -> tuple[list[Gain], dict[str, str]]:
    """Adapt a model to each new person of `data`; also return the people who are not scored, with the reason."""
    numbered, *_ = evaluation_data.scored_recordings(sources(data), classifier.card, is_remembered=False)
    recordings = [recording for _, recording in numbered]
    gains: list[Gain] = []
    not_scored: dict[str, str] = {}
    for subject in dict.fromkeys(recording.subject for recording in recordings):
        try:
            stretches, _ = personalisation.find_stretches(
                [recording for recording in recordings if recording.subject == subject], classifier
            )
            gains.append(gain(subject, stretches, seconds, classifier))
        except InputError as error:
            not_scored[str(subject)] = str(error)
    return gains, not_scored


def gain(subject: int | str, stretches: Sequence[Stretch], seconds: float, classifier: Classifier) -> Gain:
    """Learn from the first `seconds` of each activity, and score all other windows.

    Raises `InputError` as `personalisation.learn`, and if no window is left to score.
    """
    first, rest = split(stretches, seconds, classifier.card.window.samples)
    correction, held_out = personalisation.learn(first, classifier)
    if not rest:
        raise InputError(f"the recordings have only {seconds:g} s of each activity")
    is_used = held_out is None or not (held_out.after < held_out.before or held_out.is_wrong_throughout)
    logits, look, y = personalisation.joined(rest)
    answers = [logits.argmax(axis=1), correction.apply(logits, look).argmax(axis=1)]
    answers[1] = answers[1] if is_used else answers[0]
    before, after = (share(rows == y) for rows in answers)
    f1_before, f1_after = (macro_f1(confusion_matrix(y, rows, len(classifier.card.labels))) for rows in answers)
    return Gain(subject, len(y), before, after, f1_before, f1_after, used=is_used)


def split(stretches: Sequence[Stretch], seconds: float, samples: int) -> tuple[list[Stretch], list[Stretch]]:
    """Divide windows of `samples` into the first `seconds` of each activity and the rest."""
    budget = {stretch.label: seconds for stretch in stretches}
    first: list[Stretch] = []
    rest: list[Stretch] = []
    for stretch in stretches:
        end = min(stretch.seconds, budget[stretch.label])
        budget[stretch.label] -= end
        first.append(stretch.part(0, end, samples, RATE_HZ))
        rest.append(stretch.part(end, stretch.seconds, samples, RATE_HZ))
    return [x for x in first if len(x.starts)], [x for x in rest if len(x.starts)]


if __name__ == "__main__":
    main()
