"""Recognise human activities on the device, without TensorFlow.

The names of `__all__` are for other programs (docs/in_your_program.md). Each is imported when it is first used, so that
`import edge_runtime` itself loads neither NumPy nor an interpreter.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_runtime.data.loading import load_data, load_recordings
    from edge_runtime.live.decider import Decision, Notice
    from edge_runtime.live.recognizer import LiveRecognizer
    from edge_runtime.model.classifier import Classifier

__version__ = "0.1.0"
__all__ = ["Classifier", "Decision", "LiveRecognizer", "Notice", "load_data", "load_recordings"]

_MODULES = {
    "edge_runtime.data.loading": ("load_data", "load_recordings"),
    "edge_runtime.live.decider": ("Decision", "Notice"),
    "edge_runtime.live.recognizer": ("LiveRecognizer",),
    "edge_runtime.model.classifier": ("Classifier",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'edge_runtime' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
