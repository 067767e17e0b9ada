"""Make a local package index of empty wheels, and the environment variables that make pip use it."""

import os
from pathlib import Path

from written_recordings import zipped

from edge_runtime.devices.environment import requirements


def write(folder: Path) -> dict[str, str]:
    """Write wheels of all packages that a device needs; return the variables that let pip use only these wheels."""
    folder.mkdir()
    write_wheel(folder, "numpy==1.26.9", "")
    for runtime in ("litert", "tflite-runtime"):
        write_wheel(folder, requirements(runtime)[0], "")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}


def write_wheel(folder: Path, requirement: str, content: str) -> None:
    """Write a wheel for every platform that meets `requirement`, with a module that holds `content`."""
    name, version = requirement.split("==")
    module = name.replace("-", "_")
    files = {
        f"{module}.py": content,
        f"{module}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{module}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{module}-{version}.dist-info/RECORD": "",
    }
    (folder / f"{module}-{version}-py3-none-any.whl").write_bytes(zipped(files))
