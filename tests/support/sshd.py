"""Run a real sshd on loopback with its own keys and client configuration."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from programs import wait_until

SSHD = "/usr/sbin/sshd"


@dataclass
class Server:
    """A running sshd."""

    folder: Path
    port: int

    def configure(self, path: Path) -> str:
        """Write an ssh configuration in which this server is `board`; return the command for HAR_EDGE_SSH."""
        kind, key, *_ = (self.folder / "host.pub").read_text().split()
        known_hosts = path.with_suffix(".known_hosts")
        known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")
        path.write_text(
            f"Host board\n HostName 127.0.0.1\n Port {self.port}\n User {pwd.getpwuid(os.getuid()).pw_name}\n"
            f" IdentityFile {self.folder}/client\n IdentitiesOnly yes\n UserKnownHostsFile {known_hosts}\n"
            " GlobalKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n"
        )
        return f"ssh -F {path}"


@contextmanager
def running(folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """Run an sshd in the block; its files are in `folder`, and its sessions have `environment`."""
    assert shutil.which(SSHD), "install openssh-server: these tests need a real sshd"
    (folder / "home").mkdir(parents=True)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # An empty home has no shell profile; PATH finds the Python that runs the tests.
    defaults = {"HOME": str(folder / "home"), "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"}
    settings = " ".join(f'"{name}={value}"' for name, value in (defaults | dict(environment)).items())
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"LogLevel ERROR\nPermitRootLogin prohibit-password\nSetEnv {settings}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd needs it to drop the privileges of root
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=file)
    try:
        wait_until(lambda: is_listening(port) or process.poll() is not None, 15)
        assert process.poll() is None, log.read_text()
        yield Server(folder, port)
    finally:
        process.terminate()
        process.wait()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
