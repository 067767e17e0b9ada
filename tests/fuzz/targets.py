"""List the kinds of files that come from outside, and the `har-edge` lines that read them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import commands
import files
from commands import Ending
from files import Files
from mutation import changed_bytes, changed_json

LARGEST_SEED = 40_000
"""Bytes: larger inputs are slower than they are worth."""


def change_json(random: Random, content: bytes) -> bytes:
    """A few changes of values, keys and shape, or of bytes."""
    if random.random() < 0.1:
        return changed_bytes(random, content)
    return changed_json(random, json.loads(content))


def change_model(random: Random, content: bytes) -> bytes:
    """A model file whose archive, card or end was changed, mostly signed again."""
    if random.random() < 0.3:
        return files.with_files(("card.json", changed_json(random, files.card())))
    start = len(files.model()[0]) - 8
    found = content[:start] + changed_bytes(random, content[start:])
    return files.signed(found) if random.random() < 0.9 else found


def change_archive(random: Random, content: bytes) -> bytes:
    """Changes anywhere, or in a member that is packed again."""
    if random.random() < 0.3:
        return changed_bytes(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {x: archive.read(x) for x in archive.namelist()}
    chosen = random.choice(list(members))
    return files.zipped([(x, changed_bytes(random, y) if x == chosen else y) for x, y in members.items()])


@dataclass(frozen=True)
class Target:
    """One kind of file, called `name` in a folder with what is `around` it.

    `lines` read each of the `seeds` to its end. The first line refuses each of the `broken` files by its name, with
    exit code 2. The `odd` ones may be read or refused. `make test` draws `examples` changed seeds.
    """

    name: str
    lines: Sequence[str]
    seeds: Callable[[], Files]
    broken: Callable[[], Files] = dict
    odd: Callable[[], Files] = dict
    around: Callable[[], Files] = dict
    change: Callable[[Random, bytes], bytes] = changed_bytes
    examples: int = 30

    def run(self, content: bytes, folder: Path) -> list[Ending]:
        """Give `content` to each line in `folder`."""
        for name, other in {**self.around(), self.name: content}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(other)
        return [commands.run(line, folder) for line in self.lines]

    def draw(self, seed: int) -> bytes:
        """The changed input number `seed`, the same each time."""
        random = Random(seed)
        return self.change(random, random.choice(_small(self.seeds)))


@cache
def _small(seeds: Callable[[], Files]) -> list[bytes]:
    found = list(seeds().values())
    return [x for x in found if len(x) <= LARGEST_SEED] or found


def a_model() -> Files:
    return {"given.tflite": files.MODEL.read_bytes()}


def a_card() -> Files:
    return files.encoded(card=json.dumps(files.card()))


def a_result() -> Files:
    return {"good.json": json.dumps(files.result()).encode()}


def a_recording() -> Files:
    return files.encoded(good=files.recording())


def other_people() -> Files:
    return {f"rec/{x}.csv": files.recording(x).encode() for x in ("bert", "carl")}


def some_samples() -> Files:
    return {"samples.csv": f"{files.HEADER}\n{files.rows(200)}".encode()}


def a_layout() -> Files:
    return {"motionsense": (LAYOUTS / "motionsense.toml").read_bytes()}


LAYOUTS = files.ROOT / "edge_runtime/data/layouts"
USE = ("info given.tflite", "stream given.tflite --csv samples.csv")
REPORT = "report given.json --html x.html --csv x.csv --markdown x.md"
COMPARE = "compare good.json given.json --anyway"
EXCERPTS = f"data --data mine.toml={files.ROOT}/tests/excerpts/motionsense"

TARGETS = {
    "model": Target("given.tflite", ["card given.tflite"], a_model, files.broken_models, change=change_model),
    "model-in-use": Target(
        "given.tflite", USE, a_model, odd=files.odd_models, around=some_samples, change=change_model, examples=1
    ),
    "card": Target(
        "card.json",
        ["card given.tflite --from card.json"],
        a_card,
        files.broken_cards,
        around=a_model,
        change=change_json,
    ),
    "result": Target(
        "given.json",
        [REPORT, COMPARE],
        a_result,
        odd=files.odd_results,
        around=a_result,
        change=change_json,
    ),
    "samples": Target("x.csv", ["stream edge-small --csv x.csv --jsonl"], files.samples, odd=files.odd_samples),
    "recording": Target(
        "rec/anna.csv",
        ["data --data rec"],
        a_recording,
        odd=files.odd_recordings,
        around=other_people,
    ),
    "layout": Target("mine.toml", [EXCERPTS], a_layout),
    "zip": Target("given.zip", ["data --data given.zip"], files.zips, files.broken_zips, change=change_archive),
    "windows": Target(
        "given.npz",
        ["data --data given.npz"],
        files.windows,
        files.broken_windows,
        files.odd_windows,
        change=change_archive,
    ),
}
"""Every parser of what comes from outside, but for Keras files, records of rivals and what devices say."""
