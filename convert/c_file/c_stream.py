"""Write har_stream, which makes activities of raw samples in C, and the header of what it takes from a model."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from convert.c_file.c_names import c_string
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import check_front_end
from edge_runtime.model.model_card import Card
from edge_runtime.model.novelty import NoveltyDetector, TypicalMovement, TypicalPosture, TypicalSteps
from edge_runtime.signals.frontend import SIGNALS

_NEVER = 1e9  # a limit that nothing reaches
_OF_MODEL = ("SAMPLES", "HOP", "N_SIGNALS", "N_LABELS", "RATE_HZ", "TEMPERATURE")

_HEADER = """\
/* What har_stream takes from the model {name} and its card.{frame} */

#ifndef HAR_MODEL_H
#define HAR_MODEL_H

#include "{name}.h"

#define HAR_PREDICT {name}_predict
{numbers}

/* Answers, the last one unknown; and for each label its answer while the device is tilted backwards. */
{names}

/* Which of body_acc x y z, body_gyro x y z and total_acc x y z are the columns of a window; the columns of two. */
{columns}

/* Filters: sections of b0 b1 a1 a2 in powers of 1 / (z - 1). */
{filters}

/* What is typical of each label: centres of acceleration along x and across; the mean and inverse covariance of the
   logarithms of standard deviations. Limits are the distances from which on a window is unusual, and novel. */
{limits}

#endif
"""
_WALKING = "\n   Samples must be in the walking frame: x up, y ahead and z to the left of someone who walks."


def stream_files(card: Card, name: str) -> dict[str, str]:
    """The texts of har_stream and its header, by their names, for the C of a model that is called `name`.

    Raises `InputError` for a model that har_stream does not drive.
    """
    check_front_end(card)
    if not card.raw_input:
        raise InputError(f"{name} takes prepared windows: convert it with --io raw")
    if card.personal_correction:
        raise InputError(f"{name} was adapted to a person, which C leaves out")
    fixed = {x: files(__package__).joinpath(x).read_text(encoding="utf-8") for x in ("har_stream.h", "har_stream.c")}
    return {"har_model.h": _header(card, name)} | fixed


def _header(card: Card, name: str) -> str:
    smoothing, front_end, signals = card.live.smoothing, card.front_end, card.signal_names
    assert front_end is not None  # `check_front_end` has looked
    detector = card.live.novelty or _without_limits(len(card.labels))
    steps = detector.steps or TypicalSteps(_NEVER, 1.0)
    n_centres = max(len(x.centres) for x in detector.posture)
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
    tilted = [next((x.name for x in card.alike if label in x.labels), label) for label in card.labels]
    tables: dict[str, dict[str, Sequence[Any]]] = {
        "names": {
            "char *const har_names[]": [*card.answers, "unknown"],
            "int har_tilted[]": [card.answers.index(x) for x in tilted],
        },
        "columns": {
            "int har_columns[]": [SIGNALS.index(x) for x in card.signals],
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
    defined = {x: f"{name.upper()}_{x}" for x in _OF_MODEL} | {key: _literal(x) for key, x in numbers.items()}
    return _HEADER.format(
        name=name,
        frame="" if card.frame == "device" else _WALKING,
        numbers="\n".join(f"#define HAR_{key} {x}" for key, x in defined.items()),
        **{part: "\n".join(_table(key, x) for key, x in group.items()) for part, group in tables.items()},
    )


def _without_limits(n_labels: int) -> NoveltyDetector:
    """Limits that no window reaches."""
    movement = TypicalMovement((0.0,), ((1.0,),), _NEVER, _NEVER)
    return NoveltyDetector((TypicalPosture(((0.0, 0.0),), _NEVER, _NEVER),) * n_labels, (movement,) * n_labels)


def _low_pass(section: Sequence[float]) -> tuple[float, ...]:
    """A low-pass section in powers of 1 / (z - 1): b0, b1, a1, a2, which is also b2, for an answer of 1 to 1."""
    b0, b1, b2, _, a1, a2 = section
    gain = (1 + a1 + a2) / (b0 + b1 + b2)
    return gain * b0, gain * (2 * b0 + b1), 2 + a1, 1 + a1 + a2


def _columns(signals: Sequence[str], quantity: str) -> list[int]:
    """The columns of a quantity's axes; the first for those that no limit is for."""
    return [signals.index(x) if (x := f"{quantity}_{axis}") in signals else 0 for axis in "xyz"]


def _table(declaration: str, rows: Sequence[Any]) -> str:
    literals = [*map(_literal, rows)]
    values = "\n  " + ",\n  ".join(literals) + "\n" if "][" in declaration else ", ".join(literals)
    return f"static const {declaration} = {{{values}}};"


def _literal(x: Any) -> str:
    """A text, a number or nested numbers in C; other than whole ones they are of float."""
    match x:
        case str():
            return c_string(x)
        case int():
            return str(x)
        case float():
            return f"{np.float32(x)!s}f"
        case _:
            return f"{{{', '.join(map(_literal, x))}}}"
