"""Make the rivals of a network in a process that may crash or hang, and record why a rival is missing."""

import json
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
"""In the order in which they are made and shown, each with the file that the process leaves in `scratch`."""

CARD = "rivals.json"
"""The file of the network's card, which the process leaves in `scratch`, too."""

_LONGEST_S = 900.0  # for a form


def make_rivals(job: ConversionJob, scratch: Path, on_progress: OnProgress) -> RivalRecord:
    """Make the rivals of the network of `job` in the folder `scratch`, and write them and their record."""
    pending = list(FORMS)
    absent: dict[str, str] = {}
    while pending:
        try:
            _run(job, scratch, pending, absent, on_progress)
        except InputError:  # about the whole job: the refusal of a form comes in a message
            raise
        except TimeoutError:
            absent[pending.pop(0).name] = f"making it took more than {_LONGEST_S:g} s"
        except HarEdgeError as error:
            absent[pending.pop(0).name] = str(error)
    path = record_path(job.folder, job.network.stem)
    rivals = []
    for form in FORMS:
        if form.name not in absent:
            file = path.with_name(f"{job.network.stem}_{form.file}")
            write_bytes(file, (scratch / form.file).read_bytes())
            rivals.append(replace(form, file=file.name, sha256=sha256(file)))
    card = json.loads(cards.load(scratch / CARD).to_json())
    record = RivalRecord(sha256(job.network), card, tuple(rivals), absent)
    record.write(path)
    return record


def _run(
    job: ConversionJob, scratch: Path, pending: list[Rival], absent: dict[str, str], on_progress: OnProgress
) -> None:
    """Make the `pending` forms until the process ends; take each from `pending`, and put refused ones into `absent`."""

    def listen(message: Mapping[str, Any]) -> None:
        if "rival" in message:
            form = pending.pop(0)
            if message["refusal"]:
                absent[form.name] = str(message["refusal"])

    child_processes.run_in_child(
        "the process that makes it",
        "its converter crashed",
        "convert.rivals.rival_worker",
        *(to_text(job), str(scratch), *(form.file for form in pending)),
        on_progress=on_progress,
        on_message=listen,
        seconds=_LONGEST_S,
    )
