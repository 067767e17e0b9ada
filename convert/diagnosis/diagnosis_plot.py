"""A picture of a diagnosis: signal-to-noise by place and step, and beside it what each place costs the logits."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from convert.diagnosis.precision import WEIGHTS, Diagnosis, Place
from edge_runtime.data.recording_plots import plain_text
from edge_runtime.system.files import atomic_path

# Okabe and Ito's palette: told apart by people with any colour vision.
_COST, _LOW, _HIGH = "#D55E00", "#56B4E9", "#0072B2"
_COLOURS = "viridis"
_BEST = 50.0  # dB: full scale into 256 even steps; more is as good
_MOST_NUMBERS = 24  # steps; with more, a number no longer fits its cell
_INK = "0.2"
_ENDS = ("saturated_low", "saturated_high")


def plot(diagnosis: Diagnosis, title: str, path: Path) -> None:
    """Draw `diagnosis` and write it to `path`, whole or not at all.

    Rows are places in the order of computing. What has no steps, or is the same in all of them, is one wide cell.
    """
    places = diagnosis.places
    n_steps = max((x.points[-1].step or 1) for x in places)
    figure = Figure(figsize=(12, 1.9 + 0.34 * len(places)), layout="constrained", dpi=130)
    noise, cost, cut = figure.subplots(1, 3, sharey=True, width_ratios=(6, 1.7, 1.7))
    _draw_noise(figure, noise, places, n_steps)
    rows = range(len(places))
    weakest = places.index(diagnosis.weakest)
    cost.barh(rows, [x.gain_db if np.isfinite(x.gain_db) else 0 for x in places], 0.6, color=_COST)
    cost.axvline(0, color=_INK, linewidth=0.8)
    cost.set_xlabel("dB the logits would gain,\nwere it kept in float")
    low, high = (np.array([np.mean([getattr(y, end) for y in x.points]) for x in places]) for end in _ENDS)
    cut.barh(rows, low, 0.6, color=_LOW, label="low end")
    cut.barh(rows, high, 0.6, left=low, color=_HIGH, label="high end")
    cut.set_xlim(0, max(0.01, 1.1 * float((low + high).max())))
    cut.xaxis.set_major_formatter(PercentFormatter(1, decimals=0 if cut.get_xlim()[1] > 0.04 else 1))
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
    noise.get_yticklabels()[weakest].set(fontweight="bold", color=_COST)
    figure.suptitle(
        f"Where int8 loses precision: {plain_text(title)}\nlogits {diagnosis.logits_snr_db:.1f} dB, "
        f"costliest: {plain_text(diagnosis.weakest.name)}",
        fontsize=11,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor="white")


def _draw_noise(figure: Figure, axes: Any, places: tuple[Place, ...], n_steps: int) -> None:
    shades = Normalize(0, _BEST)
    for row, place in enumerate(places):
        if place.kind == WEIGHTS or place.points[0].step is None:
            _cell(axes, row, 0.5, n_steps, place.median_snr_db, shades, with_number=True)
            continue
        for point in place.points:
            assert point.step is not None
            _cell(axes, row, point.step - 0.5, 1, point.snr_db, shades, with_number=n_steps <= _MOST_NUMBERS)
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


def _cell(axes: Any, row: int, left: float, width: float, value: float, shades: Normalize, with_number: bool) -> None:
    share = float(np.clip(shades(value), 0, 1)) if not np.isnan(value) else 0.0
    axes.barh(row, width, 0.94, left=left, color=colormaps[_COLOURS](share), edgecolor="white", linewidth=0.6)
    if with_number:
        ink = "white" if share < 0.6 else _INK
        text = f"{value:.0f}" if np.isfinite(value) else "exact" if value > 0 else "–"
        axes.text(left + width / 2, row, text, ha="center", va="center", fontsize=7.5, color=ink)


def _separate_layers(axes: Any, places: tuple[Place, ...]) -> None:
    layers = [x.name.removesuffix(" weights").partition("/")[0] for x in places]
    for row in range(1, len(places)):
        if layers[row] != layers[row - 1]:
            axes.axhline(row - 0.5, color="0.45", linewidth=0.9)
