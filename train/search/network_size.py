"""Estimate the firmware of a Keras network in int8, or measure it on an emulated Cortex-M4."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.keras_layers import kind_of
from edge_runtime.bench.c_library import c_of
from edge_runtime.bench.measurement import measure
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data.dataset import Dataset
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.model.c_model import C
from edge_runtime.model.model_file import open_model_file
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.quantities import kilobytes

if TYPE_CHECKING:
    from pathlib import Path

    import keras

# Fitted to firmwares of 20 networks: at most 2 % off.
_FLASH, _FLASH_STREAM, _FLASH_WALK = 4_290, 10_450, 5_500  # bytes beside weights; of the recogniser, and of its search
_RAM, _RAM_STREAM, _RAM_WALK = 350, 1_400, 5_140
_PER_ROW, _BLOCK = 8, 16  # bytes of bias and scale; rows, and terms of a row, are padded to a multiple
_PER_VALUE, _PER_MAC, _PER_SUM, _PER_STATE = 47.5, 2.0, 36.2, 96.6  # instructions
# By the kind of cell: rows and terms of its products, by its inputs and units.
_CELLS: Mapping[str, Callable[[int, int], Sequence[tuple[int, int]]]] = {
    "LSTM": lambda n, units: [(3 * units, n + units), (units, n + units)],
    "GRU": lambda n, units: [(3 * units, n + units), (units, n), (units, units)],
    "SimpleRNN": lambda n, units: [(units, n + units)],
}
_N_WINDOWS = 5  # each firmware answers as LiteRT does, or measuring fails


@dataclass(frozen=True)
class NetworkSize:
    """Bytes of flash and RAM of a firmware with live recognition, and instructions of an inference."""

    flash: int
    ram: int
    instructions: int

    def __str__(self) -> str:
        """State the size in words."""
        return f"{kilobytes(self.flash)} of flash, {kilobytes(self.ram)} of RAM and {self.instructions:,} instructions"

    def fits(self, budget: Mapping[str, float]) -> bool:
        """Tell whether no field is above the `budget`."""
        return all(getattr(self, name) <= most for name, most in budget.items())


def estimate(network: keras.Model, data: Dataset) -> NetworkSize:
    """Estimate the int8 form of `network` for windows of `data`, from the shapes of its layers and weights."""
    streams, walks = data.front_end is not None, data.frame == "walking"
    n_values = data.window.samples * len(data.signals)
    sizes = [n_values, *(math.prod(layer.output.shape[1:]) for layer in network.layers)]
    products = [product for layer in network.layers for product in _products(layer)]
    states = sum(layer.units * layer.input.shape[1] for layer in network.layers if kind_of(layer) in _CELLS)
    of_products = sum(rows * times * (_PER_MAC * terms + _PER_SUM) for rows, terms, times in products)
    window = (2 if streams else 4) * n_values
    return NetworkSize(
        flash=sum(rows * (terms + _PER_ROW) for rows, terms, _ in products)
        + (_FLASH + streams * _FLASH_STREAM + walks * _FLASH_WALK),
        ram=window + max(map(sum, pairwise(sizes))) + _RAM + streams * _RAM_STREAM + walks * _RAM_WALK,
        instructions=round(_PER_VALUE * n_values + _PER_STATE * states + of_products),
    )


def _products(layer: Any) -> Iterator[tuple[int, int, int]]:
    """Yield rows, terms and times of each matrix product of a layer, padded as `convert --c` writes it."""
    times = math.prod(layer.output.shape[1:-1])
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    products: Sequence[tuple[int, int]] = [(rows, math.prod(terms)) for *terms, rows in kernels]
    if cell := _CELLS.get(kind_of(layer)):
        times, products = layer.input.shape[1], cell(layer.input.shape[2], layer.units)
    for rows, terms in products:
        yield -(-rows // _BLOCK) * _BLOCK, -(-terms // _BLOCK) * _BLOCK, times


def measure_firmware(model: Path, data: Dataset, on_progress: OnProgress) -> NetworkSize:
    """Measure the firmware of the int8 file `model`, which answers a few training windows of `data`.

    Raises `DeviceError` without the board's compiler or its emulator.
    """
    device, opened = CortexM4(), open_model_file(model)
    device.prepare(on_progress)
    few = replace(data, test=data.train.select(np.arange(len(data.train)) % (len(data.train) // _N_WINDOWS) == 0))
    settings = MeasurementSettings(C, rounds=1, control=False, needs_c=True)
    (result,) = measure([replace(opened, c_source=c_of(opened))], few, device, settings, on_progress).results
    assert result.instructions is not None
    return NetworkSize(result.size_bytes, result.ram_bytes or 0, result.instructions.per_inference)
