"""List the kinds of files that come from outside, and the `har-edge` lines that read them."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import commands
import files
from commands import Ending
from files import Files
from mutation import changed_bytes, changed_json
from written_recordings import zipped

LARGEST_SEED = 40_000
"""Bytes: larger inputs are too slow."""


def change_json(random: Random, content: bytes) -> bytes:
    """Change a few values, keys and shapes, or bytes."""
    if random.random() < 0.1:
        return changed_bytes(random, content)
    return changed_json(random, json.loads(content))


def change_model(random: Random, content: bytes) -> bytes:
    """Change the archive, card or end of a model file, and mostly sign it again."""
    if random.random() < 0.3:
        return files.with_files({"card.json": changed_json(random, files.card())})
    start = len(files.model()[0]) - 8
    changed = content[:start] + changed_bytes(random, content[start:])
    return files.signed(changed) if random.random() < 0.9 else changed


def change_names(random: Random, content: bytes) -> bytes:
    """Put code into the texts of a card that reach C, and sometimes make other changes."""
    card = json.loads(content)
    code = random.choice(CODE)
    ranges = card["quantisation"]["ranges"]
    for key in random.sample(sorted(ranges), random.randrange(4)):
        place = random.randrange(len(key) + 1)
        ranges[key[:place] + code + key[place:]] = ranges.pop(key)
    holder, key = random.choice([(card, "name"), (card["labels"], 0), (card["signals"][0], "unit")])
    holder[key] += code
    return changed_json(random, card) if random.random() < 0.5 else json.dumps(card).encode()


def change_archive(random: Random, content: bytes) -> bytes:
    """Change bytes anywhere, or a member that is packed again."""
    if random.random() < 0.3:
        return changed_bytes(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(members))
    return zipped(members | {name: changed_bytes(random, members[name])})


CODE = (
    '"; system("touch PLANTED"); "',
    '*/ } __attribute__((constructor)) static void own(void) { system("touch PLANTED"); } void f(void) { /*',
    "\n#include </etc/passwd>\n",
    "??/\n#error\n",
    "\\",
    "/",
    "double",
    "",
)


@dataclass(frozen=True)
class Target:
    """A kind of file, called `name`, in a folder with the files `around`.

    `lines` read each of the `seeds` to its end. The first line refuses each `broken` file by its name with exit code
    2. `odd` files may be read or refused. `make test` draws `examples` changed seeds.
    """

    name: str
    lines: Sequence[str]
    seeds: Files
    broken: Callable[[], Files] = dict
    odd: Callable[[], Files] = dict
    around: Files = field(default_factory=dict)
    change: Callable[[Random, bytes], bytes] = changed_bytes
    examples: int = 30

    def run(self, content: bytes, folder: Path) -> list[Ending]:
        """Run each line in `folder` on `content`."""
        for name, other in {**self.around, self.name: content}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(other)
        return [commands.run(line, folder) for line in self.lines]

    def draw(self, seed: int) -> bytes:
        """Return the changed input number `seed`, which is always the same."""
        random = Random(seed)
        small = [content for content in self.seeds.values() if len(content) <= LARGEST_SEED]
        return self.change(random, random.choice(small or [*self.seeds.values()]))


A_MODEL = {"given.tflite": files.MODEL.read_bytes()}
A_CARD = files.encoded(card=json.dumps(files.card()))
A_RESULT = {"good.json": json.dumps(files.result()).encode()}
A_RECORDING = files.encoded(good=files.recording())
OTHER_PEOPLE = {f"rec/{subject}.csv": files.recording(subject).encode() for subject in ("bert", "carl")}
SOME_SAMPLES = {"samples.csv": f"{files.HEADER}\n{files.rows(200)}".encode()}
A_LAYOUT = {"motionsense": (files.ROOT / "edge_runtime/data/layouts/motionsense.toml").read_bytes()}
USE = ("info given.tflite", "stream given.tflite --csv samples.csv")
AS_C = ("card given.tflite --from card.json", "convert given.tflite --c --out c")
REPORT = "report given.json --html x.html --csv x.csv --markdown x.md"
COMPARE = "compare good.json given.json --anyway"
EXCERPTS = f"data --data mine.toml={files.ROOT}/tests/excerpts/motionsense"
WINDOWS = "data --data given.npz"

TARGETS = {
    "model": Target("given.tflite", ["card given.tflite"], A_MODEL, files.broken_models, change=change_model),
    "model-in-use": Target(
        "given.tflite", USE, A_MODEL, odd=files.odd_models, around=SOME_SAMPLES, change=change_model, examples=1
    ),
    "card": Target(
        "card.json", ["card given.tflite --from card.json"], A_CARD, files.broken_cards, dict, A_MODEL, change_json
    ),
    "card-as-c": Target("card.json", AS_C, A_CARD, around=A_MODEL, change=change_names, examples=1),
    "result": Target("given.json", [REPORT, COMPARE], A_RESULT, dict, files.odd_results, A_RESULT, change_json),
    "samples": Target("x.csv", ["stream edge-small --csv x.csv --jsonl"], files.samples(), odd=files.odd_samples),
    "recording": Target(
        "rec/anna.csv", ["data --data rec"], A_RECORDING, files.broken_recordings, files.odd_recordings, OTHER_PEOPLE
    ),
    "layout": Target("mine.toml", [EXCERPTS], A_LAYOUT),
    "zip": Target("given.zip", ["data --data given.zip"], files.zips(), files.broken_zips, change=change_archive),
    "windows": Target(
        "given.npz", [WINDOWS], files.windows(), files.broken_windows, files.odd_windows, change=change_archive
    ),
}
"""Every parser of files from outside, except Keras and ONNX files, records of rivals and answers of devices."""
