"""Import TensorFlow on the host, on demand, quietly, with a fixed number of threads, and identify its networks."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.installation import MissingExtraError, pip_install
from edge_runtime.system.process_endings import says_no_memory
from edge_runtime.system.standard_streams import suppressed_stderr

THREADS = 2
"""Fixed for all machines: the order of a sum, and so its last bit, depends on the number of threads."""

_MEMORY_ADVICE = "close other programs, or raise the limit (ulimit -v)"


def require_extra(what: str, packages: Sequence[str], extra: str = "train") -> None:
    """Raise `MissingExtraError` if one of the `packages` of an `extra` that `what` needs is not installed.

    Raises `InputError` where the extra lacks TensorFlow, since no release is for this Python.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            if package == "tensorflow" and sys.version_info >= (3, 14):
                advice = f"until it is released, or try {pip_install('--pre', 'tensorflow>=2.22.0rc0')}"
                raise InputError(f"{what} needs TensorFlow 2.22 on Python 3.14: use Python 3.11 to 3.13 {advice}")
            raise MissingExtraError(what, package, extra)


def import_tensorflow(what: str, threads: int = THREADS) -> None:
    """Import TensorFlow and Keras without their log lines, on the CPU and with `threads` threads per operation.

    Raises `MissingExtraError`, `InputError` if TensorFlow does not load, or `DeviceError` if memory is too small.
    """
    require_extra(what, ("tensorflow",))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the networks are too small to gain, and results would differ
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with suppressed_stderr():
        try:
            import tensorflow as tf
        except ImportError as error:
            if says_no_memory(str(error)):
                raise DeviceError(f"{what} has too little memory to load TensorFlow: {_MEMORY_ADVICE}") from error
            advice = "run 'pip install --force-reinstall tensorflow'"
            raise InputError(f"{what} needs TensorFlow, which does not load ({error}): {advice}") from error
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.constant(0)  # the first operation logs the devices that it finds, and fixes the threads


def hash_weights(model: Any) -> str:
    """Return the SHA-256 of the weights in Keras's order, equal for trainings with the same steps."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
