"""Define reports with known values for tests of the forms of reports."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_runtime.bench import results
from edge_runtime.bench.machine_state import CpuClock, Throttled
from edge_runtime.bench.measured import Latency, Samples

WRITTEN_BEFORE = Path(__file__).parents[1] / "bench" / "bench.json"
"""A report that an earlier version wrote, of the reference models in float32 and int8."""

_WRITTEN = results.read_report(WRITTEN_BEFORE)
LABELS = ("WALKING", "WALKING_UPSTAIRS", "SITTING")
STATE = replace(
    _WRITTEN.device.before,
    load_average=0.25,
    clock_khz=CpuClock(2400000, 1500000, 2400000),
    temperatures_c={"cpu-thermal": 51.2},
    throttled=Throttled((), ("under-voltage",)),
)
DEVICE = replace(
    _WRITTEN.device,
    cpu="AMD EPYC",
    max_clock_khz=2400000,
    before=STATE,
    after=replace(STATE, load_average=1.5, temperatures_c={"cpu-thermal": 63.0}),
)
METHOD = results.Method("auto", 1, 24, 40.0, "back-to-back", 0.06, until=0.02)
NO_TIMES: dict[str, Any] = dict.fromkeys(("load_ms", "first_ms", "latency_ms", "end_to_end_ms", "samples_ms"))
NO_TIMES |= dict.fromkeys(("warm_up", "energy", "peak_memory_bytes", "baseline_memory_bytes"))


def latency(ms: float) -> Latency:
    """Return times around an undisturbed time of `ms` with an interval of 1 %."""
    percentiles = (factor * ms for factor in (1.02, 1.1, 1.2, 2, 1.05, 0.95, 9))
    return Latency(*percentiles, 3000, undisturbed=ms, undisturbed_ci95=(0.99 * ms, 1.01 * ms))


def result(scheme: str, p50: float = 0.04, **changes: Any) -> results.Result:
    """Return a result of the network `edge` with all measurements."""
    times = (*(p50 * (0.95 + 0.001 * i) for i in range(100)), 2 * p50, 9 * p50)
    complete = replace(
        _WRITTEN.results[0],
        file=f"runs/x/model_{scheme}.tflite",
        quantization=scheme,
        size_bytes=200_000,
        operators=178,
        xnnpack_operators=177,
        latency_ms=latency(p50),
        end_to_end_ms=latency(p50 + 0.01),
        peak_memory_bytes=61_000_000,
        baseline_memory_bytes=42_000_000,
        labels=LABELS,
        windows=300,
        accuracy=0.97,
        macro_f1=0.969,
        confusion=((100, 0, 0), (3, 97, 0), (0, 6, 94)),
        per_subject={"2": 0.99, "10": 0.93, "anna": 0.98},
        agreement=None if scheme == "float32" else 0.99,
        doubts=(),
        samples_ms=Samples((times, times), (times, times), (17, 17)),
        accuracy_subjects_ci95=(0.93, 0.99),
        per_class={label: results.ClassScore(0.97, 0.96, 0.965, 100) for label in LABELS},
        calibration_error=0.012,
        energy=results.Energy(0.034, "rapl", 3.5),
    )
    return replace(complete, **changes)


FLOAT = result("float32", 0.040)
INT8 = result("int8", 0.020, size_bytes=150_000, accuracy=0.968)
AS_C = replace(INT8, runtime="c", runtime_version="gcc 14.2.0 -O3, avx2", latency_ms=latency(0.010))
BETTER = results.Comparison(1, 0, 0.5, (0.49, 0.52), 0.6, (0.58, 0.61), -0.2, (-0.6, 0.1), 0.99)

UNTIMED = replace(BETTER, p50_ratio=None, p50_ratio_ci95=None, end_to_end_ratio=None, end_to_end_ratio_ci95=None)


def of(*measured: results.Result, **changes: Any) -> results.Report:
    """Return a report about `measured` on one machine."""
    data = results.EvaluatedData("UCI HAR", "f" * 64, 300, 1.28)
    return replace(results.Report(DEVICE, data, measured, METHOD, comparisons=(), control=None, failures=()), **changes)


FULL = of(
    replace(FLOAT, doubts=("the machine was busy",)),
    replace(INT8, doubts=("the machine was busy", "too few inferences")),
    comparisons=(BETTER,),
    control=results.Control(1.002, (0.99, 1.01), True),
    failures=(results.Failure("runs/x/model_dynamic.tflite", "the worker for runs/x/model_dynamic.tflite was killed"),),
)
EMULATED = of(
    *(
        replace(model, doubts=("the CPU is emulated",), instructions=results.Instructions(n, "counted"), **NO_TIMES)
        for model, n in ((FLOAT, 100_000), (INT8, 45_000))
    ),
    comparisons=(UNTIMED,),
)
NOTHING = of(failures=(results.Failure("a.tflite", "the worker died"), results.Failure("b.tflite", "the worker hung")))
DEVICES = {"pi4": FULL, "pi5.local:2222": of(FLOAT, result("int8", 0.02, size_bytes=100_000), comparisons=(BETTER,))}
EVIL = "<script>alert(1)</script>&\"'{{ 7*7 }}|`*_[x](y)[/red] [1, 2]\n"


def evil() -> results.Report:
    """Return a report whose every text looks like markup of a page, a table or a terminal."""
    hostile = [
        replace(
            model,
            model=EVIL,
            file=EVIL + model.quantization,
            runtime=EVIL,
            labels=(EVIL, *LABELS[1:]),
            per_class={EVIL: results.ClassScore(1.0, 1.0, 1.0, 1), LABELS[1]: results.ClassScore(None, None, None, 0)},
            per_subject={EVIL: 0.9, "2": 0.95},
            doubts=(EVIL,),
            energy=results.Energy(None, reason=EVIL),
        )
        for model in (FLOAT, replace(FLOAT, sha256="1" * 64, rival=EVIL), INT8)
    ]
    state = replace(STATE, governor=EVIL, temperatures_c={EVIL: 1.5}, throttled=Throttled((EVIL,), ()))
    return of(
        *hostile,
        device=replace(DEVICE, name=EVIL, cpu=EVIL, features=(EVIL,), before=state),
        data=results.EvaluatedData(EVIL, EVIL, 1, 1.28, {EVIL: 1}, (EVIL,)),
        settings=replace(METHOD, runtime=EVIL),
        failures=(results.Failure(EVIL, EVIL),),
        absent_rivals=(results.AbsentRival(EVIL, EVIL),),
        created=EVIL,
    )
