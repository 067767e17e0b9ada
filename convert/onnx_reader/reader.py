"""Read an ONNX file as the Keras network that a person would have written, and compare their answers."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from convert.keras_layers import form_fault
from convert.onnx_reader.graph import Inputs, Node, inlined, needed_nodes
from convert.onnx_reader.operators import OPERATORS
from convert.onnx_reader.places import KerasTensors, View
from convert.parity import FLOAT_TOLERANCE, relative_difference
from edge_runtime.errors import InputError
from edge_runtime.model.onnx_model import open_onnx

Array = npt.NDArray[np.float32]


def read(path: Path) -> keras.Model:
    """Read an ONNX file, with weights beside it, without a log-softmax at the end.

    Raises `InputError` if it is damaged or cannot be converted, or if the network answers random windows otherwise.
    """
    try:
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
        model, answers = read_proto(proto)
        if fault := form_fault(model):
            raise InputError(f"the network {fault}")
        windows = np.random.default_rng(0).standard_normal((4, *model.input_shape[1:]), np.float32)
        difference = relative_difference(model.predict(windows, verbose=0), answers(windows))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # the package does not name its errors
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be read as an ONNX network ({reason}): export it again") from error
    if not difference <= FLOAT_TOLERANCE:
        raise InputError(
            f"{path}: the network's logits differ by {difference:.2g} from ONNX Runtime's: export it again"
        )
    return model


def read_proto(proto: onnx.ModelProto) -> tuple[keras.Model, Callable[[Array], Array]]:
    """Return the network of a model without its log-softmax, and the model's own answers `[n, classes]` to windows.

    Windows are `[n, samples, signals]`, or as in the file. Raises `InputError`, or another error if it is damaged.
    """
    proto, constants = inlined(proto)
    outputs = [value.name for value in proto.graph.output]
    logits = {node.output[0]: node.input[0] for node in proto.graph.node if node.op_type == "LogSoftmax"}
    if len(outputs) == 1 and outputs[0] in logits:
        outputs = [logits[outputs[0]]]
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, None))
    inputs = [value for value in proto.graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise InputError(f"it takes {len(inputs)} inputs: let it take one window and cut it")
    sizes = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim]
    free = [i for i, size in enumerate(sizes) if size < 1]
    if len(free) > 1 or (free and free[0] > 0 and sizes[0] == 1):
        raise InputError("it takes windows of any number of steps: export it for a fixed number")
    window = [max(size, 1) for size in sizes]
    shape = [size for size in window if size > 1]
    nodes = needed_nodes(proto, constants, outputs)

    def built(channels_last: bool, only_last: set[Node] | None = None) -> keras.Model:
        """Return the network for windows as in the file, or with the first axis last."""
        tensors = KerasTensors(only_last or ())
        tensor = keras.Input(shape[1:] + shape[:1] if channels_last else shape)
        places = tensors.add(tensor)
        places = np.moveaxis(places, -1, 0) if channels_last else places
        values = constants | {inputs[0].name: View(tensors, places.reshape(window))}
        for node in nodes:
            its_inputs = [values[name] if name else None for name in node.proto.input]
            values |= zip(node.outputs, _outputs(node, its_inputs), strict=False)
        answers = [tensors.arrange(np.squeeze(values[name].places)) for name in outputs]
        if only_last is None:
            needed, steps = tensors.needed(), tensors.steps
            return built(channels_last, {node for node in steps if not np.isin(steps[node], needed).any()})
        return keras.Model(tensor, answers if len(answers) > 1 else answers[0])

    models = [built(channels_last) for channels_last in (False, True)]
    n_moves = [sum(isinstance(layer, keras.layers.Permute) for layer in model.layers) for model in models]
    run = open_onnx(proto.SerializeToString()).run

    def answers(windows: Array) -> Array:
        is_turned = windows.shape[1:] != tuple(shape) == windows.shape[:0:-1]
        in_file = (np.moveaxis(windows, -1, 1) if is_turned else windows).reshape(-1, *window)
        return np.concatenate([run(np.ascontiguousarray(one)).reshape(1, -1) for one in in_file])

    return models[n_moves[1] < n_moves[0]], answers


def _outputs(node: Node, inputs: Inputs) -> Sequence[Any]:
    """Return the outputs of an operator, as views or constants. Raises `InputError`."""
    if node.op == "Shape" and isinstance(inputs[0], View):
        return node.fold([inputs[0].places])
    if not any(isinstance(value, View) for value in inputs):
        return node.fold(inputs)
    if node.op not in OPERATORS:
        advice = f"use {', '.join(OPERATORS)}" + (", or export with opset 20" if node.opset < 20 else "")
        if node.op in ("If", "Loop", "Scan"):
            advice = "control flow has to be written out, or exported with torch.export"
        if re.search("quant|QLinear|Integer", node.op, re.IGNORECASE):
            advice = "export before quantising"
        node.refuse(f"cannot be converted: {advice}")
    try:
        outputs = OPERATORS[node.op](node, inputs)
    except LookupError:
        node.refuse("takes values that are scattered over other tensors: take slices")
    return outputs if isinstance(outputs, list) else [outputs]
