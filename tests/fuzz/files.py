"""Make the files that parsers are given: good ones, and crafted ones that are wrong in what their name says."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.data import uci_har
from edge_runtime.model import model_card

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "edge_runtime/models/edge-small_int8.tflite"
ESCAPE = "\x1b]0;PLANTED\x07"
"""Sets a terminal's title, if it gets there."""
MARKUP = f"{ESCAPE}</script><script>alert(1)</script><img src=x onerror=alert(1)>[/red]|`x`\" onmouseover=alert(1) x='"
DEEP = "[" * 100_000
HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"
OFFICIAL = "UCI HAR Dataset/"

Files = dict[str, bytes]


def encoded(texts: Mapping[str, str | bytes]) -> Files:
    """The contents of files as bytes; half a surrogate stays what it is."""
    return {k: x if isinstance(x, bytes) else x.encode("utf-8", "surrogatepass") for k, x in texts.items()}


def zipped(members: Iterable[tuple[str, bytes | str]], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of `members`, whose names need not differ."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, member in members:
            archive.writestr(zipfile.ZipInfo(name), member, compression)
    return content.getvalue()


def cut_and_flipped(whole: bytes, start: int = 0, flips: int = 2) -> Files:
    """`whole` cut at some places, and with a few bits of what follows `start` turned over."""
    random, n = Random(0), len(whole)
    found = {f"cut at {x}": whole[:x] for x in (0, 4, 100, (start + n) // 2, n - 30, n - 1)}
    for number in range(flips):
        flipped = bytearray(whole)
        for _ in range(3):
            flipped[random.randrange(start, n)] ^= 1 << random.randrange(8)
        found[f"flipped {number}"] = bytes(flipped)
    return found


def put(*keys: str | int, to: Any) -> Callable[[Any], object]:
    """A change of JSON that puts a value where `keys` lead."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def changed(content: Any, changes: Mapping[str, Callable[[Any], object]]) -> Files:
    """JSON of `content` after each of `changes`."""
    found = {}
    for name, change in changes.items():
        copied = json.loads(json.dumps(content))
        change(copied)
        found[name] = json.dumps(copied).encode()
    return found


def odd_texts(text: str) -> Files:
    """What is no JSON, or JSON of something else than the object `text`."""
    return encoded(
        {
            "empty": "",
            "list": "[]",
            "deep": DEEP,
            "deep inside": text[:-1] + ', "more": ' + "[" * 5000 + "]" * 5000 + "}",
            "cut": text[:500],
            "no utf-8": text.encode()[:-1] + b',"x":"\xff"}',
        }
    )


# Models and cards


@cache
def model() -> tuple[bytes, model_card.Card]:
    """The flatbuffer and the card of a small model."""
    return model_card.read_model(MODEL)


def card() -> Any:
    """The JSON of its card."""
    return json.loads(model()[1].to_json())


def signed(content: bytes) -> bytes:
    """A model file with the right digest in the place of its last bytes."""
    return content[:-64] + model_card.digest(content[:-64])


def with_files(files: Iterable[tuple[str, bytes | str]], comment: bytes = b"") -> bytes:
    """The model with an archive of `files`, signed unless there is another `comment`."""
    flatbuffer = model()[0]
    content = io.BytesIO(bytes(len(flatbuffer)))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, file in files:
            archive.writestr(zipfile.ZipInfo(name), file, zipfile.ZIP_DEFLATED)
        archive.comment = comment or bytes(64)
    whole = flatbuffer + content.getvalue()[len(flatbuffer) :]
    return whole if comment else signed(whole)


def with_card(text: bytes) -> bytes:
    """The model with this text as its card."""
    return with_files([("card.json", text)])


def crashing_model() -> bytes:
    """A model that LiteRT takes for one, and dies of: its first operator lacks a tensor."""
    found = schema.ModelT.InitFromPackedBuf(model()[0], 0)
    operator = found.subgraphs[0].operators[0]
    operator.inputs = np.array([operator.inputs[0], -1, *operator.inputs[2:]], np.int32)
    builder = flatbuffers.Builder(1024)
    builder.Finish(found.Pack(builder), b"TFL3")
    return model_card.attach(bytes(builder.Output()), model()[1])


def broken_models() -> Files:
    """Files that are no model with a card."""
    whole, flatbuffer = MODEL.read_bytes(), model()[0]
    own = ("card.json", json.dumps(card()))
    entry, odd = whole.find(b"PK\x01\x02", len(flatbuffer)), {}
    # Fields of the central directory's first entry (APPNOTE.TXT 4.3.12).
    for name, place, value in (
        *(("offset beyond", 42, b"\xff" * 4), ("encrypted", 8, b"\x01\0")),
        *(("compression", 10, b"\x63\0"), ("long name", 28, b"\xff\xff")),
    ):
        odd[f"entry: {name}"] = signed(whole[: entry + place] + value + whole[entry + place + len(value) :])
    start = len(flatbuffer) + 60
    return cut_and_flipped(whole) | {
        **odd,
        "bad deflate": signed(whole[:start] + b"\xff" * 30 + whole[start + 30 :]),
        "no card in it": with_files([("labels.txt", "a\n")]),
        "bomb": with_files([("card.json", b"0" * (100 << 20))]),
        "two cards": with_files([own, ("card.json", "{}")]),
        "unsigned": with_files([own], b"A" * 64),
        "mark and ones": b"\x1c\0\0\0TFL3" + b"\xff" * 64,
        "pickle": b"\x80\x04\x95cos\nsystem\n(S'touch PLANTED'\ntR.",
        "no card": flatbuffer,
    }


def odd_models() -> Files:
    """Models whose archives hold more than they need."""
    own = ("card.json", json.dumps(card()))
    return {
        "absolute": with_files([own, ("/tmp/PLANTED", "x")]),
        "escape": with_files([own, (ESCAPE, "x")]),
        "many": with_files([own, *((f"{i}", "") for i in range(3000))]),
    }


def broken_cards() -> Files:
    """Cards that say what no card can."""
    text = json.dumps(card())
    changes = {
        "one label": put("labels", to=["a"]),
        "no name": put("name", to=None),
        "novelty of a list": put("live", "novelty", to=[1]),
        "window of 10^12": put("window", "samples", to=10**12),
        "tiny rate": put("window", "rate_hz", to=5e-324),
        "no normalisation": put("normalisation", to=None),
        "huge format": put("format", to=10**400),
        "odd correction": put("personal_correction", to={"middle": [0], "weights": [[1]], "lowest": [0]}),
    }
    return (
        odd_texts(text)
        | changed(card(), changes)
        | {"1e400": text.replace('"samples": 128', '"samples": 1e400').encode()}
    )


def odd_cards() -> Files:
    """Cards with text that must not reach a terminal, and numbers at the ends."""
    changes = {
        "escape in a label": put("labels", 0, to=f"{ESCAPE}RED"),
        "bidi label": put("labels", 0, to="\u202eabc"),
        "surrogate label": put("labels", 0, to="\ud800"),
        "huge label": put("labels", 0, to="x" * 500_000),
        "escape in the name": put("name", to=f"\x1b[2J{ESCAPE}[/red]"),
        "escape in training": lambda x: x["training"].update({"\x1b[31mk[/x]": "\x1b[2Jv[/y]"}),
        "tiny deviation": put("normalisation", "std", 0, to=5e-324),
        "odd scores": put("scores", to={"test": 5}),
    }
    return changed(card(), changes)


# Results of bench


@cache
def result() -> Any:
    """The JSON of a result, with few of its times."""
    content = json.loads((ROOT / "tests/bench/bench.json").read_text())
    for each in content["results"]:
        if each.get("samples_ms"):
            each["samples_ms"] = {key: [x[:5] for x in rounds] for key, rounds in each["samples_ms"].items()}
    return content


def _results(**changes: Any) -> Callable[[Any], object]:
    return lambda content: [x.update(changes) for x in content["results"]]


def _latency(**changes: Any) -> Callable[[Any], object]:
    return lambda content: [x["latency_ms"].update(changes) for x in content["results"]]


def broken_results() -> Files:
    """Results that no measurement gives."""
    text = json.dumps(result())
    changes = {
        "no results": put("results", to=[]),
        "device of a list": put("device", to=[]),
        "huge size": _results(size_bytes=10**400),
        "cpu of a list": put("device", "cpu", to=[1]),
        "comparison beyond": put("comparisons", to=[{"result": 10**9, "against": -1}]),
    }
    digits = {
        f"{n} digits": text.replace('"size_bytes": ', f'"size_bytes": 1{"0" * n}, "b": ').encode() for n in (400, 5000)
    }
    return odd_texts(text) | changed(result(), changes) | digits


def _hostile(content: Any) -> None:
    """Put hostile text wherever a result has text of its own."""
    device, results = content["device"], content["results"]
    device.update({key: MARKUP for key, x in device.items() if isinstance(x, str)})
    for number, each in enumerate(results):
        each.update(
            {key: f"{MARKUP}{number}" for key in ("model", "file", "network") if isinstance(each.get(key), str)}
        )
        each["labels"] = [f"{MARKUP}{i}" for i in range(len(each["labels"]))]
        for key in ("per_subject", "per_class"):
            each[key] = {f"{MARKUP}{i}": x for i, x in enumerate((each.get(key) or {}).values())}
    content["failures"] = [{"file": MARKUP, "error": MARKUP}]


def odd_results() -> Files:
    """Results with hostile text, and numbers at the ends."""
    changes = {
        "no labels": _results(labels=[], confusion=[]),
        "no windows": _results(windows=0),
        "huge p50": _latency(p50=1e308),
        "no samples": lambda x: [y["samples_ms"].update(latency=[], end_to_end=[[]]) for y in x["results"]],
        "no latency": _results(latency_ms=None, end_to_end_ms=None, samples_ms=None),
        "climbing name": put("device", "name", to="../../../../PLANTED"),
        "surrogate name": put("device", "name", to="\ud800"),
        "odd date": put("created", to="\x1b[31myesterday"),
        "markup in a key": put("device", MARKUP, to=MARKUP),
    }
    return changed(result(), changes | {"markup everywhere": _hostile})


# Samples and recordings


def rows(n: int = 400, values: str = "0.98,-0.1,0.1,0.01,0.02,0.03", start: float = 0.0, step: float = 0.02) -> str:
    """So many lines of samples."""
    return "".join(f"{start + i * step:.4f},{values}\n" for i in range(n))


def samples() -> Files:
    """Streams of samples, in the forms that are read."""
    times = [i / 50 for i in range(300)]
    return encoded(
        {
            "csv": f"{HEADER}\n{rows()}",
            "json": "".join(f'{{"t": {t}, "acc": [0.98, 0.1, 0.1], "gyro": [0.01, 0.02, 0.01]}}\n' for t in times),
            "iso": "time,ax,ay,az,gx,gy,gz\n" + "".join(f"2024-01-01T00:00:{t:06.3f}Z,1,0,0,0,0,0\n" for t in times),
            "metres": "t,ax,ay,az,gx,gy,gz\n" + rows(values="9.8,0,0,0,0,0"),
        }
    )


def odd_samples() -> Files:
    """Streams of which some lines, or all, are odd."""
    top, body = f"{HEADER}\n", rows()
    return encoded(
        {
            "empty": "",
            "header": top,
            **{x: top + body.replace("-0.1", x) for x in ("nan", "-inf", "1e400", "1e308", "1e39", "5e-324", "0x1p0")},
            "one nan": top + body.replace("-0.1", "nan", 1),
            "unknown units": "t,ax,ay,az,gx,gy,gz\n" + rows(values="3.3,0,0,0,0,0"),
            "wrong units": top + rows(values="9.8,0,0,0,0,0"),
            "column thrice": "ax,ax,ax,ay,az,gx,gy,gz\n" + "1,1,1,0,0,0,0,0\n" * 300,
            "utf-16": (top + body).encode("utf-16"),
            "no utf-8": b"\xff\xfe\xfd," + (top + body).encode(),
            "crlf": (top + body).replace("\n", "\r\n"),
            "time stands": top + rows(step=0),
            "time goes back": top + rows(200, start=100) + rows(200),
            "gap of 1e12": top + body + rows(start=1e12),
            "time of 1e300": top.replace("[s]", "") + "".join(f"{i}e300,1,0,0,0,0,0\n" for i in range(300)),
            "no dates": "time,ax,ay,az,gx,gy,gz\n" + "".join(f"9999-99-99T99:99:{i},1,0,0,0,0,0\n" for i in range(300)),
            "last dates": "time,ax,ay,az,gx,gy,gz\n0001-01-01T00:00:00+23:59,1,0,0,0,0,0\n"
            + "".join(f"9999-12-31T23:59:{i % 60:02d}-23:59,1,0,0,0,0,0\n" for i in range(300)),
            "10 kHz": top + rows(20_000, step=1e-4),
            "huge line": "x" * (5 << 20) + "\n" + top + body,
            "million columns": ",".join(f"c{i}" for i in range(10**6)) + "\n" + top + body,
            "escape": f"\x1b[2J{ESCAPE}hello\n{top}{body}",
            "c1 and bidi": f"\x9b31m\u202eabc\n{top}{body}",
            "cut": (top + body)[:-7],
            "deep json": "[" * 60_000 + "\n" + '{"a":' * 9000 + "\n",
            "digits": ('{"t":1,"ax":' + "9" * 5000 + ',"ay":0,"az":0,"gx":0,"gy":0,"gz":0}\n') * 3,
            "nan in json": '{"t":NaN,"acc":[1,0,0],"gyro":[0,Infinity,0]}\n' * 300,
            "odd json": 'null\ntrue\n1\n"x"\n[]\n{}\n[[]]\n[null]\n{"t":null}\n{"samples":[[[]]]}\n',
            "surrogate": '{"\\ud800":1,"sensor":"\\ud800","values":[1,2,3]}\n' * 10,
            "escape in json": '{"sensor":"\\u001b[31m","t":1,"values":[1,2,3]}\n' * 10,
        }
    )


TOP = f"{HEADER},label,subject\n"


def recording(
    subject: str = "anna", n: int = 300, values: str = "0.1,-0.9,0.1,0.01,0.02,0.03", start: float = 0
) -> str:
    """A recording of two activities at 50 Hz."""
    lines = (f"{start + i / 50:.4f},{values},{'WALKING' if i < n // 2 else 'SITTING'},{subject}\n" for i in range(n))
    return TOP + "".join(lines)


def broken_recordings() -> Files:
    """Recordings that say nothing, or nothing clear."""
    good, body = recording(), recording().removeprefix(TOP)
    return encoded(
        {
            "not a number": good.replace("-0.9", "nan", 5),
            "1e308": good.replace("-0.9", "1e308"),
            "degrees for radians": recording(values="0.1,-0.9,0.1,250,0,0"),
            "column missing": TOP.replace("gz[rad/s],", "") + body.replace(",0.03", ""),
            "fewer fields": good.replace(",anna\n", "\n", 1),
            "escape": good.replace("-0.9", ESCAPE, 1),
            "huge label": good.replace("WALKING", "W" * 200_000, 1),
            "no subject": good.replace("anna", ""),
            "time goes back": recording(n=100, start=10) + recording(n=100).removeprefix(TOP),
            "huge line": TOP + "1," * 3_000_000 + "\n",
            "many columns": ",".join(f"c{i}" for i in range(10**5)) + "\n" + "1," * 10**5 + "\n",
        }
    )


def odd_recordings() -> Files:
    """Recordings with text that must not reach a terminal, and forms that may be read or refused."""
    good = recording()
    labels = ("\x1b[31mW", "\x9b31mW", "\u202eW", "W\u2028X", "[/red]W", "W\udcff")
    return encoded(
        {
            **{f"label {x!r}": good.replace("WALKING", x) for x in labels},
            **{f"subject {x[:9]!r}": good.replace("anna", x) for x in ("../../x", "\x1b[2J", "9" * 5000)},
            "empty": "",
            "one label": good.replace("SITTING", "WALKING"),
            "utf-16": good.encode("utf-16"),
            "gap": recording(n=150) + recording(n=150, start=1e12).removeprefix(TOP),
            "decimal commas": good.replace(".", ","),
        }
    )


# Official copies and files of windows


@cache
def official_zip() -> bytes:
    """A copy with the true labels and subjects, so that its signals are read; of these there are too few."""
    data, members = uci_har.load(), []
    for part, split in (("train", data.train), ("test", data.test)):
        for name, values in (("y", split.y + 1), ("subject", split.subject)):
            members.append((f"{OFFICIAL}{part}/{name}_{part}.txt", "\n".join(map(str, values)) + "\n"))
        members.append((f"{OFFICIAL}{part}/Inertial Signals/body_acc_x_{part}.txt", "1 2 3\n" * 20))
    return zipped(members)


def broken_zips() -> Files:
    """Zips that are no official copy."""
    names = [f"{OFFICIAL}{p}/{x}_{p}.txt" for p in ("train", "test") for x in ("y", "subject")]
    whole, listed = zipped([(x, "1\n") for x in names]), zipped([("x", "")])
    entry, end = listed.find(b"PK\x01\x02"), listed.find(b"PK\x05\x06")
    directory = listed[entry:end] * 100_000  # APPNOTE.TXT 4.3.16
    n_bytes = len(directory).to_bytes(4, "little")
    return cut_and_flipped(whole) | {
        "no numbers": zipped([(x, "x y\n") for x in names]),
        "bomb": zipped([(x, b"1\n" * (50 << 20)) for x in names[:1]]),
        "many members": zipped([(f"{i}", "") for i in range(5000)]),
        "many listed": listed[:entry] + directory + listed[end : end + 12] + n_bytes + listed[end + 16 :],
        "encrypted": whole.replace(b"\x14\0\0\0\x08\0", b"\x14\0\x01\0\x08\0"),
        "unknown compression": whole.replace(b"\x08\0", b"\x63\0"),
        "lzma": zipped([(x, "1\n") for x in names], zipfile.ZIP_LZMA).replace(b"]\0\0\x80\0", b"]\xff\xff\xff\xff"),
    }


def _npz(members: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(x) for name, x in members.items() if x is not None})
    return content.getvalue()


def _windows() -> dict[str, Any]:
    n = 30
    X, y = np.linspace(-1, 1, n * 40).reshape(n, 20, 2), np.arange(n) % 2
    whole = {"X": X, "y": y, "subject": np.repeat(["anna", "bert", "carl"], 10), "rate": 20.0, "hop": 10}
    return whole | {"labels": ["up", "down"], "signals": ["a_x", "b"], "units": ["g", ""]}


def windows() -> Files:
    """Files of windows of both forms of labels."""
    whole = _windows()
    texts = {"y": np.array(["up", "down"])[whole["y"]], "subject": None, "split": ["train"] * 20 + ["test"] * 10}
    return {"whole": _npz(whole), "texts": _npz(whole | texts)}


def broken_windows() -> Files:
    """Files of windows that are none."""
    whole = _windows()
    X, y = whole["X"], whole["y"]
    header = _npz(whole).partition(b"\x93NUMPY")[2][: 128 - 6]
    changes: dict[str, dict[str, Any]] = {
        "objects": {"y": y.astype(object)},
        "records": {"X": np.zeros(30, [("a", "f4", (20, 2))])},
        "nan": {"X": np.where(X > 0.9, np.nan, X)},
        "huge": {"X": 1e300 * X},
        "lengths": {"y": y[:-1]},
        "rate below 0": {"rate": -1},
    }
    numpy_file = b"\x93NUMPY" + header.replace(b"(30, ", b"(9999999999, ").replace(b" " * 8, b"", 1)
    return {name: _npz(whole | x) for name, x in changes.items()} | {
        "cut": _npz(whole)[:-200],
        "bomb": zipped([("X.npy", bytes(300 << 20)), ("y.npy", bytes(300 << 20))]),
        "beyond": zipped([("X.npy", numpy_file)]),
        "python": zipped([("X.npy", b"\x93NUMPY\x01\x00\x20\x00{'descr': __import__('os')}\n")]),
    }


def odd_windows() -> Files:
    """Files of windows with names that must not reach a terminal."""
    changes: dict[str, dict[str, Any]] = {
        "escape in a label": {"labels": ["up", ESCAPE]},
        "bidi subject": {"subject": np.repeat(["anna", "\u202ebert", "carl"], 10)},
        "surrogate signal": {"signals": ["a", "\ud800"]},
        "markup in a signal": {"signals": ["[/red]", "b"]},
        "one class": {"y": 0 * _windows()["y"]},
        "long unit": {"units": ["g" * 200_000, ""]},
    }
    return {name: _npz(_windows() | x) for name, x in changes.items()}
