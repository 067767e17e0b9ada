"""Tell by steps whether a device is worn as in the training of a model that takes the device's own axes."""

import numpy as np

from edge_runtime.live.mounting_search import WALK_S
from edge_runtime.model.model_card import WALKING, Card
from edge_runtime.signals.axes import BACKWARDS_AXES, UPRIGHT_AXES
from edge_runtime.signals.mounting import LAG_S, MOVING_G, SWAY_LAG_S
from edge_runtime.signals.raw_signals import measured_names
from edge_runtime.signals.types import Array, triads

UPRIGHT = (0.8, 1.2)  # g on the axis that points up
# Of 42 recordings of UCI HAR's training people these numbers report none, and all of them after half a turn.
FACING_S = 30.0  # of steps, since stairs down push the other way
BACKWARDS = 0.5  # cosine of the angle between the pushes back of the steps and ahead in the training
LEAST_PUSH = 0.1  # g², summed over samples: below it there is no direction


class WornAxes:
    """Follows the windows of one stream, one every `step_s`, for the model of `card`.

    If `are_told`, the axes are already as a user has named them, so the axis that points up is not looked for.
    """

    def __init__(self, card: Card, step_s: float, are_told: bool) -> None:
        assert card.window.rate_hz
        self._step_s = step_s
        self._lag, self._sway_lag = (max(1, round(x * card.window.rate_hz)) for x in (LAG_S, SWAY_LAG_S))
        self._looks_up = bool(looks_up(card)) and not are_told
        looks_ahead = looks_up(card) and "body_gyro" in triads(measured_names(card.signals)).values()
        self._ahead = np.array(card.live.ahead) if looks_ahead and card.live.ahead else None
        self._walked_s = self._vertical_s = 0.0  # without a pause
        self._has_x_been_up = False
        self._clear()

    def _clear(self) -> None:
        self._stepped_s = self._sway = 0.0
        self._push = np.zeros(3)

    def update(self, signals: Array) -> str:
        """Take the next window of all signals `[samples, 9]`; return advice, or "" while none is due.

        Another axis that points up shows in the first walk or, unless somebody lies, in half a minute of a stream in
        which x has not pointed up; a device that faces backwards shows in 30 s of steps.
        """
        if not self._looks_up and self._ahead is None:
            return ""
        gravity = signals[:, 6:].mean(axis=0)
        axis = int(np.abs(gravity).argmax())
        name = "xyz"[axis] if gravity[axis] > 0 else f"-{'xyz'[axis]}"
        is_vertical = UPRIGHT[0] < abs(gravity[axis]) < UPRIGHT[1]
        # Body acceleration also shows turns, for example in bed.
        takes_steps = is_vertical and np.linalg.norm(signals[:, 6:], axis=1).std() > MOVING_G
        if self._looks_up and (unless := self._other_axis(name, is_vertical, takes_steps)) is not None:
            text = f"the device's {name} axis points up, but x did in the training: {unless}give --axes"
            # An iPhone's Core Motion reports -1 g along the axis that points up.
            mend = "negate acceleration if it is an iPhone's, " * name.startswith("-")
            return f"{text} {UPRIGHT_AXES[name]}, {mend}or use edge-anywhere"
        if takes_steps and name == "x" and self._ahead is not None and self._faces_back(signals, self._ahead):
            self._ahead = None
            text = "the device seems to face backwards, compared with the training"
            return f"{text}: turn it round, use edge-anywhere, or negate the last two --axes, as in {BACKWARDS_AXES}"
        return ""

    def _other_axis(self, name: str, is_vertical: bool, takes_steps: bool) -> str | None:
        """Follow the axis that points up; once another one surely does, return "", or a condition; else None."""
        self._walked_s = self._walked_s + self._step_s if takes_steps else 0.0
        self._vertical_s = self._vertical_s + self._step_s if is_vertical else 0.0
        self._has_x_been_up |= is_vertical and name == "x"
        self._looks_up = self._walked_s < WALK_S
        if not self._looks_up and name != "x":
            self._ahead = None
            return ""
        if self._has_x_been_up or self._vertical_s < FACING_S:
            return None
        self._has_x_been_up = True  # once
        return "unless somebody lies, "

    def _faces_back(self, signals: Array, ahead: Array) -> bool:
        """Add the steps of a window; tell whether all so far, if they are enough, show a device that faces back.

        Both signs of `edge_runtime.signals.mounting` have to: pushes back, and sway.
        """
        total = signals[:, 6:]
        up = total.mean(axis=0) / np.linalg.norm(total.mean(axis=0))
        upwards, turning = total @ up, signals[:, 3:6] @ up
        push = (upwards - upwards.mean())[: -self._lag] @ total[self._lag :]
        self._push += push - push @ up * up
        leftwards = total @ np.cross(up, ahead)
        self._sway += float((turning - turning.mean())[: -self._sway_lag] @ leftwards[self._sway_lag :])
        self._stepped_s += self._step_s
        if self._stepped_s < FACING_S:
            return False
        size = max(float(np.linalg.norm(self._push)), LEAST_PUSH)
        faces_back = self._push @ ahead > BACKWARDS * size and self._sway > 0
        self._clear()
        return bool(faces_back)


def looks_up(card: Card) -> bool | None:
    """Tell whether x pointed up in the training, so that the axis that does in walking shows how the device is worn.

    None if the card does not say, or the frame is of walking.
    """
    if card.live.novelty is None or WALKING not in card.labels or card.frame == "walking":
        return None
    walking = card.live.novelty.posture[card.labels.index(WALKING)]
    return all(upright > UPRIGHT[0] for upright, _ in walking.centres)
