"""Do fits on the workers of a dask cluster, which finds a worker for each and another when one dies.

Every fit is a process of its own there as it is here, with one TensorFlow thread: it comes to the same weights on the
same kind of machine.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import edge_runtime
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.files import scratch_folder, write_bytes
from edge_runtime.system.installation import MissingExtraError
from edge_runtime.system.printable import quoted
from train.fit.fit_job import FitJob
from train.run.fit_processes import OnDone, run_jobs

CONNECT_S = 5
VERSION = edge_runtime.__version__


def check_address(address: str) -> None:
    """Raise `InputError` unless `address` can be a scheduler's, and `MissingExtraError` without dask."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("--cluster", "dask.distributed", "cluster") from error
    if not re.fullmatch(r"(tcp|tls|wss?)://[^/\s]+:\d{1,5}", address):
        raise InputError(f"--cluster {quoted(address)} is no address of a scheduler: give it as tcp://HOST:8786")


def run_on_cluster(jobs: Sequence[FitJob], dataset: Dataset, address: str, on_done: OnDone) -> None:
    """Do each of `jobs` on some worker of the scheduler at `address`, and fetch its logits and outcome.

    `on_done` hears of each job. One whose worker dies is begun anew on another. Raises the first error of any fit
    again, and `DeviceError` when no scheduler answers, has no workers or one with another har-edge, and when workers
    keep dying.
    """
    from distributed import CancelledError, Client, KilledWorker, as_completed

    # An error becomes a sentence instead of lines of its log.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise DeviceError(
            f"no dask scheduler answers at {address} within {CONNECT_S} s ({type(error).__name__}): check the address, "
            "and of tls dask's certificates, or start one with 'dask scheduler'"
        ) from error
    with client:
        check_workers(client, address)
        # On every worker: the windows outlive any of them.
        windows = client.scatter(dataset, broadcast=True)
        futures = {client.submit(do_on_worker, job, windows, pure=False): job for job in jobs}
        for future in as_completed(futures, loop=client.loop):
            job = futures[future]
            try:
                files = future.result()
            except (CancelledError, KilledWorker) as error:
                raise DeviceError(
                    f"the {job.title} was given up, since the workers that took it died: see their logs, memory may be "
                    "short"
                ) from error
            for name, content in files.items():
                write_bytes(job.folder / name, content)
            on_done(job)


def do_on_worker(job: FitJob, dataset: Dataset) -> dict[str, bytes]:
    """On a worker: do the job; its files by name, the outcome coming last."""
    with scratch_folder() as folder:
        job = replace(job, folder=folder)
        run_jobs([job], dataset, lambda job, step: None)
        return {path.name: path.read_bytes() for path in (job.logits, job.outcome)}


def check_workers(client: Any, address: str) -> None:
    """Raise `DeviceError` unless there are workers behind the `distributed.Client`, all with this har-edge."""

    def version() -> str:
        """The worker's version; sent there whole, since it may have no module of ours."""
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
