"""Write a model as C in a child process, since the C is compiled and run to compare its answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import run_in_child
from edge_runtime.system.progress import OnProgress, ignore_progress

_LONGEST_S = 600.0  # without a sign of life: compiling may take 240 s


def write_in_child(model: Path, folder: Path, on_progress: OnProgress = ignore_progress) -> tuple[Sequence[Path], str]:
    """Write the `.tflite` file `model` as C into `folder`, with the recogniser in C if it can drive the model.

    Returns the files, and a sentence on their check. Raises `InputError` if the file cannot be used or is not in int8,
    `CheckFailedError` if an answer differs from LiteRT's, and `DeviceError` if the C does not compile.
    """
    answer: dict[str, Any] = {}
    try:
        run_in_child(
            f"the C of {model.name}",
            "report it, or use the .tflite file",
            "convert.c_file.c_source",
            *(str(model), str(folder)),
            on_progress=on_progress,
            on_message=answer.update,
            seconds=_LONGEST_S,
        )
    except TimeoutError as error:
        raise DeviceError(f"the C of {model.name} took over {_LONGEST_S:g} s: use the .tflite file") from error
    return [folder / name for name in answer["files"]], answer["checked"]
