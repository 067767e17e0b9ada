"""Temporary folders: gone after the block, and those of programs that were killed gone at the next."""

import signal
import sys
import tempfile
from pathlib import Path

import pytest
from programs import start

from edge_runtime.system.files import SCRATCH, scratch_folder

HOLDS = """
import sys, time
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


def test_a_link_of_that_name_leads_nowhere(temporary, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "file").touch()
    (temporary / f"{SCRATCH}link").symlink_to(other)
    with scratch_folder():
        assert (other / "file").exists()


def test_a_temporary_folder_that_is_no_scratch_folder_stays(temporary):
    """Others' have no lock: those of the makers' programs, of a fit, of an older version."""
    others = [Path(tempfile.mkdtemp(prefix=f"har-edge-{x}")) for x in ("", "claims-", "fuzz-")]
    with scratch_folder():
        pass
    assert [x for x in others if not x.exists()] == []
