"""Find how the device is worn by the walks in a stream, and forget it when the device may have moved."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.mounting import Motion, is_moving, is_turned_round, own_frames, turned, walking_frame
from edge_runtime.signals.types import Array, Window

UNKNOWN_MOUNTING = "mounting not known yet: walk a few steps"
WALK_S = 5.0  # of walking or stairs, to compute a frame; of movement with the device turned over, to forget it
SETTLED_S = 11.0  # of walking, to settle a frame
SURE = 0.8  # a frame is computed from windows with at least this probability of walking, or of steps
CONTRADICTED_S = 8.0  # of walking, to accept a frame that points back by the known frame, but ahead by sway
REVERSED_S = 20.0  # of walking, to accept a frame that points back; so does downstairs, but stairs end sooner
LONGEST_GAP_S = 5.0  # too short to move a phone elsewhere
WALK_WINDOWS = 24  # half a minute: more windows do not improve the frame, and the phone may slip
ELSEWHERE = np.cos(np.radians(45))  # from upright: waists and thighs tilt less in walking
TURNED_OVER = np.cos(np.radians(120))  # from upright: nobody moves like this for long


class MountingSearch:
    """Follows the mounting of one stream: windows of the signals `names`, one every hop of `window`.

    `rotation` `[3, 3]` turns its windows into the walking frame; None while the frame is unknown. Stairs and slow
    jogging may give a first frame that points back. So it is tentative until it `is_settled` by windows of walking.
    """

    def __init__(self, names: Sequence[str], window: Window) -> None:
        self._names, self._window = names, window
        self.rotation: Array | None = None
        self.is_settled = False
        self._walk: deque[tuple[Motion, bool]] = deque(maxlen=WALK_WINDOWS)  # and whether it is walking, not stairs
        self._n_windows = self._n_walking = 0  # windows of the walk
        self._n_turned_over = 0  # windows in a row

    def forget(self) -> bool:
        """Forget the mounting; return whether it was known."""
        was_known = self.rotation is not None
        self.rotation, self.is_settled, self._n_turned_over = None, False, 0
        self._clear()
        return was_known

    def end_walk(self) -> None:
        """End the walk; while the mounting is not settled, the next walk goes on with it."""
        if self.is_settled:
            self._clear()

    def _clear(self) -> None:
        self._walk.clear()
        self._n_windows = self._n_walking = 0

    @property
    def is_by_walking(self) -> bool:
        """Tell whether the known frame comes from windows of walking, not of stairs."""
        return self.is_settled or self._seconds(self._n_walking) >= WALK_S

    def own(self, window: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Turn a window `[samples, n_signals]` into its own frame, in which walking is recognised."""
        return turned(window[np.newaxis], self._names, own_frames(self._motion(window)))[0]

    def turn(self, window: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Turn a window `[samples, n_signals]` into the walking frame or, if that is unknown, into its own frame."""
        if self.rotation is None:
            return self.own(window)
        return turned(window[np.newaxis], self._names, self.rotation)[0]

    def update(self, window: npt.NDArray[np.floating], has_steps: bool, is_walking: bool) -> str:
        """Take the next window `[samples, n_signals]`; return "found" or "lost" if the mounting changes, else "".

        It `has_steps` if it certainly shows walking or stairs. The first frame may use windows of several walks and of
        stairs, as long as the device has about the same tilt in them; until it is settled, windows of walking replace
        it. A settled frame is computed anew from the latest windows of a walk.
        """
        if self.rotation is not None:
            has_steps = is_walking
        if not has_steps:
            self.end_walk()
        news = ""
        if self.rotation is not None and self._is_elsewhere(window, is_walking):
            self.forget()
            news = "lost"
        if not has_steps:
            return news
        if not self.is_settled and self._walk:
            walked = np.mean([motion.acceleration[0] for motion, _ in self._walk], axis=0)
            if own_frames(self._motion(window))[0, 0] @ walked < ELSEWHERE * np.linalg.norm(walked):
                self._clear()
        self._walk.append((self._motion(window), is_walking))
        self._n_windows += 1
        self._n_walking += is_walking
        frame = self._frame_of_walk() if self.is_settled else self._tentative_frame()
        if frame is None:
            return news
        if self.rotation is None:
            news = "found"
        self.rotation = frame
        if not self.is_settled and self._seconds(self._n_walking) >= SETTLED_S:
            self.is_settled = True
            self._clear()
        return news

    def _tentative_frame(self) -> Array | None:
        """Compute a frame from windows of walking or, for the first frame, if there are too few, from all of steps."""
        walking = [motion for motion, is_walking in self._walk if is_walking]
        if len(walking) == WALK_WINDOWS or self._seconds(len(walking)) >= WALK_S:
            return walking_frame(_joined(walking))
        return self._frame_of_walk() if self.rotation is None else None

    def _frame_of_walk(self) -> Array | None:
        """Compute a frame from the walk, if that is long enough.

        Stairs down point back. So a frame that points back, by sway or by the known frame, needs a longer walk.
        """
        walked_s = self._seconds(self._n_windows)
        if walked_s < WALK_S:
            return None
        walk = _joined([motion for motion, _ in self._walk])
        frame = walking_frame(walk)
        sways_back = is_turned_round(walk, frame)
        least_s = REVERSED_S if sways_back else WALK_S
        if self.rotation is not None:
            sways_ahead = "body_gyro_x" in self._names and not sways_back
            points_back = bool(frame[1] @ self.rotation[1] < 0)
            least_s = WALK_S if not points_back else CONTRADICTED_S if sways_ahead else REVERSED_S
        return frame if walked_s >= least_s else None

    def _is_elsewhere(self, window: npt.NDArray[np.floating], is_walking: bool) -> bool:
        """Tell whether someone walks with a strongly tilted device, or keeps moving with a device turned over."""
        assert self.rotation is not None
        moves = is_moving(window[np.newaxis], self._names)[0]
        upright = own_frames(self._motion(window))[0, 0] @ self.rotation[0] if moves else 1.0
        self._n_turned_over = self._n_turned_over + 1 if upright < TURNED_OVER else 0
        return bool(is_walking and upright < ELSEWHERE) or self._seconds(self._n_turned_over) >= WALK_S

    def _motion(self, window: npt.NDArray[np.floating]) -> Motion:
        assert self._window.rate_hz
        return Motion.of(window[np.newaxis], self._names, self._window.rate_hz)

    def _seconds(self, n_windows: int) -> float:
        """Compute the time from the first to the last sample of `n_windows`, as if in a row."""
        assert self._window.rate_hz
        samples = self._window.samples + (n_windows - 1) * min(self._window.hop, self._window.samples)
        return samples / self._window.rate_hz if n_windows else 0.0


def _joined(walk: Sequence[Motion]) -> Motion:
    return Motion(*map(np.concatenate, zip(*walk, strict=True)))
