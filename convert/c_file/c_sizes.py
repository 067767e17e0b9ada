"""Bound the memory that C takes on a Cortex-M4, compiled by GCC with -Os, without the C library."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_runtime.model.model_card import Card
from edge_runtime.system.quantities import kilobytes

# More than GCC 12 takes for networks of many kinds; tests/convert/test_c_stream.py compiles some.
_KERNELS, _LINE = 1_000, 20  # bytes of machine code, and for each line of the model's function
_CALLS = 512  # bytes of stack for registers, and for the deepest function that the model calls
_STREAM, _WALK = 9_900, 2_900  # bytes of machine code of the recogniser, and of its search for a mounting
_STATE, _STATE_WALK = 4_500, 2_400  # bytes of RAM of the same beside windows, for a sensor of 250 Hz
_NEXT, _NEXT_LABEL = 140, 8  # bytes of stack while the recogniser calls the model, and for each label
_STEPS, _STEPS_SAMPLE = 200, 4  # bytes of stack of the recogniser's deepest function, and for each sample of a window


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
        total = kilobytes(self.ram + self.stack)
        rate = " for 250 samples a second" if self.ram else ""
        memory = f"{total} of RAM{rate} ({ram} static, {stack} of stack)"
        return f"at most {flash} of flash, without the C library, and {memory}"


def of_model(constants: int, lines: int, memory: int) -> Sizes:
    """Bound a model with these bytes of `constants`, lines in its function, and bytes of `memory` for its arrays."""
    return Sizes(constants + _KERNELS + _LINE * lines, memory + _CALLS)


def with_stream(model: Sizes, constants: int, card: Card) -> Sizes:
    """Bound a model and the recogniser, with the bytes of its `constants`."""
    samples, n_signals, n_labels = *card.input_shape, len(card.labels)
    is_sought, n_kept = card.frame == "walking", max(0, samples - card.window.hop)
    stack = _NEXT + _NEXT_LABEL * n_labels + max(model.stack, _STEPS + _STEPS_SAMPLE * samples)
    ram = _STATE + 4 * n_signals * samples + 9 * n_labels + is_sought * (_STATE_WALK + 4 * n_signals * n_kept)
    return Sizes(model.flash + _STREAM + is_sought * _WALK + constants, stack, ram)
