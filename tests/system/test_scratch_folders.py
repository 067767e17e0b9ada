"""Temporary folders: gone after the block, and those of programs that were killed gone at the next."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from programs import start

from edge_runtime.errors import InputError
from edge_runtime.system.files import scratch_folder

HOLDS = """
import sys, time
from edge_runtime.errors import InputError
from edge_runtime.system.files import scratch_folder
with scratch_folder() as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder where temporary ones are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_program_left_is_removed_and_what_is_at_work_stays(temporary):
    here = {"TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[2])}
    programs = [start(sys.executable, "-c", HOLDS, env=here) for _ in range(2)]
    killed, living = (Path(x.stdout.readline().strip()) for x in programs)
    programs[0].send_signal(signal.SIGKILL)
    programs[0].communicate()
    assert (killed / "file").exists()
    with scratch_folder() as own:
        assert sorted(temporary.iterdir()) == sorted([living, own])
        assert (living / "file").exists()
    assert list(temporary.iterdir()) == [living]
    programs[1].kill()
    programs[1].communicate()


def test_no_folder_is_removed_that_was_not_made_for_this(temporary, tmp_path_factory):
    """A clone, the temporary folder of something else, and a link."""
    other = tmp_path_factory.mktemp("other")
    folders = [temporary / "har-edge-main", temporary / "har-edge-fuzz-abcdefgh", other]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / "file").touch()
    with scratch_folder() as marked:
        shutil.copytree(marked, other, dirs_exist_ok=True)
    (temporary / "har-edge-link").symlink_to(other)
    with scratch_folder():
        pass
    assert all((folder / "file").exists() for folder in folders)


def test_a_folder_whose_removal_is_cut_short_is_removed_by_the_next(temporary, monkeypatch):
    removed = shutil.rmtree

    def cut_short(path: Path, **options: object) -> None:
        raise InterruptedError(4, "cut short", str(path))

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(InputError) as refused, scratch_folder():
        monkeypatch.setattr(shutil, "rmtree", cut_short)
    [folder] = temporary.iterdir()
    assert str(folder) in str(refused.value)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    monkeypatch.setattr(shutil, "rmtree", removed)
    with scratch_folder() as own:
        assert list(temporary.iterdir()) == [own]


def test_the_mark_goes_last(temporary, monkeypatch):
    """Else what a killed program had not yet removed would stay for ever."""
    gone: list[str] = []
    unlink, rmtree = Path.unlink, shutil.rmtree

    def seen(path: Path, *rest: object) -> None:
        gone.append(path.name)
        unlink(path, *rest)

    def tree(path: Path, **options: object) -> None:
        gone.append(" ".join(sorted(x.name for x in path.iterdir())))
        rmtree(path, **options)

    with scratch_folder() as folder:
        (folder / "file").touch()
        (folder / "folder").mkdir()
        monkeypatch.setattr(Path, "unlink", seen)
        monkeypatch.setattr(shutil, "rmtree", tree)
    assert sorted(gone[:-1]) == ["", "file"]
    assert gone[-1] == ".har-edge-scratch"


def test_a_folder_whose_program_was_killed_before_it_was_marked_is_removed_once_it_is_old(temporary):
    folders = [temporary / f"har-edge-scratch-{x * 8}" for x in "abcd"]
    for folder in folders:
        folder.mkdir()
    empty, unlocked, young, full = folders
    (unlocked / "mark").touch()
    (full / "file").touch()
    for old in (empty, unlocked, full):
        os.utime(old, (0, 0))
    with scratch_folder() as own:
        assert sorted(temporary.iterdir()) == sorted([young, full, own])
