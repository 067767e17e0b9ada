"""Open a model with any TFLite runtime, behind one small interface.

Three packages hold the same interpreter under different names, and a fourth that of microcontrollers; a model opened
here behaves alike in each.
"""

from __future__ import annotations

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
from edge_runtime.model import loops
from edge_runtime.model.micro_interpreter import MicroInterpreter
from edge_runtime.system.installation import MissingExtraError

MICRO = "tflite-micro"
"""TensorFlow Lite Micro on this machine: its answers are those of a microcontroller, its times are not."""

RUNTIMES = ("auto", "litert", "tflite-runtime", "tensorflow", MICRO)
"""The names that `load_runtime` takes; `auto` is the first of the next two that is installed."""

PACKAGES = {
    "litert": "ai_edge_litert",
    "tflite-runtime": "tflite_runtime",
    "tensorflow": "tensorflow",
    MICRO: "tflite_micro",
}
"""The Python package of each runtime."""

_EXTRAS = {"tensorflow": "train", "tflite-runtime": "tflite-runtime", MICRO: "micro"}
_AUTO = ("litert", "tflite-runtime")
STATEFUL = {
    **{16: "LSTM", 44: "UNIDIRECTIONAL_SEQUENCE_LSTM", 52: "BIDIRECTIONAL_SEQUENCE_LSTM", 27: "SVDF"},
    **{24: "RNN", 35: "UNIDIRECTIONAL_SEQUENCE_RNN", 46: "BIDIRECTIONAL_SEQUENCE_RNN"},
}
"""Fused operators that hold their state in variable tensors, which the interpreter can reset; it does not list these.

By number (`BuiltinOperator` in schema.fbs), since an interpreter names the operators of the main graph alone.
"""

UNRESETTABLE = {142: "VAR_HANDLE", 143: "READ_VARIABLE", 144: "ASSIGN_VARIABLE"}
"""Resource variables outlive an inference and cannot be reset."""


@dataclass(frozen=True)
class Runtime:
    """A TFLite runtime that is loaded, and its version."""

    name: str
    version: str | None
    module: Any


@dataclass(frozen=True)
class Tensor:
    """One tensor of a model. `scales` and `zero_points`: none when it is not quantised, else one or one per channel."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]

    @property
    def scale(self) -> float | None:
        """The scale of a tensor quantised as a whole."""
        return self.scales[0] if len(self.scales) == 1 else None

    @property
    def zero_point(self) -> int | None:
        """The zero point of a tensor quantised as a whole."""
        return self.zero_points[0] if len(self.scales) == 1 else None


@dataclass(frozen=True)
class Graph:
    """The main graph of a model, or the body of a loop, which runs `turns` times in one inference.

    `nodes` are its operators as an interpreter lists them, without delegates: `op_name`, `inputs`, `outputs`, `index`.
    `taken` are the indices of those that XNNPACK took.
    """

    nodes: tuple[Mapping[str, Any], ...]
    tensors: tuple[Tensor, ...]
    inputs: frozenset[int]
    taken: frozenset[int]
    turns: int = 1


@dataclass(frozen=True)
class Operators:
    """The operators of a model's graphs: how many of each, and how many of each the XNNPACK delegate took."""

    counts: Mapping[str, int]
    xnnpack: Mapping[str, int]

    @property
    def total(self) -> int:
        """All operators."""
        return sum(self.counts.values())

    @property
    def taken(self) -> int:
        """Count the operators that XNNPACK took."""
        return sum(self.xnnpack.values())

    @property
    def left(self) -> dict[str, int]:
        """Count the operators that run in TFLite's own kernels, by name."""
        return {name: n - self.xnnpack.get(name, 0) for name, n in self.counts.items() if n > self.xnnpack.get(name, 0)}


class Model:
    """A model ready to run, one window at a time. Made by `open_model`.

    `load_ns` is how long the runtime took to read the graph and allocate its tensors, in nanoseconds; `stateful` is
    whether it has operators that keep a state from one inference to the next. `open_bodies` gives interpreters of the
    bodies of its loops, and how often each runs.
    """

    def __init__(
        self,
        interpreter: Any,
        runtime: Runtime,
        name: str,
        load_ns: int,
        stateful: bool,
        open_bodies: Callable[[], loops.Bodies],
    ) -> None:
        self._open_bodies = open_bodies
        self.runtime = runtime
        self.load_ns = load_ns
        self.input = _only(interpreter.get_input_details(), "input", name)
        self.output = _only(interpreter.get_output_details(), "output", name)
        self._name = name
        self._interpreter = interpreter
        self.stateful = stateful
        self._reset: Callable[[], None] | None = interpreter.reset_all_variables if stateful else None
        self._set, self._invoke, self._get = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor

    def run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The output tensor for the input tensor `values`, both as the graph has them (quantised, if it is).

        A model with state is reset first, so that each window starts from zero.
        """
        if self._reset is not None:
            self._reset()
        try:
            self._set(self.input.index, values)
            self._invoke()
        except (ValueError, RuntimeError) as error:
            raise InputError(_refusal(self._name, self.runtime, error)) from error
        output: npt.NDArray[Any] = self._get(self.output.index)
        return output

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The main graph, and behind it the body of each loop but the `unlisted_bodies`."""
        listed = (x for x in self._bodies if x[0] is not None)
        return (_graph(self._interpreter), *(_graph(*body) for body in listed))

    @cached_property
    def unlisted_bodies(self) -> int:
        """The number of loops whose bodies cannot stand alone: `graphs` and all that is read from them lack these."""
        return sum(interpreter is None for interpreter, _ in self._bodies)

    @cached_property
    def _bodies(self) -> loops.Bodies:
        return self._open_bodies()

    @cached_property
    def operators(self) -> Operators:
        """The operators of all graphs and those that XNNPACK took."""
        nodes = [(node, graph) for graph in self.graphs for node in graph.nodes]
        return Operators(
            Counter(node["op_name"] for node, _ in nodes),
            Counter(node["op_name"] for node, graph in nodes if node["index"] in graph.taken),
        )

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors of the main graph."""
        return self.graphs[0].tensors

    def arena_bytes(self) -> int | None:
        """The bytes of the smallest tensor arena that TensorFlow Lite Micro needs here; None in other runtimes."""
        return self._interpreter.smallest_arena() if self.runtime.name == MICRO else None

    @cached_property
    def scheme(self) -> str:
        """Name the graph's quantisation.

        It is `float32`, `float16`, `dynamic` (int8 weights alone), `mixed` (float values computed from int8 ones),
        `int8` or `int16x8`.
        """
        stored: set[str] = set()
        computed: set[str] = set()
        for graph in self.graphs:
            dtypes = {tensor.index: tensor.dtype for tensor in graph.tensors}
            computed |= {dtypes.get(int(index), "") for node in graph.nodes for index in node["outputs"]}
            stored |= set(dtypes.values())
        if "int16" in computed:
            return "int16x8"
        if "int8" in computed:
            return "mixed" if any(map(_computes_float_from_int8, self.graphs)) else "int8"
        return next(
            (scheme for dtype, scheme in (("int8", "dynamic"), ("float16", "float16")) if dtype in stored), "float32"
        )


def load_runtime(name: str = "auto") -> Runtime:
    """Import the runtime `name`, one of `RUNTIMES`.

    Raises `InputError` when the name is unknown or the runtime does not work, `MissingExtraError` or `InputError`
    saying what to install when it is absent.
    """
    if name not in RUNTIMES:
        raise InputError(f"there is no TFLite runtime {name!r}: choose one of {', '.join(RUNTIMES)}")
    if name == "auto":
        name = next((x for x in _AUTO if importlib.util.find_spec(PACKAGES[x])), "")
        if not name:
            raise InputError("no TFLite runtime is installed here: pip install ai-edge-litert (or tflite-runtime)")
    if not importlib.util.find_spec(PACKAGES[name]):
        if name == "litert":
            raise InputError("the runtime litert is not installed here: pip install ai-edge-litert")
        raise MissingExtraError(f"the runtime {name}", name, _EXTRAS[name])
    try:
        package = importlib.import_module(PACKAGES[name])
        within = {"tensorflow": "lite", MICRO: "runtime"}.get(name)
        module = getattr(package, within) if within else importlib.import_module(f"{PACKAGES[name]}.interpreter")
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"the runtime {name} is installed but cannot be loaded ({reason}); install it again"
        ) from error
    return Runtime(name, getattr(package, "__version__", None), module)


def open_model(
    flatbuffer: bytes, runtime: str = "auto", threads: int = 1, xnnpack: bool = True, name: str = "the model"
) -> Model:
    """Open the model in `flatbuffer` with the runtime named `runtime`, ready to run.

    `xnnpack=False` keeps the graph in TFLite's own kernels. `name` stands for the model in errors: `InputError` when
    the runtime is missing or does not take the model, or when the model has not exactly one input and one output.
    """
    if threads < 1:
        raise InputError(f"cannot run a model with {threads} threads: use 1 or more")
    loaded = load_runtime(runtime)
    if threads > 1 and loaded.name == MICRO:
        raise InputError(f"{MICRO} has no threads: leave --threads out")
    try:
        began = time.perf_counter_ns()
        interpreter = _interpreter(loaded, flatbuffer, threads, xnnpack)
        load_ns = time.perf_counter_ns() - began
    except SystemError as error:  # from a binary made for numpy 1 under numpy 2
        raise InputError(
            f"{_version(loaded)} does not work with numpy {np.__version__}: install 'numpy<2' beside it"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise InputError(_refusal(name, loaded, error)) from error

    def open_bodies() -> loops.Bodies:
        # TFLite Micro gives no constants, by which turns are counted.
        by = load_runtime() if loaded.name == MICRO else loaded
        return loops.open_bodies(flatbuffer, lambda x: _interpreter(by, x, threads, xnnpack and by is loaded))

    used = loops.operator_codes(flatbuffer)
    model = Model(interpreter, loaded, name, load_ns, bool(used & STATEFUL.keys()), open_bodies)
    unresettable = min(used & UNRESETTABLE.keys(), default=None)
    if unresettable is not None:
        operator = UNRESETTABLE[unresettable]
        raise InputError(f"{name} keeps state that cannot be reset ({operator}): convert it with 'har-edge convert'")
    return model


def _interpreter(loaded: Runtime, flatbuffer: bytes, threads: int, xnnpack: bool) -> Any:
    if loaded.name == MICRO:
        return MicroInterpreter(loaded.module, flatbuffer)
    resolvers = loaded.module.experimental if loaded.name == "tensorflow" else loaded.module
    resolver = resolvers.OpResolverType.AUTO if xnnpack else resolvers.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = loaded.module.Interpreter(
        model_content=flatbuffer, num_threads=threads, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    return interpreter


def operators_inside(delegates: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> set[int]:
    """The indices of the nodes that the delegate nodes replaced: all between their outputs and their inputs."""
    # -1 is the tensor that is not there: an input left out, or an output of a loop that nobody reads.
    producers = {int(tensor): node for node in nodes for tensor in node["outputs"] if tensor >= 0}
    found: set[int] = set()
    for delegate in delegates:
        borders = {int(tensor) for tensor in delegate["inputs"]}
        to_visit = [int(tensor) for tensor in delegate["outputs"]]
        while to_visit:
            tensor = to_visit.pop()
            node = producers.get(tensor)
            if tensor in borders or node is None or node["index"] in found:
                continue
            found.add(node["index"])
            to_visit.extend(int(x) for x in node["inputs"])
    return found


def _graph(interpreter: Any, turns: int = 1) -> Graph:
    # Private, and the only source: delegates are appended as nodes of their own, the nodes they took stay listed.
    listed = interpreter._get_ops_details()
    nodes = tuple(node for node in listed if node["op_name"] != "DELEGATE")
    return Graph(
        nodes,
        tuple(map(_tensor, interpreter.get_tensor_details())),
        frozenset(int(x["index"]) for x in interpreter.get_input_details()),
        frozenset(operators_inside([node for node in listed if node["op_name"] == "DELEGATE"], nodes)),
        turns,
    )


def _computes_float_from_int8(graph: Graph) -> bool:
    """Tell whether another operator than DEQUANTIZE has a float32 output that depends on int8 activations."""
    dtypes = {tensor.index: tensor.dtype for tensor in graph.tensors}
    dependent: set[int] = set()
    for node in graph.nodes:
        inputs, outputs = ({int(x) for x in node[key]} for key in ("inputs", "outputs"))
        depends = bool(dependent & inputs)
        if depends and node["op_name"] != "DEQUANTIZE" and any(dtypes.get(x) == "float32" for x in outputs):
            return True
        dependent |= {x for x in outputs if depends or dtypes.get(x) == "int8"}
    return False


def _only(details: Sequence[Mapping[str, Any]], what: str, name: str) -> Tensor:
    if len(details) != 1:
        raise InputError(f"{name} has {len(details)} {what}s, and har-edge runs models with one: convert it again")
    return _tensor(details[0])


def _tensor(details: Mapping[str, Any]) -> Tensor:
    quantisation = details["quantization_parameters"]
    return Tensor(
        index=int(details["index"]),
        name=str(details["name"]),
        shape=tuple(int(n) for n in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scales=tuple(float(x) for x in quantisation["scales"]),
        zero_points=tuple(int(x) for x in quantisation["zero_points"]),
    )


def _refusal(name: str, runtime: Runtime, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return f"{_version(runtime)} does not take {name} ({reason}): copy or convert it again, or choose another --runtime"


def _version(runtime: Runtime) -> str:
    return f"{runtime.name} {runtime.version}" if runtime.version else runtime.name
