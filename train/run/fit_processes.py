"""Do fits in processes of one TensorFlow thread each, as many at a time as there are CPUs.

With one thread the order of every sum is the same on any number of cores, and so are the weights, to the last bit. A
second thread would not make a fit quicker.
"""

import fcntl
import io
import mmap
import selectors
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt

from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.runs import under_way
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Child, Tell
from edge_runtime.system.dataclass_json import from_text, to_text
from edge_runtime.system.files import atomic_path, write_text
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.quantities import counted, percent
from train.fit.fit_job import Epoch, FitJob, held_rows

OnEpoch = Callable[[FitJob, Epoch], None]

_ADVICE = "close other programs, then go on with --resume"


def do_fits(
    jobs: Sequence[FitJob], dataset: Dataset, on_progress: OnProgress, on_done: Callable[[], None] = lambda: None
) -> None:
    """Do all `jobs` as `run_jobs` does; `on_progress` hears of their epochs together."""
    total, done = sum(job.recipe.epochs for job in jobs), dict[Path, int]()

    def on_epoch(job: FitJob, epoch: Epoch) -> None:
        done[job.outcome] = epoch.epoch
        share, epochs = sum(done.values()) / total, job.recipe.epochs
        scores = f"loss {epoch.loss:.3f}, accuracy {percent(epoch.accuracy, 1)}"
        passed = f"{int(share * epochs)} of {counted(epochs, 'epoch')}"
        on_progress(share, f"{counted(len(jobs), 'fit')}: {passed}, {scores}")

    run_jobs(jobs, dataset, on_epoch, on_done)


def run_jobs(jobs: Sequence[FitJob], dataset: Dataset, on_epoch: OnEpoch, on_done: Callable[[], None]) -> None:
    """Do all `jobs` that are not done yet, in their order, from their checkpoints on.

    `on_epoch` hears of each epoch, `on_done` of the end of each job. All processes end with this process, even
    if it is killed. Raises the first error of any fit again, or `DeviceError` if a process died.
    """
    waiting = [job for job in jobs if not job.is_done]
    running: dict[FitJob, Child] = {}
    with _shared(dataset) as windows, selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < joblib.cpu_count():
                    job = waiting.pop(0)
                    name, arguments = f"the process of the {job.title}", (to_text(job), str(windows))
                    running[job] = Child(name, _ADVICE, __name__, *arguments, pass_fds=[windows])
                    selector.register(running[job], selectors.EVENT_READ, job)
                for key, _ in selector.select():
                    job = key.data
                    messages = running[job].read()
                    for message in messages or ():
                        if "epoch" in message:
                            on_epoch(job, Epoch(**message["epoch"]))
                    if messages is None:
                        selector.unregister(running[job])
                        with running.pop(job) as child:
                            child.finish()
                        on_done()
        finally:
            for child in running.values():
                child.stop()


@contextmanager
def _shared(dataset: Dataset) -> Iterator[int]:
    """Keep the windows in an open file without a name, whose number this is, until its last reader ends."""
    with tempfile.TemporaryFile() as file:
        arrays = {name: array for name, array in vars(dataset.train).items() if array is not None}
        np.savez(file, **arrays, test_X=dataset.test.X)
        file.flush()
        yield file.fileno()


def main(text: str, windows: str) -> None:
    """Do the job in the JSON `text`, as a child of the command; `windows` is the number of the windows' open file."""
    job = from_text(FitJob, text)

    def task(tell: Tell) -> None:
        # Mapped, since processes that share an open file share its position.
        with mmap.mmap(int(windows), 0, access=mmap.ACCESS_READ) as content:
            file = io.BytesIO(content)
        with np.load(file, allow_pickle=False) as stored:
            train, test_X = Split(**{name: stored[name] for name in stored if name != "test_X"}), stored["test_X"]
        import_tensorflow("har-edge train", threads=1)
        do_job(job, train, test_X, lambda epoch: tell(epoch=asdict(epoch)))

    child_processes.run_as_child(task)


def do_job(job: FitJob, train: Split, test_X: npt.NDArray[np.float32], on_epoch: Callable[[Epoch], None]) -> None:
    """Train in this process, which has imported TensorFlow, and write the job's files, the outcome last."""
    import tensorflow as tf

    from train.fit.fit import fit

    tf.config.experimental.enable_op_determinism()
    rows = held_rows(train, job.held_out)
    held_out = train.select(rows) if job.held_out else None
    model, outcome = fit(job, train.select(~rows), held_out, on_epoch)
    windows = outcome.normalisation.apply(held_out.X if held_out else test_X)
    logits = model.predict(windows, batch_size=1024, verbose=0)
    with atomic_path(job.logits) as temporary:
        np.save(temporary, logits)
    with atomic_path(job.model) as temporary:
        model.save(temporary)
    write_text(job.outcome, to_text(outcome))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path` within the block. A lock ends with its process.

    Raises `InputError` if another process holds the lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose a folder that is writable") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise under_way(path.parent.parent) from error
        yield
