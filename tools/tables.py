"""Real phones on a table: nobody wears them in some unlabelled stretches of the recordings.

They are found by acceleration alone, which is not what tells a table from a body (`Familiarity.rest`): for seconds,
gravity is on the phone's back, and its direction stays to the sensor's accuracy.
"""

import numpy as np

from edge_runtime.data.dataset import Recording, segments

_FLAT = 0.985  # g along z: within 10 degrees
_STEADY = 0.004  # g from one second to the next: a quarter of a degree
_LEAST_S = 5


def on_a_real_table(recording: Recording) -> list[tuple[int, int]]:
    """First sample and end of each stretch in which the phone lies on its back and is not touched."""
    rate = round(recording.rate_hz)
    n_seconds = len(recording.samples) // rate
    seconds = recording.samples[: n_seconds * rate].reshape(n_seconds, rate, -1)[..., :3].mean(axis=1)
    unlabelled = (recording.labels[: n_seconds * rate].reshape(n_seconds, rate) < 0).all(axis=1)
    steady = np.linalg.norm(np.diff(seconds, axis=0, prepend=seconds[:1]), axis=1) < _STEADY
    lies = segments(unlabelled & steady & (seconds[:, 2] > _FLAT))
    return [(first * rate, end * rate) for first, end, is_true in lies if is_true and end - first >= _LEAST_S]
