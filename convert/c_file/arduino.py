"""Arrange the C of a model as a library for Arduino's IDE."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import edge_runtime
from convert.c_file import write_in_child
from convert.c_file.c_names import c_name
from edge_runtime.errors import InputError
from edge_runtime.system.files import write_text
from edge_runtime.system.progress import OnProgress

_SENSOR = """#define HAR_MODEL_H

#ifndef HAR_SENSOR_HZ
#define HAR_SENSOR_HZ 104 /* of the example's sensor */
#endif
"""


def write_library(model: Path, folder: Path, on_progress: OnProgress) -> tuple[Sequence[Path], str]:
    """Write the library har_NAME of the `.tflite` file `model` into `folder`; return and raise as `write_in_child`."""
    name = c_name(model.stem)
    source = folder / f"har_{name}" / "src"
    sources, checked = write_in_child(model, source, on_progress)
    numbers = source / "har_model.h"
    if numbers not in sources:
        raise InputError(f"{checked.splitlines()[-1]}: --arduino needs the recogniser")
    write_text(numbers, numbers.read_text(encoding="utf-8").replace("#define HAR_MODEL_H\n", _SENSOR, 1))
    properties, sketch = (files(__package__).joinpath(x).read_text("utf-8") for x in ("library.properties", "har.ino"))
    example = source.with_name("examples") / "har" / "har.ino"
    example.parent.mkdir(parents=True, exist_ok=True)
    write_text(example, sketch)
    about = source.with_name("library.properties")
    write_text(about, properties.format(name=name, version=edge_runtime.__version__))
    return [*sources, about, example], checked
