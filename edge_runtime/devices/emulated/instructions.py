"""Count the instructions of an inference: exact, the same each time, and those of the real board's CPU too.

The instructions that a program executes depend on the program and on what the CPU can do alone. Fewer are not always
faster, but they show whether an int8 product finds instructions made for it. Counted are those of the runtime's own
libraries while an input is set, the model runs and the output is taken.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.measurement_job import Instructions
from edge_runtime.devices.bundle import write_bundle
from edge_runtime.devices.emulated import qemu_log
from edge_runtime.devices.emulated.board import Board
from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Stoppable
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.process_endings import exit_description

_SILENCE_SECONDS = 120.0  # even the start of Python is heard of
_INFERENCES = 2
_START = """\
import sys
sys.path.insert(0, "/job/worker.pyz")
from edge_runtime.devices.emulated.qemu_log import run_between_marks
run_between_marks(*sys.argv[1:])
"""


def count_instructions(
    board: Board, site: str, flatbuffer: bytes, values: npt.NDArray[Any], processes: Stoppable
) -> Instructions:
    """Count the instructions of one inference of the model in `flatbuffer` on `board`, on one thread.

    `site` is the board's folder of Python packages, `values` is the input tensor. Raises `DeviceError` when the model
    does not run there, and when some inferences and twice as many do not take the same each. The board is started
    among `processes`, which another thread may stop.
    """
    with scratch_folder() as folder:
        write_bundle(folder, qemu_log.__name__)
        (folder / "model.tflite").write_bytes(flatbuffer)
        np.save(folder / "values.npy", values)
        once, twice = _counts(board, site, folder, processes)
    if once % _INFERENCES or twice != 2 * once:
        raise DeviceError(
            f"the instructions of an inference cannot be told: {_INFERENCES} took {once:,} and twice as many "
            f"{twice:,}; convert the model again without state"
        )
    return Instructions(once // _INFERENCES, "the runtime's own code, by QEMU's log of executed blocks")


def _counts(board: Board, site: str, folder: Path, processes: Stoppable) -> list[int]:
    """The instructions of some inferences and of twice as many."""
    ours, its = os.pipe()
    command = board.command(
        ["python3", "-B", "-c", _START, "/job/model.tflite", "/job/values.npy", str(_INFERENCES), f"/dev/fd/{its}"],
        job=folder,
        # A thread of numpy's could interrupt the one that is counted.
        env={"PYTHONPATH": site, "OPENBLAS_NUM_THREADS": "1"},
        fixed_addresses=True,
    )
    with os.fdopen(ours, "rb", buffering=0) as log, (folder / "stderr").open("w+b") as said:
        try:
            process = processes.start(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, pass_fds=[its]
            )
        finally:
            os.close(its)
        try:
            counts = qemu_log.instructions_between_marks(child_processes.lines(log, lambda: _SILENCE_SECONDS))
            process.wait(_SILENCE_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise DeviceError(f"the emulated board gave no sign of life for {_SILENCE_SECONDS:g} s") from error
        finally:
            child_processes.stop(process)
        said.seek(0)
        words = said.read().decode(errors="replace")
    if process.returncode or len(counts) != 2:
        raise DeviceError(exit_description("the emulated board that counts instructions", process.returncode, words))
    return counts
