"""Pack the measurement worker into one file: `PYTHON worker.pyz JOB` needs no installed har-edge."""

import ast
import functools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import edge_runtime

_ROOT = Path(edge_runtime.__file__).parents[1]
_MAIN = """\
import sys
if sys.argv[1] == "--machine":
    import json
    from dataclasses import asdict
    from edge_runtime.bench.machine import read_facts
    from edge_runtime.bench.machine_state import state
    print(json.dumps({"machine": asdict(read_facts()), "state": asdict(state())}))
else:
    from pathlib import Path
    from edge_runtime.bench.measurement_worker import main
    sys.exit(main(Path(sys.argv[1])))
"""


def write_bundle(folder: Path, *modules: str) -> Path:
    """Write the worker, `modules` and all that they import into one file in `folder`, once, and return its path."""
    path = folder / "worker.pyz"
    if not path.exists():
        contents = {"__main__.py": _MAIN.encode(), **_sources("edge_runtime.bench.measurement_worker", *modules)}
        with zipfile.ZipFile(path, "w") as archive:
            for name in sorted(contents):
                archive.writestr(zipfile.ZipInfo(name), contents[name], zipfile.ZIP_DEFLATED)
    return path


@functools.cache
def _sources(*modules: str) -> Mapping[str, bytes]:
    """Return the sources of `modules` and of all that they import, by name."""
    sources: dict[str, bytes] = {}
    names = list(modules)
    while names:
        path = _ROOT.joinpath(*names.pop().split("."))
        for source in (path.with_suffix(".py"), path / "__init__.py"):
            name = source.relative_to(_ROOT).as_posix()
            if source.is_file() and name not in sources:
                sources[name] = source.read_bytes()
                names += _imports(ast.parse(sources[name]), source.name == "__init__.py")
                names += [".".join(package.parts) for package in source.relative_to(_ROOT).parents if package.name]
    return sources


def _imports(tree: ast.AST, on_load: bool) -> Iterator[str]:
    """Return the modules of this package that `tree` imports at run time, or only those `on_load`."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if on_load and isinstance(tree, ast.FunctionDef):
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names if alias.name.startswith("edge_runtime"))
    elif isinstance(tree, ast.ImportFrom) and str(tree.module).startswith("edge_runtime"):
        yield str(tree.module)
        yield from (f"{tree.module}.{alias.name}" for alias in tree.names)
    for child in ast.iter_child_nodes(tree):
        yield from _imports(child, on_load)
