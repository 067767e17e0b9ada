"""Everything a fit needs to go on after it was stopped, in one file that is written whole or not at all."""

import zipfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edge_runtime.errors import InputError
from edge_runtime.system.files import atomic_path
from train.fit.history import Epoch


@dataclass(frozen=True)
class FitState:
    """The variables that change during a fit. The order of the weights is Keras's own."""

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    average: list[tf.Variable]
    asked: str  # what tells this fit from another

    def save(self, path: Path, history: list[Epoch]) -> None:
        """Write weights, optimiser, averaged weights and history to `path` (`.npz`)."""
        arrays = {f"variable_{i}": np.asarray(x) for i, x in enumerate(self._variables())}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                asked=np.array(self.asked),
                history=np.array([astuple(x) for x in history], np.float64),
                **arrays,  # type: ignore[arg-type]
            )

    def restore(self, path: Path) -> list[Epoch]:
        """Take up what `path` holds and return the history so far; without a file, an empty one."""
        if not path.exists():
            return []
        try:
            with np.load(path, allow_pickle=False) as content:
                if content["asked"] != self.asked:
                    raise ValueError("it is another training's")
                for i, variable in enumerate(self._variables()):
                    variable.assign(content[f"variable_{i}"])
                rows = content["history"].reshape(-1, len(fields(Epoch)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"the checkpoint {path} cannot be used ({error}); delete it to repeat this fit") from error
        return [Epoch(int(epoch), *map(float, rest)) for epoch, *rest in rows]

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables, *self.average]
