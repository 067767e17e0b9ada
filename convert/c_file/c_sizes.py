"""Bound the memory that C takes on a Cortex-M4, compiled by GCC with -Os, without the C library."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_runtime.system.quantities import kilobytes

# More than GCC 12 takes for networks of many kinds; tests/convert/test_c_stream.py compiles some.
_KERNELS, _LINE = 1_000, 20  # bytes of machine code, and for each line of the model's function
_CALLS = 512  # bytes of stack for registers, and for the deepest function that the model calls
_STREAM = 3_600  # bytes of machine code of har_stream
_PUSH, _PUSH_LABEL = 300, 16  # bytes of stack while the stream calls the model, and for each label
_STEPS, _STEPS_SAMPLE = 400, 4  # bytes of stack of har_stream's step_frequency, and for each sample of a window


@dataclass(frozen=True)
class Sizes:
    """Bytes of flash, of stack and of static RAM."""

    flash: int
    stack: int
    ram: int = 0

    def macros(self) -> Mapping[str, str]:
        """Return the numbers by the ends of their names in C."""
        return {f"{key.upper()}_BYTES": str(value) for key, value in vars(self).items()}

    def __str__(self) -> str:
        flash, stack, ram = map(kilobytes, (self.flash, self.stack, self.ram))
        return f"at most {flash} of flash, {ram} of static RAM and {stack} of stack"


def of_model(constants: int, lines: int, memory: int) -> Sizes:
    """Bound a model with these bytes of `constants`, lines in its function, and bytes of `memory` for its arrays."""
    return Sizes(constants + _KERNELS + _LINE * lines, memory + _CALLS)


def with_stream(model: Sizes, constants: int, ram: int, samples: int, labels: int) -> Sizes:
    """Bound a model and har_stream, with the bytes of the stream's `constants` and of its state."""
    stack = _PUSH + _PUSH_LABEL * labels + max(model.stack, _STEPS + _STEPS_SAMPLE * samples)
    return Sizes(model.flash + _STREAM + constants, stack, ram)
