"""Time models as C beside LiteRT and other tools' forms: `python -m tools.c_times MODEL_int8.tflite …`.

A fresh process in each round opens all forms of a network and its rivals, compares the C with LiteRT bit for bit, and
times all forms in turns. It does so again with `avx2_only.c`, which hides processor features beyond AVX2. Writes
`docs/results/c_file.json` and `c_file.md`.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.bench import machine, machine_state
from edge_runtime.bench.c_library import compile_for
from edge_runtime.bench.measurement_job import MeasurementJob
from edge_runtime.bench.timing import time_calls, warm_up
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.model.c_model import CModel
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import read_model
from edge_runtime.model.model_paths import model_path
from edge_runtime.model.onnx_model import open_onnx
from edge_runtime.model.rivals import record_of
from edge_runtime.system.c_compiler import compile_library
from tools import table_of, write_result
from tools.peers import in_own_process

TURNS, BLOCK_S, ROUNDS = 12, 4e-3, 6
"""Turns of each form in a process, the seconds of a turn, and processes for each network and instruction set."""


@click.command()
@click.argument("models", nargs=-1, required=True)
def main(models: Sequence[str]) -> None:
    """Time the int8 or mixed MODELS."""
    content: dict[str, Any] = {"device": asdict(machine.read_facts()), "date": f"{date.today()}"}
    content |= {"load_average_before": machine_state.state().load_average, "refused": {}, "networks": {}}
    with tempfile.TemporaryDirectory(prefix="har-edge-c-times-") as name:
        mask = Path(name) / "avx2_only.so"
        compile_library(Path(__file__).with_name("avx2_only.c"), mask)
        for i, path in enumerate(model_path(Path(x)) for x in models):
            job = MeasurementJob("", "measure", path.name, path.name, library=f"model_{i}.so")
            copy = Path(shutil.copyfile(path, Path(name) / f"model_{i}.tflite"))
            try:
                compiler = compile_for(PythonDevice(), copy, job, Path(name))
            except InputError as error:
                content["refused"][name_of(path)] = str(error)
                continue
            p50s = {x: _p50s(path, Path(name) / f"model_{i}.so", compiler, x) for x in ("", str(mask))}
            content["networks"][name_of(path)] = {
                "form": path.stem.rpartition("_")[2],
                "p50_us": {"AVX2" if preload else "AVX-512 VNNI": by_form for preload, by_form in p50s.items()},
            }
    write_result("c_file", content, markdown(content))


def name_of(path: Path) -> str:
    """Return the network of a model: its file's name, or the name of the folder above a run."""
    network = path.stem.rpartition("_")[0]
    return path.parents[1].name if network == "model" else network


def _p50s(path: Path, library: Path, compiler: str, preload: str) -> dict[str, float]:
    """Measure the median time of each form in µs, over processes that load the library `preload` first."""
    os.environ["LD_PRELOAD"] = preload
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for form, us in in_own_process(measure, path, library, compiler).items():
            times.setdefault(form, []).extend(us)
    os.environ["LD_PRELOAD"] = ""
    return {form: float(np.median(us)) for form, us in times.items()}


def measure(path: Path, library: Path, compiler: str) -> dict[str, list[float]]:
    """Time all forms of the network of the model at `path` in turns, in µs."""
    machine.pin_to_one_cpu()
    flatbuffer, record = read_model(path)[0], record_of(path)
    forms: dict[str, Any] = {"C": CModel(library, flatbuffer, compiler, path.name), "LiteRT": open_model(flatbuffer)}
    float32 = path.with_name(f"{path.stem.rpartition('_')[0]}_float32.tflite")
    forms["float32"] = open_model(read_model(float32)[0])
    for file in sorted(record.parent.glob(f"{record.stem}_*")):
        open_form = open_onnx if file.suffix == ".onnx" else open_model
        forms[file.stem.removeprefix(f"{record.stem}_")] = open_form(file.read_bytes())
    port = forms["C"].input
    inputs = list(np.random.default_rng(0).normal(size=(16, *port.shape)).astype(port.dtype))
    if different := sum(forms["C"].run(window).tobytes() != forms["LiteRT"].run(window).tobytes() for window in inputs):
        raise SystemExit(f"the C of {path} answers {different} windows differently than LiteRT")
    calls = {name: max(3, int(BLOCK_S * 1e9 / warm_up(form.run, inputs, 0.02, 0.5)[1])) for name, form in forms.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(TURNS):
        for name, form in forms.items():
            times[name] += (time_calls(form.run, inputs, calls[name]) / 1e3).tolist()
    return times


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `c_file.md`; `content` is read from `c_file.json`."""
    columns = {
        "network": lambda x: f"`{x[0]}`{', mixed' if x[1]['form'] == 'mixed' else ''}",
        "LiteRT": lambda x: _us(x[1]["p50_us"]["AVX-512 VNNI"]["LiteRT"]),
        "C": lambda x: _us(x[1]["p50_us"]["AVX-512 VNNI"]["C"]),
        "float32": lambda x: _fastest(x[1]["p50_us"]["AVX-512 VNNI"]),
        "C / float32": lambda x: _ratio(x[1]["p50_us"]["AVX-512 VNNI"]),
        "C / float32, AVX2": lambda x: _ratio(x[1]["p50_us"]["AVX2"]),
    }
    return f"""# Networks as C

Written by `python -m tools.c_times` on {content["date"]}. Times are the median for one window in µs, on one thread of
an {content["device"]["cpu"]}, which has AVX-512 with VNNI. In the last column, all programs are restricted to AVX2.
*Float32* is the fastest of LiteRT, TFLite's fused LSTM and ONNX Runtime. **Bold** means that C is slower. The
published networks had untrained weights, which do not affect the times. The load average before was
{content["load_average_before"]:.2f}.

{table_of(columns, content["networks"].items())}
- For `lstm-fcn` and `mlstm-fcn`, LiteRT's int8 is faster than C, probably because XNNPACK uses AMX and C does not.
- With VNNI, C or LiteRT's int8 is also faster than other tools' dynamic models, where these exist.
- `tinierhar`, `cnn-bilstm-attention` and `transformer` cannot be written as [C](../c_file.md).
"""


def _us(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _floats(p50s: dict[str, float]) -> dict[str, float]:
    return {form: us for form, us in p50s.items() if form.endswith("float32")}


def _fastest(p50s: dict[str, float]) -> str:
    us, form = min((us, form) for form, us in _floats(p50s).items())
    return _us(us) + {"onnx_float32": ", ONNX", "fused_float32": ", fused"}.get(form, "")


def _ratio(p50s: dict[str, float]) -> str:
    ratio = p50s["C"] / min(_floats(p50s).values())
    return f"**{ratio:.2f}**" if ratio > 1 else f"{ratio:.2f}"


if __name__ == "__main__":
    main()
