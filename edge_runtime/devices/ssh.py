"""Reach devices by the system's ssh, with the user's own configuration, keys and agent."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from edge_runtime.devices.connection import program
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.system.process_endings import ending, last_line

# ssh asks nothing on the terminal, and notices a broken link within 15 seconds.
_OPTIONS = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3", "LogLevel=ERROR")
_LAST_PORT = 65535
# No quote, blank or leading dash: ssh's configuration may pass both names to a shell (ProxyCommand, Match).
_TARGET = re.compile(r"(?:ssh://)?(?:(?P<user>\w[\w.+-]*)@)?(?P<host>\w[\w.-]*|\[[\w:.%]+\])(?::(?P<port>\d{1,5}))?/?")


@dataclass(frozen=True)
class Ssh:
    """`[user@]host[:port]`. HAR_EDGE_SSH replaces the command `ssh`, with words as in a shell."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, target: str) -> Self:
        """Read `ssh://[user@]host[:port]` or `user@host`. Raises `InputError` when it is neither."""
        match = _TARGET.fullmatch(target)
        if not match or int(match["port"] or 0) > _LAST_PORT:
            raise InputError(
                f"cannot measure on {target!r}: write ssh://[user@]host[:port], with a port up to {_LAST_PORT}"
            )
        return cls(match["host"].strip("[]"), match["user"], int(match["port"]) if match["port"] else None)

    @property
    def name(self) -> str:
        """The host's name, with the port if it was given."""
        return f"{self.host}:{self.port}" if self.port else self.host

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` there, quoted for its shell."""
        words = program("HAR_EDGE_SSH", "ssh", "an OpenSSH client")
        options = [word for option in _OPTIONS for word in ("-o", option)]
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*words, "-T", *options, *user, *port, "--", self.host, shlex.join(argv)]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain how ssh ended: 255 is its own exit code, all others come from the program there."""
        port = f"-p {self.port} " if self.port else ""
        by_hand = f"ssh {port}{shlex.quote(f'{self.user}@{self.host}' if self.user else self.host)}"
        if greeted:
            return DeviceError(f"the connection to {self.name} was lost ({last_line(stderr)}): try again")
        if code == 255:
            return DeviceError(
                f"{self.name} cannot be reached ({last_line(stderr)}): try {by_hand}, which must not ask anything"
            )
        if code == 127:
            return DeviceError(f"{self.name} has no python3: sudo apt install python3 there")
        return DeviceError(f"python3 on {self.name} {ending(code, stderr)}: try {by_hand} python3")
