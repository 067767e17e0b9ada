"""Run a model that was written as C and compiled, behind the interface of a TFLite model."""

import ctypes
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model.graphs import ports
from edge_runtime.model.interpreters import Model, OperatorCounts, Runtime

C = "c"
"""The name of the runtime of models written as C."""


class CModel(Model):
    """The model `flatbuffer`, which `compiler` compiled from NAME.c to the shared library NAME.so at `path`.

    Raises `InputError` when the library does not load.
    """

    def __init__(self, path: Path, flatbuffer: bytes, compiler: str, name: str) -> None:
        began = time.perf_counter_ns()
        try:
            library = ctypes.CDLL(str(path.absolute()))
            predict, chosen = (getattr(library, f"{path.stem}_{x}") for x in ("predict", "instruction_set"))
            chosen.restype = ctypes.c_char_p
            instruction_set = chosen().decode()
        except (OSError, AttributeError, UnicodeError) as error:
            raise InputError(f"the C of {name} does not load ({error}): compile it for this machine") from error
        self.load_ns = time.perf_counter_ns() - began
        self.runtime = Runtime(C, f"{compiler}, {instruction_set}", library)
        self.threads, self.stateful = 1, False
        self.operators = OperatorCounts({}, None)  # XNNPACK is not involved
        ((self.input,), (self.output,)) = ports(flatbuffer)
        self._window, self._logits = (np.zeros(tensor.shape, tensor.dtype) for tensor in (self.input, self.output))
        predict.argtypes, predict.restype = [ctypes.c_void_p] * 2, None
        self._predict, self._places = predict, (self._window.ctypes.data, self._logits.ctypes.data)

    def run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Compute the output tensor for the input tensor `values`, copied in and out as by interpreters."""
        self._window[...] = values
        self._predict(*self._places)
        return self._logits.copy()
