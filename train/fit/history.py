"""What is known of a fit while it goes on and afterwards: its steps and its epochs."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True)
class Step:
    """Where a fit stands: `step` of `steps` in `epoch`, from 0; the running loss and accuracy of this epoch."""

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """What one epoch left in the history; the held-out columns are NaN where nothing is held out."""

    epoch: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float


def to_csv(histories: Mapping[str, Sequence[Epoch]]) -> str:
    """The histories of several fits, by name, as one table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fit", *(x.name for x in fields(Epoch))])
    for name, history in histories.items():
        for epoch in history:
            writer.writerow([name, *("" if value != value else f"{value:.6g}" for value in astuple(epoch))])
    return text.getvalue()
