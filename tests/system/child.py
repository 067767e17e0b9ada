"""A child process whose work ends as its test asks."""

import os
import subprocess
import sys
import time
from pathlib import Path

from edge_runtime.errors import CheckFailedError
from edge_runtime.system import child_processes


def main(ending: str, told: str = "") -> None:
    """Work that ends as asked, or waits and writes into the file `told` who it is."""
    endings = {
        "wait": lambda: (Path(told).write_text(str(os.getpid())), time.sleep(600)),
        "done": lambda: None,
        "error": lambda: raise_(CheckFailedError("too large")),
        "fault": lambda: raise_(RuntimeError("the cause")),
        "exit": lambda: sys.exit(9),
        "memory": lambda: bytes(1 << 60),
    }

    def task(tell) -> None:
        print("a library's output, which is not a message")
        tell(stage="working", share=0.5)
        kill = f"echo 'F op: bad' >&2; echo 'INFO: chatter' >&2; kill -{ending} $PPID; sleep 9"
        endings.get(ending, lambda: subprocess.run(["sh", "-c", kill], check=False))()

    if ending == "half":
        print('{"share": 0.', end="", flush=True)
        time.sleep(600)
    child_processes.run_as_child(task)


def raise_(error: Exception) -> None:
    raise error
