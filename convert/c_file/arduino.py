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

_PROPERTIES = """\
name=har_{name}
version={version}
author=har-edge
maintainer=har-edge
sentence=Recognises human activities in the samples of an accelerometer and a gyroscope.
paragraph=The model {name}, written by har-edge.
category=Data Processing
url=
architectures=*
includes=har_stream.h
"""
_SENSOR = "#define HAR_MODEL_H\n\n#define HAR_SENSOR_HZ 104 /* of the example's sensor */\n"


def write_library(model: Path, folder: Path, on_progress: OnProgress) -> tuple[Sequence[Path], str]:
    """Write the library har_NAME of the `.tflite` file `model` into `folder`; return and raise as `write_in_child`."""
    library = folder / f"har_{c_name(model.stem)}"
    sources, checked = write_in_child(model, library / "src", on_progress)
    numbers = library / "src" / "har_model.h"
    if numbers not in sources:
        raise InputError(f"{checked.splitlines()[-1]}: --arduino needs the recogniser")
    write_text(numbers, numbers.read_text(encoding="utf-8").replace("#define HAR_MODEL_H\n", _SENSOR, 1))
    texts = {
        "library.properties": _PROPERTIES.format(name=c_name(model.stem), version=edge_runtime.__version__),
        "examples/har/har.ino": files(__package__).joinpath("har.ino").read_text(encoding="utf-8"),
    }
    for name, text in texts.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(library / name, text)
    return [*sources, *map(library.joinpath, texts)], checked
