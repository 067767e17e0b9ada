"""Time models as C beside LiteRT and other tools' forms: `python -m tools.c_times MODEL_int8.tflite …`.

All forms of a network take turns, as in `har-edge bench`, and the C must answer as LiteRT does. This is done
again with `avx2_only.c`, which hides processor features beyond AVX2. Writes `docs/results/c_file.json` and `c_file.md`.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.bench import machine, machine_state, statistics
from edge_runtime.bench.c_library import c_of, compile_for
from edge_runtime.bench.measurement_job import JobModel
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import attach, read_model
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.model_paths import model_path
from edge_runtime.model.onnx_model import ONNX_RUNTIME
from edge_runtime.model.rivals import record_of
from edge_runtime.system.c_compiler import compile_library
from tools import table_of, us_of, write_result
from tools.peers import logits_of, take_turns

ROUNDS = 24


@click.command()
@click.argument("models", nargs=-1, required=True)
def main(models: Sequence[str]) -> None:
    """Time the int8 or mixed MODELS."""
    content: dict[str, Any] = {"kind": "undisturbed", "device": asdict(machine.read_facts()), "date": f"{date.today()}"}
    content |= {"load_average_before": machine_state.state().load_average, "refused": {}, "networks": {}}
    with tempfile.TemporaryDirectory(prefix="har-edge-c-times-") as name:
        mask = Path(name) / "avx2_only.so"
        compile_library(Path(__file__).with_name("avx2_only.c"), mask)
        for i, path in enumerate(model_path(Path(x)) for x in models):
            try:
                c_source = c_of(open_model_file(path))
            except InputError as error:
                content["refused"][name_of(path)] = str(error)
                continue
            folder = Path(name) / f"{i}"
            folder.mkdir()
            jobs = forms_of(path, folder)
            compiler = compile_for(PythonDevice(), c_source, jobs["C"], folder)
            jobs["C"] = replace(jobs["C"], compiler=compiler)
            times = {x: _times(jobs, folder, x) for x in ("", str(mask))}
            content["networks"][name_of(path)] = {
                "form": path.stem.rpartition("_")[2],
                "us": {"AVX2" if preload else "AVX-512 VNNI": by_form for preload, by_form in times.items()},
            }
    write_result("c_file", content, markdown(content))


def name_of(path: Path) -> str:
    """Return the network of a model: its file's name, or the name of the folder above a run."""
    network = path.stem.rpartition("_")[0]
    return path.parents[1].name if network == "model" else network


def forms_of(path: Path, folder: Path) -> dict[str, JobModel]:
    """Copy the forms of the network of the model at `path` into `folder`; return C, LiteRT's forms and the rivals."""
    content, card = path.read_bytes(), read_model(path)[1]
    float32 = path.with_name(f"{path.stem.rpartition('_')[0]}_float32.tflite")
    shape = (8, card.window.samples, len(card.signals))
    np.save(folder / "windows.npy", np.random.default_rng(0).normal(size=shape).astype(np.float32))
    files = {"C": (content, "tflite"), "LiteRT": (content, "tflite"), "float32": (float32.read_bytes(), "tflite")}
    record = record_of(path)
    for file in sorted(record.parent.glob(f"{record.stem}_*")):
        files[file.stem.removeprefix(f"{record.stem}_")] = (attach(file.read_bytes(), card), file.suffix[1:])
    jobs = {}
    for name, (model, suffix) in files.items():
        (folder / f"{name}.{suffix}").write_bytes(model)
        runtime = ONNX_RUNTIME if suffix == "onnx" else "auto"
        jobs[name] = JobModel(f"{name}.{suffix}", name, runtime, "windows.npy", "C.so" if name == "C" else None)
    return jobs


def _times(jobs: dict[str, JobModel], folder: Path, preload: str) -> dict[str, float]:
    """Measure the undisturbed time of each form in µs, in processes that load the library `preload` first."""
    os.environ["LD_PRELOAD"] = preload
    measured = dict(zip(jobs, take_turns([*jobs.values()], folder, ROUNDS), strict=True))
    os.environ["LD_PRELOAD"] = ""
    if not np.array_equal(logits_of(measured["C"]), logits_of(measured["LiteRT"])):
        raise SystemExit("the C answers differently than LiteRT")
    times = statistics.turn_times([[part.latency_ns / 1e3 for part in rounds] for rounds in measured.values()])
    return {name: statistics.undisturbed_time(times, i)[0] for i, name in enumerate(jobs)}


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `c_file.md`; `content` is read from `c_file.json`."""
    columns = {
        "network": lambda x: f"`{x[0]}`{', mixed' if x[1]['form'] == 'mixed' else ''}",
        "LiteRT": lambda x: _us(us_of(x[1])["AVX-512 VNNI"]["LiteRT"]),
        "C": lambda x: _us(us_of(x[1])["AVX-512 VNNI"]["C"]),
        "float32": lambda x: _fastest(us_of(x[1])["AVX-512 VNNI"]),
        "C / float32": lambda x: _ratio(us_of(x[1])["AVX-512 VNNI"]),
        "C / float32, AVX2": lambda x: _ratio(us_of(x[1])["AVX2"]),
    }
    return f"""# Networks as C

Written by `python -m tools.c_times` on {content["date"]}. Times for one window are {content.get("kind", "median")}
times in µs, on one thread of an {content["device"]["cpu"]}. It has AVX-512 with VNNI; in the last column, all
programs are restricted to AVX2.
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


def _floats(times: dict[str, float]) -> dict[str, float]:
    return {form: us for form, us in times.items() if form.endswith("float32")}


def _fastest(times: dict[str, float]) -> str:
    us, form = min((us, form) for form, us in _floats(times).items())
    return _us(us) + {"onnx_float32": ", ONNX", "fused_float32": ", fused"}.get(form, "")


def _ratio(times: dict[str, float]) -> str:
    ratio = times["C"] / min(_floats(times).values())
    return f"**{ratio:.2f}**" if ratio > 1 else f"{ratio:.2f}"


if __name__ == "__main__":
    main()
