"""Check the recogniser in C under sanitizers: with samples that no sensor gives, and over a day."""

from pathlib import Path

import pytest
from c_recognizer import SOURCES
from compiled_c import CC, STRICT
from programs import run_program, succeeded

from convert.c_file.c_sizes import Sizes
from convert.c_file.c_stream import stream_files
from edge_runtime import c
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import reference_model

TORTURE = Path(__file__).with_name("torture.c")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1")
SETTINGS = [("-DHAR_FLOAT", "-DHAR_SENSOR_HZ=0"), ("-DHAR_FLOAT", "-DHAR_SENSOR_HZ=104"), ("-DHAR_SENSOR_HZ=250",)]

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


def program(folder: Path, name: str, *options: str) -> Path:
    """Compile the recogniser with the card of a shipped model, whose answers are made up."""
    _, card = cards.read_model(reference_model(name, "int8"))
    (folder / "har_model.h").write_text(stream_files(card, "made_up_1", Sizes(0, 0))[0]["har_model.h"])
    whole = {"SAMPLES": card.window.samples, "HOP": card.window.hop, "N_SIGNALS": 9, "N_LABELS": len(card.labels)}
    header = "".join(f"#define MADE_UP_1_{key} {value}\n" for key, value in whole.items())
    (folder / "made_up_1.h").write_text(
        f"{header}#define HAR_VALUE float\nvoid made_up_1_predict(const float *, float *);\n"
    )
    sources = (*SOURCES, TORTURE, "-o", folder / "program", "-lm")
    succeeded(run_program(CC, *STRICT, *SANITIZERS, *options, f"-I{folder}", f"-I{c.FOLDER}", *sources))
    return folder / "program"


@pytest.mark.parametrize(("name", "options"), zip(("edge", "edge-anywhere", "edge-anywhere"), SETTINGS, strict=True))
def test_no_sample_reads_or_writes_elsewhere(tmp_path, name, options):
    assert int(succeeded(run_program(program(tmp_path, name, *options))).stdout) > 20


@pytest.mark.long
@pytest.mark.parametrize(("options", "rate_hz"), [*zip(SETTINGS, (50, 104, 200), strict=True)])
def test_a_day_has_as_many_decisions_as_hops(tmp_path, options, rate_hz):
    """From a clock that has run for ten years."""
    done = succeeded(run_program(program(tmp_path, "edge-anywhere", *options), 24, rate_hz, 3.2e14))
    assert int(done.stdout) == (24 * 3600 * 50 - 128) // 64 + 1
