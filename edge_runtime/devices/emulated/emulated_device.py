"""Measure on an emulated board: answers and instructions, never times.

The instructions of an inference are exact, and the same on the real board. They are counted in the runtime's libraries,
from setting the input to reading the output.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.measurement_job import Instructions, JobModel
from edge_runtime.devices.connection import Connection
from edge_runtime.devices.emulated import qemu_log
from edge_runtime.devices.emulated.board import CPUS, Board
from edge_runtime.devices.python import write_bundle
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.child_processes import lines, started
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.process_endings import ending
from edge_runtime.system.progress import OnProgress

_SILENCE_SECONDS = 120.0
_START = """\
import sys
sys.path.insert(0, "/job/worker.pyz")
from edge_runtime.devices.emulated.qemu_log import run_between_marks
run_between_marks(*sys.argv[1:])
"""


class EmulatedDevice(RemoteDevice):
    """A board that is set up when it is first used."""

    most_windows = 300
    transport: Board

    def __init__(self, cpu: str, runtime: str) -> None:
        if cpu not in CPUS:
            raise InputError(
                f"there is no emulated board with the CPU {cpu!r}: choose one of cortex-m4, {', '.join(CPUS)}"
            )
        super().__init__(Board(cpu), runtime)

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Set the board up and start it."""
        self.transport.set_up(on_progress)
        super().prepare(on_progress)
        self.without_onnx = DeviceError("an emulated board counts only instructions of TFLite")

    def connect(self) -> Connection:
        """Return the connection, and open it if needed."""
        self.transport.set_up()
        return super().connect()

    def instructions(self, model: JobModel, folder: Path) -> Instructions | None:
        """Count the instructions of an inference of `model` with its first window, on one thread."""
        flatbuffer, card = cards.read_model(folder / model.model)
        window = np.load(folder / model.windows, mmap_mode="r", allow_pickle=False)[0]
        values = preparation(card, open_model(flatbuffer, "auto").input)(np.asarray(window, np.float32))
        return self.count_instructions(flatbuffer, values, folder / model.library if model.library else None)

    def count_instructions(
        self, flatbuffer: bytes, values: npt.NDArray[Any], library: Path | None = None
    ) -> Instructions:
        """Count the instructions of an inference with the input tensor `values`, by TFLite or by the `library` of C.

        Raises `DeviceError`.
        """
        with scratch_folder() as folder:
            write_bundle(folder)
            model = folder / (f"{library.stem}.tflite" if library else "model.tflite")
            model.write_bytes(flatbuffer)
            np.save(folder / "values.npy", values)
            if library:
                shutil.copyfile(library, folder / library.name)
            once, twice = self._counts(folder, model.name)
        if twice != 2 * once:
            raise DeviceError(
                f"inferences of this model take different numbers of instructions ({once:,} for one, {twice:,} for "
                "two): convert it again without state"
            )
        return Instructions(once, "the runtime's own code, by QEMU's log of executed blocks")

    def _counts(self, job: Path, model: str) -> list[int]:
        """Count the instructions of one inference of the file `model`, and of two."""
        ours, its = os.pipe()
        command = self.transport.command(
            ["python3", "-B", "-c", _START, f"/job/{model}", "/job/values.npy", f"/dev/fd/{its}"],
            job=job,
            # A thread of NumPy could interrupt the counted thread.
            env={"PYTHONPATH": str(self.site), "OPENBLAS_NUM_THREADS": "1"},
        )
        with (
            os.fdopen(ours, "rb", buffering=0) as log,
            (job / "stderr").open("w+b") as stderr,
            started(command, stdout=subprocess.DEVNULL, stderr=stderr, pass_fds=[its]) as process,
        ):
            os.close(its)
            try:
                counts = qemu_log.instructions_between_marks(lines(log, _SILENCE_SECONDS))
                process.wait(_SILENCE_SECONDS)
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                raise DeviceError(f"the emulated board gave no sign of life for {_SILENCE_SECONDS:g} s") from error
        if process.returncode or len(counts) != 2:
            words = (job / "stderr").read_text(errors="replace")
            raise DeviceError(f"an emulated board that counts instructions {ending(process.returncode, words)}")
        return counts
