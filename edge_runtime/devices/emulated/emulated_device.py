"""Measure on an emulated board: answers and instructions, never times."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from edge_runtime.bench.measurement_job import Instructions, MeasurementJob
from edge_runtime.devices.connection import Connection
from edge_runtime.devices.emulated.board import CPUS, Board, boards
from edge_runtime.devices.emulated.instructions import count_instructions
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.progress import OnProgress


class EmulatedDevice(RemoteDevice):
    """The board is set up at first need; packages are sent to it as to any device."""

    here = True  # the emulator takes this machine's CPUs
    most_windows = 300
    transport: Board

    def __init__(self, cpu: str, runtime: str) -> None:
        if cpu not in CPUS:
            raise InputError(f"there is no emulated board with the CPU {cpu!r}: choose one of {', '.join(CPUS)}")
        super().__init__(Board(cpu), runtime)

    def prepare(self, on_progress: OnProgress) -> None:
        """Set the board up, if that has not been done, and start it."""
        self.transport.set_up(on_progress)
        super().prepare(on_progress)

    def connect(self) -> Connection:
        """The connection, opened if it is not open."""
        self.transport.set_up()
        return super().connect()

    def clean(self) -> int:
        """Remove the emulated boards of all CPUs, which share them; return how many bytes that was."""
        total = sum(x.lstat().st_size for x in boards().rglob("*"))
        shutil.rmtree(boards(), ignore_errors=True)
        return total

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """Count those of one inference of the model of `job` with its first window, on one thread."""
        assert self.site is not None
        assert job.windows is not None
        flatbuffer, card = cards.read_model(folder / job.model)
        window = np.load(folder / job.windows, mmap_mode="r", allow_pickle=False)[0]
        values = preparation(card, open_model(flatbuffer, "auto").input)(np.asarray(window, np.float32))
        return count_instructions(self.transport, self.site, flatbuffer, values, self._processes)
