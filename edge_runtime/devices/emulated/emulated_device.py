"""Measure on an emulated board: answers and instructions, never times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.bench.results import Instructions
from edge_runtime.devices.connection import Connection, last_words
from edge_runtime.devices.emulated.board import CPUS, Board, open_board, remove_boards
from edge_runtime.devices.emulated.instructions import count_instructions
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.progress import OnProgress


@dataclass
class Emulated:
    """A transport to the emulated board with the CPU `cpu`, which is there once it was set up."""

    cpu: str
    board: Board | None = None

    @property
    def name(self) -> str:
        """As in the target, for file names."""
        return f"emulated-{self.cpu}"

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command here that runs `argv` on the board."""
        assert self.board is not None
        return self.board.command(argv)

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Say how it ended: there is no network between that could be lost."""
        return DeviceError(f"the emulated board ended ({last_words(stderr, code)})")


class EmulatedDevice(RemoteDevice):
    """The board is set up at first need; packages are sent to it as to any device."""

    here = True  # the emulator takes this machine's CPUs
    most_windows = 300
    transport: Emulated

    def __init__(self, cpu: str, runtime: str) -> None:
        if cpu not in CPUS:
            raise InputError(f"there is no emulated board with the CPU {cpu!r}: choose one of {', '.join(CPUS)}")
        super().__init__(Emulated(cpu), runtime)

    def prepare(self, on_progress: OnProgress) -> None:
        """Set the board up, if that has not been done, and start it."""
        self.transport.board = open_board(self.transport.cpu, on_progress)
        super().prepare(on_progress)

    def connect(self) -> Connection:
        """The connection, opened if it is not open."""
        if self.transport.board is None:
            self.transport.board = open_board(self.transport.cpu)
        return super().connect()

    def clean(self) -> int:
        """Remove the emulated boards of all CPUs, which share them; return how many bytes that was."""
        return remove_boards()

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """Count those of one inference of the model of `job` with its first window, on one thread."""
        assert self.transport.board is not None
        assert self.site is not None
        assert job.windows is not None
        flatbuffer, card = cards.read_model(folder / job.model)
        window = np.load(folder / job.windows, mmap_mode="r", allow_pickle=False)[0]
        values = preparation(card, open_model(flatbuffer, "auto").input)(np.asarray(window, np.float32))
        return count_instructions(self.transport.board, self.site, flatbuffer, values, self._processes)
