"""Open an ONNX model with ONNX Runtime, behind the interface of a TFLite model, to measure a rival."""

import importlib.util
import os
import sys
import time
from collections import Counter
from typing import Any

import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model.graphs import Tensor
from edge_runtime.model.interpreters import Model, OperatorCounts, Runtime
from edge_runtime.system.installation import pip_install

ONNX_RUNTIME = "onnxruntime"
"""The name of the runtime and of its package."""

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would store an identifier of the machine in the user's cache


class OnnxModel(Model):
    """A model with one float32 input and one float32 output, ready to run."""

    def __init__(self, session: Any, runtime: Runtime, load_ns: int, threads: int) -> None:
        self.runtime, self.load_ns, self.stateful, self.threads = runtime, load_ns, False, threads
        (input_,), (output,) = session.get_inputs(), session.get_outputs()
        self.input, self.output = (Tensor(0, x.name, tuple(x.shape), "float32", (), ()) for x in (input_, output))
        self._run, self._outputs = session.run, [self.output.name]

    @property
    def operators(self) -> OperatorCounts:
        """Return no counts: this runtime does not report them."""
        return OperatorCounts({}, None)

    def run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Compute the output tensor for the input tensor `values`."""
        output: npt.NDArray[Any] = self._run(self._outputs, {self.input.name: values})[0]
        return output


def load_onnx_runtime() -> Runtime:
    """Import ONNX Runtime. Raises `InputError` when it is not installed."""
    if not importlib.util.find_spec(ONNX_RUNTIME):
        raise InputError(f"{sys.executable} has no {ONNX_RUNTIME}: {pip_install(ONNX_RUNTIME)}")
    module = importlib.import_module(ONNX_RUNTIME)
    return Runtime(ONNX_RUNTIME, module.__version__, module)


def open_onnx(content: bytes, threads: int = 1, name: str = "the model") -> OnnxModel:
    """Open the ONNX model in `content` on the CPU. Raises `InputError`."""
    runtime = load_onnx_runtime()
    options = runtime.module.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    began = time.perf_counter_ns()
    try:
        session = runtime.module.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors have no other common class
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"ONNX Runtime {runtime.version} does not take {name} ({reason}): make it again") from error
    return OnnxModel(session, runtime, time.perf_counter_ns() - began, threads)


def count_operators(content: bytes) -> dict[str, int]:
    """Count the operators of an ONNX model by kind."""
    import onnx

    return dict(Counter(node.op_type for node in onnx.load_model_from_string(content).graph.node))
