"""Reach devices by the system's ssh, with the user's own configuration, keys and agent."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge_runtime.devices.connection import last_words, program
from edge_runtime.errors import DeviceError, HarEdgeError, InputError

# Never a question on the terminal; and a link that broke is noticed within a quarter of a minute.
_OPTIONS = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3", "LogLevel=ERROR")
# In no name of a user or host: ssh hands both to a shell when its configuration says so (ProxyCommand, Match).
_FOR_SHELLS = re.compile(r"[\s\x00-\x1f'\"`$;&<>|(){},*?]")


@dataclass(frozen=True)
class Ssh:
    """`[user@]host[:port]`. HAR_EDGE_SSH is another ssh command than `ssh`, words as in a shell."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, target: str) -> Ssh:
        """Read `ssh://[user@]host[:port]` or `user@host`. Raises `InputError` when it is neither."""
        try:
            parts = urlsplit(target if "://" in target else f"ssh://{target}")
            host, user, port = parts.hostname, parts.username, parts.port
        except ValueError:
            host = user = port = None
        # Letters as the user wrote them: a name in ssh's configuration may have capitals.
        host = host and parts.netloc.rpartition("@")[2].partition(":")[0] if host and ":" not in host else host
        names = (host or "", user or "")
        odd = any(x.startswith("-") or _FOR_SHELLS.search(x) for x in names)
        if not host or odd or parts.path.strip("/") or parts.query or parts.fragment or parts.password is not None:
            raise InputError(f"cannot measure on {target!r}: give ssh://[user@]host[:port]")
        return cls(host, user, port)

    @property
    def name(self) -> str:
        """The host's name, with the port if one was given."""
        return f"{self.host}:{self.port}" if self.port else self.host

    def command(self, argv: Sequence[str]) -> list[str]:
        """The ssh command that runs `argv` there, quoted, since a shell reads it."""
        words = program("HAR_EDGE_SSH", "ssh", "an OpenSSH client")
        options = [x for option in _OPTIONS for x in ("-o", option)]
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*words, "-T", *options, *user, *port, "--", self.host, shlex.join(argv)]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain how ssh ended: 255 is its own exit code, any other that of the program there."""
        last = last_words(stderr, code)
        there = f"ssh {self._at()}"
        if greeted:
            return DeviceError(f"the connection to {self.name} was lost ({last}): try again")
        if code == 127:
            return DeviceError(f"{self.name} has no python3: sudo apt install python3 there")
        if code != 255:
            return DeviceError(f"python3 does not start on {self.name} ({last}): try {there} python3")
        if "IDENTIFICATION HAS CHANGED" in stderr:
            return DeviceError(
                f"the host key of {self.name} is not the one that is known: if the device was set up anew, "
                f"ssh-keygen -R {shlex.quote(self._known_as())}, then {there} once"
            )
        if re.search("Host key verification failed|No .* host key is known", stderr):
            return DeviceError(f"the host key of {self.name} is not known yet: {there} once, and compare it")
        if "Permission denied" in stderr:
            return DeviceError(f"{self.name} takes none of your keys: ssh-copy-id {self._at()}")
        return DeviceError(f"{self.name} cannot be reached ({last}): try {there}")

    def _at(self) -> str:
        port = f"-p {self.port} " if self.port else ""
        return port + shlex.quote(f"{self.user}@{self.host}" if self.user else self.host)

    def _known_as(self) -> str:
        return f"[{self.host}]:{self.port}" if self.port else self.host
