"""Write ONNX files as PyTorch's exporters do: channels and steps first, weights as constants."""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(5)


class OnnxGraph:
    """A graph that grows operator by operator; each returns the name of its first output."""

    def __init__(self, *window: int | str, opset: int = 18) -> None:
        self.nodes, self.constants, self.opset = [], [], opset
        self.window, self.n_outputs = window, 0

    def constant(self, values) -> str:
        values = np.asarray(values, None if np.asarray(values).dtype == np.int64 else np.float32)
        self.constants.append(numpy_helper.from_array(values, f"constant{len(self.constants)}"))
        return self.constants[-1].name

    def weights(self, *shape: int) -> str:
        return self.constant(RANDOM.normal(0, 0.4, shape))

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes) -> str:
        names = [f"{op}_{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, f"/{op}_{len(self.nodes)}", **attributes))
        return names[0]

    def axes(self, op: str, tensor: str, *axes: int, **attributes) -> str:
        """An operator whose axes became an input in opset 13 or, for means, 18."""
        if self.opset < (18 if op == "ReduceMean" else 13):
            return self.add(op, tensor, axes=axes, **attributes)
        return self.add(op, tensor, self.constant(np.array(axes)), **attributes)

    def at(self, tensor: str, place: int, axis: int = 0) -> str:
        return self.add("Gather", tensor, self.constant(np.array(place)), axis=axis)

    def reshape(self, tensor: str, *shape: int) -> str:
        return self.add("Reshape", tensor, self.constant(np.array(shape)))

    def transpose(self, tensor: str, *axes: int) -> str:
        return self.add("Transpose", tensor, perm=axes)

    def norm(self, tensor: str, features: int) -> str:
        values = (self.constant(RANDOM.uniform(0.5, 1.5, features)) for _ in range(4))
        return self.add("BatchNormalization", tensor, *values)

    def linear(self, tensor: str, n_in: int, n_out: int = 6) -> str:
        return self.add("Gemm", tensor, self.weights(n_out, n_in), self.weights(n_out), transB=1)

    def recurrent(self, op: str, tensor: str, n_in: int, units: int, ways: int = 1, *more: str, **options) -> str:
        """An operator on `[steps, batch, n_in]`; its second output is `[ways, batch, units]`."""
        gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
        shapes = (ways, gates * units, n_in), (ways, gates * units, units), (ways, 2 * gates * units)
        options = ({"linear_before_reset": 1} if op == "GRU" else {}) | options
        direction = "bidirectional" if ways == 2 else "forward"
        weights = [self.weights(*shape) for shape in shapes]
        return self.add(op, tensor, *weights, *more, outputs=2, hidden_size=units, direction=direction, **options)

    def sequence(self, op: str, tensor: str, n_in: int, units: int, ways: int = 1) -> str:
        """`[batch, steps, ways * units]` of `[batch, steps, n_in]`, as with `batch_first`."""
        steps = self.recurrent(op, self.transpose(tensor, 1, 0, 2), n_in, units, ways)
        return self.reshape(self.transpose(steps, 2, 0, 1, 3), 0, 0, -1)

    def model(self, *outputs: str) -> ModelProto:
        windows = helper.make_tensor_value_info("windows", TensorProto.FLOAT, self.window)
        answers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 6)) for name in outputs]
        graph = helper.make_graph(self.nodes, "network", [windows], answers, self.constants)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def second(name: str) -> str:
    """The name of an operator's second output."""
    return name[:-1] + "1"


def conv_gru(window: Sequence[int | str] = ("n", 128, 9)) -> ModelProto:
    """A convolution, both directions of a GRU, and their last states: as a PyTorch user writes them."""
    g = OnnxGraph(*window)
    x = g.add("Transpose", "windows", perm=(0, 2, 1)) if window[1:] == (128, 9) else "windows"
    x = g.add("Relu", g.add("Conv", x, g.weights(8, 9, 9), g.weights(8), strides=[8], pads=[4, 4]))
    states = second(g.recurrent("GRU", g.add("Transpose", x, perm=(2, 0, 1)), 8, 6, ways=2))
    return g.model(g.linear(g.add("Concat", g.at(states, 0), g.at(states, 1), axis=-1), 12))
