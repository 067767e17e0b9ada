"""The project's own files, apart from what tools leave beside them."""

import shutil
import subprocess
from pathlib import Path


def copy_source(root: Path, to: Path) -> None:
    """Copy what belongs to the project in `root` to the new folder `to`, also where there is no git repository."""
    if not (root / ".git").exists():
        # Every line of the file is a name, perhaps with *, for which folder it is in does not matter.
        ignored = [x.strip("/") for x in (root / ".gitignore").read_text().split()]
        shutil.copytree(root, to, ignore=shutil.ignore_patterns(*ignored))
        return
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        if (root / name).is_file():  # not so when it was deleted, and git has not been told
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
