"""Look at the data, draw or export it: `har-edge data`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.commands import options
from edge_runtime.data import loading, recording_checks
from edge_runtime.data.data_sources import EMBEDDED, DataSource, Sources, in_words
from edge_runtime.data.dataset import Dataset, Motionless, Recording
from edge_runtime.data.loading import DataReader
from edge_runtime.data.recording_checks import Finding
from edge_runtime.data.subject_groups import natural_order, noun_of
from edge_runtime.errors import InputError
from edge_runtime.reports import outputs
from edge_runtime.signals.types import Signal
from edge_runtime.system.files import atomic_path
from edge_runtime.system.quantities import counted

SOURCE = "recordings by Reyes-Ortiz, Anguita, Ghio, Oneto and Parra (UCI HAR 2013, HAPT 2016)"
LICENCE = "CC BY 4.0 by mirrors' account; the README of 2012 excludes commercial use (see DATA_NOTICE.md)"

_MOST_SHORT = 12  # people who are named
_PARTS = {"train": "training", "test": "test"}


@click.group(
    name="data",
    invoke_without_command=True,
    epilog=options.examples(
        "data",
        "data --data my_recordings --json -",
        "data plot --recording 0 -o recording.png",
        "data export -o windows.npz",
    ),
)
@options.data(options.DATA_SET)
@click.option(
    "--layout",
    metavar="FILE|NAME",
    help="How the recordings in --data PATH are read, as LAYOUT=PATH says too: a TOML file, or one of har-edge's.",
)
@outputs.option("json", "Without a subcommand: write counts and what fits too; - is standard output.")
@options.belonging("--data", "--layout")
@click.pass_context
def command(context: click.Context, data: Sources | None, layout: str | None, json_path: Path | None) -> None:
    """Look at, plot or export the data.

    Without a subcommand: what is there and, of recordings, what does not fit.
    """
    if layout is not None:
        if len(data or ()) > 1:
            raise click.UsageError("--layout says how the recordings of one --data PATH are read: give both, once")
        source = data[0] if data else DataSource()
        data = (source.read_by(layout),)
    context.obj = data
    if context.invoked_subcommand is not None:
        options.refuse_options("is of 'har-edge data' without a subcommand", "--json")
        return
    reader = DataReader(data or ())
    outputs.check_written({"json": json_path}, inputs=[x.path for x in reader.sources if x.path])
    if not reader.is_windows_file:
        _show(reader, json_path)
        return
    found = reader.found_windows()
    _show_windows(found, reader)
    _show_signals(found)
    outputs.write_json(json_path, _content(found, reader))


@command.command(
    epilog=options.examples(
        "data plot --window 12 --part test -o window.svg", "data plot --recording 0 -o recording.png"
    )
)
@click.option("--window", type=int, metavar="N", help="Draw window N, counted from 0.  [required, or --recording]")
@click.option(
    "--part", type=click.Choice(["train", "test"]), default="train", show_default=True, help="Of --window: its part."
)
@click.option("--recording", type=int, metavar="N", help="Draw recording N, counted from 0.  [required, or --window]")
@options.out("FILE", "The picture to write (.png, .svg, .pdf).", required=True)
@options.data(options.DATA_SET)
@options.exclusive("--window", "--recording", required=True)
@click.pass_obj
def plot(
    outer: Sources | None, window: int | None, part: str, recording: int | None, out: Path, data: Sources | None
) -> None:
    """Draw the signals of one window or of one recording."""
    from edge_runtime.data import recording_plots

    chosen = _chosen(outer, data)
    if window is not None:
        loaded = loading.load_data(chosen)
        split = loaded.train if part == "train" else loaded.test
        _check_range("window", window, len(split), f"the {_PARTS[part]} part")
        what = f"{loaded.labels[split.y[window]]} · subject {split.subject[window]}"
        title = f"{what} · window {window} of the {_PARTS[part]} part"
        recording_plots.plot_window(out, split.X[window], loaded.signals, loaded.window.rate_hz, title)
    elif recording is not None:
        found = loading.load_recordings(chosen)
        _check_range("recording", recording, len(found), in_words(chosen))
        title = f"Recording {recording} · subject {found[recording].subject} · {_duration([found[recording]])}"
        recording_plots.plot_recording(out, found[recording], title)
    click.echo(f"wrote {out}")


@command.command(epilog=options.examples("data export -o windows.npz", "data export --data my_recordings -o mine.npz"))
@options.out("FILE", "The arrays to write (.npz).", required=True)
@options.data(options.DATA_SET)
@click.pass_obj
def export(outer: Sources | None, out: Path, data: Sources | None) -> None:
    """Write the windows as numpy arrays.

    X_train, X_test [n, 128, 9] float32; y_train, y_test [n] uint8; subject_train, subject_test [n]; labels, signals
    and units by name; rate and hop. The file can be given to --data.
    """
    if out.suffix != ".npz":
        raise InputError(f"{out} has to end in .npz, which is what is written")
    loaded = loading.load_data(_chosen(outer, data))
    arrays: dict[str, Any] = {
        f"{name}_{part}": getattr(split, name)
        for part, split in (("train", loaded.train), ("test", loaded.test))
        for name in ("X", "y", "subject")
    }
    window = loaded.window
    arrays |= {"labels": loaded.labels, "hop": window.hop} | ({"rate": window.rate_hz} if window.rate_hz else {})
    arrays |= {"signals": [x.name for x in loaded.signals], "units": [x.unit for x in loaded.signals]}
    if not loaded.has_people:  # blocks are made again
        arrays = {name: x for name, x in arrays.items() if not name.startswith("subject")}
    with atomic_path(out) as temporary:
        np.savez_compressed(temporary, **arrays)
    click.echo(f"wrote {out}: {len(loaded.train)} training and {len(loaded.test)} test windows")


def _chosen(outer: Sources | None, inner: Sources | None) -> Sources:
    """What `--data` names before or after the subcommand."""
    if outer is not None and inner is not None:
        raise click.UsageError(
            f"--data is given before and after the subcommand, {in_words(outer)} and {in_words(inner)}: give one of "
            "them"
        )
    return inner or outer or ()


def _content(
    data: Dataset, reader: DataReader, found: Sequence[tuple[str, Finding]] = (), untrainable: str | None = None
) -> dict[str, Any]:
    """What `--json` writes of `data`; `found` has each finding with its source."""
    recordings = reader.recordings if reader.has_recordings else ()
    content: dict[str, Any] = {
        "name": data.name,
        "sources": [str(x) for x in reader.sources] or [EMBEDDED],
        "fingerprint": data.fingerprint,
        "window": {"samples": data.window.samples, "hop": data.window.hop, "rate_hz": data.window.rate_hz},
        "signals": [{"name": x.name, "unit": x.unit} for x in data.signals],
        "recordings": len(recordings) if reader.has_recordings else None,
        "seconds": round(sum(len(x.samples) / x.rate_hz for x in recordings), 2) if reader.has_recordings else None,
    }
    for part, split in (("train", data.train), ("test", data.test)):
        counts = np.bincount(split.y, minlength=len(data.labels)).tolist()
        content[part] = {
            "subjects": list(dict.fromkeys(split.subject.tolist())),
            "windows": dict(zip(data.labels, counts, strict=True)),
        }
    motionless = data.motionless(data.train, data.test) if reader.has_recordings else Motionless()
    content |= {"motionless": motionless.windows, "motionless_mountings": motionless.mountings}
    content["findings"] = [
        {"source": source, "placement": x.placement, "about": x.about, "fits": not x.is_fault, "text": x.text}
        | {"numbers": dict(x.numbers)}
        for source, x in found
    ]
    return content | {"untrainable": untrainable}


def _show(reader: DataReader, json_path: Path | None) -> None:
    """Print windows and facts, what fits the layout of recordings of others, and why no training takes them."""
    from edge_runtime.system.terminal import Console

    data = reader.found_windows()
    _show_windows(data, reader)
    console = Console(markup=False)
    findings: list[tuple[str, Finding]] = []
    for source, found in reader.described:
        console.print()
        console.print(source, style="bold")
        for finding in recording_checks.findings(found):
            findings.append((source, finding))
            console.print(("Does not fit. " if finding.is_fault else "") + finding.text)
    untrainable = None
    try:
        reader.check(data)
    except InputError as error:
        untrainable = f"{error}."
        console.print(f"It cannot be trained on as it is: {untrainable}")
    outputs.write_json(json_path, _content(data, reader, findings, untrainable))


def _without_a_class(data: Dataset) -> list[str]:
    """Who has no window of a class that others have."""
    short = []
    for split in (data.train, data.test):
        for subject in dict.fromkeys(split.subject.tolist()):
            counts = np.bincount(split.y[split.subject == subject], minlength=len(data.labels))
            absent = [x for x, n in zip(data.labels, counts, strict=True) if not n]
            short += [f"{subject} ({', '.join(absent)})"] * bool(absent)
    return short


def _show_windows(data: Dataset, reader: DataReader) -> None:
    from edge_runtime.system.terminal import Console, facts_table, plain_table

    window = data.window
    table = plain_table(["activity" if data.front_end else "class"], ["training windows", "test windows"])
    counts = [np.bincount(split.y, minlength=len(data.labels)) for split in (data.train, data.test)]
    for label, n_train, n_test in zip(data.labels, *counts, strict=True):
        table.add_row(label, f"{n_train:,}", f"{n_test:,}")
    table.add_section()
    table.add_row("all", f"{len(data.train):,}", f"{len(data.test):,}", style="bold")

    facts = facts_table()
    facts.add_row("Windows", f"{window}, a new one every {window.hop}")
    if data.front_end:
        facts.add_row("Signals", _signal_names(data.signals))
    for name, split in (("Training", data.train), ("Test", data.test)):
        subjects = dict.fromkeys(split.subject.tolist())
        n = counted(len(subjects), noun_of(subjects))
        facts.add_row(name, f"{n}: {', '.join(map(str, subjects))}" if subjects else "no windows")
    if reader.has_recordings:
        found = reader.recordings
        names = ", ".join(found[0].label_names) or "none"
        facts.add_row("Recordings", f"{len(found)}, {_duration(found)} in all; labels {names}")
        if short := _without_a_class(data):
            facts.add_row("Without a class", ", ".join(short[:_MOST_SHORT]) + ", ..." * (len(short) > _MOST_SHORT))
        if still := data.motionless(data.train, data.test).windows:
            words = ", ".join(f"{n:,} {label}" for label, n in still.items())
            facts.add_row("Motionless", f"{words}: windows that --frame walking leaves out")
        bare = {str(x.subject) for x in found} - {str(x) for y in (data.train, data.test) for x in y.subject.tolist()}
        if bare:
            facts.add_row("No windows", f"{counted(len(bare), 'subject')}: {', '.join(map(str, natural_order(bare)))}")
    if not reader.sources:
        facts.add_row("Source", SOURCE)
        facts.add_row("Licence", LICENCE)
    else:
        facts.add_row("Source", in_words(reader.sources))
    facts.add_row("Fingerprint", f"{data.fingerprint[:16]}, as in the cards of models trained on it as it is")

    console = Console(markup=False)
    console.print(data.name, style="bold")
    console.print()
    console.print(table)
    console.print()
    console.print(facts)


def _show_signals(data: Dataset) -> None:
    """Print the range of each signal, and whether blocks stand for people."""
    from edge_runtime.system.terminal import Console, plain_table

    table = plain_table(["signal", "unit"], ["least", "greatest", "mean", "std"])
    for i, signal in enumerate(data.signals):
        values = np.concatenate([x.X[..., i].ravel() for x in (data.train, data.test)])
        numbers = values.min(), values.max(), values.mean(dtype=np.float64), values.std(dtype=np.float64)
        table.add_row(signal.name, signal.unit, *(f"{x:.4g}" for x in numbers))
    console = Console(markup=False)
    console.print()
    console.print(table)
    if not data.has_people:
        console.print("Blocks of windows that follow each other stand for people: scores say little about new people.")
    console.print("A model of these windows classifies windows; streams and recordings are for signals of har-edge.")


def _check_range(what: str, number: int, count: int, where: str) -> None:
    if not 0 <= number < count:
        raise InputError(f"there is no {what} {number} in {where}: it has {what}s 0 to {count - 1}")


def _duration(recordings: Sequence[Recording]) -> str:
    seconds = round(sum(len(x.samples) / x.rate_hz for x in recordings))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"


def _signal_names(signals: Sequence[Signal]) -> str:
    """'body_acc x y z (g), ...'."""
    axes: dict[tuple[str, str], list[str]] = {}
    for signal in signals:
        quantity, _, axis = signal.name.rpartition("_")
        axes.setdefault((quantity, signal.unit), []).append(axis)
    return ", ".join(f"{quantity} {' '.join(names)} ({unit})" for (quantity, unit), names in axes.items())
