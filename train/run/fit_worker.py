"""The process of one fit: TensorFlow with one thread, steps told line by line, files left when it is done."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Split
from edge_runtime.errors import DeviceError
from edge_runtime.host.tensorflow_setup import import_tensorflow
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Tell
from edge_runtime.system.files import atomic_path
from train.fit.history import Step
from train.run.fit_job import FitJob, FitOutcome, held_rows, save_logits
from train.run.folder_lock import locked

_TELL_EVERY_S = 0.1
_WAIT_S = 30.0  # for the process of a command that was killed a moment ago


def main(text: str, data: str) -> None:
    """Do the job given as JSON, as a child of the command; `data` is the number of the open file with the windows."""
    job = FitJob.from_json(text)
    child_processes.work(lambda tell: _run(job, int(data), tell))


def _run(job: FitJob, data: int, tell: Tell) -> None:
    with locked(job.lock, _WAIT_S):
        train, held_out, test_X = _load(job, data)
        import_tensorflow("har-edge train", threads=1)
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        answers = {"train": train.X, "held_out": held_out.X, "test": test_X}[job.answers]
        try:
            _fit(job, train, held_out if len(held_out) else None, answers, _Teller(tell))
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise DeviceError(f"too little memory for the {job.title}: close other programs") from error


def _load(job: FitJob, data: int) -> tuple[Split, Split, npt.NDArray[np.float32]]:
    """The windows the job is trained on, the held-out ones, and those of the test subjects."""
    # Opened anew, since processes that share an open file share its position too.
    with Path(f"/proc/self/fd/{data}").open("rb") as file, np.load(file, allow_pickle=False) as stored:
        train, test_X = Split(stored["X"], stored["y"], stored["subject"]), stored["test_X"]
    held = held_rows(train, job.held_out)
    return train.select(~held), train.select(held), test_X


def _fit(
    job: FitJob,
    train: Split,
    held_out: Split | None,
    answers: npt.NDArray[np.float32],
    on_step: Callable[[Step], None],
) -> None:
    """Train, and leave the job's files: the outcome last."""
    # TensorFlow comes with these.
    import keras
    import tensorflow as tf

    from train.fit.fit import fit, hash_weights, logits

    soft_targets = job.soft_targets()
    result = fit(
        job.title,
        train,
        held_out,
        job.n_classes,
        job.recipe,
        job.key,
        job.checkpoint,
        on_step,
        job.hop,
        soft_targets,
        job.coarse,
    )
    model = result.model
    save_logits(job, logits(model, result.normalisation.apply(answers)))
    with atomic_path(job.model) as temporary:
        model.save(temporary)
    FitOutcome(
        normalisation=result.normalisation,
        history=result.history,
        weights_sha256=hash_weights(model),
        parameters=model.count_params(),
        layers=[f"{x.name}: {type(x).__name__}" for x in model.layers],
        versions={"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
    ).save(job)


class _Teller:
    """Tells the command about steps: often enough for a bar, and each epoch's last."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told = tell, 0.0

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.step + 1 == step.steps or now - self._told > _TELL_EVERY_S:
            self._told = now
            self._tell(step=vars(step))
