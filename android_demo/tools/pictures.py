"""Draw the app's screen as Android's own code draws it: `python android_demo/tools/pictures.py`.

The screen is the APK's, on a framework of Android 14; a recording of the data set replaces the sensors.
"""

from pathlib import Path

import build_app
import desktop
import numpy as np
from matplotlib import image

from edge_runtime.data import embedded_recordings
from edge_runtime.errors import CheckFailedError
from edge_runtime.signals.types import STANDARD_GRAVITY
from edge_runtime.system.files import atomic_path, scratch_folder

PICTURE = build_app.DEMO.parent / "docs/phone.png"
SCREENS = ("light", "dark", "large", "unknown", "recording")
_GAP = 24  # pixels between two screens


def write_samples(path: Path, samples: np.ndarray) -> None:
    """Write `samples` `[n, 6]` of a waist, in g and rad/s, for the sandbox: nanoseconds, m/s² and rad/s as float64.

    The phone is upright, where its y axis points up instead of x.
    """
    nanoseconds = 5_000_000_000 + 20_000_000 * np.arange(len(samples))
    ax, ay, az, gx, gy, gz = samples.T
    values = np.stack([-ay, ax, az, -gy, gx, gz], axis=1) * np.repeat([STANDARD_GRAVITY, 1], 3)
    np.column_stack([nanoseconds, values.astype(np.float32)]).astype("<f8").tofile(path)


def draw(folder: Path, apk: Path, machine: desktop.Desktop) -> None:
    """Draw each screen into a file of `folder`. Raises `CheckFailedError` when a screen cannot be drawn."""
    write_samples(folder / "samples", embedded_recordings.load()[0].samples[200:9200])
    failures = machine.sandbox(["Pictures"], apk, folder)
    if any(failures.values()):
        raise CheckFailedError(f"the screen cannot be drawn: {failures}")


def side_by_side(paths: list[Path]) -> np.ndarray:
    """Put pictures of one size `[height, width, 3]` in a row on grey, at half their size."""
    screens = [np.asarray(image.imread(path))[..., :3] for path in paths]
    halves = [sum(screen[i::2, j::2] for j in (0, 1) for i in (0, 1)) / 4 for screen in screens]
    gap = np.full((halves[0].shape[0], _GAP // 2, 3), 0.5, np.float32)
    row = [part for half in halves for part in (gap, half)] + [gap]
    return np.concatenate(row, axis=1)


def main() -> None:
    """Build the app, draw, and write the picture."""
    with scratch_folder() as scratch:
        apk = scratch / "app.apk"
        build_app.build(apk)
        for name in ("jvm", "files"):
            (scratch / name).mkdir()
        draw(scratch / "files", apk, desktop.prepare(apk, scratch / "jvm"))
        with atomic_path(PICTURE) as path:
            image.imsave(path, side_by_side([scratch / f"files/{name}.png" for name in SCREENS]), format="png")
    print(PICTURE)


if __name__ == "__main__":
    main()
