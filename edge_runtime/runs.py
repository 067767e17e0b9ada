"""Find run folders, which `train`, `convert` and `bench` share, and name their files."""

import fcntl
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge_runtime.data import data_sources
from edge_runtime.data.data_sources import Sources
from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.model.model_paths import REFERENCE_MODELS
from edge_runtime.model.scheme_names import SCHEMES
from edge_runtime.system.files import write_bytes
from edge_runtime.system.outside_files import file_name, parse_json, read_text
from edge_runtime.system.progress import OnNotice

RUNS = Path("runs")
LATEST = RUNS / "latest"
SEEDS = "seeds.json"
"""The summary in the folder of a training with several seeds; each seed has a run folder inside it."""

_DATED = re.compile(r"-\d{8}-\d{6}$")


@dataclass(frozen=True)
class Run:
    """One run folder and its files; `pictures` is the format of pictures."""

    folder: Path
    pictures: str = "png"

    @property
    def card(self) -> Path:
        """The card of the trained network, before conversion."""
        return self.folder / "card.json"

    @property
    def model(self) -> Path:
        """The final network, trained on all training subjects."""
        return self.folder / "model.keras"

    @property
    def selection(self) -> Path:
        """The network trained with some training subjects held out."""
        return self.folder / "selection.keras"

    @property
    def history(self) -> Path:
        """Loss and accuracy per epoch of both fits."""
        return self.folder / "history.csv"

    def picture(self, name: str) -> Path:
        """Return the path of a picture of the training."""
        return self.folder / f"{name}.{self.pictures}"

    def tflite(self, scheme: str) -> Path:
        """Return the path of the converted model of a scheme."""
        return self.folder / f"model_{scheme}.tflite"

    def converted(self) -> list[Path]:
        """Return the converted models that exist, in the order of `SCHEMES`; models with other names come last."""
        converted = [self.tflite(scheme) for scheme in SCHEMES]
        others = sorted(set(self.folder.glob("model_*.tflite")).difference(converted))
        return [path for path in converted if path.exists()] + others

    def bench(self, device: str) -> Path:
        """Return the path of a device's newest benchmark result; the device's name may be any text."""
        return self.folder / f"bench-{re.sub(r'[^A-Za-z0-9._-]+', '-', device).strip('-')}.json"


def keep_result(path: Path) -> None:
    """Copy the benchmark result at `path`, which is about to be replaced, to `<its name>-<date>-<time>.json`."""
    if path.is_file():
        written = datetime.fromtimestamp(path.stat().st_mtime)
        # Copied files may all have the same second.
        while (kept := path.with_name(f"{path.stem}-{written:%Y%m%d-%H%M%S}{path.suffix}")).exists():
            written += timedelta(seconds=1)
        write_bytes(kept, path.read_bytes())


def last_results(path: Path | None, n: int, on_notice: OnNotice) -> list[Path]:
    """Return the last `n` benchmark results in the run folder at `path`, all of one device, the newest last.

    Without a `path` it looks in the latest run or, if there is no run, in the current folder. A file stands for itself.
    Raises `InputError` when there are fewer results.
    """
    if path is not None and not path.is_dir():
        if not path.exists():
            raise InputError(f"{path} does not exist: name a result of 'har-edge bench', or a run folder")
        return [path]
    folder = Path() if path is None and not LATEST.exists() else find_run(path, on_notice).folder
    newest = [path for path in folder.glob("bench-*.json") if not _DATED.search(path.stem)]
    if not newest:
        where = "this folder" if folder == Path() else folder
        raise InputError(f"{where} has no result of 'har-edge bench' (bench-DEVICE.json): run it, or name a file")
    last = max(newest, key=lambda path: path.stat().st_mtime)
    before = sorted(path for path in folder.glob(f"{last.stem}-*.json") if _DATED.sub("", path.stem) == last.stem)
    results = [*before, last][-n:]
    if len(results) < n:
        raise InputError(f"there is no older result than {last}: bench again, or name another file")
    return results


def checkpoint_folder(folder: Path) -> Path:
    """Return the folder of the state of a training into `folder`, until it ends."""
    return folder / "checkpoint"


def settings_path(folder: Path) -> Path:
    """Return the settings file of a training into `folder` that has not ended."""
    return checkpoint_folder(folder) / "settings.json"


def lock_path(folder: Path) -> Path:
    """Return the file that a process keeps locked while it trains into `folder`."""
    return checkpoint_folder(folder) / "lock"


def new_folder(name: str) -> Path:
    """Return the folder of a run that starts now: `runs/<name>-<date>-<time>`."""
    return RUNS / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def make_latest(run: Run) -> None:
    """Make `runs/latest` name `run`, if it is in `runs`."""
    folder = run.folder.resolve()
    if folder.parent == RUNS.resolve():
        temporary = LATEST.with_name(f".latest-{os.getpid()}")
        temporary.symlink_to(folder.name)
        temporary.replace(LATEST)  # in one step


def remembered_data(model: Path) -> Sources:
    """Return the training data of the model or network at `model`, as the card of its run folder remembers it.

    A model outside of a run folder has the embedded data. Raises `InputError` when the data is missing.
    """
    run = Run(model.parent)
    # Without a network, card.json does not belong to a run: it may lie beside a model on a device.
    if not (run.model.is_file() and run.card.is_file()):
        return ()
    data = data_sources.sources(model_card.load(run.card).training_data.get("path"))
    for source in data:
        if source.path and not source.path.exists():
            raise InputError(
                f"{model.parent} was trained on data at {source}, which is missing: name its new place with --data"
            )
    return data


def is_under_way(folder: Path) -> bool:
    """Tell whether a process is training into `folder` now: it holds the lock."""
    try:
        with lock_path(folder).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock
        return False
    return False


def check_idle(folder: Path) -> None:
    """Raise `InputError` while a process is training into `folder`."""
    if is_under_way(folder):
        raise under_way(folder)


def under_way(folder: Path) -> InputError:
    """Return the error for a `folder` that a process is training into."""
    return InputError(f"a training into {folder} is still running: wait until it ends")


def find_run(path: Path | None, on_notice: OnNotice = lambda notice: None) -> Run:
    """Return the run at `path`, by default the latest run. Raises `InputError` when it does not exist.

    For a training with several seeds, it returns the run of the first seed and tells `on_notice`.
    """
    first, *others = find_runs(path)
    if others:
        on_notice(f"{first.folder.parent} has a run for each seed: taking {first.folder}")
    return first


def find_runs(path: Path | None) -> list[Run]:
    """Return the run at `path`, by default the latest run, or the runs of all its seeds. Raises as `find_run` does."""
    if path is None:
        if not LATEST.exists():
            raise InputError(f"no run here ({LATEST} is missing): start with 'har-edge train', or name a run folder")
        # Resolved, so that results keep naming this run when a later one becomes the latest.
        return _runs_in(Path(os.path.relpath(LATEST.resolve())))
    if not path.is_dir():
        names = ", ".join(REFERENCE_MODELS)
        raise InputError(f"{path} is neither a run folder of 'har-edge train' nor a reference model ({names})")
    check_idle(path)
    if settings_path(path).exists():
        raise InputError(f"the training in {path} was stopped: continue it with 'har-edge train --resume --out {path}'")
    return _runs_in(path)


def _runs_in(folder: Path) -> list[Run]:
    """Return the folder itself as a run, or the runs of several seeds."""
    seeds = folder / SEEDS
    if not seeds.exists():
        return [Run(folder)]
    try:
        names = parse_json(read_text(seeds, "the summary of several seeds"))["runs"]
        first, *others = [Run(folder / name) for name in map(file_name, names)]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{seeds} is damaged ({error}): name the run folder of one seed") from error
    return [first, *others]
