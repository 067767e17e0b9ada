"""Open an ONNX model with ONNX Runtime, behind the interface of a TFLite model, to measure a rival."""

import importlib.util
import os
import re
import sys
import time
from collections import Counter
from typing import Any

import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model.graphs import Tensor
from edge_runtime.model.interpreters import Model, OperatorCounts, Runtime, refusal
from edge_runtime.system.installation import MissingExtraError, pip_install

ONNX_RUNTIME = "onnxruntime"
"""The name of the runtime and of its package."""

_EXTERNAL = re.compile(rb"[\0\x08]location")  # a key of TensorProto.external_data, behind its length (onnx.proto)
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would store an identifier of the machine in the user's cache


class OnnxModel(Model):
    """A model with one float32 input and one float32 output, ready to run."""

    def __init__(self, session: Any, runtime: Runtime, name: str, load_ns: int, threads: int) -> None:
        self.runtime, self.load_ns, self.stateful, self._name = runtime, load_ns, False, name
        self.threads, self.operators = threads, OperatorCounts({}, None)  # this runtime does not report them
        self.input, self.output = (_only(details, name) for details in (session.get_inputs(), session.get_outputs()))
        self._run, self._outputs = session.run, [self.output.name]

    def run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Compute the output tensor for the input tensor `values`. Raises `InputError` if they are refused."""
        try:
            output: npt.NDArray[Any] = self._run(self._outputs, {self.input.name: values})[0]
        except Exception as error:  # the runtime's errors have no other common class
            raise InputError(refusal(self._name, self.runtime, error)) from error
        return output


def load_onnx_runtime() -> Runtime:
    """Import ONNX Runtime. Raises `InputError`."""
    if not importlib.util.find_spec(ONNX_RUNTIME):
        raise InputError(f"{sys.executable} has no {ONNX_RUNTIME}: {pip_install(ONNX_RUNTIME)}")
    try:
        module = importlib.import_module(ONNX_RUNTIME)
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"ONNX Runtime cannot be loaded ({reason}): install it again") from error
    return Runtime(ONNX_RUNTIME, module.__version__, module)


def open_onnx(content: bytes, threads: int = 1, name: str = "the model") -> OnnxModel:
    """Open the ONNX model in `content` on the CPU. Raises `InputError`."""
    if _EXTERNAL.search(content):  # older versions read any file
        raise InputError(f"{name} refers to other files: make it again with 'har-edge convert --rivals'")
    runtime = load_onnx_runtime()
    options = runtime.module.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    began = time.perf_counter_ns()
    try:
        session = runtime.module.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(refusal(name, runtime, error)) from error
    return OnnxModel(session, runtime, name, time.perf_counter_ns() - began, threads)


def count_operators(content: bytes) -> Counter[str]:
    """Count the operators in an ONNX file by kind. Raises `MissingExtraError` or `InputError`."""
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("reading an ONNX file", "onnx", "onnx") from error
    try:
        graph = onnx.load_model_from_string(content).graph
    except Exception as error:  # the package does not name its errors
        raise InputError("an ONNX file is damaged: make it again") from error
    return Counter(node.op_type for node in graph.node if node.op_type != "Constant")


def _only(details: Any, name: str) -> Tensor:
    if len(details) != 1 or details[0].type != "tensor(float)":
        raise InputError(
            f"{name} needs one input and one output, both float32: make it again with 'har-edge convert --rivals'"
        )
    return Tensor(0, details[0].name, tuple(details[0].shape), "float32", (), ())
