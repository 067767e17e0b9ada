"""What a conversion ends with: a table with a row per form, its size and how well it answers on held-out subjects."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from convert.model_files import ModelFiles
from convert.parity import Parity
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, percent


def parity_table(files: ModelFiles, report: Mapping[str, Any]) -> Table:
    """The models in `files` beside the parity of their forms.

    `report` is the conversion's about the network that was compared: of a run the selection network, which never saw
    the held-out subjects.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for heading in ("size", "accuracy", "points lost", "agrees", "logits' SNR"):
        table.add_column(heading, justify="right")
    accuracy = report["float32_accuracy"]
    known = accuracy is not None
    table.add_row(*_file(files, "float32"), percent(accuracy) if known else NOT_MEASURED, *(NOT_MEASURED,) * 3)
    for scheme, form in report["forms"].items():
        parity = Parity(**form["parity"])
        table.add_row(
            *_file(files, scheme),
            percent(parity.accuracy) if known else NOT_MEASURED,
            points(parity.drop) if known else NOT_MEASURED,
            percent(parity.agreement),
            NOT_MEASURED if parity.snr_db is None else f"{parity.snr_db:.1f} dB",
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


def _file(files: ModelFiles, scheme: str) -> tuple[str, str]:
    path = files.tflite(scheme)
    return path.name, kilobytes(path.stat().st_size)
