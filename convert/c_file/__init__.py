"""Write a model as C in a child process, since the C is compiled and run to compare its answers; also for Arduino."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import edge_runtime
from convert.c_file.c_names import c_name
from edge_runtime.errors import InputError
from edge_runtime.system.child_processes import run_in_child
from edge_runtime.system.files import write_text
from edge_runtime.system.progress import OnProgress, ignore_progress

_SENSOR = """#define HAR_MODEL_H

#ifndef HAR_SENSOR_HZ
#define HAR_SENSOR_HZ 104 /* of the example's sensor */
#endif
"""


def write_in_child(model: Path, folder: Path, on_progress: OnProgress = ignore_progress) -> tuple[Sequence[Path], str]:
    """Write the `.tflite` file `model` as C into `folder`, with the recogniser in C if it can drive the model.

    Returns the files, and a sentence on their check. Raises `InputError` if the file cannot be used or is not in int8,
    `CheckFailedError` if an answer differs from LiteRT's, and `DeviceError` if the C does not compile.
    """
    answer: dict[str, Any] = {}
    run_in_child(
        f"the C of {model.name}",
        "report it, or use the .tflite file",
        "convert.c_file.c_source",
        *(str(model), str(folder)),
        on_progress=on_progress,
        on_message=answer.update,
    )
    return [folder / name for name in answer["files"]], answer["checked"]


def write_library(model: Path, folder: Path, on_progress: OnProgress) -> tuple[Sequence[Path], str]:
    """Write har_NAME, a library for Arduino's IDE, into `folder`; return and raise as `write_in_child`."""
    name = c_name(model.stem)
    source = folder / f"har_{name}" / "src"
    sources, checked = write_in_child(model, source, on_progress)
    numbers = source / "har_model.h"
    if numbers not in sources:
        raise InputError(f"{checked.splitlines()[-1]}: --arduino needs the recogniser")
    write_text(numbers, numbers.read_text(encoding="utf-8").replace("#define HAR_MODEL_H\n", _SENSOR, 1))
    properties, sketch = (files(__package__).joinpath(x).read_text("utf-8") for x in ("library.properties", "har.ino"))
    example = source.with_name("examples") / "har" / "har.ino"
    write_text(example, sketch)
    about = source.with_name("library.properties")
    write_text(about, properties.format(name=name, version=edge_runtime.__version__))
    return [*sources, about, example], checked
