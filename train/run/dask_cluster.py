"""Do fits on the workers of a dask cluster, which finds a worker for each and another when one dies.

Every fit is a process of one TensorFlow thread, as it is here.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import edge_runtime
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import DeviceError
from edge_runtime.system.files import scratch_folder, write_bytes
from train.fit.fit_job import FitJob
from train.run.fit_processes import OnDone, run_jobs

CONNECT_S = 5
VERSION = edge_runtime.__version__


def run_on_cluster(jobs: Sequence[FitJob], dataset: Dataset, address: str, on_done: OnDone) -> None:
    """Do each of `jobs` on some worker of the scheduler at `address`, and fetch its logits and outcome.

    `on_done` hears of each job. Raises the first error of any fit again. Raises `DeviceError` when no scheduler
    answers, it has no workers or one with another har-edge, or workers keep dying.
    """
    from distributed import CancelledError, Client, KilledWorker, as_completed

    # An error becomes a sentence instead of lines of its log.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise DeviceError(
            f"no dask scheduler answers at {address} within {CONNECT_S} s ({type(error).__name__}): start one with "
            "'dask scheduler', and give its address as tcp://HOST:8786"
        ) from error
    with client:
        _check_workers(client, address)
        # On every worker, so that the windows outlive any of them.
        windows = client.scatter(dataset, broadcast=True)
        futures = {client.submit(do_on_worker, job, windows, pure=False): job for job in jobs}
        for future in as_completed(futures, loop=client.loop):
            job = futures[future]
            try:
                files = future.result()
            except (CancelledError, KilledWorker) as error:
                raise DeviceError(
                    f"the {job.title} was given up, since the workers that took it died: look into their logs, and "
                    "whether they have enough memory"
                ) from error
            for name, content in files.items():
                write_bytes(job.folder / name, content)
            on_done(job)


def do_on_worker(job: FitJob, dataset: Dataset) -> dict[str, bytes]:
    """On a worker: do the job; its files by name, the outcome coming last."""
    with scratch_folder() as folder:
        job = replace(job, folder=folder)
        run_jobs([job], dataset, lambda job, epoch: None)
        return {path.name: path.read_bytes() for path in (job.logits, job.outcome)}


def _check_workers(client: Any, address: str) -> None:
    """Raise `DeviceError` unless there are workers behind the `distributed.Client`, all with this har-edge."""

    def version() -> str:  # sent whole, since a worker may have no module of ours
        try:
            from train.run.dask_cluster import VERSION
        except Exception as error:  # noqa: BLE001 - another package of that name may do anything
            return f"none ({error})"
        return VERSION

    versions = client.run(version)
    if not versions:
        raise DeviceError(f"the scheduler at {address} has no workers: start some with 'dask worker {address}'")
    for worker, theirs in versions.items():
        if theirs != VERSION:
            raise DeviceError(
                f"the worker {worker} has another har-edge than {VERSION}: {theirs}; install the same "
                "there with its extras train and cluster"
            )
