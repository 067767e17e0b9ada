"""Fits on the workers of a dask cluster, which finds a worker for each and another when one dies.

Every fit is a process of its own there as it is here, with one TensorFlow thread: it comes to the same weights on the
same kind of machine.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import edge_runtime
from edge_runtime.dataset import Dataset
from edge_runtime.errors import DeviceError, HarEdgeError, InputError, MissingExtraError
from edge_runtime.files import write_bytes
from train.jobs import FitJob
from train.processes import run_jobs

CONNECT_S = 5


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """The `distributed.Client` of the scheduler at `address`, all of whose workers can do a fit.

    Raises `MissingExtraError` without dask, `InputError` for something that is no address, and `DeviceError` when no
    scheduler answers there, has no workers, or one lacks a package or has another version of har-edge.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("--cluster", "dask.distributed", "cluster") from error
    # What goes wrong is told in a sentence, not in its log.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise DeviceError(
            f"no dask scheduler answers at {address} within {CONNECT_S} s: check the address, or start one with "
            "'dask scheduler'"
        ) from error
    except (ValueError, TypeError) as error:
        raise InputError(f"--cluster {address} is no address ({error}): give it as tcp://HOST:8786") from error
    with client:
        _check_workers(client, address)
        yield client


def run_plans(
    plans: Sequence[Sequence[FitJob]], dataset: Dataset, client: Any, on_done: Callable[[FitJob], None]
) -> None:
    """Do each of `plans`, a fit with its teachers before it, on some worker, and fetch the fit's files.

    `on_done` hears of each fit. A plan whose worker dies is begun anew on another. Raises the first error of any fit
    again, and `DeviceError` when workers keep dying.
    """
    from distributed import as_completed

    # On every worker: the windows outlive any of them.
    windows = client.scatter(dataset, broadcast=True)
    futures = {client.submit(do_plan, [x.to_json() for x in plan], windows, pure=False): plan[-1] for plan in plans}
    for future in as_completed(futures, loop=client.loop):
        job = futures[future]
        for name, content in _result(future, job).items():
            write_bytes(job.folder / name, content)
        on_done(job)


def do_plan(texts: Sequence[str], dataset: Dataset) -> dict[str, bytes]:
    """On a worker: do the jobs `texts` in order; the files of the last, the outcome coming last."""
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        jobs = [replace(FitJob.from_json(text), folder=Path(folder)) for text in texts]
        run_jobs(jobs, dataset, lambda job, step: None)
        return {path.name: path.read_bytes() for path in (jobs[-1].logits, jobs[-1].outcome)}


def _check_workers(client: Any, address: str) -> None:
    def fault(version: str) -> str:
        """What a worker lacks, in words; sent there whole, since it may have no module of ours to import this from."""
        from importlib import import_module
        from importlib.util import find_spec

        try:
            import_module("train.cluster")
            theirs: str = import_module("edge_runtime").__version__
        except ImportError as error:
            return f"cannot load har-edge ({error}): pip install 'har-edge[train,cluster]' there"
        if find_spec("tensorflow") is None:
            return "lacks TensorFlow: pip install 'har-edge[train,cluster]' there"
        return "" if theirs == version else f"has har-edge {theirs}, and this is {version}: install the same on both"

    faults = client.run(fault, edge_runtime.__version__)
    if not faults:
        raise DeviceError(f"the scheduler at {address} has no workers: start some with 'dask worker {address}'")
    for worker, text in faults.items():
        if text:
            raise DeviceError(f"the worker {worker} {text}")


def _result(future: Any, job: FitJob) -> dict[str, bytes]:
    from distributed import CancelledError, KilledWorker

    try:
        files: dict[str, bytes] = future.result()
    except HarEdgeError:
        raise
    except KilledWorker as error:
        raise DeviceError(
            f"the {job.title} was given up, since every worker that took it died: see their logs, memory may be short"
        ) from error
    except CancelledError as error:
        raise DeviceError("the cluster lost its workers and with them the windows: start it anew, and this") from error
    return files
