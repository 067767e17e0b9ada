"""Describe the graph of a model, as an interpreter in a process of its own sees it: it may crash."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.bench.answer_check import checked
from edge_runtime.bench.device import Device
from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.model.interpreters import Operators, Tensor
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.progress import ignore_progress


@dataclass(frozen=True)
class Inspection:
    """A model's graph as a runtime sees it.

    `operator_names` are those of all its graphs, each once; None with tflite-runtime. `arena_bytes` is the smallest
    arena that tflite-micro needs, where that is the runtime. `unlisted_bodies` of loops are not in what is described.
    """

    runtime: str
    runtime_version: str | None
    scheme: str
    stateful: bool
    input: Tensor
    output: Tensor
    operators: Operators
    tensors: tuple[Tensor, ...]
    operator_names: tuple[str, ...] | None
    arena_bytes: int | None
    unlisted_bodies: int


def inspect(content: bytes, title: str, device: Device, runtime: str = "auto") -> Inspection:
    """Open the model in `content`, with or without a card, on `device`, run it a few times and describe it.

    `title` names it in errors. Raises `InputError` when the runtime does not take it or there is no space for temporary
    files, `DeviceError` when it crashes the runtime.
    """
    with scratch_folder() as folder:
        (folder / "model.tflite").write_bytes(content)
        job = MeasurementJob(name="inspect", task="inspect", model="model.tflite", title=title, runtime=runtime)
        facts = checked(device.run(job, folder, ignore_progress), job, device.name).facts
    model = facts["model"]
    return Inspection(
        runtime=facts["runtime"]["name"],
        runtime_version=facts["runtime"]["version"],
        scheme=model["scheme"],
        stateful=model["stateful"],
        input=from_json(Tensor, model["input"]),
        output=from_json(Tensor, model["output"]),
        operators=Operators(model["operators"], model["xnnpack"] or {}),
        tensors=tuple(from_json(Tensor, x) for x in facts["tensors"]),
        operator_names=facts["operator_names"],
        arena_bytes=model["arena_bytes"],
        unlisted_bodies=model["unlisted_bodies"],
    )
