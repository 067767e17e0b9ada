"""`har-edge bench --on adb:` with a real adbd, in a network namespace of its own: it lets anybody in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import LONG, MODELS, QUICK, Home, assert_one_sentence, finished, wait_until, workers

from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.emulation import debian
from edge_runtime.progress import unheard

PORT = 5601  # not of those that an adb server looks at by itself
SERIAL = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def adbd(tmp_path_factory) -> Path:
    """A tree with Debian's adbd, which Debian 13 has and Debian 12 has not."""
    folder = tmp_path_factory.mktemp("adbd")
    root = folder / "root"
    root.mkdir()
    with debian.apt(folder / "apt", debian.host_architecture(), "trixie") as apt:
        for package in apt.fetch(["adbd"]):
            debian.unpack(package, root)
    return root


@dataclass
class Namespace:
    """A network of its own with nothing but its loopback."""

    process: subprocess.Popen[bytes]

    @property
    def enter(self) -> list[str]:
        """The command that runs what follows it in there."""
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net"]


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    hold = "ip link set lo up && echo ready && exec sleep 600"
    with subprocess.Popen(["unshare", "--net", "sh", "-c", hold], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "network namespaces need root, and iproute2"
        yield Namespace(process)
        process.kill()


@pytest.fixture
def home(namespace, tmp_path) -> Iterator[Home]:
    adb = "adb -P 5602"
    home = Home(tmp_path, "ssh", namespace.enter, HAR_EDGE_ADB=adb, HOME=str(tmp_path))
    yield home
    subprocess.run([*namespace.enter, *adb.split(), "kill-server"], env=home.environment, check=False)


@pytest.fixture
def board(adbd, namespace, home, tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    """An adbd at work, whose shells see the Python that runs the tests, and programs in `bin` before it."""
    libraries = next(adbd.glob("usr/lib/*-linux-gnu"))
    (loader,) = libraries.glob("ld-linux*.so.2")
    (tmp_path / "bin").mkdir()
    environment = {
        "ADBD_PORT": str(PORT),
        "PATH": f"{tmp_path}/bin:{sys.base_prefix}/bin:/usr/bin:/bin",
        "XDG_CACHE_HOME": str(tmp_path / "board-cache"),
    }
    path = f"{libraries}:{libraries}/android"
    command = [loader, "--library-path", path, adbd / "usr/lib/android-sdk/platform-tools/adbd"]
    with (tmp_path / "adbd.log").open("wb") as log:
        process = subprocess.Popen([*namespace.enter, *command], env=environment, stderr=log, start_new_session=True)
    connect = [*namespace.enter, "adb", "-P", "5602", "connect", SERIAL]
    for _ in range(100):
        said = subprocess.run(connect, env=home.environment, capture_output=True, text=True, check=False).stdout
        if said.startswith("connected"):
            break
        time.sleep(0.1)
    else:
        raise AssertionError(f"adbd does not answer: {said} {(tmp_path / 'adbd.log').read_text()}")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Outside:
    """The same machine without adb: where its packages can be fetched, which the namespace has no way to."""

    def __init__(self, folder: Path) -> None:
        self.name = "outside"
        self._environment = [f"XDG_CACHE_HOME={folder}/board-cache", f"PATH={sys.base_prefix}/bin:/usr/bin:/bin"]

    def command(self, argv):
        return ["env", *self._environment, *argv]

    def explain(self, code, stderr, greeted):
        raise AssertionError(stderr)


@pytest.fixture
def packages(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    device = RemoteDevice(Outside(tmp_path), offline=True)
    device.prepare(unheard)
    device.close()


@pytest.mark.usefixtures("packages", "board")
def test_a_board_is_measured_and_a_second_run_sends_nothing(home, tmp_path):
    first = home.run("bench", MODELS[1], "--on", "adb:", "--offline", *QUICK)
    assert first.returncode == 0, first.stderr
    report = json.loads((tmp_path / "bench-127.0.0.1-5601.json").read_text())
    assert report["results"][0]["windows"] == 2947
    objects = tmp_path / "board-cache" / "har-edge" / "device" / "objects"
    sent = {x.name: x.stat().st_mtime_ns for x in objects.iterdir()}
    assert home.run("bench", MODELS[1], "--on", f"adb://{SERIAL}", "--offline", *QUICK).returncode == 0
    assert {x.name: x.stat().st_mtime_ns for x in objects.iterdir()} == sent
    looked = home.run("devices", "adb:")
    assert "litert on Python 3.11" in looked.stdout, looked.stderr
    assert home.run("devices", "clean", "adb:").returncode == 0
    assert not objects.exists()


@pytest.mark.usefixtures("packages")
def test_a_board_that_goes_away_is_noticed_although_adb_says_nothing(home, board, tmp_path):
    cache = tmp_path / "board-cache"
    process = home.start("bench", MODELS[1], "--on", "adb:", "--offline", *LONG)
    wait_until(lambda: workers(cache))
    os.killpg(board.pid, signal.SIGKILL)
    assert_one_sentence(finished(process), 3, f"connection to {SERIAL} was lost", "plug it in again")
    wait_until(lambda: not workers(cache))


def test_without_a_board_it_says_so(home):
    for words in (["bench", MODELS[1], "--on", "adb:", *QUICK], ["devices", "adb:"]):
        result = home.run(*words)
        assert result.returncode == 3
        assert "adb has no device" in result.stdout + result.stderr


@pytest.mark.usefixtures("board")
def test_a_serial_that_adb_does_not_know_is_refused(home):
    result = home.run("bench", MODELS[1], "--on", "adb://abc", *QUICK)
    assert_one_sentence(result, 3, "adb knows no device abc", SERIAL)


@pytest.mark.usefixtures("board")
def test_a_phone_is_told_apart(home, tmp_path):
    (tmp_path / "bin" / "getprop").write_text("#!/bin/sh\necho 14\n")
    (tmp_path / "bin" / "getprop").chmod(0o755)
    assert_one_sentence(home.run("bench", MODELS[1], "--on", "adb:", *QUICK), 3, "phone with Android 14", "demo app")


@pytest.mark.usefixtures("board")
def test_a_board_without_python_is_told_apart(home, tmp_path):
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\necho sh: python3: not found >&2\nexit 127\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    assert_one_sentence(home.run("bench", MODELS[1], "--on", "adb:", *QUICK), 3, f"{SERIAL} has no python3")
