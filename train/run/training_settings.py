"""What a training was asked for, kept beside its checkpoints so that it can go on."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.runs import Run
from edge_runtime.system.files import write_text
from train.fit.recipe import Recipe


@dataclass(frozen=True)
class TrainingSettings:
    """What decides the outcome of a training: of one seed, or of as many as `seeds` from `seed` on."""

    recipe: Recipe
    seed: int
    data: str | None  # the path given by the user; None is the embedded data
    fingerprint: str
    seeds: int | None = None
    sensors: str = "all"
    classes: str = "six"

    def runs(self, folder: Path) -> dict[int, Run]:
        """The run of each seed: `folder` itself, or a folder in it for each of several."""
        if self.seeds is None:
            return {self.seed: Run(folder)}
        return {seed: Run(folder / f"seed-{seed}") for seed in range(self.seed, self.seed + self.seeds)}

    def save(self, path: Path) -> None:
        """Write the settings as JSON, whole or not at all."""
        write_text(path, json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    def check(self) -> None:
        """Raise `TypeError` when a value is of another type than it was saved with."""
        for owner in (self.recipe, self):
            for field in dataclasses.fields(owner):
                kind: Any = (int, float) if field.type is float else field.type
                if not isinstance(getattr(owner, field.name), kind):
                    raise TypeError(f"{field.name} has the wrong type")

    @classmethod
    def load(cls, path: Path) -> "TrainingSettings":
        """Read settings; `InputError` when they are missing or damaged."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            settings = cls(Recipe(**content.pop("recipe")), **content)
            settings.check()
            return settings
        except FileNotFoundError as error:
            raise InputError(f"{path.parent.parent} has no stopped training to resume") from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error}); remove {path.parent} and train again") from error
