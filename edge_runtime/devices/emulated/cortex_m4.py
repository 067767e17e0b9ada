"""Measure the C of a model on an emulated Cortex-M4F; the firmware contains har_stream too, where it fits the model.

The board is QEMU's mps2-an386, where an instruction takes 128 ns and a timer ticks every 40 ns: counts are exact.
"""

import shutil
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measured import Measured, RuntimeVersion
from edge_runtime.bench.measurement_job import Answer, Answers, Instructions, JobModel, MeasurementJob
from edge_runtime.devices.python import Description
from edge_runtime.errors import CheckFailedError, DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import C
from edge_runtime.model.classifier import dequantise, preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.c_compiler import compile_library
from edge_runtime.system.child_processes import Stoppable, run_program
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.process_endings import ending
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.standard_streams import suppressed_stderr

_FIRMWARE = Path(__file__).with_name("firmware")
_TARGET = "arm-none-eabi"
PROCESSOR = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
_SMALL = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "--specs=nano.specs", "--specs=rdimon.specs")
_START = ("-nostartfiles", f"-I{_FIRMWARE}", "-T", str(_FIRMWARE / "board.ld"), str(_FIRMWARE / "start.c"))
_BOARD = ("-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none")
EMULATOR = ("qemu-system-arm", *_BOARD, "-semihosting", "-icount", "shift=7", "-kernel")
_TICK_NS, _INSTRUCTION_NS = 40, 128


def build(image: Path, *sources: Path | str) -> str:
    """Build the flash `image` from C files and options; return compiler, version and flags. Raises `DeviceError`."""
    program = image.with_suffix(".elf")
    first, *others = map(str, sources)
    options = (*_SMALL, *_START, *others, "-lm")
    compiler = compile_library(Path(first), program, _TARGET, PROCESSOR, options, level="-Os")
    run_program([f"{_TARGET}-objcopy", "-O", "binary", str(program), str(image)]).check_returncode()
    return compiler


class CortexM4:
    """The board, which measures only with the `runtime` C, since it has no operating system."""

    cpu = "cortex-m4"
    name = f"emulated-{cpu}"
    here = True
    most_windows = 300

    def __init__(self, runtime: str) -> None:
        self._runtime, self._processes = runtime, Stoppable()

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Check that the board can measure. Raises `DeviceError`, and `InputError` for another runtime."""
        if self._runtime not in ("auto", C):
            raise InputError(f"an emulated {self.cpu} has no TFLite: leave out --runtime")
        self.read_machine()

    def read_machine(self) -> Description:
        """Describe the board. Raises `DeviceError` without compiler, C library and emulator."""
        compiler = f"{_TARGET}-gcc"
        there = all(map(shutil.which, (compiler, f"{_TARGET}-objcopy", EMULATOR[0])))
        if not there or "/" not in run_program([compiler, "-print-file-name=nano.specs"]).stdout:
            packages = f"gcc-{_TARGET} libnewlib-{_TARGET} {EMULATOR[0]}"
            raise DeviceError(f"an emulated {self.cpu} needs a compiler and QEMU: sudo apt install {packages}")
        board = _known(Machine, machine="armv7e-m", board="mps2-an386", cpu="Cortex-M4F", cores=1, emulated=True)
        return Description(board, _known(State, time=time.time()))

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answers:
        """Build a firmware, or let each firmware answer all windows. Raises `CheckFailedError` when LiteRT differs."""
        if job.task == "compile":
            return [_build(folder / Path(job.models[0].model).stem)]
        return [self._measure(model, folder) for model in job.models]

    def _measure(self, job: JobModel, folder: Path) -> Answer:
        about = self.read_machine()
        times, logits, ram = self._answers(job, folder)
        times = times[:, np.newaxis]
        measured = _known(
            Measured,
            machine=about.machine,
            before=about.state,
            after=about.state,
            runtime=RuntimeVersion(C, job.compiler),
            threads=1,
            ram_bytes=ram,
        )
        return Answer(asdict(measured), {"latency_ns": times, "end_to_end_ns": times, "logits": logits})

    def instructions(self, model: JobModel, folder: Path) -> Instructions:
        """Count the instructions of an inference of `model` with its first window."""
        (time_ns,), _, _ = self._answers(model, folder, n_windows=1)
        return Instructions(round(time_ns / _INSTRUCTION_NS), "all of the model's, by a timer of QEMU's mps2-an386")

    def stop(self) -> None:
        """End the running firmware, from another thread, and start no other."""
        self._processes.stop()

    def close(self) -> None:
        """Do nothing: nothing is open between jobs."""

    def _answers(
        self, job: JobModel, folder: Path, n_windows: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], int]:
        """Return times `[n]` in ns, logits `[n, n_labels]` for the first or all windows, and the bytes of RAM."""
        flatbuffer, card = cards.read_model(folder / job.model)
        with suppressed_stderr():
            model = open_model(flatbuffer, "litert", name=job.title)
        prepare = preparation(card, model.input)
        windows = np.load(folder / str(job.windows), allow_pickle=False)[:n_windows]
        expected = np.concatenate([model.run(prepare(window)) for window in windows])
        with scratch_folder() as scratch:
            (scratch / "windows").write_bytes(b"".join(prepare(window).tobytes() for window in windows))
            if code := self._processes.start([*EMULATOR, folder / str(job.library)], cwd=scratch).wait():
                raise DeviceError(f"the firmware of {job.title} {ending(code)}: report it, with the model")
            content = (scratch / "answers").read_bytes()
        answers = np.frombuffer(content[:-4], [("ticks", "<u4"), ("values", expected.dtype, expected.shape[1:])])
        if answers["values"].tobytes() != expected.tobytes():
            raise CheckFailedError(
                f"the firmware of {job.title} gives other answers than LiteRT: report it, with the model"
            )
        (ram,) = np.frombuffer(content[-4:], "<u4")
        return _TICK_NS * answers["ticks"].astype(np.int64), dequantise(answers["values"], model.output), int(ram)


def _build(folder: Path) -> Answer:
    """Build the firmware of the C in `folder`: a model, and har_stream if it fits the model."""
    name = next(path.stem for path in folder.glob("*.c") if path.stem != "har_stream")
    prefix, image = name.upper(), folder / "image"
    header = (folder / f"{name}.h").read_text(encoding="utf-8")
    value, answer = ("int8_t" if f"{prefix}_{tensor}_SCALE" in header else "float" for tensor in ("INPUT", "OUTPUT"))
    macros = f"-include {name}.h -DPREDICT={name}_predict -DVALUE={value} -DANSWER={answer}".split()
    sizes = f"-DN_VALUES={prefix}_SAMPLES*{prefix}_N_SIGNALS -DN_ANSWERS={prefix}_N_LABELS".split()
    compiler = build(image, _FIRMWARE / "main.c", *folder.glob("*.c"), f"-I{folder}", *macros, *sizes)
    return Answer({"compiler": compiler}, {"library": np.fromfile(image, np.uint8)})


def _known(kind: Any, **facts: object) -> Any:
    """Make a dataclass of these facts; all others are None."""
    return kind(**dict.fromkeys(field.name for field in fields(kind)) | facts)
