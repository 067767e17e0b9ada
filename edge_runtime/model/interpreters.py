"""Open a model with any TFLite runtime, behind one small interface."""

import importlib
import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model.graphs import Graph, Tensor, operator_names, ports, read_graphs, running, scheme_of, with_first
from edge_runtime.system.installation import MissingExtraError

RUNTIMES = ("auto", "litert", "tflite-runtime", "tensorflow")
"""The names that `load_runtime` takes; `auto` chooses litert, or else tflite-runtime, if installed."""

PACKAGES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime", "tensorflow": "tensorflow"}
"""The Python package of each runtime."""

_EXTRAS = {"tensorflow": "train", "tflite-runtime": "tflite-runtime"}
STATEFUL = {
    *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "SVDF"),
    *("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN"),
}
"""Fused operators that hold their state in variable tensors, which the interpreter can reset."""

UNRESETTABLE = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
"""Resource variables outlive an inference and cannot be reset."""


@dataclass(frozen=True)
class Runtime:
    """A loaded TFLite runtime and its version."""

    name: str
    version: str | None
    module: Any


@dataclass(frozen=True)
class OperatorCounts:
    """The number of operators of each kind, and how many of them XNNPACK took; None if unknown."""

    counts: Mapping[str, int]
    xnnpack: Mapping[str, int] | None

    @property
    def total(self) -> int:
        """Count all operators."""
        return sum(self.counts.values())

    @property
    def taken(self) -> int:
        """Count the operators that XNNPACK took."""
        return sum((self.xnnpack or {}).values())


class Model:
    """A model ready to run, made by `open_model`; `load_ns` is the time to read it and allocate its tensors."""

    def __init__(self, runtime: Runtime, flatbuffer: bytes, threads: int, xnnpack: bool, name: str) -> None:
        self.runtime, self.threads, self._xnnpack = runtime, threads, xnnpack
        self._flatbuffer, self._name = flatbuffer, name
        inputs, outputs = ports(flatbuffer)
        self.input, self.output = _only(inputs, name, "input"), _only(outputs, name, "output")
        used = operator_names(flatbuffer)
        if unresettable := sorted(used & UNRESETTABLE):
            raise InputError(f"{name} has state that cannot be reset ({unresettable[0]}): use 'har-edge convert'")
        began = time.perf_counter_ns()
        self._interpreter = interpreter = self._open(flatbuffer)
        self.load_ns = time.perf_counter_ns() - began
        self.stateful, self.has_loops = bool(used & STATEFUL), "WHILE" in used
        self._reset: Callable[[], None] | None = interpreter.reset_all_variables if self.stateful else None
        self._set, self._invoke, self._get = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor

    def _open(self, flatbuffer: bytes) -> Any:
        """Open an interpreter and allocate its tensors. Raises `ValueError` or `RuntimeError`."""
        module = self.runtime.module
        kinds = (module.experimental if self.runtime.name == "tensorflow" else module).OpResolverType
        kind = kinds.AUTO if self._xnnpack else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = module.Interpreter(
            model_content=flatbuffer, num_threads=self.threads, experimental_op_resolver_type=kind
        )
        interpreter.allocate_tensors()
        return interpreter

    def run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Compute the output tensor for the input tensor `values`, both in the graph's type, from a reset state."""
        if self._reset is not None:
            self._reset()
        try:
            self._set(self.input.index, values)
            self._invoke()
            output: npt.NDArray[Any] = self._get(self.output.index)
        except (ValueError, RuntimeError) as error:
            raise InputError(refusal(self._name, self.runtime, error)) from error
        return output

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """Read all graphs, the main graph first. Raises `InputError` when the file is not whole."""
        try:
            return read_graphs(self._flatbuffer)
        except ValueError as error:
            raise InputError(refusal(self._name, self.runtime, error)) from error

    @cached_property
    def operators(self) -> OperatorCounts:
        """Count the operators that an inference runs, and those that XNNPACK took."""
        counts = Counter(operator.name for graph in running(self.graphs) for operator in graph.operators)
        return OperatorCounts(dict(counts), self._count_in_xnnpack())

    @property
    def scheme(self) -> str:
        """Name the graph's quantisation."""
        return scheme_of(self.graphs)

    def _count_in_xnnpack(self) -> Mapping[str, int] | None:
        """Count what XNNPACK took. An interpreter lists only its first graph, so each body is made the first one."""
        counts = Counter(_in_xnnpack(self._interpreter))
        for number, graph in enumerate(self.graphs):
            if number and graph.turns:
                try:
                    counts.update(_in_xnnpack(self._open(with_first(self._flatbuffer, number))))
                except (ValueError, RuntimeError):  # this body does not run by itself
                    return None
        return dict(counts)


def load_runtime(name: str = "auto") -> Runtime:
    """Import the runtime `name`, one of `RUNTIMES`. Raises `InputError` when it is unknown, absent or does not load."""
    if name not in RUNTIMES:
        raise InputError(f"there is no TFLite runtime {name!r}: choose one of {', '.join(RUNTIMES)}")
    if name == "auto":
        installed = (each for each in ("litert", "tflite-runtime") if importlib.util.find_spec(PACKAGES[each]))
        name = next(installed, "litert")
    if not importlib.util.find_spec(PACKAGES[name]):
        if name == "litert":
            raise InputError("the runtime litert is not installed here: pip install ai-edge-litert")
        raise MissingExtraError(f"the runtime {name}", name, _EXTRAS[name])
    try:
        package = importlib.import_module(PACKAGES[name])
        module = package.lite if name == "tensorflow" else importlib.import_module(f"{PACKAGES[name]}.interpreter")
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"the runtime {name} cannot be loaded ({reason}): install it again") from error
    return Runtime(name, getattr(package, "__version__", None), module)


def open_model(
    flatbuffer: bytes, runtime: str = "auto", threads: int = 1, xnnpack: bool = True, name: str = "the model"
) -> Model:
    """Open the model in `flatbuffer` with the runtime named `runtime`; `xnnpack=False` selects TFLite's own kernels.

    `name` names the model in the `InputError` that is raised when the runtime is missing or refuses the model.
    """
    loaded = load_runtime(runtime)
    try:
        return Model(loaded, flatbuffer, threads, xnnpack, name)
    except SystemError as error:  # a binary for numpy 1 under numpy 2
        raise InputError(f"{_version(loaded)} does not work with numpy {np.__version__}: install 'numpy<2'") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(refusal(name, loaded, error)) from error


def _operators_inside(delegates: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> set[int]:
    """Find the indices of the nodes that delegates replaced: all between their outputs and their inputs."""
    # -1 stands for an absent input, or an output of a loop that nothing reads.
    producers = {int(tensor): node for node in nodes for tensor in node["outputs"] if tensor >= 0}
    replaced: set[int] = set()
    for delegate in delegates:
        borders = {int(tensor) for tensor in delegate["inputs"]}
        to_visit = [int(tensor) for tensor in delegate["outputs"]]
        while to_visit:
            tensor = to_visit.pop()
            node = producers.get(tensor)
            if tensor in borders or node is None or node["index"] in replaced:
                continue
            replaced.add(node["index"])
            to_visit.extend(map(int, node["inputs"]))
    return replaced


def _in_xnnpack(interpreter: Any) -> list[str]:
    """Name the operators of an interpreter's first graph that delegates took."""
    # This private method is the only source. It still lists the nodes that a delegate took.
    listed = interpreter._get_ops_details()
    delegates = [node for node in listed if node["op_name"] == "DELEGATE"]
    nodes = [node for node in listed if node["op_name"] != "DELEGATE"]
    inside = _operators_inside(delegates, nodes)
    return [node["op_name"] for node in nodes if node["index"] in inside]


def _only(tensors: Sequence[Tensor], name: str, what: str) -> Tensor:
    if len(tensors) != 1:
        raise InputError(f"{name} has {len(tensors)} {what}s, but har-edge runs models with one: convert it again")
    return tensors[0]


def refusal(name: str, runtime: Runtime, error: Exception) -> str:
    """Say that the `runtime` does not take the model `name`."""
    reason = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return f"{_version(runtime)} does not take {name} ({reason}): copy or convert it again, or choose another runtime"


def _version(runtime: Runtime) -> str:
    return f"{runtime.name} {runtime.version}" if runtime.version else runtime.name
