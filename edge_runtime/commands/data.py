"""Look at, draw or export the data: `har-edge data`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime.commands import options
from edge_runtime.data import loading, recording_checks
from edge_runtime.data.data_sources import EMBEDDED, Sources, in_words
from edge_runtime.data.dataset import Dataset, Motionless
from edge_runtime.data.loading import DataReader
from edge_runtime.data.names import noun_of
from edge_runtime.data.recording import Recording
from edge_runtime.data.sensor_checks import Finding
from edge_runtime.errors import InputError
from edge_runtime.live.sources.file_sources import find_recording
from edge_runtime.reports import outputs
from edge_runtime.reports.figures import plot_recording
from edge_runtime.signals.raw_signals import is_live
from edge_runtime.signals.types import RAW_NAMES
from edge_runtime.system.files import atomic_path, csv_text, write_text
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted
from edge_runtime.system.terminal import Console, facts_table, plain_table

SOURCE = "recordings by Reyes-Ortiz, Anguita, Ghio, Oneto and Parra (UCI HAR 2013, HAPT 2016)"
LICENCE = "CC BY 4.0 by mirrors' account; the README of 2012 excludes commercial use (see DATA_NOTICE.md)"


class _Group(click.Group):
    """The subcommands; a user may type a path in their place."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand and its arguments. Raises `UsageError`, which names the option of a path."""
        if args[0] not in self.commands:
            ctx.fail(f"{quoted(args[0])} is neither plot nor export; data goes after --data")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
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
@outputs.option("json", "Without a subcommand: write the counts and checks too; - is standard output.")
def command(data: Sources | None, json_path: Path | None) -> None:
    """Look at, plot or export the data.

    Without a subcommand: counts and facts and, for recordings, what does not fit.
    """
    if click.get_current_context().invoked_subcommand is not None:
        options.refuse_options("has no effect before 'plot' or 'export'", "--data", "--json")
        return
    reader = DataReader(data or ())
    outputs.check_written({"json": json_path}, inputs=[source.path for source in reader.sources if source.path])
    windows = reader.found_windows()
    _show_windows(windows, reader)
    if len(windows.train) + len(windows.test):
        _show_signals(windows)
    findings, untrainable = _show_findings(windows, reader), None
    try:
        reader.check(windows)
    except InputError as error:
        untrainable = f"{error}."
        click.echo(f"It cannot be trained on as it is: {untrainable}")
    outputs.write_json(json_path, _content(windows, reader, findings, untrainable))


@command.command(
    epilog=options.examples("data plot --recording 0 -o r.png", "data plot --recording 2 --data mine -o r.svg")
)
@click.option("--recording", "number", type=int, metavar="N", required=True, help="Draw recording N, counted from 0.")
@options.out("FILE", "The picture to write (.png, .svg, .pdf).", required=True)
@options.data(options.DATA_SET)
def plot(number: int, out: Path, data: Sources | None) -> None:
    """Draw the signals and labels of one recording."""
    if out.suffix.lower().lstrip(".") not in options.FORMATS:
        raise InputError(f"{out} has to end in one of {', '.join(f'.{x}' for x in options.FORMATS)}")
    recording = find_recording(number, DataReader(data or ()))
    title = f"Recording {number} · subject {recording.subject} · {_duration([recording])}"
    plot_recording(recording, title, out)
    click.echo(f"wrote {out}")


@command.command(epilog=options.examples("data export -o windows.npz", "data export --recording 7 -o walk.csv"))
@click.option("--recording", "number", type=int, metavar="N", help="Write recording N, counted from 0, as CSV.")
@options.out("FILE", "The file to write (.npz, or .csv for a recording).", required=True)
@options.data(options.DATA_SET)
def export(number: int | None, out: Path, data: Sources | None) -> None:
    """Write the windows as numpy arrays, or one recording as CSV.

    X [n, 128, 9] float32; y [n] uint8; subject [n]; split [n], 1 for test windows; name of the data; labels, signals
    and units by name; rate and hop. The file can be given to --data.
    """
    suffix = ".npz" if number is None else ".csv"
    if out.suffix != suffix:
        raise InputError(f"{out} has to end in {suffix}, the format that is written")
    if number is not None:
        write_text(out, csv_text(_rows(find_recording(number, DataReader(data or ())))))
        click.echo(f"wrote {out}")
        return
    loaded = loading.load_data(data or ())
    both, window = loaded.train.joined(loaded.test), loaded.window
    split = np.repeat(np.array([0, 1], np.uint8), [len(loaded.train), len(loaded.test)])
    arrays: dict[str, Any] = {"X": both.X, "y": both.y, "split": split}
    if loaded.has_people:  # blocks are made again
        arrays["subject"] = both.subject
    names, units = zip(*((signal.name, signal.unit) for signal in loaded.signals), strict=True)
    arrays |= {"name": loaded.name, "labels": loaded.labels, "signals": names, "units": units, "hop": window.hop}
    arrays |= {"rate": window.rate_hz} if window.rate_hz else {}
    with atomic_path(out) as temporary:
        np.savez_compressed(temporary, **arrays)
    click.echo(f"wrote {out}: {len(loaded.train)} training and {len(loaded.test)} test windows")


def _rows(recording: Recording) -> Iterator[Sequence[object]]:
    """The header and the samples of `recording` as a file of recordings has them."""
    columns = [f"{name}[{'g' if i < 3 else 'rad/s'}]" for i, name in enumerate(RAW_NAMES)]
    n = len(columns) if recording.has_gyroscope else 3
    yield ["timestamp[s]", *columns[:n], "label", "subject"]
    names = ["", *(name if name in recording.classes else "" for name in recording.label_names)]  # label -1 is none
    for i, (sample, label) in enumerate(zip(recording.samples[:, :n].tolist(), recording.labels.tolist(), strict=True)):
        values = [f"{value:.6g}" for value in sample]
        yield [f"{i / recording.rate_hz:.3f}", *values, names[label + 1], recording.subject]


def _content(
    data: Dataset, reader: DataReader, found: Sequence[tuple[str, Finding]], untrainable: str | None
) -> dict[str, Any]:
    """The content of `--json`; `found` has each finding with its source."""
    recordings = reader.recordings if reader.has_recordings else None
    content: dict[str, Any] = {
        "name": data.name,
        "sources": [str(source) for source in reader.sources] or [EMBEDDED],
        "fingerprint": data.fingerprint,
        "window": {"samples": data.window.samples, "hop": data.window.hop, "rate_hz": data.window.rate_hz},
        "signals": [{"name": signal.name, "unit": signal.unit} for signal in data.signals],
        "recordings": None if recordings is None else len(recordings),
        "seconds": None if recordings is None else round(_seconds(recordings), 2),
    }
    for part, split in (("train", data.train), ("test", data.test)):
        counts = np.bincount(split.y, minlength=len(data.labels)).tolist()
        content[part] = {
            "subjects": list(dict.fromkeys(split.subject.tolist())),
            "windows": dict(zip(data.labels, counts, strict=True)),
        }
    motionless = data.motionless(data.train, data.test) if recordings else Motionless()
    content |= {"motionless": motionless.windows, "motionless_mountings": motionless.mountings}
    content["findings"] = [
        {"source": source, "placement": x.placement, "about": x.about, "fits": not x.is_fault, "text": x.text}
        | {"numbers": dict(x.numbers)}
        for source, x in found
    ]
    return content | {"untrainable": untrainable}


def _show_findings(data: Dataset, reader: DataReader) -> list[tuple[str, Finding]]:
    """Print how recordings fit the layouts that describe them, and the parts each other; findings with their source."""
    console = Console()
    by_source = {source: recording_checks.findings(facts) for source, facts in reader.described}
    by_source.setdefault(in_words(reader.sources), []).extend(recording_checks.unlike_parts(data))
    for source, findings in by_source.items():
        if findings:
            console.print(f"\n{source}", style="bold")
        for finding in findings:
            console.print(("Does not fit. " if finding.is_fault else "") + finding.text)
    return [(source, finding) for source, findings in by_source.items() for finding in findings]


def _show_windows(data: Dataset, reader: DataReader) -> None:
    window = data.window
    people = f"{noun_of(data.train.subject)}s"
    first = "activity" if data.front_end else "class"
    table = plain_table([first], ["training windows", people, "test windows", people])
    for i, label in [*enumerate(data.labels), (None, "all")]:
        row = [label]
        for split in (data.train, data.test):
            subjects = split.subject if i is None else split.subject[split.y == i]
            row += [f"{len(subjects):,}", f"{len(set(subjects.tolist())):,}"]
        table.add_row(*row, style="bold" if i is None else "")

    facts = facts_table()
    facts.add_row("Windows", f"{window}, a new one every {window.hop}")
    for name, split in (("Training", data.train), ("Test", data.test)):
        subjects = dict.fromkeys(split.subject.tolist())
        n = counted(len(subjects), noun_of(subjects))
        facts.add_row(name, f"{n}: {', '.join(map(str, subjects))}" if subjects else "no windows")
    if reader.has_recordings:
        recordings = reader.recordings
        names = ", ".join(recordings[0].label_names) or "none"
        facts.add_row("Recordings", f"{len(recordings)}, {_duration(recordings)} in all; labels {names}")
        if still := data.motionless(data.train, data.test).windows:
            words = ", ".join(f"{n:,} {label}" for label, n in still.items())
            facts.add_row("Motionless", f"{words}: windows that --frame walking leaves out")
    facts.add_row("Source", in_words(reader.sources) if reader.sources else SOURCE)
    if not reader.sources:
        facts.add_row("Licence", LICENCE)
    facts.add_row("Fingerprint", f"{data.fingerprint[:16]}, as in the cards of models trained on it as it is")

    console = Console()
    console.print(data.name, style="bold")
    console.print()
    console.print(table)
    console.print()
    console.print(facts)


def _show_signals(data: Dataset) -> None:
    """Print the range of each signal, and the limits of signals that are not UCI HAR's."""
    table = plain_table(["signal", "unit"], ["least", "greatest", "mean", "std"])
    for i, signal in enumerate(data.signals):
        values = np.concatenate([x.X[..., i].ravel() for x in (data.train, data.test)])
        numbers = values.min(), values.max(), values.mean(dtype=np.float64), values.std(dtype=np.float64)
        table.add_row(signal.name, signal.unit, *(f"{number:.4g}" for number in numbers))
    console = Console()
    console.print()
    console.print(table)
    if not data.has_people:
        console.print("Blocks of successive windows stand for people: scores say little about new people.")
    if not data.front_end:
        use = "recognises streams too" if is_live(data.signals, data.window.rate_hz) else "classifies windows only"
        console.print(f"A model of these signals {use}.")


def _seconds(recordings: Sequence[Recording]) -> float:
    return sum(len(recording.samples) / recording.rate_hz for recording in recordings)


def _duration(recordings: Sequence[Recording]) -> str:
    seconds = round(_seconds(recordings))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
