"""Try a model in a process of its own, since some graphs crash the interpreter."""

from pathlib import Path

from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.devices.python import PythonDevice
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import is_shipped
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.progress import ignore_progress


def try_model(content: bytes, title: str, runtime: str = "auto") -> int | None:
    """Run the model in `content` in a child; its arena. Raises `InputError`, or `DeviceError` when it crashes."""
    with scratch_folder() as folder:
        (folder / "model.tflite").write_bytes(content)
        job = MeasurementJob(name="inspect", task="inspect", model="model.tflite", title=title, runtime=runtime)
        arena: int | None = PythonDevice().run(job, folder, ignore_progress).facts["arena_bytes"]
    return arena


def open_classifier(path: Path, runtime: str) -> Classifier:
    """The model at `path`, tried first unless it is shipped. Raises `InputError` or `DeviceError`."""
    content = cards.read_tflite(path)
    if not is_shipped(path):
        try_model(content, str(path), runtime)
    return Classifier(path, runtime, content=content)
