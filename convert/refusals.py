"""What cannot be converted, in one sentence that names the layer and the option."""

from typing import Any, NoReturn

from edge_runtime.errors import InputError


def refuse(layer: Any, reason: str) -> NoReturn:
    """Raise `InputError` about `layer`."""
    raise InputError(f"layer '{layer.name}' ({type(layer).__name__}) {reason}")


def require(layer: Any, **allowed: tuple[Any, ...]) -> None:
    """Refuse `layer` unless each option named has one of the values given."""
    for option, values in allowed.items():
        if getattr(layer, option) not in values:
            only = " or ".join(map(repr, values))
            refuse(layer, f"has {option}={getattr(layer, option)!r}: only {only} can be converted")
