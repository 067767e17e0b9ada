"""Pack this package's code into one file: `PYTHON worker.pyz JOB` measures without an installed har-edge."""

import zipfile
from pathlib import Path

import edge_runtime

_PACKAGE = Path(edge_runtime.__file__).parent
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
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
"""


def write_bundle(folder: Path) -> Path:
    """Write the worker and the modules of this package into one file in `folder`, once, and return its path."""
    path = folder / "worker.pyz"
    if not path.exists():
        contents = {"__main__.py": _MAIN.encode()}
        for source in sorted(_PACKAGE.rglob("*.py")):
            contents[source.relative_to(_PACKAGE.parent).as_posix()] = source.read_bytes()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path
