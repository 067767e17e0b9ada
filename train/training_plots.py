"""Draw a training: the curves of both fits, and accuracy by subject, of folds and over seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from edge_runtime.data.names import noun_of
from edge_runtime.system.figures import name_ticks, new_figure, percent_ticks, save
from edge_runtime.system.quantities import percent
from train.fit.fit_job import Epoch

_NARROWEST = 5.0  # inches, for the caption
# Okabe and Ito's palette, for people with any colour vision.
_TRAINING, _HELD_OUT, _FINAL = "#0072B2", "#D55E00", "#56B4E9"


def plot_curves(
    selection: Sequence[Epoch],
    final: Sequence[Epoch],
    title: str,
    path: Path,
    coarse_epochs: int = 0,
    noun: str = "subject",
) -> None:
    """Draw loss and accuracy over the epochs: training and held-out subjects of the selection fit, and the final fit.

    Training scores are of augmented windows with dropout and smoothed labels, so that they lie below the held-out ones.
    The first `coarse_epochs` score coarse classes. `noun` is the word for subjects.
    """
    figure = new_figure(10, 4.2, title)
    loss, accuracy = figure.subplots(1, 2)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for epochs, attribute, color, label in (
            (selection, name, _TRAINING, "selection fit, training"),
            (selection, f"held_out_{name}", _HELD_OUT, f"selection fit, held-out {noun}s"),
            (final, name, _FINAL, "final fit, training"),
        ):
            values = [getattr(x, attribute) for x in epochs]
            marker = "o" if len(epochs) == 1 else ""  # there is no line to see
            axes.plot([x.epoch for x in epochs], values, marker=marker, markersize=4, color=color, label=label)
        axes.set_xlim(selection[0].epoch - 0.5, selection[-1].epoch + 0.5)
        if coarse_epochs:
            axes.axvline(coarse_epochs + 0.5, color="0.5", linewidth=0.8, linestyle="--", zorder=0)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _tidy(axes)
    loss.set_ylabel("cross-entropy")
    loss.legend(frameon=False)
    accuracy.set_ylabel("accuracy")
    percent_ticks(accuracy.yaxis)
    coarse = " Left of the dashed line: coarse classes." if coarse_epochs else ""
    held_out = f"Held-out: plain windows, averaged weights, at the end {percent(selection[-1].held_out_accuracy, 1)}."
    save(figure, path, f"Training: augmented windows, dropout, smoothed labels. {held_out}{coarse}")


def plot_subjects(groups: Mapping[str, Mapping[str, Sequence[float]]], title: str, note: str, path: Path) -> None:
    """Draw the accuracy on each subject of each group, lowest first: a dot for each training.

    With several trainings their mean and standard deviation are drawn too. A dashed line is the mean of the subjects.
    """
    n_places = sum(len(x) + 1 for x in groups.values())
    figure = new_figure(max(_NARROWEST, 2.5 + 0.4 * n_places), 4.4, title)
    axes = figure.subplots()
    ticks: list[int] = []
    names: list[str] = []
    for i, (group, subjects) in enumerate(groups.items()):
        mean_of = {name: float(np.mean(x)) for name, x in subjects.items()}
        ordered = sorted(subjects, key=mean_of.__getitem__)
        first = len(names) + i  # a gap between groups
        places = range(first, first + len(ordered))
        color = (_TRAINING, _HELD_OUT)[i % 2]
        for place, name in zip(places, ordered, strict=True):
            values = subjects[name]
            is_alone = len(values) == 1
            beside = place + np.linspace(-0.18, 0.18, len(values)) * (not is_alone)
            axes.plot(beside, values, "o", color=color, alpha=1 if is_alone else 0.35, markersize=5, markeredgewidth=0)
            if not is_alone:
                deviation = float(np.std(values, ddof=1))
                axes.errorbar(place, mean_of[name], deviation, fmt="D", color=color, markersize=5, capsize=4)
        ends = (first - 0.5, places[-1] + 0.5)
        axes.hlines(float(np.mean([*mean_of.values()])), *ends, color="0.5", linewidth=1, linestyle="--")
        if len(ordered) > 1:  # else its name would run into the next
            axes.text(sum(ends) / 2, 1.01, group, ha="center", fontsize=9, transform=axes.get_xaxis_transform())
        ticks += places
        names += ordered
    name_ticks(axes, ticks, names, (figure.get_figwidth() - 1.5) / n_places)
    axes.set_xlim(-1, ticks[-1] + 1)
    noun = noun_of(names)
    axes.set_xlabel(noun)
    axes.set_ylabel("accuracy")
    percent_ticks(axes.yaxis)
    _tidy(axes)
    save(figure, path, f"Dots: one training each. Dashed: the mean of the {noun}s. {note}")


def _tidy(axes: Axes) -> None:
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
