"""What a conversion ends with: a table with a row per form, its size and how well it answers on held-out subjects."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from convert.parity import Parity
from edge_runtime.reports.quantities import NOTHING, kilobytes, percent
from edge_runtime.runs import Run


def parity_table(run: Run, selection: Mapping[str, Any]) -> Table:
    """The models of `run` beside the parity of the same forms of its selection network.

    `selection` is the conversion's report about that network, which never saw the held-out subjects.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for heading in ("size", "accuracy", "points lost", "agrees", "logits' SNR"):
        table.add_column(heading, justify="right")
    table.add_row(*_files(run, "float32"), percent(selection["float32_accuracy"]), *(NOTHING,) * 3)
    for scheme, form in selection["forms"].items():
        parity = Parity(**form["parity"])
        table.add_row(
            *_files(run, scheme),
            percent(parity.accuracy),
            points(parity.drop),
            percent(parity.agreement),
            NOTHING if parity.snr_db is None else f"{parity.snr_db:.1f} dB",
        )
    return table


def explanation(n_subjects: int, windows: int, quantised: bool) -> str:
    """What the columns of the table are measured on, and what they mean."""
    sentence = (
        f"Accuracy is that of the selection network, trained without the {n_subjects} held-out subjects, on their "
        f"{windows} windows."
    )
    if not quantised:
        return sentence
    return (
        f"{sentence} Its quantised forms are compared with its float32 form: points of accuracy lost, how often both "
        "answer alike, and the signal-to-noise ratio of the logits."
    )


def points(drop: float) -> str:
    """Percentage points lost, or gained."""
    lost = round(drop, 2)
    return f"{-lost:.2f} gained" if lost < 0 else f"{abs(lost):.2f}"


def _files(run: Run, scheme: str) -> tuple[str, str]:
    path = run.tflite(scheme)
    return path.name, kilobytes(path.stat().st_size)
