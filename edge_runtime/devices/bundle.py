"""The worker as one file: `PYTHON worker.pyz JOB` needs no installation of har-edge on the machine that measures."""

import zipfile
from pathlib import Path

import edge_runtime

_SOURCES = Path(edge_runtime.__file__).parent
# Python 2 and early 3 must get as far as the sentence, so this is written for all of them.
_MAIN = """\
import sys
if sys.version_info < (3, 9):
    sys.exit("har-edge needs Python 3.9 or newer on the machine that measures, and this is " + sys.version.split()[0])
if sys.argv[1] == "--describe":
    from edge_runtime.bench.machine import print_json
    sys.exit(print_json())
from pathlib import Path
from edge_runtime.bench.measurement_worker import main
sys.exit(main(Path(sys.argv[1])))
"""


def write_bundle(folder: Path) -> Path:
    """Write the worker into `folder`; its path. It holds this package's Python sources, no data and no models.

    The same sources give the same bytes: a device that has them is not sent them again.
    """
    path = folder / "worker.pyz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        contents = {"__main__.py": _MAIN.encode()} | {
            source.relative_to(_SOURCES.parent).as_posix(): source.read_bytes() for source in _SOURCES.rglob("*.py")
        }
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name), contents[name], zipfile.ZIP_DEFLATED)
    return path
