"""Report a diagnosis as a table, a picture and a CSV file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator
from rich.table import Table
from rich.text import Text

from convert.diagnosis.precision import WEIGHTS, Diagnosis, PlacePrecision, StepPrecision
from edge_runtime.system.figures import ink_on, new_figure, percent_ticks, plain_text, save
from edge_runtime.system.files import write_csv
from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import Console

_CLEAR_GAIN_DB = 1.0  # with less, no place is to blame
# Okabe and Ito's palette: told apart by people with any colour vision.
_COST, _LOW, _HIGH = "#D55E00", "#56B4E9", "#0072B2"
_COLOURS = "viridis"
_BEST = 50.0  # dB: full scale into 256 even steps; more is as good
_MOST_NUMBERS = 24  # steps; with more, a number no longer fits its cell
_INK = "0.2"
_ENDS = ("saturated_low", "saturated_high")


def write_diagnosis(diagnosis: Diagnosis, title: str, table: Path, picture: Path) -> None:
    """Write the diagnosis to a CSV file and a picture, each whole or not at all, and print its table.

    `title` names the network and the windows.
    """
    plot(diagnosis, title, picture)
    write_csv(table, csv_rows(diagnosis))
    show(diagnosis, title, Console())
    Console().print(Text(f"Diagnosis: {table}, {picture}"), soft_wrap=True)


def csv_rows(diagnosis: Diagnosis) -> Iterator[list[str]]:
    """The heading, then a row per place and step, in the order of computing."""
    yield [*(x.name for x in dataclasses.fields(StepPrecision)), "logits_gain_db"]
    for place in diagnosis.places:
        for step in place.steps:
            yield [_csv_value(x) for x in (*dataclasses.astuple(step), place.gain_db)]


def _csv_value(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def show(diagnosis: Diagnosis, title: str, console: Console) -> None:
    """Print the places with the median and the worst of their steps, and the weakest in a sentence."""
    console.print(Text(f"Where int8 loses precision: {title}", "bold"))
    console.print(_table(diagnosis))
    console.print(Text(weakest(diagnosis)))
    console.print(
        Text(
            "SNR: signal over all noise so far. Cost: gain of the logits' SNR if this place stayed in float; it can be "
            "0 at a low SNR, since values beyond saturation are cut off without loss. Logits' SNR: "
            f"{diagnosis.logits_snr_db:.1f} dB by the arithmetic diagnosed here, {diagnosis.model_snr_db:.1f} dB by "
            "the model.",
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


def _cells(place: PlacePrecision) -> tuple[str, ...]:
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


def _has_steps(place: PlacePrecision) -> bool:
    """Weights are the same in all steps."""
    return place.kind != WEIGHTS and len(place.steps) > 1


def weakest(diagnosis: Diagnosis) -> str:
    """Name the place that costs the logits most, in a sentence."""
    place, before = diagnosis.weakest, diagnosis.logits_snr_db
    step = f" in step {place.worst.step}" if _has_steps(place) else ""
    named = f"{place.name} ({place.worst.snr_db:.1f} dB{step})"
    gain = f"if it stayed in float, the logits' SNR would rise from {before:.1f} to {before + place.gain_db:.1f} dB."
    if place.gain_db < _CLEAR_GAIN_DB:
        return f"No place stands out. The costliest is {named}: {gain}"
    return f"The weakest place is {named}: {gain}"


def plot(diagnosis: Diagnosis, title: str, path: Path) -> None:
    """Draw `diagnosis` and write it to `path`, whole or not at all.

    Rows are places in the order of computing. A place without steps, or equal in all of them, is one wide cell.
    """
    places = diagnosis.places
    n_steps = max((x.steps[-1].step or 1) for x in places)
    title = (
        f"Where int8 loses precision: {title}; logits {diagnosis.logits_snr_db:.1f} dB, "
        f"costliest: {diagnosis.weakest.name}"
    )
    figure = new_figure(12, 2.0 + 0.34 * len(places), title)
    noise, cost, cut = figure.subplots(1, 3, sharey=True, width_ratios=(6, 1.7, 1.7))
    _draw_noise(figure, noise, places, n_steps)
    rows = range(len(places))
    weakest_row = places.index(diagnosis.weakest)
    cost.barh(rows, [x.gain_db if np.isfinite(x.gain_db) else 0 for x in places], 0.6, color=_COST)
    cost.axvline(0, color=_INK, linewidth=0.8)
    cost.set_xlabel("gain of the logits' SNR in dB\nif it stayed in float")
    low, high = (np.array([np.mean([getattr(y, end) for y in x.steps]) for x in places]) for end in _ENDS)
    cut.barh(rows, low, 0.6, color=_LOW, label="low end")
    cut.barh(rows, high, 0.6, left=low, color=_HIGH, label="high end")
    cut.set_xlim(0, max(0.01, 1.1 * float((low + high).max())))
    percent_ticks(cut.xaxis)
    cut.set_xlabel("values cut off\nat the range's ends")
    cut.legend(frameon=False, fontsize=8, loc="best")
    for axes in (cost, cut):
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="x", alpha=0.25)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    for axes in (noise, cost, cut):
        _separate_layers(axes, places)
    for label, place in zip(noise.get_yticklabels(), places, strict=True):
        label.set_color("0.5" if place.kind == WEIGHTS else "0.1")
    noise.get_yticklabels()[weakest_row].set(fontweight="bold", color=_COST)
    save(figure, path)


def _draw_noise(figure: Any, axes: Any, places: tuple[PlacePrecision, ...], n_steps: int) -> None:
    shades = Normalize(0, _BEST)
    for row, place in enumerate(places):
        if place.kind == WEIGHTS or place.steps[0].step is None:
            _draw_cell(axes, row, 0.5, n_steps, place.median_snr_db, shades, with_number=True)
            continue
        for step in place.steps:
            assert step.step is not None
            _draw_cell(axes, row, step.step - 0.5, 1, step.snr_db, shades, with_number=n_steps <= _MOST_NUMBERS)
    axes.set_xlim(0.5, n_steps + 0.5)
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.set_yticks(range(len(places)), [plain_text(x.name) for x in places])
    if n_steps > 1:
        axes.xaxis.set_major_locator(MaxNLocator(16, integer=True))
        axes.set_xlabel("step")
    else:
        axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    mappable = figure.colorbar(
        ScalarMappable(shades, _COLOURS), ax=axes, location="top", fraction=0.03, pad=0.01, aspect=60, extend="max"
    )
    mappable.set_label("signal-to-noise with all the noise gathered so far, dB (6 dB are one bit)", fontsize=9)


def _draw_cell(
    axes: Any, row: int, left: float, width: float, value: float, shades: Normalize, with_number: bool
) -> None:
    share = float(np.clip(shades(value), 0, 1)) if not np.isnan(value) else 0.0
    colour = colormaps[_COLOURS](share)
    axes.barh(row, width, 0.94, left=left, color=colour, edgecolor="white", linewidth=0.6)
    if with_number:
        text = f"{value:.0f}" if np.isfinite(value) else "exact" if value > 0 else "–"
        axes.text(left + width / 2, row, text, ha="center", va="center", fontsize=7.5, color=ink_on(colour))


def _separate_layers(axes: Any, places: tuple[PlacePrecision, ...]) -> None:
    layers = [x.name.removesuffix(" weights").partition("/")[0] for x in places]
    for row in range(1, len(places)):
        if layers[row] != layers[row - 1]:
            axes.axhline(row - 0.5, color="0.45", linewidth=0.9)
