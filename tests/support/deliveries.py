"""Make streams as sensors deliver recordings: late, lost, fast and faulty samples."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from edge_runtime.data import embedded_recordings
from edge_runtime.data.recording import Recording
from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import frontend

SUBJECTS = (1, 3, 5)  # training subjects
EDGE = reference_model("edge", "int8")
Stream = tuple[np.ndarray, np.ndarray]  # times [n] and samples [n, 6]


def some_recordings() -> list[Recording]:
    return [recording for recording in embedded_recordings.load() if recording.subject in SUBJECTS]


def on_a_table(rng) -> np.ndarray:
    """Four minutes of a sensor's noise."""
    return rng.normal([0, 0, 1, 0, 0, 0], 0.003, (12000, 6))


def as_recorded(samples, rng) -> Stream:
    return 1000 + np.arange(len(samples)) / frontend.RATE_HZ, samples


def as_phones_deliver(samples, rng) -> Stream:
    """Add jitter, lost, late, doubled and NaN samples, gaps, and a clock that is set back."""
    n = len(samples)
    seconds = 1000 + np.arange(n) / frontend.RATE_HZ + rng.normal(0, 0.003, n)
    kept = rng.random(n) > 0.02
    for start in rng.integers(0, n - 200, 3):
        kept[start : start + rng.integers(5, 120)] = False
    order = np.flatnonzero(kept)
    for i in rng.integers(0, len(order) - 8, 40):
        order[[i, i + 1]] = order[[i + 1, i]]
    order = np.insert(order, 300, order[[299, 299]])
    order = np.insert(order, 900, order[880])
    seconds, samples = seconds[order], samples[order].copy()
    samples[500] = np.nan
    samples[700:705, 1], samples[800, 5], samples[900, 0] = 1e39, -200.1, 100.0
    seconds[len(seconds) // 2 :] -= 5
    return seconds, samples


def as_fast_sensors_deliver(samples, rng) -> Stream:
    """Resample to 200 or 104 Hz with vibration above 25 Hz, lost samples and a wrong timestamp."""
    rate = rng.choice([104.0, 200.0])
    seconds = np.arange(int(len(samples) * rate / frontend.RATE_HZ) - 4) / rate
    fast = np.stack(
        [np.interp(seconds, np.arange(len(samples)) / frontend.RATE_HZ, axis) for axis in samples.T], axis=1
    )
    fast[:, 0] += 0.3 * np.sin(2 * np.pi * 45 * seconds)
    kept = rng.random(len(seconds)) > 0.02
    kept[5000 : 5000 + rng.integers(20, 300)] = False
    seconds, fast = seconds[kept], fast[kept]
    seconds[8000] = 1e9
    return seconds, fast


def as_faulty_sensors_deliver(samples, rng) -> Stream:
    """Let sensors get stuck, saturate, change units, scale and axes, and the clock step back."""
    samples, seconds = samples.copy(), 1000 + np.arange(len(samples)) / frontend.RATE_HZ
    samples[:9000, 3:] *= 0.5
    samples[1000:1800] = samples[1000]
    samples[2500:4000, rng.integers(6)] = 0
    samples[4500:5000, 3:] *= 180 / np.pi
    samples[6000:6800, 3:] *= 180 / np.pi
    samples[12000:14000, 3:] *= np.pi / 180
    samples[7000:9000] = np.clip(2 * samples[7000:9000], -1.6, 1.6)
    samples[9000:, 3:] = samples[9000:, [5, 3, 4]]
    seconds[9000:] -= 0.6
    seconds[9500:9580] = np.repeat(seconds[9500:9580:8], 8)
    seconds[10000:10012] += 20 * np.arange(12)
    return seconds, samples


def turned_twice(samples: np.ndarray, moved: int, rng) -> np.ndarray:
    """Turn `samples` `[n, 6]` at random, and differently from sample `moved` on."""
    parts = []
    for part in (samples[:moved], samples[moved:]):
        rotation = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
        parts.append(np.concatenate([part[:, :3] @ rotation.T, part[:, 3:] @ rotation.T], axis=1))
    return np.concatenate(parts)


DELIVERIES: tuple[Callable[..., Stream], ...] = (
    as_recorded,
    as_phones_deliver,
    as_fast_sensors_deliver,
    as_faulty_sensors_deliver,
)
KINDS = ("edge", "walking", "edge-anywhere")
CASES = [*itertools.product(KINDS, DELIVERIES, [""]), ("edge-anywhere", as_recorded, "waist")]
"""Kinds of models, how their samples are delivered, and the placement."""


def model_of(folder: Path, kind: str) -> Path:
    """Return the path of `edge`, of `edge-anywhere`, or of `edge` as if it used the walking frame."""
    if kind != "walking":
        return reference_model(kind, "int8")
    flatbuffer, card = cards.read_model(EDGE)
    walking = replace(card, frame="walking", alike=(IN_A_POCKET,))
    (folder / "walking.tflite").write_bytes(cards.attach(flatbuffer, walking))
    return folder / "walking.tflite"


def streams_for(kind: str, deliver: Callable[..., Stream]) -> list[Stream]:
    """Return the streams that a model of a `kind` recognises, in times [n] of whole microseconds."""
    rng = np.random.default_rng(kind == "edge-anywhere")
    whole = [recording.samples for recording in some_recordings()]
    sent = whole[:4] if kind == "edge-anywhere" else [*whole, on_a_table(rng)]
    if kind != "edge":
        sent = [turned_twice(samples, rng.integers(len(samples) // 3, len(samples)), rng) for samples in sent]
    streams = [deliver(samples, rng) for samples in sent]
    return [(np.rint(1e6 * seconds).astype(np.int64), samples) for seconds, samples in streams]
