"""List the kinds of files that come from outside, and the `har-edge` lines that read them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
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


def nothing() -> Files:
    return {}


@dataclass(frozen=True)
class Target:
    """One kind of file, called `name` in a folder with what is `around` it.

    `lines` read each of the `seeds` to its end. The first line refuses each of the `broken` files by its name, with
    exit code 2. The `odd` ones may be read or refused. `make test` draws `examples` changed seeds.
    """

    name: str
    lines: Sequence[str]
    seeds: Callable[[], Files]
    broken: Callable[[], Files] = nothing
    odd: Callable[[], Files] = nothing
    change: Callable[[Random, bytes], bytes] = changed_bytes
    examples: int = 30
    around: Callable[[], Mapping[str, bytes]] = nothing

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


def as_model() -> Files:
    return {"given.tflite": files.MODEL.read_bytes()}


def as_result() -> Files:
    return {"good.json": json.dumps(files.result()).encode()}


def people() -> Files:
    """The recordings beside the given one."""
    return {f"rec/{x}.csv": files.recording(x).encode() for x in ("bert", "carl")}


def layout(name: str) -> bytes:
    return (files.ROOT / f"edge_runtime/data/layouts/{name}.toml").read_bytes()


def broken_layouts() -> Files:
    return {"empty": b"", "deep": b"x=" + files.DEEP.encode(), "utf-8": b"\xff", "cut": layout("geotec")[:300]}


TARGETS = {
    "model": Target(
        name="given.tflite",
        lines=("card given.tflite",),
        seeds=as_model,
        broken=files.broken_models,
        change=change_model,
    ),
    "model-in-use": Target(
        name="given.tflite",
        lines=("info given.tflite", "stream given.tflite --csv samples.csv"),
        seeds=as_model,
        odd=files.odd_models,
        change=change_model,
        examples=1,
        around=lambda: {"samples.csv": f"{files.HEADER}\n{files.rows(200)}".encode()},
    ),
    "card": Target(
        name="card.json",
        lines=("card given.tflite --from card.json",),
        seeds=lambda: {"good": json.dumps(files.card()).encode()},
        broken=files.broken_cards,
        change=change_json,
        around=as_model,
    ),
    "result": Target(
        name="given.json",
        lines=("report given.json --html x.html --csv x.csv --markdown x.md", "compare good.json given.json --anyway"),
        seeds=as_result,
        broken=files.broken_results,
        odd=files.odd_results,
        change=change_json,
        around=as_result,
    ),
    "samples": Target(
        name="x.csv",
        lines=("stream edge-small --csv x.csv --jsonl",),
        seeds=files.samples,
        odd=files.odd_samples,
    ),
    "recording": Target(
        name="rec/anna.csv",
        lines=("data --data rec",),
        seeds=lambda: {"good": files.recording().encode()},
        broken=files.broken_recordings,
        odd=files.odd_recordings,
        around=people,
    ),
    "layout": Target(
        name="mine.toml",
        lines=(f"data --data mine.toml={files.ROOT}/tests/excerpts/motionsense",),
        seeds=lambda: {"motionsense": layout("motionsense")},
        broken=broken_layouts,
    ),
    "zip": Target(
        name="given.zip",
        lines=("data --data given.zip",),
        seeds=files.zips,
        broken=files.broken_zips,
        change=change_archive,
    ),
    "windows": Target(
        name="given.npz",
        lines=("data --data given.npz",),
        seeds=files.windows,
        broken=files.broken_windows,
        odd=files.odd_windows,
        change=change_archive,
    ),
}
"""Every parser of what comes from outside, but for Keras files, records of rivals and what devices say."""
