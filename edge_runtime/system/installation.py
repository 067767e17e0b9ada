"""Say how to install what is missing, by how this har-edge was installed."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import importlib.metadata
import json
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edge_runtime.errors import InputError

_ROOT = Path(__file__).resolve().parents[2]


class MissingExtraError(InputError):
    """A command needs packages that this installation does not have."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}, which is not installed here: {how_to_install(extra)}")


def how_to_install(extra: str, root: Path = _ROOT) -> str:
    """The command that adds `extra` to this installation: from its clone, its wheel, its address or an index.

    `root` is the folder of the packages. In a clone it is what pip is given; elsewhere pip noted in `direct_url.json`
    (PEP 610) what it installed from. Where the packages were copied alone, a clone is needed.
    """
    is_clone = (root / "pyproject.toml").exists()
    # An editable installation leaves metadata in the clone too, without the note.
    notes = [x.read_text("direct_url.json") for x in importlib.metadata.distributions(name="har-edge")]
    if not notes and not is_clone:
        return f"pip install '.[{extra}]' in a clone of har-edge"
    note = next(filter(None, notes), None)
    origin = json.loads(note) if note else {}
    options = ["--editable"] if origin.get("dir_info", {}).get("editable") else []
    if is_clone:
        source = "." if root == Path.cwd() else str(root)
    elif origin.get("url", "").startswith("file:"):
        source = unquote(urlsplit(origin["url"]).path)
    elif origin:
        system = origin.get("vcs_info", {}).get("vcs")
        address = f"{system}+{origin['url']}" if system else origin["url"]
        return pip_install(f"har-edge[{extra}] @ {address}")
    else:
        source = "har-edge"
    return pip_install(*options, f"{source}[{extra}]")


def pip_install(*arguments: str) -> str:
    """The command `pip install` with `arguments`, by the pip of this Python, which may not be the one on the path."""
    found = shutil.which("pip")
    is_own = found is not None and Path(found).parent == Path(sys.executable).parent
    program = ["pip"] if is_own else [sys.executable, "-m", "pip"]
    return shlex.join([*program, "install", *arguments])
