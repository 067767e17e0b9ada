"""A real sshd on loopback, with keys and a client configuration of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"


def keygen(path: Path) -> Path:
    """A new key pair at `path`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@dataclass
class Server:
    """An sshd at work. `environment` is that of every session, over what sshd gives."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    address: str = "127.0.0.1"

    @property
    def client_key(self) -> Path:
        """The key that it takes."""
        return self.folder / "client"

    @property
    def known_host(self) -> str:
        """Its line in a known_hosts file."""
        kind, key, *_ = (self.folder / "host.pub").read_text().split()
        return f"[{self.address}]:{self.port} {kind} {key}\n"

    def configure(self, path: Path, host: str = "board", known: str | None = None, more: Sequence[str] = ()) -> str:
        """Write an ssh configuration in which this server is `host`; the command that uses it, for HAR_EDGE_SSH."""
        known_hosts = path.with_suffix(".known_hosts")
        known_hosts.write_text(self.known_host if known is None else known)
        lines = [
            f"Host {host}",
            f"  HostName {self.address}",
            f"  Port {self.port}",
            f"  User {pwd.getpwuid(os.getuid()).pw_name}",
            f"  IdentityFile {self.client_key}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {known_hosts}",
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            *(f"  {x}" for x in more),
        ]
        path.write_text("\n".join(lines) + "\n")
        return f"ssh -F {path}"

    def stop(self) -> None:
        """End it and its sessions."""
        self.process.terminate()
        self.process.wait()


def start(
    folder: Path,
    environment: Mapping[str, str],
    before: Sequence[str] = (),
    address: str = "127.0.0.1",
    port: int | None = None,
    setting: str = "",
) -> Server:
    """Start an sshd that keeps its files in `folder`, by the command `before`, with one more `setting`."""
    assert shutil.which(SSHD), "install openssh-server: these tests need a real sshd"
    folder.mkdir(parents=True)
    keygen(folder / "host")
    shutil.copy(f"{keygen(folder / 'client')}.pub", folder / "authorized_keys")
    port = port or _free_port()
    home = folder / "home"
    home.mkdir()
    # Its own home, so that nobody's shell profile has a say, and the Python that runs the tests.
    defaults = {"HOME": str(home), "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"}
    environment = defaults | dict(environment)
    settings = " ".join(f'"{name}={value}"' for name, value in environment.items())
    (folder / "sshd_config").write_text(
        f"ListenAddress {address}\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"LogLevel ERROR\nPermitRootLogin prohibit-password\n" + f"SetEnv {settings}\n{setting}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, as root, puts away its privileges
    log = (folder / "log").open("wb")
    process = subprocess.Popen([*before, SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    server = Server(folder, port, process, address)
    for _ in range(300):  # on an emulated board it takes its time
        if process.poll() is not None:
            raise AssertionError((folder / "log").read_text())
        if "listening" in (folder / "log").read_text() or _answers(address, port):
            return server
        time.sleep(0.05)
    server.stop()
    raise AssertionError(f"sshd does not listen: {(folder / 'log').read_text()}")


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=0.2):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
