"""A diagnosis for people and for other programs: a table, a picture and a CSV file."""

import csv
import dataclasses
import io

from rich.table import Table
from rich.text import Text

from convert.diagnosis.diagnosis_plot import plot
from convert.diagnosis.precision import WEIGHTS, Diagnosis, Place, Point
from convert.model_files import ModelFiles
from edge_runtime.system.files import write_text
from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import Console

_SPREAD = 1.0  # dB: when no place costs the logits more, none is to blame


def leave(files: ModelFiles, diagnosis: Diagnosis, title: str) -> None:
    """Write the diagnosis as `.csv` and `.png`, each whole or not at all, and print the table.

    `title` says of what network and windows it is.
    """
    pictured, listed = (files.diagnosis(suffix) for suffix in (".png", ".csv"))
    plot(diagnosis, title, pictured)
    write_text(listed, to_csv(diagnosis))
    show(diagnosis, title, Console())
    Console().print(Text(f"Diagnosis: {listed}, {pictured}"), soft_wrap=True)


def to_csv(diagnosis: Diagnosis) -> str:
    """One line per place and step, in the order of computing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(x.name for x in dataclasses.fields(Point)), "logits_gain_db"])
    for place in diagnosis.places:
        for point in place.points:
            writer.writerow([_cell(x) for x in (*dataclasses.astuple(point), place.gain_db)])
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def show(diagnosis: Diagnosis, title: str, console: Console) -> None:
    """Print the places with the middle and the worst of their steps, and the weakest in a sentence."""
    console.print(Text(f"Where int8 loses precision: {title}", "bold"))
    console.print(_table(diagnosis))
    console.print(Text(weakest(diagnosis)))
    console.print(
        Text(
            "SNR: signal over all noise so far. Cost: what the logits would gain, were this kept in float; it may be "
            "nothing where the SNR is low, since values beyond saturation can be cut off freely. "
            f"Logits: {diagnosis.logits_snr_db:.1f} dB as emulated here, {diagnosis.model_snr_db:.1f} dB by the model.",
            "dim",
        )
    )


def _table(diagnosis: Diagnosis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for name in ("SNR\ndB", "worst\n(step)", "own\nrounding", "cut off", "bits\nof 8", "cost to\nlogits, dB"):
        table.add_column(name, justify="right", no_wrap=True)
    for place in diagnosis.places:
        style = "bold" if place is diagnosis.weakest else "dim" if place.kind == WEIGHTS else ""
        table.add_row(Text(place.name), *_cells(place), style=style)
    return table


def _cells(place: Place) -> tuple[str, ...]:
    worst = place.worst
    step = f" ({worst.step})" if _has_steps(place) else ""
    return (
        f"{place.median_snr_db:.1f}",
        f"{worst.snr_db:.1f}{step}" if step else "",
        f"{place.rounding_snr_db:.1f}",
        percent(place.saturated, 1) if place.saturated else "",
        f"{place.bits:.1f}",
        f"{place.gain_db:.1f}".replace("-0.0", "0.0"),
    )


def _has_steps(place: Place) -> bool:
    """Weights are the same in all steps."""
    return place.kind != WEIGHTS and len(place.points) > 1


def weakest(diagnosis: Diagnosis) -> str:
    """The place that costs the logits most, in a sentence."""
    place, before = diagnosis.weakest, diagnosis.logits_snr_db
    step = f" in step {place.worst.step}" if _has_steps(place) else ""
    what = f"{place.name} ({place.worst.snr_db:.1f} dB{step})"
    better = f"kept in float, it would bring the logits from {before:.1f} to {before + place.gain_db:.1f} dB."
    if place.gain_db < _SPREAD:
        return f"No place stands out. The costliest is {what}: {better}"
    return f"The weakest place is {what}: {better}"
