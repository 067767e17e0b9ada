"""A real adbd in its own network namespace, since it lets anybody in."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from home import Home
from programs import run_program, wait_until

from edge_runtime.devices.emulated import debian
from edge_runtime.system import child_processes

PORT = 5601  # not of those that an adb server looks at by itself
SERIAL = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="session")
def adbd(tmp_path_factory) -> Path:
    """A tree with Debian's adbd, which Debian 13 has and Debian 12 has not."""
    folder = tmp_path_factory.mktemp("adbd")
    root = folder / "root"
    root.mkdir()
    with debian.packages(["adbd"], debian.host_architecture(), "trixie") as files:
        for package in files:
            debian.unpack(package, root)
    return root


@pytest.fixture
def namespace() -> Iterator[list[str]]:
    """The command that runs what follows it in a network of its own with nothing but its loopback."""
    hold = "ip link set lo up && echo ready && exec sleep 600"
    with subprocess.Popen(["unshare", "--net", "sh", "-c", hold], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "network namespaces need root, and iproute2"
        yield ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
        process.kill()


@pytest.fixture
def home(namespace, tmp_path) -> Iterator[Home]:
    home = Home(tmp_path, "ssh", namespace, HAR_EDGE_ADB="adb -P 5602", HOME=str(tmp_path))
    yield home
    subprocess.run([*namespace, "adb", "-P", "5602", "kill-server"], env=home.environment, check=False)


@pytest.fixture
def board(adbd, namespace, home, tmp_path) -> Iterator[subprocess.Popen[bytes]]:
    """An adbd at work, whose shells see the Python that runs the tests, and programs in `bin` before it."""
    libraries = next(adbd.glob("usr/lib/*-linux-gnu"))
    (loader,) = libraries.glob("ld-linux*.so.2")
    (tmp_path / "bin").mkdir()
    environment = {
        "ADBD_PORT": str(PORT),
        "PATH": f"{tmp_path}/bin:{sys.base_prefix}/bin:/usr/bin:/bin",
        # As Android's shell has them.
        "TMPDIR": str(tmp_path / "phone/tmp"),
        "EXTERNAL_STORAGE": str(tmp_path / "phone/storage"),
    }
    path = f"{libraries}:{libraries}/android"
    command = [loader, "--library-path", path, adbd / "usr/lib/android-sdk/platform-tools/adbd"]
    process = subprocess.Popen([*namespace, *command], env=environment, start_new_session=True)
    connect = [*namespace, "adb", "-P", "5602", "connect", SERIAL]
    wait_until(lambda: run_program(*connect, env=home.environment).stdout.startswith("connected"), 20)
    yield process
    child_processes.stop(process)
