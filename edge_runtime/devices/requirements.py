"""What pip installs where models are measured: a TFLite runtime, and a NumPy that it works with."""

from __future__ import annotations

from importlib import metadata

TFLITE_RUNTIME = "tflite-runtime==2.14.0"
"""The last release of the older runtime."""

# tflite-runtime was built against NumPy 1, which it does not say.
_NUMPY = {"litert": "numpy>=1.26,<3", "tflite-runtime": "numpy>=1.26,<2"}


def requirements(runtime: str) -> tuple[str, str]:
    """The requirements of `runtime`: itself, and NumPy.

    LiteRT in the version that is installed here, so that both sides answer alike; any that fits where there is none.
    """
    if runtime == "tflite-runtime":
        return TFLITE_RUNTIME, _NUMPY[runtime]
    try:
        return f"ai-edge-litert=={metadata.version('ai-edge-litert')}", _NUMPY[runtime]
    except metadata.PackageNotFoundError:
        return "ai-edge-litert>=2.0,<3", _NUMPY[runtime]
