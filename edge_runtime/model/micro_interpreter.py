"""Run a model in TensorFlow Lite Micro behind the methods of TFLite's interpreter, and find its smallest arena."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.model.micro_operators import without_kernel
from edge_runtime.model.subgraphs import read_subgraphs

# Bytes: of the first that suffices no page is touched but those that the model takes.
_ARENAS = (1 << 20, 1 << 24, 1 << 28)
_ALIGNMENT = 16  # of what is in an arena


class MicroInterpreter:
    """A model in the Python package `tflite-micro`: the kernels of a microcontroller, its memory planner, this CPU.

    `module` is the package's `runtime`. Raises `ValueError` when it has no kernel for an operator of any graph, and
    when it does not take the model.
    """

    def __init__(self, module: Any, flatbuffer: bytes) -> None:
        self._module, self._flatbuffer = module, flatbuffer
        graphs = read_subgraphs(flatbuffer, "tflite-micro")
        if not graphs:
            raise ValueError("it has no graph")
        missing = without_kernel(node["op_name"] for graph in graphs for node in graph.nodes)
        if missing:
            raise ValueError(f"it has no kernel for {', '.join(missing)}")
        self._graph = graphs[0]
        self._size, self._interpreter = self._open()

    def _open(self) -> tuple[int, Any]:
        """The interpreter in the first arena that suffices, and that arena's size."""
        size = next(filter(self._suffices, _ARENAS), _ARENAS[-1])
        try:
            return size, self._with_arena(size)
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    def _suffices(self, size: int) -> bool:
        """Tell whether an arena is large enough, in a child: in some that are not, loops end the process."""
        child = os.fork()
        if child == 0:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the package prints what was too small
                self._with_arena(size)
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0

    def _with_arena(self, size: int) -> Any:
        return self._module.Interpreter.from_bytes(self._flatbuffer, arena_size=size)

    def smallest_arena(self) -> int:
        """The bytes of the smallest arena in which the model's tensors can be allocated on this machine.

        Pointers and the recorder of allocations make it larger than a 32-bit microcontroller's.
        """
        too_small, enough = 0, self._size // _ALIGNMENT
        while enough - too_small > 1:
            middle = (too_small + enough) // 2
            if self._suffices(middle * _ALIGNMENT):
                enough = middle
            else:
                too_small = middle
        return enough * _ALIGNMENT

    def get_input_details(self) -> list[Mapping[str, Any]]:
        """The input tensors of the main graph."""
        return [self._graph.tensors[i] for i in self._graph.inputs]

    def get_output_details(self) -> list[Mapping[str, Any]]:
        """The output tensors of the main graph."""
        return [self._graph.tensors[i] for i in self._graph.outputs]

    def get_tensor_details(self) -> Sequence[Mapping[str, Any]]:
        """All tensors of the main graph."""
        return self._graph.tensors

    def _get_ops_details(self) -> Sequence[Mapping[str, Any]]:
        return self._graph.nodes

    def set_tensor(self, index: int, values: npt.NDArray[Any]) -> None:
        """Set the only input."""
        self._interpreter.set_input(values, 0)

    def invoke(self) -> None:
        """Run the graph. Raises `RuntimeError`."""
        self._interpreter.invoke()

    def get_tensor(self, index: int) -> npt.NDArray[Any]:
        """The only output, or a constant of the main graph."""
        tensor = self._graph.tensors[index]
        if tensor["constant"] is not None:
            return np.frombuffer(tensor["constant"], tensor["dtype"]).reshape(tensor["shape"])
        output: npt.NDArray[Any] = self._interpreter.get_output(0)
        return output

    def reset_all_variables(self) -> None:
        """Let the model forget what it has seen."""
        self._interpreter.reset()
