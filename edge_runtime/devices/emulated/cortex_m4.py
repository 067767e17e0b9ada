"""Measure the C of a model on an emulated Cortex-M4F; the firmware contains the recogniser too, if it fits the model.

The board is QEMU's mps2-an386, where an instruction takes 128 ns and a timer ticks every 40 ns: counts are exact.
"""

import shutil
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import c
from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measured import Measured, RuntimeVersion
from edge_runtime.bench.measurement_job import Answer, Answers, Device, Instructions, JobModel, MeasurementJob
from edge_runtime.data import embedded_recordings
from edge_runtime.devices.python import Description
from edge_runtime.errors import CheckFailedError, DeviceError
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import C
from edge_runtime.model.classifier import dequantise, preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.c_compiler import compile_library
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.process_endings import ending
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.standard_streams import suppressed_stderr

_FIRMWARE = Path(__file__).with_name("firmware")
_TARGET = "arm-none-eabi"
PROCESSOR = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
HALF = ("-DHAR_VALUE=__fp16", "-mfp16-format=ieee")
"""Flags that keep windows for the recogniser as float16."""
_SECTIONS = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")
_SMALL = ("-flto", "-fno-math-errno", *_SECTIONS, "--specs=nano.specs", "--specs=rdimon.specs")
_START = ("-nostartfiles", f"-I{_FIRMWARE}", "-T", str(_FIRMWARE / "board.ld"), str(_FIRMWARE / "start.c"))
_BOARD = ("-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none")
EMULATOR = ("qemu-system-arm", *_BOARD, "-semihosting", "-icount", "shift=7", "-kernel")
_TICK_NS, _INSTRUCTION_NS = 40, 128
_SENSOR_HZ = 104  # for a device that is worn any way; other models are given samples at their own rate


def build(image: Path, *sources: Path | str) -> str:
    """Build the flash `image` from C files and options; return compiler, version and flags. Raises `DeviceError`."""
    program = image.with_suffix(".elf")
    first, *others = map(str, sources)
    options = (*_SMALL, *_START, *others, "-lm")
    compiler = compile_library(Path(first), program, _TARGET, PROCESSOR, options, level="-Os")
    run_program([f"{_TARGET}-objcopy", "-O", "binary", str(program), str(image)]).check_returncode()
    return compiler


class CortexM4(Device):
    """The board, which measures only with the runtime C, since it has no operating system."""

    cpu = "cortex-m4"
    name = f"emulated-{cpu}"
    most_windows = 300

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Check that the board can measure. Raises `DeviceError`."""
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
        times, logits, _, ram = self._answers(job, folder)
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
        (time_ns,), _, (n_hops, hops_ns, longest_ns), _ = self._answers(model, folder, n_windows=1)
        return Instructions(
            round(time_ns / _INSTRUCTION_NS),
            "all of the model's, by a timer of QEMU's mps2-an386",
            round(hops_ns / n_hops / _INSTRUCTION_NS) if n_hops else None,
            round(longest_ns / _INSTRUCTION_NS) if n_hops else None,
        )

    def _answers(
        self, job: JobModel, folder: Path, n_windows: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], tuple[int, int, int], int]:
        """Return times `[n]` in ns and logits `[n, n_labels]` for the first or all windows, and the bytes of RAM.

        Between them are the number of hops of a live recording, and the ns of all hops and of the longest.
        """
        flatbuffer, card = cards.read_model(folder / job.model)
        with suppressed_stderr():
            model = open_model(flatbuffer, "litert", name=job.title)
        prepare = preparation(card, model.input)
        windows = np.load(folder / str(job.windows), allow_pickle=False)[:n_windows]
        image = folder / str(job.library)
        tensors = [prepare(window) for window in windows]
        if _has_stream(image.with_suffix("")):
            tensors = [tensor.astype(np.float16) for tensor in tensors]
        expected = np.concatenate([model.run(tensor.astype(model.input.dtype)) for tensor in tensors])
        with scratch_folder() as scratch:
            (scratch / "windows").write_bytes(b"".join(tensor.tobytes() for tensor in tensors))
            (scratch / "samples").write_bytes(_samples(card).tobytes())
            if code := run_program([*EMULATOR, str(image)], cwd=scratch).returncode:
                raise DeviceError(f"the firmware of {job.title} {ending(code)}: report it, with the model")
            content = (scratch / "answers").read_bytes()
        answers = np.frombuffer(content[:-16], [("ticks", "<u4"), ("values", expected.dtype, expected.shape[1:])])
        if answers["values"].tobytes() != expected.tobytes():
            raise CheckFailedError(
                f"the firmware of {job.title} gives other answers than LiteRT: report it, with the model"
            )
        n_hops, hops, longest, ram = np.frombuffer(content[-16:], "<u4").tolist()
        times, logits = _TICK_NS * answers["ticks"].astype(np.int64), dequantise(answers["values"], model.output)
        return times, logits, (n_hops, _TICK_NS * hops, _TICK_NS * longest), ram


def _samples(card: cards.Card) -> npt.NDArray[np.float32]:
    """Return a recording of walking `[n, 6]` as the sensor of the firmware gives it."""
    recording = embedded_recordings.load()[0]
    samples = recording.samples[recording.labels == recording.label_names.index(cards.WALKING)]
    rate_hz = _SENSOR_HZ if card.frame == "walking" else card.window.rate_hz or recording.rate_hz
    times = np.arange(int(len(samples) * rate_hz / recording.rate_hz)) / rate_hz
    channels = [np.interp(times, np.arange(len(samples)) / recording.rate_hz, channel) for channel in samples.T]
    return np.stack(channels, axis=1).astype(np.float32)


def _build(folder: Path) -> Answer:
    """Build the firmware of the C in `folder`: a model, and the recogniser if it fits the model."""
    name = c.model_in(folder).stem
    prefix, image = name.upper(), folder / "image"
    header = (folder / f"{name}.h").read_text(encoding="utf-8")
    value, answer = ("int8_t" if f"{prefix}_{tensor}_SCALE" in header else "float" for tensor in ("INPUT", "OUTPUT"))
    half = HALF if _has_stream(folder) else ()
    macros = f"-include {name}.h -DPREDICT={name}_predict -DVALUE={value} -DANSWER={answer}".split()
    sizes = f"-DN_VALUES={prefix}_SAMPLES*{prefix}_N_SIGNALS -DN_ANSWERS={prefix}_N_LABELS".split()
    resamples = bool(half) and "HAR_WALKING_FRAME 1" in (folder / "har_model.h").read_text(encoding="utf-8")
    sizes.append(f"-DHAR_SENSOR_HZ={_SENSOR_HZ if resamples else 0}")
    compiler = build(image, _FIRMWARE / "main.c", *folder.glob("*.c"), f"-I{folder}", *macros, *sizes, *half)
    return Answer({"compiler": compiler}, {"library": np.fromfile(image, np.uint8)})


def _has_stream(folder: Path) -> bool:
    """Tell whether the C in `folder` has the recogniser, which keeps windows as `HALF`."""
    return (folder / "har_model.h").is_file()


def _known(kind: Any, **facts: object) -> Any:
    """Make a dataclass of these facts; all others are None."""
    return kind(**dict.fromkeys(field.name for field in fields(kind)) | facts)
