"""Attack what reads a model file: cut, flipped and forged ones, cards of every kind, files that are no model."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from edge_runtime.model import model_card
from edge_runtime.model.interpreters import MICRO
from tools.attack.ground import ESCAPE, PLANT, Ground
from tools.attack.harness import Case

SHORT_BENCH = ("--runs", 2, "--rounds", 1, "--no-control")
READERS = ("info", "card")
RUNNERS = ("stream", "evaluate", "bench", "personalise")


class Maker:
    """Writes model files and the cases that give them to commands."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.folder = ground.place("models")
        self.whole = ground.model.read_bytes()
        self.flatbuffer, self.card = model_card.read_model(ground.model)
        self.content: dict[str, Any] = json.loads(self.card.to_json())

    def cases(self, name: str, content: bytes, commands: Iterable[str]) -> Iterator[Case]:
        """Give a file of `content` to each of `commands`."""
        for command in commands:
            path = self.folder / f"{name}-{command}.tflite"
            path.write_bytes(content)
            yield Case(f"{name}: {command}", self.line(command, path), keeps=(path,))

    def line(self, command: str, path: object) -> tuple[object, ...]:
        """The command line that reads the model at `path`, with a few short recordings."""
        data = ("--data", self.ground.data)
        return {
            "info": ("info", path),
            "micro": ("info", path, "--runtime", MICRO),
            "source": ("convert", path, "--c-array", "--out", f"{path}-source"),
            "card": ("card", path),
            "attach": ("card", path, "--from", self.ground.card),
            "stream": ("stream", path, "--replay", 0, "--speed", 0, "--quiet", *data),
            "evaluate": ("evaluate", path, *data),
            "live": ("evaluate", path, "--live", *data),
            "personalise": ("personalise", path, "-o", f"{path}-personal.tflite", "--data", self.ground.person),
            "bench": ("bench", path, *SHORT_BENCH, "--json", f"{path}.json", *data),
        }[command]

    def with_files(self, files: Iterable[tuple[str, bytes | str]], comment: bytes | None = None) -> bytes:
        """The flatbuffer with an archive of `files`, signed unless there is another `comment`."""
        content = io.BytesIO(bytes(len(self.flatbuffer)))
        with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is there twice
            for name, file in files:
                archive.writestr(zipfile.ZipInfo(name), file, zipfile.ZIP_DEFLATED)
            archive.comment = bytes(64) if comment is None else comment
        whole = self.flatbuffer + content.getvalue()[len(self.flatbuffer) :]
        return whole if comment is not None else signed(whole)

    def with_card(self, change: Callable[[dict[str, Any]], object]) -> bytes:
        """The model with a changed card."""
        content = json.loads(json.dumps(self.content))
        change(content)
        return self.with_files([("card.json", json.dumps(content))])


def signed(content: bytes) -> bytes:
    """The model file with the digest that belongs to its bytes."""
    return content[:-64] + model_card.digest(content[:-64])


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    maker = Maker(ground)
    yield from _damaged(maker)
    yield from _forged_graphs(maker)
    yield from _foreign(maker)
    yield from _cards(maker)
    yield from _archives(maker)
    yield from _no_files(maker)


def _damaged(maker: Maker) -> Iterator[Case]:
    whole, n, ends = maker.whole, len(maker.whole), len(maker.flatbuffer)
    places = (0, 1, 3, 7, 8, 9, 100, 5000, ends // 2, ends - 1, ends, ends + 1, ends + 30, n - 300, n - 100, n - 64)
    for place in (*places, n - 63, n - 10, n - 2, n - 1):
        yield from maker.cases(f"cut-{place}", whole[:place], ("info", "card", "attach"))
    random = maker.ground.random("models")
    for number in range(20):
        flipped = bytearray(whole)
        flipped[random.randrange(n)] ^= 1 << random.randrange(8)
        yield from maker.cases(f"flipped-{number}", bytes(flipped), READERS)


def _forged_graphs(maker: Maker) -> Iterator[Case]:
    """Words of the graph changed, and signed again: only an interpreter can tell."""
    random = maker.ground.random("graphs")
    n = len(maker.flatbuffer)
    for number in range(24):
        changed = bytearray(maker.flatbuffer)
        for _ in range(random.choice((1, 1, 3, 20))):
            # The tables lie at both ends; the weights between.
            place = random.choice((random.randrange(200), random.randrange(n - 4), random.randrange(n - 6000, n - 4)))
            word = random.choice((0, 1, 255, 2**31 - 1, 2**31, 2**32 - 1, random.randrange(2**32), n))
            changed[place & ~3 : (place & ~3) + 4] = struct.pack("<I", word)
        content = model_card.attach(bytes(changed), maker.card)
        commands = ("info", "stream", "attach") if number % 2 else ("evaluate", "live", "personalise", "bench")
        yield from maker.cases(f"forged-{number}", content, (*commands, "micro", "source"))
    crash = bytearray(maker.flatbuffer)
    crash[CRASHING_WORD : CRASHING_WORD + 4] = b"\xff\xff\xff\x7f"
    commands = ("info", "micro", "source", "attach", "live", *RUNNERS)
    yield from maker.cases("crashing", model_card.attach(bytes(crash), maker.card), commands)


def _foreign(maker: Maker) -> Iterator[Case]:
    files = {
        "empty": b"",
        "zeros": bytes(100),
        "mark-alone": b"\0\0\0\0TFL3",
        "mark-and-ones": b"\x1c\0\0\0TFL3" + b"\xff" * 64,
        "png": b"\x89PNG\r\n\x1a\n" + b"x" * 99,
        "pickle": b"\x80\x04\x95cos\nsystem\n(S'touch PLANTED'\ntR.",
        "program": Path("/bin/true").read_bytes()[:9000],
        "text": b"hello\n" * 50,
        "twice": maker.whole * 2,
        "card-twice": model_card.attach(maker.whole, maker.card),
        "no-card": maker.flatbuffer,
        "zip": maker.whole[len(maker.flatbuffer) :],
    }
    for name, content in files.items():
        yield from maker.cases(f"foreign-{name}", content, ("info", "card", "attach"))


def _cards(maker: Maker) -> Iterator[Case]:
    """Cards whose values are odd: read by all, and run by those that get so far."""
    for name, change in CHANGES.items():
        yield from maker.cases(f"card-{name}", maker.with_card(change), ("info", "card", "stream"))
    text = json.dumps(maker.content)
    texts: dict[str, str | bytes] = {
        "empty": "",
        "brace": "{",
        "null": "null",
        "list": "[]",
        "utf-16": text.encode("utf-16"),
        "byte-order-mark": b"\xef\xbb\xbf" + text.encode(),
        "invalid-utf-8": text.encode()[:-1] + b',"\xff":1}',
        "deep": "[" * 100_000,
        "deep-training": text.replace('"training": {', '"training": {"a": ' + "[" * 5000 + "]" * 5000 + ", ", 1),
        "not-a-number": text.replace('"temperature": ', '"temperature": NaN, "x": ', 1),
        "1e400": text.replace('"samples": 128', '"samples": 1e400'),
        "infinite-rate": text.replace('"rate_hz": 50.0', '"rate_hz": Infinity'),
        "5000-digits": text.replace('"temperature": ', f'"temperature": 1{"0" * 5000}, "x": ', 1),
        "400-digits": text.replace('"temperature": ', f'"temperature": 1{"0" * 400}, "x": ', 1),
        "same-key-twice": '{"format": 1, ' + text[1:],
    }
    for name, content in texts.items():
        yield from maker.cases(f"card-{name}", maker.with_files([("card.json", content)]), ("info", "card", "stream"))


def _archives(maker: Maker) -> Iterator[Case]:
    card = ("card.json", json.dumps(maker.content))
    commands = ("info", "card", "attach")
    archives = {
        "no-card": [("labels.txt", "a\n")],
        "bomb": [("card.json", b"0" * (300 << 20))],
        "climbing": [card, (f"../../../../{PLANT}", "x")],
        "absolute": [card, (f"/tmp/{PLANT}", "x")],
        "nameless": [card, ("", "x")],
        "two-cards": [card, ("card.json", "{}")],
        "escape": [(ESCAPE, "x")],
        "many": [card, *((f"{i}", "") for i in range(3000))],
    }
    for name, files in archives.items():
        yield from maker.cases(f"archive-{name}", maker.with_files(files), commands)
    for name, comment in {"none": b"", "long": b"A" * 65_000, "escape": b"\x1b[31m" + b"0" * 59}.items():
        yield from maker.cases(f"comment-{name}", maker.with_files([card], comment), commands)
    # Fields of the central directory's last entry (APPNOTE.TXT 4.3.12).
    entry = maker.whole.rfind(b"PK\x01\x02")
    for name, place, value in (
        ("offset-beyond", 42, b"\xff" * 4),
        ("offset-before", 42, b"\0" * 4),
        ("size", 24, b"\xff\xff\xff\x7f"),
        ("compressed-size", 20, b"\xff\xff\xff\x7f"),
        ("compression", 10, b"\x63\0"),
        ("encrypted", 8, b"\x01\0"),
        ("nameless", 28, b"\0\0"),
        ("long-name", 28, b"\xff\xff"),
        ("comment", 32, b"\xff\xff"),
    ):
        for which, start in (("last", entry), ("first", maker.whole.find(b"PK\x01\x02"))):
            changed = bytearray(maker.whole)
            changed[start + place : start + place + len(value)] = value
            yield from maker.cases(f"entry-{which}-{name}", signed(bytes(changed)), commands)
    changed = bytearray(maker.whole)
    start = len(maker.flatbuffer) + 60
    changed[start : start + 30] = b"\xff" * 30
    yield from maker.cases("bad-deflate", signed(bytes(changed)), ("info", "card", "attach", "stream"))


def _no_files(maker: Maker) -> Iterator[Case]:
    folder = maker.folder
    (folder / "folder.tflite").mkdir()
    os.mkfifo(folder / "fifo.tflite")
    (folder / "loop.tflite").symlink_to("loop.tflite")
    (folder / "dangling.tflite").symlink_to("/nonexistent")
    with (folder / "sparse.tflite").open("wb") as file:
        file.write(b"\0\0\0\0TFL3")
        file.truncate(6 << 30)
    for name in ("folder", "fifo", "loop", "dangling", "sparse", "missing"):
        for command in ("info", "card", "attach", "stream", "evaluate", "bench", "personalise"):
            yield Case(f"{name}: {command}", maker.line(command, folder / f"{name}.tflite"))
    unreadable = ("/proc/self/mem", "/proc/self/environ", "/", "", "\udcff\udcfe", "-", "a\nb", "x" * 5000)
    for path in ("/dev/zero", "/dev/null", "/dev/full", "/dev/stdin", *unreadable):
        for command in READERS:
            yield Case(f"{path[:20]!r}: {command}", (command, "--", path))


def _set(*keys: str | int, to: Any) -> Callable[[dict[str, Any]], object]:
    """A change that puts a value where `keys` lead."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


CRASHING_WORD = 28212
"""A place in the flatbuffer of edge-small's int8 model: LiteRT dies of SIGSEGV when a large number is there."""

CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "escape-label": _set("labels", 0, to=f"{ESCAPE}RED"),
    "markup-label": _set("labels", 0, to="[/bold][blink]x[/nope]"),
    "line-feed-label": _set("labels", 0, to="a\nb\r\nc"),
    "bidi-label": _set("labels", 0, to="\u202eabc"),
    "c1-label": _set("labels", 0, to="\x9b31mabc"),
    "surrogate-label": _set("labels", 0, to="\ud800"),
    "huge-label": _set("labels", 0, to="x" * 500_000),
    "empty-label": _set("labels", 0, to=""),
    "number-label": _set("labels", 0, to=5),
    "one-label": _set("labels", to=["a"]),
    "seven-labels": lambda content: content["labels"].append("more"),
    "100000-labels": _set("labels", to=[f"l{i}" for i in range(100_000)]),
    "escape-name": _set("name", to=f"\x1b[2J{ESCAPE}[/red]"),
    "null-name": _set("name", to=None),
    "escape-unit": _set("signals", 0, "unit", to="\x1b[31mg[/]"),
    "escape-training": lambda content: content["training"].update({"\x1b[31mk[/x]": "\x1b[2Jv[/y]"}),
    "list-training": _set("training", to=[]),
    "list-network": _set("network", to=[1, 2]),
    "live-number": _set("live", to=1.0),
    "live-null": _set("live", to=None),
    "live-list": _set("live", to=[]),
    "live-text": _set("live", "smoothing", to="x"),
    "live-huge": _set("live", "smoothing", to=10**18),
    "novelty-list": _set("live", "novelty", to=[1]),
    "novelty-odd": _set("live", "novelty", to={}),
    "samples-huge": _set("window", "samples", to=10**12),
    "samples-negative": _set("window", "samples", to=-1),
    "samples-one": _set("window", "samples", to=1),
    "hop-huge": _set("window", "hop", to=10**18),
    "rate-tiny": _set("window", "rate_hz", to=5e-324),
    "rate-huge": _set("window", "rate_hz", to=1e308),
    "deviation-zero": _set("normalisation", "std", 0, to=0),
    "deviation-tiny": _set("normalisation", "std", 0, to=5e-324),
    "mean-text": _set("normalisation", "mean", 0, to="a"),
    "mean-huge": _set("normalisation", "mean", 0, to=1e308),
    "clip-negative": _set("normalisation", "clip", 0, to=-1),
    "normalisation-null": _set("normalisation", to=None),
    "raw-denied": _set("raw_input", to=False),
    "raw-text": _set("raw_input", to="yes"),
    "eight-signals": lambda content: content["signals"].pop(),
    "no-signals": _set("signals", to=[]),
    "signal-null": _set("signals", 0, to=None),
    "front-end-null": _set("front_end", to=None),
    "front-end-odd": _set("front_end", to={"gravity": "x"}),
    "format-5": _set("format", to=5),
    "format-list": _set("format", to=[3]),
    "format-huge": _set("format", to=10**400),
    "correction-text": _set("personal_correction", to="x"),
    "correction-odd": _set("personal_correction", to={"middle": [0], "weights": [[1]], "lowest": [0], "highest": [0]}),
    "temperature-text": _set("temperature", to="1"),
    "temperature-huge": _set("temperature", to=1e300),
    "temperature-tiny": _set("temperature", to=5e-324),
    "scores-odd": _set("scores", to={"test": 5}),
    "quantisation-odd": _set("quantisation", to={"scheme": [1]}),
    "parity-odd": _set("parity", to={"max": {}}),
    "file-null": _set("file", to=None),
}
