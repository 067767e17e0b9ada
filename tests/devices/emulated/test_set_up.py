"""Check the set-up of a board, and its refusals, each in a process that sees another machine."""

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from edge_runtime.system.cache_folders import cached_folder
from on_board import printed
from programs import ROOT, run_program, write_program

from edge_runtime.devices.emulated import debian
from edge_runtime.devices.emulated.board import open_board
from edge_runtime.errors import DeviceError, InputError

OPEN = """\
import sys
sys.path.insert(0, sys.argv[1])
from edge_runtime.devices.emulated import board
from edge_runtime.errors import HarEdgeError
{first}
try:
    board.open_board("cortex-a72")
except HarEdgeError as error:
    sys.exit(str(error))
"""


def refusal(cache: Path, *before: str, first: str = "", **env: str) -> str:
    """Return the refusal of `open_board` after the command `before`, `cache` being empty; nothing half-made stays."""
    command = [*before, sys.executable, "-c", OPEN.format(first=first), ROOT]
    done = run_program(*command, env={"HAR_EDGE_CACHE": str(cache)} | env)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert [path for path in cache.rglob("*") if path.suffix != ".lock" and path.name != "boards"] == []
    return done.stderr


def test_without_a_network(tmp_path):
    said = refusal(tmp_path, "unshare", "--user", "--map-root-user", "--net")
    assert "cannot be fetched" in said
    assert "apt-get update" in said


def test_without_debians_tools(tmp_path):
    said = refusal(tmp_path, PATH="/nonexistent")
    assert "there is no dpkg here: use a Debian or Ubuntu host" in said


def test_with_too_little_space(tmp_path):
    said = refusal(tmp_path, *_with_disk(tmp_path, "50m"))
    assert "700 MB are needed" in said
    assert "HAR_EDGE_CACHE" in said


def test_when_the_disk_gets_full(tmp_path):
    said = refusal(tmp_path, *_with_disk(tmp_path, "50m"), first="board.SPACE_BYTES = 0")
    assert "is full: make space there" in said


def test_where_namespaces_are_not_allowed(tmp_path):
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec"
    said = refusal(tmp_path, "unshare", "--user", "--map-root-user", "sh", "-c", f'{forbid} "$@"', "sh")
    assert "needs user namespaces" in said
    assert not (tmp_path / "boards").exists()  # nothing was fetched


@pytest.mark.parametrize(
    ("keyring", "advice"),
    [(None, "install debian-archive-keyring"), ("debian-archive-removed-keys.gpg", "install a newer")],
)
def test_where_the_archives_signature_cannot_be_checked(keyring, advice, tmp_path):
    keyrings = tmp_path / "keyrings"
    keyrings.mkdir()
    if keyring:
        shutil.copyfile(f"/usr/share/keyrings/{keyring}", keyrings / "debian-archive-keyring.gpg")
    cache = tmp_path / "cache"
    said = refusal(cache, *_in_other_mounts(f"mount --bind {keyrings} /usr/share/keyrings"))
    assert "cannot be checked" in said
    assert advice in said


def test_on_another_system_than_debian_a_mirror_has_to_be_named(tmp_path):
    (tmp_path / "os-release").write_text("ID=ubuntu\nVERSION_CODENAME=noble\n")
    there = _in_other_mounts(f"mount --bind {tmp_path / 'os-release'} /etc/os-release")
    assert "set HAR_EDGE_DEBIAN to the address" in refusal(tmp_path / "cache", *there)
    named = "http://mirror.invalid/debian"
    said = refusal(tmp_path / "cache", *there, "unshare", "--net", HAR_EDGE_DEBIAN=named)
    assert f"{named}/dists/trixie" in said


def test_a_mirror_that_is_being_updated_is_asked_again(tmp_path, monkeypatch):
    """An `apt-get` that finds it so twice, as no mirror does when it is wanted."""
    (tmp_path / "bin").mkdir()
    fail = f'[ "$(wc -l < {tmp_path}/calls)" -gt 2 ] || {{ echo "E: Hash Sum mismatch" >&2; exit 100; }}'
    write_program(tmp_path / "bin/apt-get", f"echo called >> {tmp_path}/calls\n{fail}")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    waited = []
    monkeypatch.setattr(debian.time, "sleep", waited.append)
    assert debian.Apt(tmp_path, "arm64", "trixie").fetch(["base-files"]) == []
    assert len(waited) == 2
    assert len((tmp_path / "calls").read_text().splitlines()) == 4  # and what was asked after the index


def test_a_cache_that_may_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="set HAR_EDGE_CACHE to a folder that is writable"):
        cached_folder(tmp_path / "file/board", lambda folder: None)


def test_an_unknown_cpu(a72):
    with pytest.raises(InputError, match=r"no CPU 'cortex-a999' for arm64: choose one of cortex-a53, cortex-a72"):
        open_board("cortex-a999", a72.disk)


def test_a_board_that_is_there_is_opened_at_once_and_without_a_network(a72):
    shares = []
    assert open_board("cortex-a72", a72.disk, lambda share, text: shares.append(share)) == a72
    assert shares == [1.0]


def test_everything_that_is_imported_was_compiled(a72):
    code = (
        "import sys, numpy, ai_edge_litert.interpreter, json, subprocess, zipfile, asyncio\n"
        "print([m.__name__ for m in list(sys.modules.values()) if getattr(m, '__cached__', None)\n"
        "       and m.__file__.endswith('.py') and not __import__('os').path.exists(m.__cached__)])"
    )
    assert printed(a72, "python3", "-B", "-c", code) == "[]\n"


def test_what_is_made_at_once_by_two_is_made_once(tmp_path):
    made, found = [], []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)
        (folder / "content").touch()

    threads = [threading.Thread(target=lambda: found.append(cached_folder(tmp_path / "it", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == [tmp_path / "it"] * 4
    assert (tmp_path / "it/content").exists()


def test_what_was_left_half_made_does_not_count(tmp_path):
    def die(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_folder(tmp_path / "it", die)
    assert [x.name for x in tmp_path.iterdir()] == ["it.lock"]
    (tmp_path / ".it").mkdir()  # as of one who was killed
    (tmp_path / ".it/half").touch()
    assert list(cached_folder(tmp_path / "it", lambda folder: (folder / "whole").touch()).iterdir()) == [
        tmp_path / "it/whole"
    ]


def _with_disk(folder: Path, size: str) -> list[str]:
    """Return the prefix of a command that shall find a disk of `size` at `folder`."""
    return _in_other_mounts(f"mount -t tmpfs -o size={size} disk {folder}")


def _in_other_mounts(script: str) -> list[str]:
    """Return the prefix of a command that shall see the mounts of `script`, which nobody else sees."""
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]
