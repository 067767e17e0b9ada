"""Say how to install a missing package, depending on how har-edge itself was installed."""

import importlib.metadata
import json
import shlex
import sys
from pathlib import Path

from edge_runtime.errors import InputError

_ROOT = Path(__file__).resolve().parents[2]


class MissingExtraError(InputError):
    """A command needs packages that are missing in this installation."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}, which is not installed here: {how_to_install(extra)}")


def how_to_install(extra: str, root: Path = _ROOT) -> str:
    """Return the command that adds `extra` to this installation: in its clone, or from its origin.

    `root` is the folder of the packages. Outside a clone, pip notes the origin in `direct_url.json` (PEP 610).
    """
    if (root / "pyproject.toml").exists():
        return pip_install("--editable", f"{root}[{extra}]")
    installations = importlib.metadata.distributions(name="har-edge")
    notes = [distribution.read_text("direct_url.json") for distribution in installations]
    origin = json.loads(next(filter(None, notes), "{}"))
    system = origin.get("vcs_info", {}).get("vcs")
    address = f"{system}+{origin['url']}" if system else origin.get("url")
    return pip_install(f"har-edge[{extra}] @ {address}" if address else f"har-edge[{extra}]")


def pip_install(*arguments: str) -> str:
    """Return `pip install` with `arguments`, by this Python's pip, which may differ from the pip on the path."""
    return shlex.join([sys.executable, "-m", "pip", "install", *arguments])
