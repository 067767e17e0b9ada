"""Attack the `har-edge` command and count what it did wrong: `make attack`, or `python -m tools.attack [GROUP ...]`."""

import fnmatch
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from edge_runtime.system.printable import printable
from tools import ROOT
from tools.attack import figure
from tools.attack.ground import Ground
from tools.attack.harness import PATIENCE_S, Fault, Finding, Place, run_cases

GROUPS = {
    "models": "model files and cards",
    "keras_files": "Keras files",
    "results": "results of bench",
    "rivals": "other tools' forms of a network",
    "recordings": "data sets",
    "streams": "samples, from files and sources",
    "options": "options and names",
    "outputs": "what is written",
    "run_folders": "run folders",
    "device": "a device that answers oddly",
    "terminal": "escape sequences on a terminal",
    "standard_streams": "streams that are closed, full or not read",
    "full_disk": "outputs on a full disk",
    "peers": "peers of a live stream",
    "kills": "kills at random moments",
}
"""Group -> its subject. The module of the same name gives its `cases`."""


@click.command()
@click.argument("groups", nargs=-1, metavar="[GROUP]...", type=click.Choice(list(GROUPS)))
@click.option("--only", metavar="PATTERN", default="*", help="Run only the cases whose names fit, such as 'card-*'.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random number.")
@click.option("--patience", type=float, default=PATIENCE_S, show_default=True, help="Seconds after which a case hangs.")
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build/attack", help="Made anew.")
@click.option("--document", type=click.Path(path_type=Path), help="Write the figure here too, as Markdown.")
def main(groups: Sequence[str], only: str, seed: int, patience: float, folder: Path, document: Path | None) -> None:
    """Run the cases of every GROUP, as many at a time as there are CPUs; exit with 1 when one has a fault."""
    started = time.monotonic()
    ground = Ground(folder.absolute(), seed)
    workers = range(os.cpu_count() or 1)
    places = [Place(ground.folder, ground.folder / "scratch" / str(i), patience) for i in workers]
    written = ground.folder / "findings.json"
    found: dict[str, list[Finding]] = {}
    for group in groups or GROUPS:
        found[group] = _run(group, only, ground, places)
        written.write_text(json.dumps({name: [asdict(x) for x in cases] for name, cases in found.items()}, indent=1))
    for place in places:
        place.close()
    print(figure.text(found))
    print(f"every case: {written}")
    if document:
        document.write_text(figure.document(found, time.monotonic() - started))
    sys.exit(any(x.faults for cases in found.values() for x in cases))


def _run(group: str, only: str, ground: Ground, places: list[Place]) -> list[Finding]:
    """The findings of a group, and a fault for each file that it left in the folder; told as they come."""
    started = time.monotonic()
    made = importlib.import_module(f"tools.attack.{group}").cases(ground)
    cases = [x for x in made if fnmatch.fnmatchcase(x.name, only)]
    before = set(ground.planted())
    findings = run_cases(cases, places, _tell)
    for path in sorted(set(ground.planted()) - before):
        left = Finding(f"after {group}", "", (Fault("lost", f"{path} was left behind"),))
        _tell(left)
        findings.append(left)
    print(f"{group}: {len(cases)} cases in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return findings


def _tell(finding: Finding) -> None:
    for fault in finding.faults:
        shown = f"{fault.kind}: {printable(finding.case, 100)}: {printable(fault.text, 200)}"
        print(f"{shown} | {printable(finding.said, 300)}", file=sys.stderr)


if __name__ == "__main__":
    main()
