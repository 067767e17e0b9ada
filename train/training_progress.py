"""Do all fits of a training, and show how far they are."""

from collections.abc import Sequence
from pathlib import Path

from edge_runtime.data.dataset import Dataset
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import progress
from train.fit.fit_job import Epoch, FitJob
from train.run.fit_processes import OnDone, run_jobs


def do_fits(jobs: Sequence[FitJob], dataset: Dataset, on_done: OnDone = lambda job: None) -> None:
    """Do all `jobs` as `run_jobs` does, and show how far they are."""
    total, done = sum(job.recipe.epochs for job in jobs), dict[Path, int]()
    with progress() as on_progress:

        def on_epoch(job: FitJob, epoch: Epoch) -> None:
            done[job.outcome] = epoch.epoch
            share, epochs = sum(done.values()) / total, job.recipe.epochs
            every = max(1, epochs // 10)  # without a terminal, each is a line
            passed = int(share * epochs) // every * every
            scores = f"loss {epoch.loss:.3f}, accuracy {percent(epoch.accuracy, 1)}"
            on_progress(share, f"{counted(len(jobs), 'fit')}, {passed} of {counted(epochs, 'epoch')} done: {scores}")

        run_jobs(jobs, dataset, on_epoch, on_done)
