"""Load the data of a training, choose the held-out subjects, and refuse data that a network cannot learn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data import recording_checks, uci_har
from edge_runtime.data.data_sources import sources
from edge_runtime.data.dataset import WINDOW, Dataset, Split
from edge_runtime.data.facing import common_heading, headings
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import natural_order
from edge_runtime.data.sensor_checks import listed
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import WALKING
from edge_runtime.reports.sentences import motionless
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.normalisation import LEAST_DIVISOR
from edge_runtime.signals.types import Frame, Window
from edge_runtime.system.progress import OnNotice
from train.fit.fit_job import held_rows
from train.fit.named_networks import check, find_builder, is_own
from train.fit.recipe import Recipe, choose_recipe

_RARE = 0.1  # of the median number of windows of a label


@dataclass(frozen=True, kw_only=True)
class TrainingInput:
    """The options that choose network, data and recipe; `window` and `hop` are in seconds."""

    network: str = "edge"
    data: tuple[str, ...] | None = None
    window: float | None = None
    hop: float | None = None
    sensors: str = "all"
    frame: Frame = "device"
    test_subjects: tuple[str, ...] | None = None
    seed: int = 0
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None

    @property
    def recipe(self) -> Recipe:
        """Return the numbers of a fit."""
        numbers = {"epochs": self.epochs, "learning_rate": self.learning_rate, "batch_size": self.batch_size}
        return choose_recipe(self.network, self.frame, **numbers)

    @property
    def cut(self) -> Window | None:
        """Return the windows to cut recordings into, None for standard windows. Raises `InputError` for a long hop."""
        samples = WINDOW.samples if self.window is None else round(self.window * RATE_HZ)
        hop = samples // 2 if self.hop is None else max(1, round(self.hop * RATE_HZ))
        if hop > samples:
            raise InputError(f"--hop {self.hop}s is longer than a window of {samples / RATE_HZ:g}s")
        window = Window(float(RATE_HZ), samples, hop)
        return None if window == WINDOW else window

    def load_data(self, on_notice: OnNotice = lambda text: None) -> Dataset:
        """Load the data with these signals, frame, test subjects and windows; raises as `loading.load_data`.

        `on_notice` hears if the gyroscope's signals or windows are left out, and how training and test part differ.
        """
        reader = DataReader(sources(self.data))
        data = reader.found_windows(self.cut)
        uses_all = self.test_subjects == ("none",)  # for cross-validation
        if uses_all and uci_har.NAME in data.name.split(" + "):
            raise InputError("--test-subjects none is for your own data: UCI HAR's test subjects choose no network")
        if uses_all:
            data = data.with_test([])
        elif self.test_subjects is not None:
            people = [*data.train.subject.tolist(), *data.test.subject.tolist()]
            data = data.with_test(subjects_named("--test-subjects", self.test_subjects, people))
        reader.check(data, tests=not uses_all)
        misfits = recording_checks.misfits(reader.described, is_training=True, frame=self.frame)
        for finding in (*misfits, *recording_checks.unlike_parts(data)):
            on_notice(finding.text)
        if data.without_rotation and self.sensors == "all":
            on_notice(f"{' and '.join(data.without_rotation)} has no gyroscope: only acceleration is used.")
        if self.cut is not None and data.window != self.cut:
            raise InputError(f"'{data.name}' has windows of {data.window} already: leave out --window and --hop")
        if self.frame == "walking":
            data = _in_walking_frame(data, on_notice)
        elif others := common_heading(headings(data, data.train))[1]:
            named = listed([*map(str, others)])
            on_notice(f"The devices of {named} face another way than the others': train with --frame walking.")
        if self.sensors == "accelerometer":
            if data.front_end is None:
                raise InputError(
                    f"'{data.name}' does not say which signals are the accelerometer's: leave out --sensors"
                )
            data = data.select([x.name for x in data.signals if not x.is_rotation])
        return data

    def check_network(self) -> None:
        """Raise `InputError` unless the network exists."""
        if is_own(self.network):
            import_tensorflow(f"--network {self.network}", threads=1)
        find_builder(self.network)

    def check_fit(self, data: Dataset, on_notice: OnNotice = lambda text: None) -> None:
        """Raise `InputError` unless the network fits `data`; `on_notice` hears what a user may regret later."""
        refused: list[str] = []
        if is_own(self.network):
            refused = check(self.network, (data.window.samples, len(data.signals)), len(data.labels))
        if refused:
            on_notice(f"har-edge convert will not take this network because of {', '.join(refused)}.")
        if not data.has_people:
            on_notice(f"The windows of '{data.name}' name no subjects: scores say little about new people.")
        counts = np.bincount(data.train.y, minlength=len(data.labels))
        rare = [f"{x} ({n})" for x, n in zip(data.labels, counts, strict=True) if n < _RARE * np.median(counts)]
        if rare:
            on_notice(f"Few training windows of {', '.join(rare)}: record more, or leave the label out.")


def _in_walking_frame(data: Dataset, on_notice: OnNotice) -> Dataset:
    if WALKING not in data.labels:
        raise InputError(f"--frame walking needs windows of walking, and '{data.name}' has no label {WALKING}")
    still = data.motionless(data.train, data.test)
    data = data.in_walking_frame()
    if notice := motionless(still.windows, still.mountings):
        on_notice(notice)
    if len(data.labels) < 2:
        raise InputError(
            f"--frame walking leaves only windows of {data.labels[0]} in '{data.name}', and a network needs two "
            "activities: add other data with a second --data"
        )
    return data


def subjects_named(option: str, names: Sequence[str], people: Sequence[int | str]) -> list[int | str]:
    """Return the subjects among `people` that `option` names. Raises `InputError` for strangers, and for nobody."""
    subjects = {str(x): x for x in natural_order(people)}
    if not names or not subjects.keys() >= {*names}:
        strangers = ", ".join(name for name in names if name not in subjects) or "nobody"
        raise InputError(f"{option} names {strangers}: choose among {', '.join(subjects)}")
    return [subjects[name] for name in names]


def check_data(dataset: Dataset, held_out: Sequence[int | str]) -> None:
    """Raise `InputError` without test windows, or if the subjects that are not `held_out` lack a class or signal."""
    if not len(dataset.test):
        raise InputError(f"the data '{dataset.name}' has no test windows: name test subjects with --test-subjects")
    fitting = dataset.train.select(~held_rows(dataset.train, held_out))
    absent = [label for i, label in enumerate(dataset.labels) if not (fitting.y == i).any()]
    if absent:
        people = ", ".join(map(str, held_out))
        raise InputError(
            f"only held-out subjects ({people}) have windows of {', '.join(absent)}: choose with --held-out"
        )
    check_signals(dataset, fitting)


def check_signals(dataset: Dataset, fitting: Split) -> None:
    """Raise `InputError` if a signal of `dataset` is constant in the windows `fitting`."""
    for i, signal in enumerate(dataset.signals):
        values = fitting.X[..., i]
        # Without units, the greatest value sets the scale.
        least = 1e-6 if dataset.front_end else max(1e-6 * float(np.abs(values).max()), LEAST_DIVISOR)
        if not values.std(dtype=np.float64) > least:
            raise InputError(f"the data has no variation in {signal.name}: was this sensor on while recording?")
