"""Make the files that parsers read: good ones, and crafted ones whose names say what is wrong."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from written_recordings import zipped

from edge_runtime.model import model_card

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "edge_runtime/models/edge-small_int8.tflite"
ESCAPE = "\x1b]0;PLANTED\x07"
"""Sets a terminal's title, if it gets there."""
DEEP = "[" * 100_000
HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"
TOP = f"{HEADER},label,subject\n"
OFFICIAL = "UCI HAR Dataset/"

Files = dict[str, bytes]


def encoded(**texts: str | bytes) -> Files:
    """Encode the contents of files; half of a surrogate pair stays."""
    return {
        name: text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for name, text in texts.items()
    }


def put(*keys: str | int, to: Any) -> Callable[[Any], object]:
    """Return a change of JSON that puts a value where `keys` lead."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def changed(content: Any, changes: Mapping[str, Callable[[Any], object]]) -> Files:
    """Return the JSON of `content` after each change."""
    files = {}
    for name, change in changes.items():
        copied = json.loads(json.dumps(content))
        change(copied)
        files[name] = json.dumps(copied).encode()
    return files


def odd_texts(text: str) -> Files:
    """Make texts that are not JSON of an object, from the JSON `text`."""
    inside = text[:-1] + ', "more": ' + "[" * 5000 + "]" * 5000 + "}"
    utf_8 = text.encode()[:-1] + b',"x":"\xff"}'
    return encoded(empty="", list="[]", deep=DEEP, inside=inside, cut=text[:500], utf_8=utf_8)


# Models and cards


@cache
def model() -> tuple[bytes, model_card.Card]:
    """Return the flatbuffer and the card of a small model."""
    return model_card.read_model(MODEL)


def card() -> Any:
    """Return the JSON of its card."""
    return json.loads(model()[1].to_json())


def with_files(files: Mapping[str, bytes | str]) -> bytes:
    """Return the model with an archive of `files`, signed."""
    return signed(zipped(files, before=model()[0], comment=bytes(64)))


def signed(content: bytes) -> bytes:
    """Replace the last bytes of a model file by the right digest."""
    return content[:-64] + model_card.digest(content[:-64])


def broken_models() -> Files:
    """Make files that are not models with a card."""
    whole, flatbuffer = MODEL.read_bytes(), model()[0]
    entry, start = whole.find(b"PK\x01\x02", len(flatbuffer)), len(flatbuffer) + 60
    # A field of the central directory's first entry (APPNOTE.TXT 4.3.12).
    beyond = signed(whole[: entry + 42] + b"\xff" * 4 + whole[entry + 46 :])
    return {
        "entry beyond": beyond,
        "bad deflate": signed(whole[:start] + b"\xff" * 30 + whole[start + 30 :]),
        "bomb": with_files({"card.json": b"0" * (20 << 20)}),
    }


def broken_cards() -> Files:
    """Make cards with impossible values."""
    changes = {
        "surrogate label": put("labels", 0, to="\ud800"),
        "window of 10^12": put("window", "samples", to=10**12),
        "tiny rate": put("window", "rate_hz", to=5e-324),
        "huge format": put("format", to=10**400),
    }
    return odd_texts(json.dumps(card())) | changed(card(), changes)


def odd_models() -> Files:
    """Make models with many files, odd numbers, or text that must not reach a terminal."""

    def escapes(card: Any) -> None:
        card["labels"][0], card["name"] = f"\u202e{ESCAPE}RED", f"\x1b[2J{ESCAPE}[/red]"
        card["training"]["\x1b[31mk[/x]"] = "\x1b[2Jv[/y]"

    changes = {"escapes": escapes, "tiny deviation": put("normalisation", "std", 0, to=5e-324)}
    models = {name: with_files({"card.json": content}) for name, content in changed(card(), changes).items()}
    files = {"card.json": json.dumps(card()), ESCAPE: "x", "/tmp/PLANTED": "x"}
    return models | {"many": with_files(files | {f"{i}": "" for i in range(3000)})}


# Results of bench


@cache
def result() -> Any:
    """Return the JSON of a result with few of its times."""
    content = json.loads((ROOT / "tests/bench/bench.json").read_text())
    for each in content["results"]:
        if each.get("samples_ms"):
            each["samples_ms"] = {key: [times[:5] for times in rounds] for key, rounds in each["samples_ms"].items()}
    return content


def _results(**changes: Any) -> Callable[[Any], object]:
    return lambda content: [result.update(changes) for result in content["results"]]


def odd_results() -> Files:
    """Make results with extreme numbers and text that must not reach a terminal."""
    changes = {
        "huge size": _results(size_bytes=10**400),
        "comparison beyond": put("comparisons", to=[{"result": 10**9, "against": -1}]),
        "no labels": _results(labels=[], confusion=[]),
        "no samples": _results(samples_ms={"latency": [], "end_to_end": [[]]}),
        "no latency": _results(latency_ms=None, end_to_end_ms=None, samples_ms=None),
        "surrogate name": put("device", "name", to="\ud800"),
        "odd date": put("created", to="\x1b[31myesterday"),
    }
    return odd_texts(json.dumps(result())) | changed(result(), changes)


# Samples and recordings


def rows(n: int = 400, values: str = "0.98,-0.1,0.1,0.01,0.02,0.03", start: float = 0.0) -> str:
    """Return lines of samples at 50 Hz."""
    return "".join(f"{start + i / 50:.4f},{values}\n" for i in range(n))


def samples() -> Files:
    """Make streams of samples in all forms that are read."""
    times, acceleration = [i / 50 for i in range(300)], '"acc": [0.98, 0.1, 0.1], "gyro": [0.01, 0.02, 0.01]'
    return encoded(
        csv=f"{HEADER}\n{rows()}",
        json="".join(f'{{"t": {t}, {acceleration}}}\n' for t in times),
        iso="time,ax,ay,az,gx,gy,gz\n" + "".join(f"2024-01-01T00:00:{t:06.3f}Z,1,0,0,0,0,0\n" for t in times),
        metres="t,ax,ay,az,gx,gy,gz\n" + rows(values="9.8,0,0,0,0,0"),
    )


def odd_samples() -> Files:
    """Make streams in which some or all lines are odd."""
    top, body = f"{HEADER}\n", rows()
    late = "".join(f"9999-12-31T23:59:{i % 60:02d}-23:59,1,0,0,0,0,0\n" for i in range(300))
    numbers = {number: top + body.replace("-0.1", number) for number in ("nan", "1e400", "1e308", "5e-324")}
    return encoded(
        **numbers,
        empty="",
        utf_16=(top + body).encode("utf-16"),
        time_goes_back=top + rows(200, start=100) + rows(200),
        gap_of_1e12=top + body + rows(start=1e12),
        times_of_e300=top.replace("[s]", "") + "".join(f"{i}e300,1,0,0,0,0,0\n" for i in range(300)),
        last_dates=f"time,ax,ay,az,gx,gy,gz\n0001-01-01T00:00:00+23:59,1,0,0,0,0,0\n{late}",
        huge_line="x" * (5 << 20) + "\n" + top + body,
        short_lines=top + "x\n" * 600_000,
        words=top + "battery, low\n" * 200_000,
        long_names=",".join(["a" + " " * 77 + "]"] * 700) + "\n" + f"label{' ' * 60_000},{'a' * 5000}\n" * 100,
        escape=f"\x1b[2J{ESCAPE}hello\x9b31m\u202eabc\n{top}{body}",
        deep_json="[" * 60_000 + "\n" + '{"a":' * 9000 + "\n",
        digits=('{"t":1,"ax":' + "9" * 5000 + ',"ay":0,"az":0,"gx":0,"gy":0,"gz":0}\n') * 3,
        odd_json='null\n1\n"x"\n[]\n{}\n[[]]\n{"t":null}\n{"samples":[[[]]]}\n',
        surrogate='{"\\ud800":1,"sensor":"\\ud800\\u001b[31m","values":[1,2,3]}\n' * 10,
    )


def recording(subject: str = "anna", n: int = 300) -> str:
    """Make a recording of two activities at 50 Hz."""
    lines = (
        f"{i / 50:.4f},0.1,-0.9,0.1,0.01,0.02,0.03,{'WALKING' if i < n // 2 else 'SITTING'},{subject}\n"
        for i in range(n)
    )
    return TOP + "".join(lines)


def odd_recordings() -> Files:
    """Make recordings with text that must not reach a terminal, and forms that may be read or refused."""
    good = recording()
    labels = ("\x1b[31mW", "\x9b31mW", "\u202eW", "[/red]W", "W\udcff")
    return encoded(
        **{f"label {label!r}": good.replace("WALKING", label) for label in labels},
        **{f"subject {name[:9]!r}": good.replace("anna", name) for name in ("../../x", "\x1b[2J", "9" * 5000)},
        empty="",
        escape=good.replace("-0.9", ESCAPE, 1),
        huge_line=TOP + "1," * 3_000_000 + "\n",
        utf_16=good.encode("utf-16"),
    )


def broken_recordings() -> Files:
    """Make recordings that would take minutes or gigabytes."""
    return encoded(semicolons=";" * 4_000_000, short_lines=TOP + "1\n" * 20_000_000, line_ends="\n" * 40_000_000)


# Zips of recordings, and files of windows


def zips() -> Files:
    """Make a zip of recordings of three people."""
    return {"good": zipped({f"{subject}.csv": recording(subject) for subject in ("anna", "bert", "carl")})}


def broken_zips() -> Files:
    """Make zips without recordings and broken copies of the official data set."""
    members = {f"{OFFICIAL}{part}/{kind}_{part}.txt": "1\n" for part in ("train", "test") for kind in ("y", "subject")}
    whole, listed = zipped(members), zipped({"x": ""})
    entry, end = listed.find(b"PK\x01\x02"), listed.find(b"PK\x05\x06")
    directory = listed[entry:end] * 100_000  # APPNOTE.TXT 4.3.16
    n_bytes = len(directory).to_bytes(4, "little")
    return {
        "no official copy": whole,
        "line ends": zipped({"a.csv": "\n" * 100_000_000}),
        "many listed": listed[:entry] + directory + listed[end : end + 12] + n_bytes + listed[end + 16 :],
        "encrypted": whole.replace(b"\x14\0\0\0\x08\0", b"\x14\0\x01\0\x08\0"),
        "unknown compression": whole.replace(b"\x08\0", b"\x63\0"),
        "lzma": zipped(members, zipfile.ZIP_LZMA).replace(b"]\0\0\x80\0\0", b"]\0\0\x80\0\xff"),
    }


def _npz(**members: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(member) for name, member in members.items() if member is not None})
    return content.getvalue()


def npy(array: Any) -> bytes:
    """Return the content of a `.npy` file."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _windows() -> dict[str, Any]:
    n = 30
    X, y = np.linspace(-1, 1, n * 40).reshape(n, 20, 2), np.arange(n) % 2
    whole = {"X": X, "y": y, "subject": np.repeat(["anna", "bert", "carl"], 10), "rate": 20.0, "hop": 10}
    return whole | {"labels": ["up", "down"], "signals": ["a_x", "b"], "units": ["g", ""]}


def windows() -> Files:
    """Make files of windows, with numbers and with texts as labels."""
    whole = _windows()
    texts = {"y": np.array(["up", "down"])[whole["y"]], "subject": None, "split": [0] * 20 + [1] * 10}
    return {"whole": _npz(**whole), "texts": _npz(**whole | texts)}


def broken_windows() -> Files:
    """Make files that are not windows."""
    whole = _windows()
    header = _npz(**whole).partition(b"\x93NUMPY")[2][: 128 - 6]
    numpy_file = b"\x93NUMPY" + header.replace(b"(30, ", b"(9999999999, ").replace(b" " * 8, b"", 1)
    zeros = {"X.npy": npy(np.zeros((100_000, 100, 10), np.uint8)), "y.npy": npy(np.arange(100_000) % 2)}
    return {
        "zeros": zipped(zeros),
        "objects": _npz(**whole | {"y": whole["y"].astype(object)}),
        "bytes": zipped({"X.npy": bytes(50 << 20)}),
        "beyond": zipped({"X.npy": numpy_file}),
        "python": zipped({"X.npy": b"\x93NUMPY\x01\x00\x20\x00{'descr': __import__('os')}\n"}),
    }


def odd_windows() -> Files:
    """Make files of windows with names that must not reach a terminal."""
    changes: dict[str, dict[str, Any]] = {
        "escape in a label": {"labels": ["up", ESCAPE]},
        "bidi subject": {"subject": np.repeat(["anna", "\u202ebert", "carl"], 10)},
        "markup in a signal": {"signals": ["[/red]", "b"]},
    }
    return {name: _npz(**_windows() | change) for name, change in changes.items()}
