"""A file is written completely or not at all, and an older file survives every failure."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from edge_runtime import runs
from edge_runtime.errors import InputError
from edge_runtime.runs import Run
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.files import atomic_path, check_folder, scratch_folder, write_bytes, write_text


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "model.tflite"
    write_bytes(path, b"old")

    def interrupted(file: Path) -> None:
        file.write_bytes(b"half of the new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        interrupted(temporary)
    assert temporary.suffix == ".tflite", "libraries look at it"
    with pytest.raises(KeyboardInterrupt), scratch_folder() as folder:
        interrupted(folder / "file")
    with pytest.raises(KeyboardInterrupt):
        cached_folder(tmp_path / "it", lambda folder: interrupted(folder / "file"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_a_killed_process_are_removed_by_the_next_write_in_the_folder(tmp_path):
    path, abandoned = tmp_path / "a[1].json", []
    for beside in ("a[1].json", "report"):
        with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / beside) as temporary:
            raise KeyboardInterrupt
        temporary.touch()
        abandoned.append(temporary)
    other_files = [tmp_path / ".a[1]-0123456789abcdef.json", tmp_path / ".env.har-edge-notes-of-mine"]  # of the user
    for file in (*abandoned, *other_files):
        file.touch()
        os.utime(file, (0, 0))
    write_text(path, "{}")
    assert {*tmp_path.iterdir()} == {path, *other_files}
    abandoned[0].touch()  # at work
    write_text(tmp_path / "b.json", "{}")
    assert {*tmp_path.iterdir()} == {path, abandoned[0], *other_files, tmp_path / "b.json"}


def test_results_have_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "card.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "card.json").stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "results").mkdir()
    target, near, far = tmp_path / "results" / "new.json", tmp_path / "near.json", tmp_path / "far.json"
    near.symlink_to("results/new.json")
    far.symlink_to(near)
    for content in ("one", "two"):
        write_text(far, content)
        assert target.read_text() == content
    assert sorted(tmp_path.rglob("*")) == sorted([target, near, far, target.parent])


def test_the_latest_run_is_found_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    runs.make_latest(Run(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match="har-edge train"):
        runs.find_run(None)
    for name in ("first", "second"):
        (Path("runs") / name).mkdir(parents=True)
        runs.make_latest(Run(Path("runs") / name))
    assert {path.name for path in Path("runs").iterdir()} == {"first", "second", "latest"}
    assert runs.find_run(None).folder == Path("runs/second")
    assert runs.find_run(Path("runs/first")).folder == Path("runs/first")
    with pytest.raises(InputError, match="absent"):
        runs.find_run(tmp_path / "absent")
    for seeds in ('{"runs": ["../second"]}', '{"runs": []}', '{"runs": 3}', '["second"]', "{"):
        (tmp_path / "runs/first/seeds.json").write_text(seeds)
        with pytest.raises(InputError, match=r"seeds\.json"):
            runs.find_run(Path("runs/first"))


def test_checking_a_folder_leaves_no_trace(tmp_path):
    check_folder(tmp_path / "deep" / "er")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("kept")
    for folder in (tmp_path / "file", tmp_path / "file" / "in", Path("/proc/in")):
        with pytest.raises(InputError, match=str(folder)):
            check_folder(folder)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch):
    for name in ("HAR_EDGE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(InputError, match="HAR_EDGE_CACHE"):
        cache_folder()
