"""A file is written whole or not at all, and an older one survives every failure."""

import os
import resource
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT

from edge_runtime import runs
from edge_runtime.errors import InputError
from edge_runtime.runs import Run
from edge_runtime.system.files import atomic_path, check_folder, point_link, scratch_folder, write_bytes, write_text


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "model.tflite"
    write_bytes(path, b"old")

    def interrupted() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_as_soon_as_the_temporary_file_is_there_leaves_nothing(tmp_path, monkeypatch):
    create = os.open

    def created_and_interrupted(*arguments):
        os.close(create(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", created_and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "new.txt", "new")
    assert not list(tmp_path.iterdir())


def test_the_temporary_file_has_the_suffix_that_libraries_look_at(tmp_path):
    with atomic_path(tmp_path / "deep" / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("x")
    assert (tmp_path / "deep" / "model.keras").read_text() == "x"


def test_results_are_readable_by_whom_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "card.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "card.json").stat().st_mode) == 0o640


def test_what_a_killed_program_left_beside_an_output_is_removed_when_it_is_written(tmp_path):
    out = tmp_path / "out.json"
    left, young, others = (tmp_path / f".{x}" for x in ("out-abcd_123.json", "out-abcd_124.json", "out-abcd_123.csv"))
    for path in (left, young, others):
        path.touch()
    for path in (left, others):
        os.utime(path, (time.time() - 60, time.time() - 60))
    with atomic_path(out) as at_work:
        at_work.write_text("1")
        os.utime(at_work, (0, 0))
        write_text(out, "2")
        assert at_work.exists()
    assert out.read_text() == "1"
    assert sorted(tmp_path.iterdir()) == sorted([out, young, others])


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "results").mkdir()
    target, near, far = tmp_path / "results" / "new.json", tmp_path / "near.json", tmp_path / "far.json"
    near.symlink_to("results/new.json")
    far.symlink_to(near)
    for content in ("one", "two"):  # there is nothing yet the first time
        write_text(far, content)
        assert target.read_text() == content
    assert near.is_symlink()
    assert far.is_symlink()
    assert sorted(tmp_path.rglob("*")) == sorted([target, near, far, target.parent])


def test_links_in_a_ring_and_folders_are_refused_and_stay(tmp_path):
    ring = tmp_path / "ring"
    ring.symlink_to("ring")
    for path, why in ((ring, "Too many levels of symbolic links"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=f"cannot write {path}: {why}"):
            write_text(path, "")
    assert list(tmp_path.iterdir()) == [ring]
    assert ring.is_symlink()


@pytest.mark.parametrize("number", ["987", "9" * 30])
def test_a_file_that_is_not_open_is_a_sentence(number):
    with pytest.raises(InputError, match=f"cannot write /proc/self/fd/{number}"):
        write_text(Path(f"/proc/self/fd/{number}"), "x")


def test_an_open_file_that_was_given_is_written_into_and_one_of_our_own_is_not(tmp_path):
    with (tmp_path / "lock").open("w") as file:
        path = Path(f"/dev/fd/{file.fileno()}")
        with pytest.raises(InputError, match=f"cannot write {path}: Bad file descriptor"):
            write_text(path, "content")
        os.set_inheritable(file.fileno(), True)  # as a shell gives it
        write_text(path, "content")
    assert (tmp_path / "lock").read_text() == "content"


def test_a_device_is_written_into_and_stays(tmp_path):
    for name, number in (("null", 3), ("full", 7)):
        os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, os.makedev(1, number))
    write_text(tmp_path / "null", "content")
    with pytest.raises(InputError, match=r"cannot write .*full: No space left"):
        write_text(tmp_path / "full", "content")
    assert [stat.S_ISCHR(x.stat().st_mode) for x in tmp_path.iterdir()] == [True, True]


def test_a_pipe_gets_the_content_if_it_has_a_reader(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match=r"cannot write .*pipe: nobody reads it"):
        write_text(pipe, "content")
    reader = subprocess.Popen(["cp", pipe, tmp_path / "copy"])
    content = "content" * 100_000  # more than a pipe holds
    for _ in range(1000):  # until cp has opened it
        try:
            write_text(pipe, content)
            break
        except InputError:
            time.sleep(0.01)
    assert reader.wait() == 0
    assert (tmp_path / "copy").read_text() == content
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_has_a_path(tmp_path, path):
    """Also where it is a file, which is neither replaced nor made empty."""
    code = "import sys, pathlib; from edge_runtime.system.files import write_text; print('before'); "
    code += f"write_text(pathlib.Path({path!r}), 'content\\n'); print('after')"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout == b"before\ncontent\nafter\n"
    with (tmp_path / "file").open("w") as file:
        subprocess.run(command, stdout=file, check=True, cwd=ROOT)
    assert (tmp_path / "file").read_text() == "before\ncontent\nafter\n"


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    write_text(tmp_path / ("x" * 255), "content")
    with pytest.raises(InputError, match="File name too long"):
        write_text(tmp_path / ("x" * 256), "content")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 64 kB."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True, check=False
    )
    if not mounted.returncode:
        yield small
        subprocess.run(["umount", small], check=True)
        return
    # Without the right to mount: a limit on file sizes is what the system offers everyone.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    yield small
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_a_sentence_and_keeps_the_old_file(small_disk):
    write_bytes(small_disk / "model", b"old")
    with pytest.raises(InputError, match=r"cannot write .*small/model"):
        write_bytes(small_disk / "model", bytes(200_000))
    assert [(x.name, x.read_bytes()) for x in small_disk.iterdir()] == [("model", b"old")]


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: (folder / "model").write_bytes(bytes(200_000)),
        lambda folder: write_bytes(folder / "model", bytes(200_000)),
        lambda folder: np.save(folder / "windows.npy", np.zeros(200_000, np.uint8)),  # "... requested and ... written"
        lambda folder: np.savez(folder / "windows.npz", np.zeros(200_000, np.uint8)),
        lambda folder: (folder / "none" / "x").touch(),
    ],
)
def test_a_full_temporary_disk_is_named_with_the_way_around_it(small_disk, monkeypatch, write):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with (
        pytest.raises(InputError, match=r"temporary files in .*small/har-edge-.*: .*set TMPDIR"),
        scratch_folder() as folder,
    ):
        write(folder)
    assert not list(small_disk.iterdir())


def test_no_temporary_folder_at_all_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"temporary files in .*No such file.*TMPDIR"), scratch_folder():
        pass


def test_other_failures_beside_a_temporary_folder_stay_what_they_are(tmp_path):
    """A program that is missing, a reader that went away, a result that cannot be written elsewhere."""
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="/none/program"), scratch_folder():
        subprocess.run(["/none/program"], check=False)
    with pytest.raises(BrokenPipeError), scratch_folder():
        raise BrokenPipeError(32, "Broken pipe")
    with pytest.raises(InputError, match=r"cannot write .*file/x"), scratch_folder() as folder:
        write_text(tmp_path / "file" / "x", "")
    assert not folder.exists()


def test_a_link_moves_in_one_step(tmp_path):
    for target in ("one", "two"):
        (tmp_path / target).mkdir()
        point_link(tmp_path / "latest", target)
        assert (tmp_path / "latest").resolve().name == target
    assert len(list(tmp_path.iterdir())) == 3


def test_the_latest_run_is_found_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="har-edge train"):
        runs.find(None)
    for name in ("first", "second"):
        (Path("runs") / name).mkdir(parents=True)
        runs.make_latest(Run(Path("runs") / name))
    assert runs.find(None).folder == Path("runs/second")
    assert runs.find(Path("runs/first")).folder == Path("runs/first")


def test_a_run_elsewhere_does_not_become_the_latest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    runs.make_latest(Run(tmp_path / "elsewhere"))
    assert not Path("runs").exists()


def test_a_run_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="absent is not a run folder"):
        runs.find(tmp_path / "absent")


def test_results_are_named_after_their_device():
    assert Run(Path("r")).bench("ssh://pi@10.0.0.2:22").name == "bench-ssh-pi-10.0.0.2-22.json"


def test_a_folder_is_tried_without_a_trace(tmp_path):
    check_folder(tmp_path / "deep" / "er")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("kept")
    for folder in (tmp_path / "file", tmp_path / "file" / "in", Path("/proc/in")):
        with pytest.raises(InputError, match=f"cannot write into {folder}: .*; choose a folder that is writable"):
            check_folder(folder)
    assert (tmp_path / "file").read_text() == "kept"
