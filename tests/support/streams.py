"""Help tests of streams with a fake clock, samples, sources and recognisers."""

import time
from collections.abc import Callable, Iterable

import numpy as np

from edge_runtime.data.uci_har import LABELS
from edge_runtime.live.decider import Decision, LiveEvent, Notice
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.sources import Chunk, Event, Item, Source
from edge_runtime.signals.types import STANDARD_GRAVITY, Array

G, DEGREES = STANDARD_GRAVITY, 180 / np.pi


class FakeClock:
    """Advances only when somebody sleeps or a test sets `now`."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


def standing(n: int = 100, size: float = 1.0) -> Array:
    """Return samples `[n, 6]` of somebody who stands nearly still; `size` is the value of 1 g."""
    noise = np.random.default_rng(0).normal(0, 0.01, (n, 6))
    return noise + np.array([size, 0, 0, 0, 0, 0])


HEADERS = {
    "own": ("timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]", 1, 1, 1),
    "own ms": ("timestamp[ms],ax[m/s^2],ay[m/s^2],az[m/s^2],gx[deg/s],gy[deg/s],gz[deg/s]", 1e3, G, DEGREES),
    "own us": ("timestamp[us],ax[g],ay[g],az[g],gx[deg/s],gy[deg/s],gz[deg/s]", 1e6, 1, DEGREES),
    "phyphox": (
        '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)",'
        '"Gyroscope x (rad/s)","Gyroscope y (rad/s)","Gyroscope z (rad/s)"',
        *(1, G, 1),
    ),
    "Physics Toolbox": ("time,gFx,gFy,gFz,wx,wy,wz", 1, 1, 1),
    "Sensor Logger": (
        "seconds_elapsed,totalAcceleration_x,totalAcceleration_y,totalAcceleration_z,"
        "gyroscope_x,gyroscope_y,gyroscope_z",
        *(1, G, 1),
    ),
    "dps": ("t[ms],acc_x[g],acc_y[g],acc_z[g],gyr_x[dps],gyr_y[dps],gyr_z[dps]", 1e3, 1, DEGREES),
    "signs": ("t [µs],acc.x [m/s²],acc.y [m/s²],acc.z [m/s²],gyro.x [°/s],gyro.y [°/s],gyro.z [°/s]", 1e6, G, DEGREES),
    "milli": ("t[ms],acc_x_mg,acc_y_mg,acc_z_mg,gyro_x[mdps],gyro_y[mdps],gyro_z[mdps]", 1e3, 1e3, 1e3 * DEGREES),
    "in names": ("time_ms,acc_x_ms2,acc_y_ms2,acc_z_ms2,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s", 1e3, G, 1),
}
"""Headers with units or of a known app, with the values of 1 s, 1 g and 1 rad/s in their units."""


def csv_lines(samples: Array, header: str = "", times: Iterable[float] | None = None) -> str:
    """Write `samples` `[n, 6]` as CSV, with `times` in the first column."""
    rows = samples if times is None else np.column_stack([[*times], samples])
    lines = [",".join(map(repr, row)) for row in np.asarray(rows, float).tolist()]
    return "".join(f"{line}\n" for line in ([header, *lines] if header else lines))


def chunks(items: Iterable[Item]) -> list[Chunk]:
    """Return the chunks that hold samples."""
    return [item for item in items if isinstance(item, Chunk) and len(item)]


def samples(items: Iterable[Item]) -> Array:
    """Return the samples `[n, 6]` of all chunks."""
    return np.concatenate([np.empty((0, 6)), *(chunk.samples for chunk in chunks(items))])


def seconds(items: Iterable[Item]) -> Array:
    """Return the times `[n]` of all samples."""
    return np.concatenate([chunk.seconds for chunk in chunks(items) if chunk.seconds is not None])


def kinds(items: Iterable[Item]) -> list[str]:
    """Return the kinds of the events."""
    return [item.kind for item in items if isinstance(item, Event)]


def until(source: Source, enough: Callable[[list[Item]], bool], within_s: float = 120.0) -> list[Item]:
    """Take items from `source` until they are `enough`."""
    items: list[Item] = []
    deadline = time.monotonic() + within_s
    while not enough(items):
        assert time.monotonic() < deadline, items
        items.append(next(source))
    return items


def feed(
    recognizer: LiveRecognizer, samples: Array, times: Array | None = None, sizes: Iterable[int] = ()
) -> list[LiveEvent]:
    """Push samples in chunks of `sizes`, then the rest; return all events."""
    events, start = [], 0
    for size in (*sizes, len(samples)):
        part = slice(start, start + size)
        events += recognizer.push(samples[part], None if times is None else times[part])
        start += size
    return [*events, *recognizer.flush()]


def decisions(events: Iterable[LiveEvent]) -> list[Decision]:
    return [event for event in events if isinstance(event, Decision)]


def notices(events: Iterable[LiveEvent]) -> list[Notice]:
    return [event for event in events if isinstance(event, Notice)]


def delivered(n: int, rate_hz: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw which of `n` samples arrive, in which order, and the times that they carry.

    1 % are lost, 1 % come twice, 1 % are overtaken by the next; times are up to 5 ms wrong.
    """
    rng = np.random.default_rng(seed)
    seconds = np.arange(n) / rate_hz + rng.uniform(-0.005, 0.005, n)
    rows = np.flatnonzero(rng.random(n) > 0.01)
    rows = np.sort(np.concatenate([rows, rows[rng.random(len(rows)) < 0.01]]))
    for place in np.flatnonzero(rng.random(len(rows) - 1) < 0.01):
        rows[[place, place + 1]] = rows[[place + 1, place]]
    return rows, seconds[rows]


def decision(seconds: float, activity: str, reason: str = "", warming_up: bool = False) -> Decision:
    """Make a decision among UCI HAR's labels, with a share of 0.9 for `activity`."""
    shares = np.full(len(LABELS), 0.02)
    shares[LABELS.index(activity) if activity in LABELS else 0] = 0.9
    return Decision(seconds, activity, LABELS, shares, shares, warming_up, reason, 0.5)
