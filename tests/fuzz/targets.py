"""List the kinds of files that come from outside, and the `har-edge` lines that read them."""

from __future__ import annotations

import hashlib
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
import numpy as np
import onnx_models
from commands import Ending
from files import Files
from mutation import changed_bytes, changed_json

LARGEST_SEED = 40_000
"""Bytes: larger inputs are slower than they are worth."""


def change_bytes(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """A few changes anywhere."""
    return changed_bytes(random, content, others)


def change_json(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """A few changes of values, keys and shape, or of bytes."""
    if random.random() < 0.1:
        return changed_bytes(random, content, others)
    return changed_json(random, json.loads(content)).encode("utf-8", "surrogatepass")


def change_model(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """A model file whose archive, card or end was changed, mostly signed again."""
    if random.random() < 0.3:
        return files.with_card(changed_json(random, files.card()).encode("utf-8", "surrogatepass"))
    start = len(files.model()[0]) - 8
    found = content[:start] + changed_bytes(random, content[start:], [content[start:]])
    return files.signed(found) if random.random() < 0.9 else found


def change_archive(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """Changes anywhere, or in a member that is packed again."""
    if random.random() < 0.3:
        return changed_bytes(random, content, others)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(written, "w") as made:
        members = {x: archive.read(x) for x in archive.namelist()}
        chosen = random.choice(list(members))
        for name, member in members.items():
            # Of arrays, their headers are most of what there is to attack.
            start = 128 if name == chosen and random.random() < 0.3 else 0
            end = changed_bytes(random, member[start:], [member]) if name == chosen else member[start:]
            made.writestr(name, member[:start] + end)
    return written.getvalue()


def nothing() -> Files:
    """No file."""
    return {}


@dataclass(frozen=True)
class Target:
    """One kind of file, `name`, with what lies `around` it in its folder.

    `lines` read it. They read each of the `seeds` to its end; they refuse each of the `broken` ones, with its name and
    exit code 2; of the `odd` ones that may be either, nothing bad comes. `examples` changed seeds are for `make test`.
    """

    name: str
    lines: Sequence[str]
    seeds: Callable[[], Files]
    broken: Callable[[], Files] = nothing
    odd: Callable[[], Files] = nothing
    change: Callable[[Random, bytes, Sequence[bytes]], bytes] = change_bytes
    examples: int = 100
    around: Callable[[], Mapping[str, bytes]] = nothing
    named: str = ""
    """What a refusal names, if not the file's name."""
    refuses_seeds: str = ""
    """A word of how the seeds are refused at their end, of a kind of which no small file is whole."""

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
        seeds = small(self.seeds)
        return self.change(random, random.choice(seeds), seeds)


@cache
def small(seeds: Callable[[], Files]) -> list[bytes]:
    """The contents that are not too large to be changed often."""
    found = list(seeds().values())
    return [x for x in found if len(x) <= LARGEST_SEED] or found


def as_model() -> Files:
    """The model itself."""
    return {"x.tflite": files.MODEL.read_bytes()}


def as_card() -> Files:
    """The text of its card."""
    return {"good": json.dumps(files.card()).encode()}


def as_result() -> Files:
    """A result, and beside it the same."""
    return {"good.json": json.dumps(files.result()).encode()}


def people() -> Files:
    """Two others beside whom a recording is read."""
    return {f"rec/{x}.csv": files.recording(x).encode() for x in ("bert", "carl")}


def layouts() -> Files:
    """The layouts that are shipped."""
    folder = files.ROOT / "edge_runtime/data/layouts"
    return {x.stem: x.read_bytes() for x in sorted(folder.glob("*.toml"))}


@cache
def onnx() -> bytes:
    """The file of a rival."""
    return onnx_models.dense(np.ones((6, 128 * 9)), (128, 9))


def rivals_around() -> Files:
    """The model and the file of the rival that the record names."""
    return {"mine_int8.tflite": files.MODEL.read_bytes(), "rivals/x.onnx": onnx()}


def rivals_record() -> Files:
    """The record of a rival."""
    made = {"tool": "ONNX Runtime", "scheme": "float32", "file": "x.onnx", "sha256": hashlib.sha256(onnx()).hexdigest()}
    record = {"format": 1, "network_sha256": "0" * 64, "card": files.card(), "rivals": [made], "absent": {"x": "y"}}
    return {"good": json.dumps(record).encode()}


TARGETS = {
    "model": Target(
        name="x.tflite",
        lines=("card x.tflite", "info x.tflite"),
        seeds=as_model,
        broken=files.broken_models,
        odd=files.odd_models,
        change=change_model,
        examples=12,
    ),
    "card": Target(
        name="card.json",
        lines=("card x.tflite --from card.json",),
        seeds=as_card,
        broken=files.broken_cards,
        change=change_json,
        examples=30,
        around=as_model,
    ),
    "card-in-use": Target(
        name="card.json",
        lines=("card x.tflite --from card.json", "stream x.tflite --csv samples.csv"),
        seeds=as_card,
        odd=files.odd_cards,
        change=change_json,
        examples=2,
        around=lambda: as_model() | {"samples.csv": f"{files.HEADER}\n{files.rows(200)}".encode()},
    ),
    "result": Target(
        name="x.json",
        lines=("report x.json --html x.html --csv x.csv --markdown x.md", "compare good.json x.json --anyway"),
        seeds=as_result,
        broken=files.broken_results,
        odd=files.odd_results,
        change=change_json,
        examples=40,
        around=as_result,
    ),
    "samples": Target(
        name="x.csv",
        lines=("stream edge-small --csv x.csv --jsonl",),
        seeds=files.samples,
        odd=files.odd_samples,
        examples=40,
    ),
    "recording": Target(
        name="rec/anna.csv",
        lines=("data --data rec",),
        seeds=lambda: {"good": files.recording().encode()},
        broken=files.broken_recordings,
        odd=files.odd_recordings,
        examples=50,
        around=people,
        named="anna",
    ),
    "layout": Target(
        name="mine.toml",
        lines=(f"data --data mine.toml={files.ROOT}/tests/excerpts/motionsense",),
        seeds=lambda: {"motionsense": layouts()["motionsense"]},
        broken=lambda: {
            "empty": b"",
            "deep": b"x=" + files.DEEP.encode(),
            "no utf-8": b"\xff",
            "cut": layouts()["geotec"][:300],
        },
        examples=40,
    ),
    "official-zip": Target(
        name="x.zip",
        lines=("data --data x.zip",),
        seeds=lambda: {"good": files.official_zip()},
        broken=files.broken_zips,
        examples=40,
        refuses_seeds="Inertial Signals",
    ),
    "windows": Target(
        name="x.npz",
        lines=("data --data x.npz",),
        seeds=files.windows,
        broken=files.broken_windows,
        odd=files.odd_windows,
        change=change_archive,
        examples=50,
    ),
    "rivals": Target(
        name="rivals/mine.json",
        lines=("bench mine_int8.tflite --rivals --data nowhere",),
        seeds=rivals_record,
        change=change_json,
        examples=50,
        around=rivals_around,
        refuses_seeds="nowhere",
    ),
}
"""Every parser of what comes from outside, but for those of Keras files and of what devices say."""
