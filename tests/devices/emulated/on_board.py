"""Commands and jobs on an emulated board, and other machines' files laid over its own."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from edge_runtime.bench.measurement_job import Answer, MeasurementJob, read_answer
from edge_runtime.devices.bundle import write_bundle
from edge_runtime.devices.emulated.board import Board

SECONDS = 240


def run(board: Board, *argv: str, stdin: bytes = b"", **options) -> subprocess.CompletedProcess[bytes]:
    """Run `argv` on the board; `options` are those of `Board.command`."""
    return subprocess.run(
        board.command(argv, **options), input=stdin, capture_output=True, timeout=SECONDS, check=False
    )


def printed(board: Board, *argv: str, **options) -> str:
    """Run `argv`, which succeeds, on the board and return its output."""
    done = run(board, *argv, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def run_on_board(job: MeasurementJob, board: Board, folder: Path, binds: Mapping[str, Path] | None = None) -> Answer:
    """Have the benchmark's worker do `job`, whose files are in `folder`, on the board."""
    write_bundle(folder)
    job.write(folder)
    printed(
        board,
        "python3",
        "-B",
        "/job/worker.pyz",
        f"/job/{job.path(folder).name}",
        binds={"/job": folder} | (binds or {}),
    )
    answer = read_answer(folder, job.name)
    assert answer is not None
    return answer


def laid_over(tree: Path) -> dict[str, Path]:
    """Return the binds of the machine in the folder `tree` (see `machine_trees`): its /sys and its commands."""
    binds = {f"/usr/bin/{program.name}": program for program in (tree / "usr/bin").glob("*")}
    answers = tree / "answers"  # of its commands, which look for them where they are here
    return binds | {"/sys": tree / "sys", str(answers): answers}
