"""Attack what reads a data set: folders of CSV recordings, official zips, pictures of them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tools.attack.ground import ESCAPE, HEADER, PLANT, SUBJECTS, Ground
from tools.attack.harness import Case

TOP = f"{HEADER},label,subject\n"
OFFICIAL = "UCI HAR Dataset/"
SIGNALS = ("body_acc", "body_gyro", "total_acc")


def rows(n: int = 300, values: str = "0.1,-0.9,0.1,0.01,0.02,0.03", start: float = 0.0, subject: str = "anna") -> str:
    """So many lines of a recording at 50 Hz, the second half of another label."""
    return "".join(
        f"{start + i / 50:.4f},{values},{'WALKING' if i < n // 2 else 'SITTING'},{subject}\n" for i in range(n)
    )


BODY = rows()


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    place = ground.place("recordings")
    folders = Folders(ground, place)
    for name, content in TEXTS.items():
        yield from folders.cases(name, lambda folder, content=content: _write(folder / "anna.csv", content))
    yield from _other_folders(folders)
    yield from _zips(ground, place)
    yield from _windows(place)
    yield from _no_files(place)
    yield from _pictures(place)


class Folders:
    """Writes folders of recordings and the cases that give them to commands."""

    def __init__(self, ground: Ground, place: Path) -> None:
        self.ground, self.place = ground, place

    def cases(
        self, name: str, change: Callable[[Path], object], commands: Iterable[str] = ("data", "evaluate", "replay")
    ) -> Iterator[Case]:
        """Give the good recordings with a change to each of `commands`."""
        folder = self.place / name
        folder.mkdir()
        for subject in SUBJECTS:
            _write(folder / f"{subject}.csv", (self.ground.data / f"{subject}.csv").read_bytes())
        change(folder)
        data, output = ("--data", folder), self.place / name
        for command in commands:
            line: tuple[object, ...] = {
                "data": ("data", *data),
                "export": ("data", "export", "-o", f"{output}.npz", *data),
                "evaluate": ("evaluate", "edge-small", *data),
                "live": ("evaluate", "edge-small", "--live", *data),
                "personalise": ("personalise", "edge-small", *data, "-o", f"{output}.tflite"),
                "plot": ("data", "plot", "--recording", 0, "-o", f"{output}.png", *data),
                "replay": ("stream", "edge-small", "--replay", 0, "--speed", 0, *data),
            }[command]
            yield Case(f"{name}: {command}", line)


def _other_folders(folders: Folders) -> Iterator[Case]:
    def sparse(folder: Path) -> None:
        with (folder / "sparse.csv").open("wb") as file:
            file.write(TOP.encode())
            file.truncate(10 << 30)

    every = ("data", "export", "evaluate", "live", "personalise", "plot", "replay")
    yield from folders.cases("good", lambda folder: None, every)
    yield from folders.cases("no-files", lambda folder: [x.unlink() for x in folder.iterdir()], every)
    yield from folders.cases("two-people", lambda folder: (folder / "carl.csv").unlink(), every)
    for name, change in {
        "folder-csv": lambda folder: (folder / "x.csv").mkdir(),
        "fifo-csv": lambda folder: os.mkfifo(folder / "x.csv"),
        "loop-csv": lambda folder: (folder / "x.csv").symlink_to("x.csv"),
        "endless-csv": lambda folder: (folder / "x.csv").symlink_to("/dev/zero"),
        "sparse-csv": sparse,
        "escape-name": lambda folder: _write(folder / f"{ESCAPE.replace('/', '')}\n.csv", "x"),
        "invalid-name": lambda folder: _write(folder / "\udcff\udcfe.csv", "x"),
        "10000-files": lambda folder: [_write(folder / f"{i}.csv", "") for i in range(10_000)],
    }.items():
        yield from folders.cases(name, change, ("data", "replay"))


def _zips(ground: Ground, place: Path) -> Iterator[Case]:
    names = [f"{p}/Inertial Signals/{s}_{a}_{p}" for p in ("train", "test") for s in SIGNALS for a in "xyz"]
    names += [f"{p}/{x}_{p}" for p in ("train", "test") for x in ("y", "subject")]
    full = {f"{OFFICIAL}{name}.txt": "1 2 3\n" if "Inertial" in name else "1\n" for name in names}
    inner = _zipped({f"../../{PLANT}": "x"})
    random = ground.random("zips")

    def flipped(content: bytes, share: float) -> bytes:
        return bytes(x ^ (1 << random.randrange(8) if random.random() < share else 0) for x in content)

    whole = _zipped(full)
    bomb = full | {next(iter(full)): " " * (250 << 20)}
    archives = {
        "empty": _zipped({}),
        "climbing": _zipped({f"../../../../{PLANT}": "x"}),
        "absolute": _zipped({f"/tmp/{PLANT}": "x"}),
        "windows": _zipped({"C:\\x": "x"}),
        "backwards": _zipped({"..\\..\\x": "x"}),
        "only-labels": _zipped({f"{OFFICIAL}train/y_train.txt": "1\n"}),
        "nameless": _zipped({"": "x"} | full),
        "slash": _zipped({"/": "x"}),
        "escape": _zipped({f"../{ESCAPE}": "x"}),
        "short-rows": whole,
        "no-numbers": _zipped(dict.fromkeys(full, "x y\n")),
        "not-a-number": _zipped(dict.fromkeys(full, "nan " * 128 + "\n")),
        "huge-numbers": _zipped(dict.fromkeys(full, "1e308 " * 128 + "\n")),
        "bomb": _zipped(bomb),
        "bomb-of-many": _zipped({f"{i}": "0" * (60 << 20) for i in range(20)}),
        "20000-members": _zipped({f"{i}": "" for i in range(20_000)}),
        "3000000-members": _listing(_zipped({"x": ""}), 3_000_000),
        "inner-climbing": _zipped({"UCI HAR Dataset.zip": inner}),
        "inner-cut": _zipped({"UCI HAR Dataset.zip": inner[:20]}),
        "inner-none": _zipped({"UCI HAR Dataset.zip": b"PK\x03\x04" + bytes(100)}),
        "cut": whole[: len(whole) // 2],
        "encrypted": whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"),
        "encrypted-twice": whole.replace(b"\x14\0\0\0\x08\0", b"\x14\0\x01\0\x08\0"),
        "unknown-compression": whole.replace(b"\x08\0", b"\x63\0"),
        "lzma": _zipped(full, zipfile.ZIP_LZMA).replace(b"]\0\0\x80\0", b"]\xff\xff\xff\xff"),
        "no-end": whole.replace(b"PK\x05\x06", b"PK\x05\x07"),
        "before-the-file": whole[500:],
        "bad-deflate": flipped(whole, 0.01),
    } | {f"flipped-{i}": flipped(whole, 0.003) for i in range(12)}
    for name, content in archives.items():
        path = place / f"{name}.zip"
        path.write_bytes(content)
        yield Case(f"zip {name}: data", ("data", "--data", path))
        yield Case(f"zip {name}: check", ("data", "check", path))
        if name in ("short-rows", "bomb", "nameless"):
            yield Case(f"zip {name}: bench", ("bench", "edge-small", "--data", path))


def _windows(place: Path) -> Iterator[Case]:
    """Files of windows."""
    header = npz_files()["whole"].partition(b"\x93NUMPY")[2][: 128 - 6]
    archives = npz_files() | {
        "cut": npz_files()["whole"][:-200],
        "bomb": _zipped({"X.npy": bytes(200 << 20), "y.npy": bytes(200 << 20)}),
        "beyond": _zipped(
            {"X.npy": b"\x93NUMPY" + header.replace(b"(30, ", b"(9999999999, ").replace(b" " * 8, b"", 1)}
        ),
        "python": _zipped({"X.npy": b"\x93NUMPY\x01\x00\x20\x00{'descr': __import__('os')}\n"}),
        "climbing": _zipped({f"../../{PLANT}.npy": "x"}),
        "official": _zipped({f"{OFFICIAL}train/y_train.txt": "1\n"}),
    }
    for name, content in archives.items():
        path = place / f"{name}.npz"
        path.write_bytes(content)
        yield Case(f"npz {name}: data", ("data", "--data", path))
        yield Case(f"npz {name}: evaluate", ("evaluate", "edge-small", "--data", path))


def _no_files(place: Path) -> Iterator[Case]:
    os.mkfifo(place / "fifo.zip")
    (place / "loop.zip").symlink_to("loop.zip")
    with (place / "sparse.zip").open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(6 << 30)
    own = [place / f"{x}.zip" for x in ("fifo", "loop", "sparse")]
    for path in (*own, "/dev/zero", "/dev/null", "/dev/full", "/etc/passwd", "/nonexistent", "/proc", "", "\udcff"):
        yield Case(f"--data {path!s}", ("data", "--data", path))
        yield Case(f"check {path!s}", ("data", "check", path))


def _pictures(place: Path) -> Iterator[Case]:
    picture = place / "picture.png"
    for choice in (
        *(("--window", -1), ("--window", 99_999_999), ("--recording", -1), ("--recording", 10**30), ()),
        ("--window", 0, "--recording", 0),
    ):
        yield Case(f"plot {choice}", ("data", "plot", *choice, "-o", picture), keeps=(picture,))
    for suffix in ("", ".exe", ".png", ".svg", ".pdf", ".PNG", ".jpg", ".tiff", ".ps", ".html"):
        output = place / f"other{suffix}"
        yield Case(f"plot to {suffix}", ("data", "plot", "--window", 0, "-o", output), keeps=(output,))


def _zipped(members: dict[str, str] | dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member, compression)
    return content.getvalue()


def npz_files() -> dict[str, bytes]:
    """Files of windows by their names: a good one, and what is odd in it."""
    n, y = 30, np.arange(30) % 2
    X = np.linspace(-1, 1, n * 40).reshape(n, 20, 2)
    subject = np.repeat(["anna", "bert", "carl"], 10)
    whole: dict[str, Any] = {"X": X, "y": y, "subject": subject, "rate": 20.0, "hop": 10}
    whole |= {"labels": ["up", "down"], "signals": ["a_x", "b"], "units": ["g", ""]}
    changed: dict[str, dict[str, Any]] = {
        "whole": {},
        "split": {"split": np.arange(n) // 20},
        "texts": {"y": np.array(["up", "down"])[y], "subject": None, "split": ["train"] * 20 + ["test"] * 10},
        "objects": {"y": y.astype(object)},
        "records": {"X": np.zeros(n, [("a", "f4", (20, 2))])},
        "nothing": {"X": X[:0], "y": y[:0], "subject": subject[:0]},
        "nan": {"X": np.where(X > 0.9, np.nan, X)},
        "infinite": {"X": np.where(X > 0.9, np.inf, X)},
        "huge": {"X": 1e300 * X},
        "long-doubles": {"X": X.astype(np.longdouble)},
        "complex": {"X": X.astype(complex)},
        "flat": {"X": X[..., 0]},
        "one-class": {"y": 0 * y},
        "classes": {"y": np.arange(n) * 10**9, "labels": None},
        "escape-label": {"labels": ["up", ESCAPE]},
        "bidi-subject": {"subject": np.repeat(["anna", "\u202ebert", "carl"], 10)},
        "surrogate-signal": {"signals": ["a", "\ud800"]},
        "markup-signal": {"signals": ["[/red]", "b"]},
        "names-twice": {"signals": ["a", "a"]},
        "long-name": {"units": ["g" * 200_000, ""]},
        "lengths": {"y": y[:-1]},
        "negative-rate": {"rate": -1},
        "endless-rate": {"rate": np.inf},
        "other-member": {"labels2": ["a"]},
    }
    return {name: _npz(whole | changes) for name, changes in changed.items()}


def _npz(members: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(x) for name, x in members.items() if x is not None})
    return content.getvalue()


def _listing(whole: bytes, times: int) -> bytes:
    """The zip `whole` of one member, whose central directory lists it `times` times (APPNOTE.TXT 4.3.16)."""
    entry, end = whole.find(b"PK\x01\x02"), whole.find(b"PK\x05\x06")
    directory = whole[entry:end] * times
    size = len(directory).to_bytes(4, "little")
    return whole[:entry] + directory + whole[end : end + 12] + size + whole[end + 16 :]


def _write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


def _with(old: str, new: str, count: int = -1) -> str:
    return TOP + BODY.replace(old, new, count)


TEXTS: dict[str, str | bytes] = {
    "empty": "",
    "header-only": TOP,
    "one-row": TOP + rows(1),
    "not-a-number": _with("-0.9", "nan", 5),
    "infinite": _with("-0.9", "inf", 1),
    "1e400": _with("-0.9", "1e400", 1),
    "1e308": _with("-0.9", "1e308"),
    "metres-as-g": TOP + rows(values="120,-9.8,0.1,0,0,0"),
    "degrees-as-radians": TOP + rows(values="0.1,-0.9,0.1,250,0,0"),
    "unknown-unit": TOP.replace("[g]", "[lb]") + BODY,
    "escape-unit": TOP.replace("ax[g]", f"ax[{ESCAPE}]") + BODY,
    "no-unit": TOP.replace("[g]", "") + BODY,
    "column-missing": TOP.replace("gz[rad/s],", "") + BODY.replace(",0.03", ""),
    "column-twice": TOP.replace("gz[rad/s]", "gy[rad/s]") + BODY,
    "more-fields": _with("anna\n", "anna,extra\n", 1),
    "fewer-fields": _with(",anna\n", "\n", 1),
    "text": _with("-0.9", "hello", 1),
    "escape-value": _with("-0.9", ESCAPE, 1),
    "open-quote": _with("WALKING", '"WALK', 1),
    "zero-byte": _with("WALKING", "W\0K", 1),
    "escape-label": _with("WALKING", "\x1b[31mW"),
    "c1-label": _with("WALKING", "\x9b31mW"),
    "bidi-label": _with("WALKING", "\u202eW"),
    "line-separator-label": _with("WALKING", "W\u2028X"),
    "markup-label": _with("WALKING", "[/red]W"),
    "surrogate-label": _with("WALKING", "W\udcff"),
    "huge-label": _with("WALKING", "W" * 200_000, 1),
    "one-label": _with("SITTING", "WALKING"),
    "130-labels": TOP + "".join(f"{i * 0.02:.2f},0,1,0,0,0,0,L{i},anna\n" for i in range(130)),
    "no-subject": _with("anna", ""),
    "two-subjects": _with("anna", "otto", 3),
    "climbing-subject": _with("anna", "../../x"),
    "escape-subject": _with("anna", "\x1b[2J"),
    "digits-subject": _with("anna", "9" * 5000),
    "utf-16": (TOP + BODY).encode("utf-16"),
    "latin-1": _with("anna", "ännä").encode("latin-1"),
    "byte-order-mark": b"\xef\xbb\xbf" + (TOP + BODY).encode(),
    "two-byte-order-marks": b"\xef\xbb\xbf" * 2 + (TOP + BODY).encode(),
    "crlf": (TOP + BODY).replace("\n", "\r\n"),
    "cr": (TOP + BODY).replace("\n", "\r"),
    "mixed-line-ends": (TOP + BODY).replace("\n", "\r\n", 50),
    "negative-time": TOP + rows(start=-100),
    "same-time-twice": _with("0.0200", "0.0000", 1),
    "time-backwards": TOP + rows(100, start=10) + rows(100),
    "huge-time": TOP + rows(start=1e17),
    "nanoseconds": TOP.replace("[s]", "[ns]") + BODY,
    "gap": TOP + rows(150) + rows(150, start=1e6),
    "huge-gap": TOP + rows(150) + rows(150, start=1e12),
    "semicolons": (TOP + BODY).replace(",", ";"),
    "decimal-commas": (TOP + BODY).replace(".", ","),
    "hexadecimal": _with("-0.9", "0x1p3", 1),
    "underscore": _with("-0.9", "1_0", 1),
    "arabic-digit": _with("-0.9", "\u0663", 1),
    "huge-line": TOP + "1," * 3_000_000 + "\n",
    "million-columns": ",".join(f"c{i}" for i in range(10**6)) + "\n" + ",".join("1" for _ in range(10**6)) + "\n",
    "zeros": bytes(1000),
    "100000-rows": TOP + rows(100_000),
}
