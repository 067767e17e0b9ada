"""Make one run: two fits with the same fixed schedule, scored, and the run folder that they leave.

The selection fit holds out a few training subjects: every later choice (gate of the conversion, temperature) is made on
them. The final fit uses all training subjects. The test subjects are only scored, once, at the end.
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

import edge_runtime
from edge_runtime.data.dataset import Dataset
from edge_runtime.data.names import noun_of
from edge_runtime.data.scores import fit_temperature, score
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.model_card import Card, LiveSettings, save
from edge_runtime.reports.confusion_plot import plot_confusion
from edge_runtime.runs import Run, checkpoint_folder
from edge_runtime.system.figures import new_figure, percent_ticks
from edge_runtime.system.figures import save as save_figure
from edge_runtime.system.files import csv_text, write_bytes, write_text
from edge_runtime.system.quantities import counted, percent
from train.fit.fit_job import Epoch, FitJob, FitOutcome, Key, held_rows, load_logits, plan_fit
from train.fit.networks import short_name
from train.fit.recipe import Recipe
from train.novelty_statistics import fit_novelty_detector
from train.training_data import distinct

# Okabe and Ito's palette, for people with any colour vision.
_TRAINING, _HELD_OUT, _FINAL = "#0072B2", "#D55E00", "#56B4E9"


@dataclass(frozen=True)
class Experiment:
    """One seed's training and the run folder it fills.

    The selection fit does not see `held_out`. `title` tells a training from others in sentences. `data` is as `--data`
    named it, None if embedded.
    """

    recipe: Recipe
    seed: int
    dataset: Dataset
    run: Run
    held_out: Sequence[int | str]
    title: str = ""
    data: tuple[str, ...] | None = None

    @cached_property
    def jobs(self) -> dict[str, FitJob]:
        """The two fits by name."""
        held_out = {"selection": self.held_out, "final": []}
        return {
            name: plan_fit(
                name,
                f"{name} fit{self.title}",
                self.dataset,
                self.recipe,
                Key(self.seed, stream),
                checkpoint_folder(self.run.folder),
                subjects,
            )
            for stream, (name, subjects) in enumerate(held_out.items())
        }

    @property
    def is_finished(self) -> bool:
        """Tell whether the run folder is complete."""
        return self.run.card.exists()

    def finish(self) -> None:
        """Score the networks of both fits, and write the run folder."""
        selection, final = self.jobs["selection"], self.jobs["final"]
        outcomes = {name: FitOutcome.load(job) for name, job in self.jobs.items()}
        held_out = self.dataset.train.select(held_rows(self.dataset.train, selection.held_out))
        held_out_logits = load_logits(selection)
        judged = {"held_out": (held_out, held_out_logits), "test": (self.dataset.test, load_logits(final))}
        labels, worn = self.dataset.labels, self.dataset.mountings
        scores = {x: asdict(score(split, y.argmax(1), labels, worn)) for x, (split, y) in judged.items()}
        card = self._make_card(outcomes["selection"], outcomes["final"], scores)
        card = replace(card, temperature=fit_temperature(held_out_logits, held_out.y))
        write_bytes(self.run.selection, selection.model.read_bytes())
        write_bytes(self.run.model, final.model.read_bytes())
        _write(self.run, card, {name: outcome.history for name, outcome in outcomes.items()})

    def _make_card(self, selection: FitOutcome, final: FitOutcome, scores: dict[str, Any]) -> Card:
        dataset = self.dataset
        place = {"path": self.data[0] if len(self.data) == 1 else list(self.data)} if self.data else {}
        is_any_pocket = dataset.frame == "walking" and set(IN_A_POCKET.labels) <= set(dataset.labels)
        return Card(
            name=short_name(self.recipe.network),
            labels=dataset.labels,
            signals=dataset.signals,
            window=dataset.window,
            normalisation=final.normalisation,
            front_end=dataset.front_end,
            frame=dataset.frame,
            alike=(IN_A_POCKET,) if is_any_pocket else (),
            live=LiveSettings(novelty=fit_novelty_detector(dataset) if dataset.front_end else None),
            network={"name": self.recipe.network, "parameters": final.parameters, "layers": final.layers},
            training={
                "data": {
                    "name": dataset.name,
                    "fingerprint": dataset.fingerprint,
                    "sources": sorted({x.source for x in dataset.mountings} - {""}) or [dataset.name],
                    "placements": sorted({x.placement for x in dataset.mountings} - {""}),
                    **place,
                },
                "seed": self.seed,
                "recipe": asdict(self.recipe),
                "subjects": distinct(dataset.train.subject),
                "held_out_subjects": list(self.held_out),
                "test_subjects": distinct(dataset.test.subject),
                "selection_normalisation": asdict(selection.normalisation),
                "weights_sha256": {"model": final.weights_sha256, "selection": selection.weights_sha256},
                "versions": {
                    "har-edge": edge_runtime.__version__,
                    "python": platform.python_version(),
                    **final.versions,
                },
            },
            scores=scores,
        )


def _write(run: Run, card: Card, histories: dict[str, list[Epoch]]) -> None:
    """Write everything but the networks, the card last: a folder that has it is complete."""
    rows = [["fit", *(x.name for x in fields(Epoch))]]
    for name, history in histories.items():
        rows += [[name, *("" if x != x else f"{x:.6g}" for x in astuple(epoch))] for epoch in history]
    write_text(run.history, csv_text(rows))
    title = f"{card.name}, seed {card.training['seed']}"
    coarse_epochs = card.training["recipe"]["coarse_epochs"]
    noun = noun_of(card.training["test_subjects"])
    _plot_curves(histories["selection"], histories["final"], title, run.picture("curves"), coarse_epochs, noun)
    for part, name, file in (("test", "test", "confusion"), ("held_out", "held-out", "confusion_held_out")):
        scores = card.scores[part]
        plot_confusion(
            scores["confusion"],
            card.labels,
            f"{card.name}: {percent(scores['accuracy'])} of {counted(scores['windows'], f'{name} window')} "
            f"({counted(len(scores['per_subject']), noun)})",
            run.picture(file),
        )
    save(card, run.card)


def _plot_curves(
    selection: Sequence[Epoch], final: Sequence[Epoch], title: str, path: Path, coarse_epochs: int, noun: str
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
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    loss.set_ylabel("cross-entropy")
    loss.legend(frameon=False)
    accuracy.set_ylabel("accuracy")
    percent_ticks(accuracy.yaxis)
    coarse = " Left of the dashed line: coarse classes." if coarse_epochs else ""
    held_out = f"Held-out: plain windows, averaged weights, at the end {percent(selection[-1].held_out_accuracy, 1)}."
    save_figure(figure, path, f"Training: augmented windows, dropout, smoothed labels. {held_out}{coarse}")
