"""A whole training: one seed or several, whose fits share the CPUs."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge_runtime.data.dataset import Dataset
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import Run, checkpoint_folder, make_latest, settings_path
from train import seed_summary
from train.run.experiment import Experiment
from train.run.fit_job import FitJob
from train.run.fit_processes import OnStep, run_jobs
from train.run.training_settings import TrainingSettings


@dataclass(frozen=True)
class Training:
    """What `settings` ask for, on `dataset`, into `folder`."""

    settings: TrainingSettings
    dataset: Dataset
    folder: Path

    @cached_property
    def experiments(self) -> list[Experiment]:
        """One for each seed."""
        several = self.settings.seeds is not None
        return [
            Experiment(self.settings.recipe, seed, self.dataset, run, f" of seed {seed}" if several else "")
            for seed, run in self.settings.runs(self.folder).items()
        ]

    def jobs(self) -> Sequence[FitJob]:
        """All fits that are still to be done, those first that others wait for; the two fits of a seed side by side."""
        unfinished = [x for x in self.experiments if not x.is_finished]
        by_need = sorted(
            (job for x in unfinished for jobs in x.jobs.values() for job in jobs),
            key=lambda job: (job.key.seed, bool(job.teachers)),
        )
        return [job for job in by_need if not job.is_done]

    def run(self, on_step: OnStep) -> list[Card]:
        """Train; write the run folders and, for several seeds, what they have in common; return the cards.

        Stopped at any moment, a training with the same arguments goes on from there: finished epochs are not repeated,
        and the weights come out the same. To be called under the `folder_lock`. Raises what `run_jobs` raises.
        """
        self._finish_trained()
        run_jobs(self.jobs(), self.dataset, on_step, lambda job: self._finish_trained())
        cards = [load(x.run.card) for x in self.experiments]
        if self.settings.seeds is not None:
            seed_summary.write(self.folder, cards)
        make_latest(Run(self.folder))
        # Without its settings a training counts as ended, whatever else is still there.
        settings_path(self.folder).unlink(missing_ok=True)
        shutil.rmtree(checkpoint_folder(self.folder))
        return cards

    def _finish_trained(self) -> None:
        for experiment in self.experiments:
            if not experiment.is_finished and experiment.is_trained:
                experiment.finish()
            if experiment.is_finished and self.settings.seeds is not None:
                experiment.tidy_up()
