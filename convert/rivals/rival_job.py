"""Make the rivals of a network in a process that may crash or hang; tell why one is missing."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.conversion_job import ConversionJob
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.rivals import FUSED, ONNX, STOCK, Rival, RivalRecord, record_path
from edge_runtime.model.scheme_names import DYNAMIC, FLOAT32
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import to_text
from edge_runtime.system.files import sha256, write_bytes
from edge_runtime.system.progress import OnProgress

FORMS = (
    Rival(STOCK, FLOAT32, "stock_float32.tflite"),
    Rival(STOCK, DYNAMIC, "stock_dynamic.tflite"),
    Rival(FUSED, FLOAT32, "fused_float32.tflite"),
    Rival(ONNX, FLOAT32, "onnx_float32.onnx"),
    Rival(ONNX, DYNAMIC, "onnx_dynamic.onnx"),
)
"""In the order in which they are made and shown, each with the file that the process leaves in the job's folder."""


CARD = "rivals.json"
"""The file of the network's card, which the process leaves there too."""


def make_rivals(job: ConversionJob, network: Path, folder: Path, on_progress: OnProgress) -> RivalRecord:
    """Make the rivals of `network`, the Keras file of `job`; write them and their record for the models in `folder`."""
    left = list(FORMS)
    absent: dict[str, str] = {}
    while left:
        try:
            _run(job, left, absent, on_progress)
        except InputError:  # of the whole job: the refusal of a form comes in a message
            raise
        except TimeoutError:
            absent[left.pop(0).name] = f"making it took more than {job.options.time_limit:g} s (--time-limit)"
        except HarEdgeError as error:
            absent[left.pop(0).name] = str(error)
    path = record_path(folder, network.stem)
    made = []
    for form in FORMS:
        if form.name not in absent:
            file = path.with_name(f"{network.stem}_{form.file}")
            write_bytes(file, (job.output / form.file).read_bytes())
            made.append(replace(form, file=file.name, sha256=sha256(file)))
    card = json.loads(cards.load(job.output / CARD).to_json())
    record = RivalRecord(sha256(network), card, tuple(made), absent)
    record.write(path)
    return record


def _run(job: ConversionJob, left: list[Rival], absent: dict[str, str], on_progress: OnProgress) -> None:
    """Make those that are `left`, which become fewer, until the process ends; `absent` are those that it refused."""
    began = time.monotonic()

    def listen(message: Mapping[str, Any]) -> None:
        nonlocal began
        if "rival" in message:
            form = left.pop(0)
            began = time.monotonic()
            if message["refusal"]:
                absent[form.name] = str(message["refusal"])

    child_processes.run_in_child(
        "the process that makes it",
        "its converter crashed",
        "convert.rivals.rival_worker",
        to_text(job),
        *(form.file for form in left),
        on_progress=on_progress,
        on_message=listen,
        seconds=lambda: began + job.options.time_limit - time.monotonic(),
    )
