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
from edge_runtime.system.child_processes import run_in_child
from edge_runtime.system.files import scratch_folder, write_bytes
from edge_runtime.system.installation import MissingExtraError
from edge_runtime.system.printable import quoted
from train.fit.fit_job import FitJob
from train.fit.named_networks import is_own
from train.run.fit_processes import OnDone, run_jobs

CONNECT_S = 5


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
    again, and `DeviceError` when no scheduler answers, when it has no workers or one cannot do this, and when workers
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
        check_workers(client, address, jobs[0].recipe.network)
        # On every worker: the windows outlive any of them.
        windows = client.scatter(dataset, broadcast=True)
        futures = {client.submit(do_job, job, windows, pure=False): job for job in jobs}
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


def do_job(job: FitJob, dataset: Dataset) -> dict[str, bytes]:
    """On a worker: do the job; its files by name, the outcome coming last."""
    with scratch_folder() as folder:
        job = replace(job, folder=folder)
        run_jobs([job], dataset, lambda job, step: None)
        return {path.name: path.read_bytes() for path in (job.logits, job.outcome)}


def check_network(name: str) -> None:
    """On a worker: raise `InputError` when the process of a fit would not find the user's network `name`."""
    if is_own(name):
        run_in_child("the process that looks for the network", "look at its module", "train.fit.named_networks", name)


def check_workers(client: Any, address: str, network: str) -> None:
    """Raise `DeviceError` unless all workers of the `distributed.Client` can do a fit of `network`."""

    def fault(version: str, network: str) -> str:
        """Describe what a worker lacks; sent there whole, since it may have no module of ours."""
        from importlib import import_module
        from importlib.util import find_spec

        try:
            if find_spec("tensorflow") is None:
                return "it lacks TensorFlow"
            theirs: str = import_module("edge_runtime").__version__
            if theirs != version:
                return f"it has har-edge {theirs}, and this is {version}"
            import_module("train.run.dask_cluster").check_network(network)
        except Exception as error:  # noqa: BLE001 - another package of that name may do anything
            return str(error)
        return ""

    faults = client.run(fault, edge_runtime.__version__, network)
    if not faults:
        raise DeviceError(f"the scheduler at {address} has no workers: start some with 'dask worker {address}'")
    for worker, text in faults.items():
        if text:
            raise DeviceError(
                f"the worker {worker} cannot do a fit ({text}): install the same har-edge there with its extras train "
                "and cluster, and put a network's module where Python looks"
            )
