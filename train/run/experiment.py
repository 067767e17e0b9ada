"""Make one run folder: two fits with the same fixed schedule, and their scores.

The selection fit holds out a few training subjects; every later choice is made on them (gate of the conversion,
temperature). The final fit uses all training subjects. The test subjects are only scored, once, at the end.
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import cached_property
from math import isnan
from typing import Any

import edge_runtime
from edge_runtime.data.dataset import Dataset
from edge_runtime.data.facing import common_heading, headings
from edge_runtime.data.names import natural_order, noun_of
from edge_runtime.data.scores import fit_temperature, score
from edge_runtime.live.decider import with_reachable_smoothing
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.model_card import Card, LiveSettings, save
from edge_runtime.reports.figures import plot_confusion, plot_curves
from edge_runtime.runs import Run, checkpoint_folder
from edge_runtime.system.files import csv_text, write_bytes, write_text
from edge_runtime.system.quantities import counted, percent
from train.fit.fit_job import Epoch, FitJob, FitOutcome, held_rows, load_logits, plan_fit
from train.fit.networks import short_name
from train.fit.recipe import Recipe
from train.novelty_statistics import fit_novelty_detector


@dataclass(frozen=True)
class Experiment:
    """One seed's training and the run folder it fills.

    The selection fit does not see `held_out`. `title` names the training in sentences. `data` has the values of
    `--data`, None for the embedded data.
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
        """Return the two fits by name."""
        held_out = {"selection": self.held_out, "final": []}
        return {
            name: plan_fit(
                name,
                f"{name} fit{self.title}",
                self.dataset,
                self.recipe,
                self.seed,
                stream,
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
        parts = {"held_out": (held_out, held_out_logits), "test": (self.dataset.test, load_logits(final))}
        labels, mountings = self.dataset.labels, self.dataset.mountings
        scores = {
            part: asdict(score(split, logits.argmax(1), labels, mountings)) for part, (split, logits) in parts.items()
        }
        card = self._make_card(outcomes["selection"], outcomes["final"], scores)
        card = replace(card, temperature=fit_temperature(held_out_logits, held_out.y))
        card = with_reachable_smoothing(card, held_out_logits, held_out.y)
        write_bytes(self.run.selection, selection.model.read_bytes())
        write_bytes(self.run.model, final.model.read_bytes())
        _write(self.run, card, {name: outcome.history for name, outcome in outcomes.items()})

    def _make_card(self, selection: FitOutcome, final: FitOutcome, scores: dict[str, Any]) -> Card:
        dataset = self.dataset
        path = {"path": self.data[0] if len(self.data) == 1 else list(self.data)} if self.data else {}
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
            live=LiveSettings(
                novelty=fit_novelty_detector(dataset), ahead=common_heading(headings(dataset, dataset.train))[0]
            ),
            network={"name": self.recipe.network, "parameters": final.parameters, "layers": final.layers},
            training={
                "data": {
                    "name": dataset.name,
                    "fingerprint": dataset.fingerprint,
                    "sources": sorted({mounting.source for mounting in dataset.mountings} - {""}) or [dataset.name],
                    "placements": sorted({mounting.placement for mounting in dataset.mountings} - {""}),
                    **path,
                },
                "seed": self.seed,
                "recipe": asdict(self.recipe),
                "subjects": natural_order(dataset.train.subject.tolist()),
                "held_out_subjects": list(self.held_out),
                "test_subjects": natural_order(dataset.test.subject.tolist()),
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
    """Write all files but the networks, the card last: a folder with a card is complete."""
    rows = [["fit", *(x.name for x in fields(Epoch))]]
    for name, history in histories.items():
        rows += [[name, *("" if isnan(value) else f"{value:.6g}" for value in astuple(epoch))] for epoch in history]
    write_text(run.history, csv_text(rows))
    noun = noun_of(card.training["test_subjects"])
    _draw_curves(run, card, histories["selection"], histories["final"], noun)
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


def _draw_curves(run: Run, card: Card, selection: Sequence[Epoch], final: Sequence[Epoch], noun: str) -> None:
    """Draw loss and accuracy over the epochs; `noun` is the word for subjects."""
    loss, accuracy = (
        {
            "selection fit, training": [getattr(epoch, name) for epoch in selection],
            f"selection fit, held-out {noun}s": [getattr(epoch, f"held_out_{name}") for epoch in selection],
            "final fit, training": [getattr(epoch, name) for epoch in final],
        }
        for name in ("loss", "accuracy")
    )
    # Training scores lie below held-out ones, as the note explains.
    held_out = f"averaged weights, at the end {percent(selection[-1].held_out_accuracy, 1)}"
    note = f"Training: augmented windows, dropout, smoothed labels. Held-out: plain windows, {held_out}."
    plot_curves(loss, accuracy, f"{card.name}, seed {card.training['seed']}", note, run.picture("curves"))
