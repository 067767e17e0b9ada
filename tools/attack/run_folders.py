"""Attack what reads a run folder: files that miss, are empty, are folders, or hold another JSON than they should."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import Case, host_case

DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-3]),
    "folder": lambda file: (file.unlink(), file.mkdir()),
    "loop": lambda file: (file.unlink(), file.symlink_to(file.name)),
}
JSONS = {
    "brace": "{",
    "list": "[]",
    "null": "null",
    "deep": "[" * 100_000,
    "digits": '{"runs": 1' + "0" * 5000 + "}",
    "climbing": '{"runs": ["../../../../etc"]}',
    "number": '{"runs": [1]}',
    "itself": '{"runs": ["."]}',
    "no-runs": '{"runs": []}',
    "runs-null": '{"runs": null}',
    "zero": '{"runs": ["a\\u0000b"]}',
    "escape": '{"runs": ["\\u001b[31mx"]}',
    "long": '{"runs": ["' + "x" * 5000 + '"]}',
    "surrogate": '{"runs": ["\\ud800"]}',
}


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    place = ground.place("run_folders")
    data = ("--data", ground.data)
    bench = ("--runs", 2, "--rounds", 1, "--no-control", *data)

    def folder(name: str, change: Callable[[Path], object]) -> Path:
        made = place / name
        shutil.copytree(ground.run, made)
        change(made)
        return made

    def convert(made: Path) -> Case:
        line = ("convert", made, "--quantize", "--max-drop", 100, *data)
        return host_case(f"convert {made.name}", line)

    def resume(made: Path) -> Case:
        line = ("train", "--resume", "--out", made)
        return host_case(f"resume {made.name}", line)

    for damage, change in DAMAGES.items():
        for name in ("card.json", "model.keras", "selection.keras"):
            yield convert(folder(f"{damage}-{name}", lambda made, name=name, change=change: change(made / name)))
        for name in ("model_float32.tflite", "model_int8.tflite"):
            made = folder(f"{damage}-{name}", lambda made, name=name, change=change: change(made / name))
            for line in (("bench", made, *bench), ("stream", made, "--replay", 0, "--speed", 0, *data)):
                yield Case(f"{line[0]} {made.name}", line)
    nothing = folder("nothing", lambda made: [x.unlink() for x in made.iterdir() if x.is_file()])
    yield convert(nothing)
    for line in (("bench", nothing, *bench), ("info", nothing), ("card", nothing), ("evaluate", nothing)):
        yield Case(f"{line[0]} {nothing.name}", line)
    for name, text in JSONS.items():
        made = folder(f"seeds-{name}", lambda made, text=text: (made / "seeds.json").write_text(text))
        yield Case(f"bench {made.name}", ("bench", made, *bench))
        yield convert(made)
    for name, text in JSONS.items():
        if name in ("brace", "list", "null", "deep", "digits", "escape", "surrogate"):
            made = folder(f"settings-{name}", lambda made, text=text: _settings(made, text))
            yield resume(made)
            made = folder(f"card-{name}", lambda made, text=text: (made / "card.json").write_text(text))
            yield convert(made)
    yield resume(folder("checkpoint-file", lambda made: (made / "checkpoint").write_text(ESCAPE)))


def _settings(made: Path, text: str) -> None:
    (made / "checkpoint").mkdir()
    (made / "checkpoint/settings.json").write_text(text)
