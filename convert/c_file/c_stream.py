"""Write the recogniser in C, and a header with the numbers of its model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.c_file.c_names import c_string
from convert.c_file.c_sizes import Sizes, with_stream
from edge_runtime import c
from edge_runtime.errors import InputError
from edge_runtime.live.decider import STEPS, are_still
from edge_runtime.live.recognizer import check_live
from edge_runtime.live.worn_axes import looks_up
from edge_runtime.model.alike_labels import IN_A_POCKET, tilt_decides
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.model.novelty import NoveltyDetector, TypicalMovement, TypicalPosture, TypicalSteps
from edge_runtime.model.personal_correction import PersonalCorrection, moving_columns
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.raw_signals import are_raw, measured_names, raw_factors
from edge_runtime.signals.types import RAW_NAMES, triads

_NEVER = 1e9  # a limit that nothing reaches
_OF_MODEL = ("SAMPLES", "HOP", "N_SIGNALS", "N_LABELS")
_TEXT = """\
/* The numbers that har_stream takes from the model {name} and its card.
   On a Cortex-M4 with -Os, both take at most HAR_FLASH_BYTES, HAR_RAM_BYTES in a har_stream, and HAR_STACK_BYTES. */

#ifndef HAR_MODEL_H
#define HAR_MODEL_H

#include "har_rules.h"
#include "{name}.h"

#define HAR_PREDICT {name}_predict
{numbers}

/* The answers, of which the last is unknown. */
static const char *const har_names[] = {{{names}}};

/* The answer for each label while the device is tilted backwards, whether the body keeps still, and whether it takes
   steps. The signal of each column of a window, among body_acc x y z, body_gyro x y z and total_acc x y z (raw:
   acceleration and rotation). Its unit in g or rad/s. The column of each signal, or 0. Typical motion of each label:
   centres of acceleration along x and across, the mean and inverse covariance of the logarithms of standard deviations.
   The distances beyond which a window is unusual, and novel. A person's correction. */
{tables}

#endif
"""


@dataclass(frozen=True)
class CardNumbers:
    """The numbers of a card by their names in C: whole and real numbers, then tables of both kinds."""

    whole: Mapping[str, int]
    real: Mapping[str, float]
    whole_tables: Mapping[str, Sequence[int]]
    real_tables: Mapping[str, Sequence[float]]


def stream_files(card: Card, name: str, model: Sizes) -> tuple[dict[str, str], Sizes]:
    """Return the texts of the recogniser by file name, for the C of the model `name`, and all their sizes.

    Raises `InputError` for a model that it cannot drive.
    """
    if not card.raw_input:
        raise InputError(f"{name} takes prepared windows: convert it with --io raw")
    header, sizes = _header(card, name, model)
    return {"har_model.h": header} | {path.name: path.read_text(encoding="utf-8") for path in c.FILES}, sizes


def card_numbers(card: Card) -> CardNumbers:
    """Return the numbers that the recogniser takes from a card. Raises `InputError` as `check_live`."""
    check_live(card)
    assert card.window.rate_hz
    smoothing, names, labels = card.live.smoothing, measured_names(card.signals), card.labels
    detector = card.live.novelty or _without_limits(len(labels))
    steps = detector.steps or TypicalSteps(_NEVER, 1.0)
    n_centres = max(len(posture.centres) for posture in detector.posture)
    is_raw = are_raw(card.signals)
    signals = [signal.name for signal in SIGNALS]
    columns = [RAW_NAMES.index(signal.name) if is_raw else signals.index(signal.name) for signal in card.signals]
    factors = raw_factors(card.signals) if is_raw else None
    tilted = [next((group.name for group in card.alike if label in group.labels), label) for label in labels]
    correction = card.personal_correction or PersonalCorrection((), (), (), ())
    moving = moving_columns(card.signal_names)
    by_tilt = [labels.index(x) for x in IN_A_POCKET.labels] if tilt_decides("waist", labels) else [0, 0]
    posture, movement = detector.posture, detector.movement
    whole = {"SAMPLES": card.window.samples, "HOP": card.window.hop, "N_SIGNALS": len(columns), "N_LABELS": len(labels)}
    whole |= {"UNKNOWN": len(card.answers), "RATE_MHZ": round(1000 * card.window.rate_hz), "IS_RAW": int(is_raw)}
    whole |= {"WALKING_FRAME": int(card.frame == "walking"), "N_CHANNELS": card.n_channels}
    whole |= {"TURNS_GYRO": int("body_gyro" in triads(names).values()), "LOOKS_UP": int(bool(looks_up(card)))}
    whole |= {"WALKING": labels.index(WALKING) if WALKING in labels else 0}
    whole |= {"SITTING": by_tilt[0], "LAYING": by_tilt[1], "N_CENTRES": n_centres}
    whole |= {"N_MOVEMENT": len(movement[0].mean), "N_MOVING": len(moving) if card.personal_correction else 0}
    real = {"TEMPERATURE": card.temperature, "EVIDENCE": smoothing.evidence, "CONFIDENCE": smoothing.confidence}
    real |= {"CHANGE_STILL": smoothing.change_still, "CHANGE_MOVING": smoothing.change_moving}
    real |= {"BODY_MOVES_G": smoothing.movement, "REST_RAD_S": detector.rest or 0.0}
    real |= {"MOST_STEPS_HZ": steps.most, "UNUSUAL_STEPS_HZ": steps.unusual}
    whole_tables: dict[str, Sequence[int]] = {
        "columns": columns,
        "places": [names.index(signal) if signal in names else 0 for signal in signals],
        "tilted": [*map(card.answers.index, tilted)],
        "still": [*map(int, are_still(card))],
        "moving": moving,
        "steps": [int(label in STEPS) for label in labels],
    }
    real |= dict(zip(("AHEAD_X", "AHEAD_Y", "AHEAD_Z"), card.live.ahead or (0.0, 0.0, 0.0), strict=True))
    real_tables = {
        "factors": [1.0] * len(columns) if factors is None else factors.tolist(),
        "centres": _flat((x.centres * n_centres)[:n_centres] for x in posture),
        "means": _flat(x.mean for x in movement),
        "precisions": _flat(x.precision for x in movement),
        "posture_limits": _flat((x.unusual, x.novel) for x in posture),
        "movement_limits": _flat((x.unusual, x.novel) for x in movement),
        "middle": correction.middle,
        "weights": _flat(correction.weights),
        "lowest": correction.lowest,
        "highest": correction.highest,
    }
    return CardNumbers(whole, real, whole_tables, real_tables)


def _header(card: Card, name: str, model: Sizes) -> tuple[str, Sizes]:
    numbers = card_numbers(card)
    macros = {key: str(value) for key, value in numbers.whole.items()}
    macros |= {key: f"{name.upper()}_{key}" for key in _OF_MODEL} | {key: _real(x) for key, x in numbers.real.items()}
    tables = [_table("int", key, map(str, rows)) for key, rows in numbers.whole_tables.items()]
    tables += [_table("har_real", key, map(_real, rows)) for key, rows in numbers.real_tables.items()]
    n_values = sum(map(len, (*numbers.whole_tables.values(), *numbers.real_tables.values())))
    constants = 4 * n_values + sum(map(len, card.answers))
    sizes = with_stream(model, constants, card)
    macros |= sizes.macros()
    text = _TEXT.format(
        name=name,
        numbers="\n".join(f"#define HAR_{key} {value}" for key, value in macros.items()),
        names=", ".join(map(c_string, (*card.answers, "unknown"))),
        tables="\n".join(tables),
    )
    return text, sizes


def _without_limits(n_labels: int) -> NoveltyDetector:
    """Return limits that no window reaches."""
    movement = TypicalMovement((0.0,), ((1.0,),), _NEVER, _NEVER)
    return NoveltyDetector((TypicalPosture(((0.0, 0.0),), _NEVER, _NEVER),) * n_labels, (movement,) * n_labels)


def _flat(rows: Iterable[Any]) -> list[float]:
    return [float(x) for row in rows for x in np.ravel(row)]


def _table(c_type: str, name: str, literals: Iterable[str]) -> str:
    return f"static const {c_type} har_{name}[] = {{{', '.join(literals) or 0}}};"


def _real(x: float) -> str:
    return f"HAR_R({float(x)!r})"
