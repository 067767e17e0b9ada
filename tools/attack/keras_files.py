"""Attack what reads a Keras file: cut and flipped ones, archives, links, code in the configuration, endless layers."""

from __future__ import annotations

import base64
import json
import marshal
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from tools.attack.ground import ESCAPE, PLANT, Ground
from tools.attack.harness import Case, host_case

INPUT_SHAPE = [None, 128, 9]


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    folder = ground.place("keras_files")
    source = ground.run / "model.keras"
    whole = source.read_bytes()
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    files = {name: _archive(folder, {**members, **change}) for name, change in _members().items()}
    files |= {f"without-{x}": _archive(folder, {k: v for k, v in members.items() if k != x}) for x in members}
    for name, configuration in _configurations(json.loads(members["config.json"])).items():
        files[name] = _archive(folder, {**members, "config.json": json.dumps(configuration)})
    for place in (0, 4, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        files[f"cut-{place}"] = whole[:place]
    random = ground.random("keras_files")
    for number in range(8):
        flipped = bytearray(whole)
        for _ in range(3):
            flipped[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        files[f"flipped-{number}"] = bytes(flipped)
    files["good"] = whole
    files["pickle"] = f"\x80\x04cos\nsystem\n(S'touch {PLANT}'\ntR.".encode("latin-1")
    files["hdf5"] = b"\x89HDF\r\n\x1a\n" + bytes(500)
    whole_hdf5 = _hdf5(folder, json.loads(members["config.json"]))
    files |= {f"hdf5-cut-{place}": whole_hdf5[:place] for place in (100, len(whole_hdf5) // 2, len(whole_hdf5) - 9)}
    for number in range(4):
        flipped = bytearray(whole_hdf5)
        flipped[random.randrange(len(whole_hdf5))] ^= 1 << random.randrange(8)
        files[f"hdf5-flipped-{number}"] = bytes(flipped)
    hostile = _configurations(json.loads(members["config.json"]))
    for name in ("lambda", "unsafe-enabled-inside", "eval", "dense-10^9", "list"):
        files[f"hdf5-{name}"] = _hdf5(folder, hostile[name])
    for name, lead_out in _LINKS.items():
        files[f"hdf5-{name}"] = _hdf5(folder, hostile["dense-one"], lead_out)
    for name, content in files.items():
        for suffix in (".keras", ".h5") if name in ("hdf5", "good", "pickle") else (".keras",):
            path = folder / f"{name}{suffix}"
            path.write_bytes(content)
            yield _convert(ground, path)
    os.mkfifo(folder / "fifo.keras")
    (folder / "loop.keras").symlink_to("loop.keras")
    (folder / "endless.keras").symlink_to("/dev/zero")
    (folder / "folder.keras").mkdir()
    with (folder / "sparse.keras").open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(6 << 30)
    shutil.copy(source, folder / f"{ESCAPE}.keras".replace("/", ""))
    for path in sorted(folder.glob("*.keras")):
        if path.stem in ("fifo", "loop", "endless", "folder", "sparse") or ESCAPE in path.name:
            yield _convert(ground, path)


def _convert(ground: Ground, path: Path) -> Case:
    line = ("convert", path, "--out", f"{path}-models", "--data", ground.data)
    # A conversion that works takes longer than a refusal.
    return host_case(f"convert {path.name}", line)


def _archive(folder: Path, members: Mapping[str, bytes | str]) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    path.unlink()
    return content


def _hdf5(folder: Path, description: Any, change: Callable[[h5py.File], object] = lambda file: None) -> bytes:
    path = folder / "made.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(description).encode()
        file.create_group("model_weights")
        change(file)
    content = path.read_bytes()
    path.unlink()
    return content


_LINKS: dict[str, Callable[[h5py.File], object]] = {
    "external-link": lambda file: file.__setitem__("model_weights/x", h5py.ExternalLink("/etc/passwd", "/")),
    "external-tensor": lambda file: file.create_dataset(
        "model_weights/x", (9,), "u1", external=[("/etc/passwd", 0, 9)]
    ),
    "link-to-itself": lambda file: file.__setitem__("model_weights/x", file["model_weights"]),
}


def _members() -> dict[str, dict[str, bytes]]:
    """Members that are added to a good file, or take the place of its own."""
    deep = b"[" * 100_000 + b"]" * 100_000
    configurations = {"null": b"null", "no-utf-8": b"\xff\xfe", "deep": deep, "bomb": b"[" * (50 << 20)}
    return {f"configuration-{name}": {"config.json": content} for name, content in configurations.items()} | {
        "climbing": {f"../../../../{PLANT}": b"x"},
        "absolute": {f"/tmp/{PLANT}": b"x"},
        "climbing-assets": {"assets/../../x": b"x"},
        "nameless": {"": b"x"},
        "bomb": {"assets/x": bytes(300 << 20)},
        "odd-metadata": {"metadata.json": b"[]"},
        "odd-weights": {"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8},
        "no-weights": {"model.weights.h5": b""},
    }


def _layer(module: str, class_name: str, /, **configuration: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": configuration, "registered_name": None}


def _sequential(*layers: dict[str, Any], shape: list[Any] = INPUT_SHAPE, dtype: str = "float32") -> dict[str, Any]:
    first = _layer("keras.layers", "InputLayer", batch_shape=shape, dtype=dtype, name="input")
    built = {"build_config": {"input_shape": shape}}
    return _layer("keras", "Sequential", name="sequence", layers=[first, *layers]) | built


def _configurations(good: dict[str, Any]) -> dict[str, Any]:
    """Configurations that would run code, read files or fill the memory."""
    command = f"touch {PLANT}"
    compiled = compile(f"__import__('os').system({command!r})", "x", "eval")
    code = {"code": base64.b64encode(marshal.dumps(compiled)).decode(), "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "config": code}
    lambda_layer = _layer("keras.layers", "Lambda", name="l", trainable=True, dtype="float32", function=function)
    unsafe = _layer("keras.config", "enable_unsafe_deserialization")
    opened = {"module": "subprocess", "class_name": "function", "config": "Popen", "registered_name": "function"}
    renamed, huge_input = json.loads(json.dumps(good)), json.loads(json.dumps(good))
    renamed["config"]["name"] = f"{ESCAPE}[/red]"
    huge_input["config"]["layers"][0]["config"]["batch_shape"] = [None, 128, 10**7]
    inner = _layer("keras.layers", "LSTM", name="f", units=4, return_sequences=True)
    both = _layer("keras.layers", "Bidirectional", name="b", layer=inner, backward_layer=unsafe, merge_mode="concat")
    dense = {name: _layer("keras.layers", "Dense", name="d", units=n) for name, n in UNITS.items()}
    lookup = _layer("keras.layers", "StringLookup", name="t", vocabulary="/etc/passwd", dtype="string")
    called = {"module": "os", "class_name": "system", "config": {"command": command}, "registered_name": "system"}
    return {
        "escape-name": renamed,
        "huge-input": huge_input,
        "lambda": _sequential(lambda_layer),
        "lambda-function": _sequential(_layer("keras.layers", "Lambda", name="l", function=opened)),
        "unsafe-enabled": _sequential(unsafe, lambda_layer),
        "unsafe-enabled-inside": _sequential(both, lambda_layer),
        "system": _sequential(called),
        "eval": {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        "lookup": _sequential(lookup, dtype="string"),
        "endless-input": _sequential(dense["dense-one"], shape=[None, 10**9, 10**9]),
        "no-layers": _layer("keras", "Sequential", name="s", layers=[]),
        "list": [],
    } | {name: _sequential(layer) for name, layer in dense.items()}


UNITS: dict[str, Any] = {
    "dense-one": 1,
    "dense-10^9": 10**9,
    "dense-10^30": 10**30,
    "dense-negative": -1,
    "dense-text": "x",
}
