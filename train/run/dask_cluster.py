"""Do fits on the workers of a dask cluster, which finds a worker for each and another when one dies.

Every fit is a process of its own there as it is here, with one TensorFlow thread: it comes to the same weights on the
same kind of machine.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import edge_runtime
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.system.child_processes import run_in_child
from edge_runtime.system.files import scratch_folder, write_bytes
from edge_runtime.system.installation import MissingExtraError
from edge_runtime.system.printable import quoted
from train.fit.fit_job import FitJob
from train.fit.own_networks import is_own
from train.run.fit_processes import run_jobs

CONNECT_S = 5
SCHEMES, ENCRYPTED = ("tcp", "tls", "ws", "wss"), ("tls", "wss")


def check_address(address: str) -> None:
    """Raise `InputError` unless `address` can be a scheduler's, and `MissingExtraError` without dask."""
    try:
        from distributed.comm.addressing import parse_address, parse_host_port
        from distributed.security import Security
    except ImportError as error:
        raise MissingExtraError("--cluster", "dask.distributed", "cluster") from error
    scheme, place = parse_address(address)
    try:
        host, port = parse_host_port(place)
        is_address = bool(host) and 0 < port < 2**16 and scheme in SCHEMES
    except ValueError:
        is_address = False
    if not is_address:
        raise InputError(f"--cluster {quoted(address)} is no address of a scheduler: give it as tcp://HOST:8786")
    if scheme in ENCRYPTED and not Security().get_connection_args("client").get("ssl_context"):
        raise InputError(
            f"--cluster {address} needs certificates: name them in dask's configuration, distributed.comm.tls"
        )


@contextmanager
def connect(address: str, network: str) -> Iterator[Any]:
    """The `distributed.Client` of the scheduler at `address`, all of whose workers can do a fit of `network`.

    `address` is one that `check_address` passes. Raises `DeviceError` when no scheduler answers there, has no workers,
    or one lacks a package or the user's network, or has another version of har-edge.
    """
    from distributed import Client

    # An error becomes a sentence instead of lines of its log.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise DeviceError(
            f"no dask scheduler answers at {address} within {CONNECT_S} s: check the address, or start one with "
            "'dask scheduler'"
        ) from error
    with client:
        _check_workers(client, address, network)
        yield client


def run_on_workers(jobs: Sequence[FitJob], dataset: Dataset, client: Any, on_done: Callable[[FitJob], None]) -> None:
    """Do each of `jobs` on some worker, and fetch its logits and outcome.

    `on_done` hears of each job. One whose worker dies is begun anew on another. Raises the first error of any fit
    again, and `DeviceError` when workers keep dying.
    """
    from distributed import as_completed

    # On every worker: the windows outlive any of them.
    windows = client.scatter(dataset, broadcast=True)
    futures = {client.submit(do_job, job, windows, pure=False): job for job in jobs}
    for future in as_completed(futures, loop=client.loop):
        job = futures[future]
        for name, content in _result(future, job).items():
            write_bytes(job.folder / name, content)
        on_done(job)


def do_job(job: FitJob, dataset: Dataset) -> dict[str, bytes]:
    """On a worker: do the job; its files by name, the outcome coming last."""
    with scratch_folder() as folder:
        job = replace(job, folder=folder)
        run_jobs([job], dataset, lambda job, step: None)
        return {path.name: path.read_bytes() for path in (job.logits, job.outcome)}


def network_fault(name: str) -> str:
    """On a worker: why the process of a fit would not find the user's network `name`, in words; empty if it would."""
    if not is_own(name):
        return ""
    try:
        run_in_child("the process that looks for the network", "look at its module", "train.fit.own_networks", name)
    except HarEdgeError as error:
        return (
            f"does not find the network ({error}): put its module where Python looks there, as in the worker's folder"
        )
    return ""


def _check_workers(client: Any, address: str, network: str) -> None:
    def fault(version: str, network: str) -> str:
        """Describe what a worker lacks; sent there whole, since it may have no module of ours."""
        from importlib import import_module
        from importlib.util import find_spec

        try:
            cluster = import_module("train.run.dask_cluster")
            theirs: str = import_module("edge_runtime").__version__
        except Exception as error:  # noqa: BLE001 - another package of that name may do anything
            return f"cannot load har-edge ({error}): install it there with its extras train and cluster"
        if find_spec("tensorflow") is None:
            return "lacks TensorFlow: install har-edge there with its extras train and cluster"
        if theirs != version:
            return f"has har-edge {theirs}, and this is {version}: install the same on both"
        lacks: str = cluster.network_fault(network)
        return lacks

    faults = client.run(fault, edge_runtime.__version__, network)
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
