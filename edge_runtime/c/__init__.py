"""Hold the recogniser in C: the rules of `edge_runtime` in C99, with constants that `tools.c_rules` writes."""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = tuple(sorted(path for path in FOLDER.iterdir() if path.suffix in (".c", ".h")))
"""All its files; a model that is compiled in adds `har_model.h`."""


def model_in(folder: Path) -> Path:
    """Return the C file of the model in `folder`, beside the recogniser."""
    return next(path for path in folder.glob("*.c") if path.name not in {file.name for file in FILES})
