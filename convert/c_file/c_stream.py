"""Write har_stream, which turns raw samples into activities in C, and a header with the numbers of its model."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from convert.c_file.c_names import c_string
from convert.c_file.c_program import number
from convert.c_file.c_sizes import Sizes, with_stream
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import check_front_end
from edge_runtime.model.model_card import Card
from edge_runtime.model.novelty import NoveltyDetector, TypicalMovement, TypicalPosture, TypicalSteps
from edge_runtime.signals.frontend import SIGNALS

_N_FIELDS = 29  # of a har_stream, without its arrays for labels, filters and the window
_NEVER = 1e9  # a limit that nothing reaches
_OF_MODEL = ("SAMPLES", "HOP", "N_SIGNALS", "N_LABELS", "RATE_HZ", "TEMPERATURE")

_HEADER = """\
/* The numbers that har_stream takes from the model {name} and its card.{frame}
   On a Cortex-M4 with -Os, both take at most HAR_FLASH_BYTES, HAR_RAM_BYTES in a har_stream, and HAR_STACK_BYTES. */

#ifndef HAR_MODEL_H
#define HAR_MODEL_H

#include "{name}.h"

#define HAR_PREDICT {name}_predict
{numbers}

/* The answers, of which the last is unknown, and the answer for each label while the device is tilted backwards. */
{names}

/* Which of body_acc x y z, body_gyro x y z and total_acc x y z each column of a window is; the columns of two. */
{columns}

/* Filters: sections of b0 b1 a1 a2 in powers of 1 / (z - 1). */
{filters}

/* What is typical of each label: centres of acceleration along x and across; the mean and inverse covariance of the
   logarithms of standard deviations. Limits are the distances beyond which a window is unusual, and novel. */
{limits}

#endif
"""
_WALKING = "\n   Samples must be in the walking frame: x up, y ahead and z to the left of someone who walks."


def stream_files(card: Card, name: str, model: Sizes) -> tuple[dict[str, str], Sizes]:
    """Return the texts of har_stream and its headers by file name, for the C of the model `name`, and all their sizes.

    Raises `InputError` for a model that har_stream cannot drive.
    """
    check_front_end(card)
    if not card.raw_input:
        raise InputError(f"{name} takes prepared windows: convert it with --io raw")
    if card.personal_correction:
        raise InputError(f"{name} was adapted to a person, which har_stream does not support")
    fixed = {x: files(__package__).joinpath(x).read_text(encoding="utf-8") for x in ("har_stream.h", "har_stream.c")}
    header, sizes = _header(card, name, model)
    return {"har_model.h": header} | fixed, sizes


def _header(card: Card, name: str, model: Sizes) -> tuple[str, Sizes]:
    smoothing, front_end, signals = card.live.smoothing, card.front_end, card.signal_names
    assert front_end is not None  # `check_front_end` has checked it
    detector = card.live.novelty or _without_limits(len(card.labels))
    steps = detector.steps or TypicalSteps(_NEVER, 1.0)
    n_centres = max(len(posture.centres) for posture in detector.posture)
    numbers: dict[str, float] = {
        "UNKNOWN": len(card.answers),
        "N_NOISE": len(front_end.noise.sections),
        "N_GRAVITY": len(front_end.gravity.sections),
        "N_DRIFT": len(front_end.drift.sections),
        "N_CENTRES": n_centres,
        "N_MOVEMENT": len(detector.movement[0].mean),
        "EVIDENCE": smoothing.evidence,
        "CHANGE_STILL": smoothing.change_still,
        "CHANGE_MOVING": smoothing.change_moving,
        "CONFIDENCE": smoothing.confidence,
        "BODY_MOVES_G": smoothing.movement,
        "REST_RAD_S": detector.rest or 0.0,
        "MOST_STEPS_HZ": steps.most,
        "UNUSUAL_STEPS_HZ": steps.unusual,
    }
    tilted = [next((group.name for group in card.alike if label in group.labels), label) for label in card.labels]
    tables: dict[str, dict[str, Sequence[Any]]] = {
        "names": {
            "char *const har_names[]": [*card.answers, "unknown"],
            "int har_tilted[]": [card.answers.index(answer) for answer in tilted],
        },
        "columns": {
            "int har_columns[]": [SIGNALS.index(signal) for signal in card.signals],
            "int har_body_gyro[]": _columns(signals, "body_gyro"),
            "int har_total_acc[]": _columns(signals, "total_acc"),
        },
        "filters": {
            f"float har_{key}[][4]": [*map(_low_pass, getattr(front_end, key).sections)]
            for key in ("noise", "gravity", "drift")
        },
        "limits": {
            "float har_centres[][HAR_N_CENTRES][2]": [(x.centres * n_centres)[:n_centres] for x in detector.posture],
            "float har_posture_limits[][2]": [(x.unusual, x.novel) for x in detector.posture],
            "float har_means[][HAR_N_MOVEMENT]": [x.mean for x in detector.movement],
            "float har_precisions[][HAR_N_MOVEMENT][HAR_N_MOVEMENT]": [x.precision for x in detector.movement],
            "float har_movement_limits[][2]": [(x.unusual, x.novel) for x in detector.movement],
        },
    }
    macros = {key: f"{name.upper()}_{key}" for key in _OF_MODEL} | {key: _literal(x) for key, x in numbers.items()}
    sizes = with_stream(
        model,
        sum(4 * np.size(rows) for group in tables.values() for rows in group.values()) + sum(map(len, card.answers)),
        _n_bytes(numbers, card),
        card.window.samples,
        len(card.labels),
    )
    macros |= sizes.macros()
    text = _HEADER.format(
        name=name,
        frame="" if card.frame == "device" else _WALKING,
        numbers="\n".join(f"#define HAR_{key} {value}" for key, value in macros.items()),
        **{part: "\n".join(_table(key, rows) for key, rows in group.items()) for part, group in tables.items()},
    )
    return text, sizes


def _n_bytes(numbers: Mapping[str, float], card: Card) -> int:
    """Return the size of a `har_stream`, whose fields are of four bytes or aligned to four."""
    sections = 6 * numbers["N_NOISE"] + 3 * numbers["N_GRAVITY"] + 3 * numbers["N_DRIFT"]
    window = card.window.samples * len(card.signals)
    return int(4 * (_N_FIELDS + len(card.labels) + 4 * sections + window))


def _without_limits(n_labels: int) -> NoveltyDetector:
    """Return limits that no window reaches."""
    movement = TypicalMovement((0.0,), ((1.0,),), _NEVER, _NEVER)
    return NoveltyDetector((TypicalPosture(((0.0, 0.0),), _NEVER, _NEVER),) * n_labels, (movement,) * n_labels)


def _low_pass(section: Sequence[float]) -> tuple[float, ...]:
    """Return a low-pass section in powers of 1 / (z - 1), with a gain of 1: b0, b1, a1, and a2, which is also b2."""
    b0, b1, b2, _, a1, a2 = section
    gain = (1 + a1 + a2) / (b0 + b1 + b2)
    return gain * b0, gain * (2 * b0 + b1), 2 + a1, 1 + a1 + a2


def _columns(signals: Sequence[str], quantity: str) -> list[int]:
    """Return the columns of a quantity's axes, 0 for an axis that the model does not take and no limit is for."""
    return [signals.index(name) if (name := f"{quantity}_{axis}") in signals else 0 for axis in "xyz"]


def _table(declaration: str, rows: Sequence[Any]) -> str:
    literals = [*map(_literal, rows)]
    values = "\n  " + ",\n  ".join(literals) + "\n" if "][" in declaration else ", ".join(literals)
    return f"static const {declaration} = {{{values}}};"


def _literal(x: Any) -> str:
    """Return a text, a number or nested numbers in C; numbers that are not whole are floats."""
    match x:
        case str():
            return c_string(x)
        case int():
            return str(x)
        case float():
            return number(x)
        case _:
            return f"{{{', '.join(map(_literal, x))}}}"
