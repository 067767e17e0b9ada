"""Attack live recognition over TCP and UDP: whatever one peer sends, the next one is recognised."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tools import COMMAND
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import MEMORY_LIMIT, Ending, Fault, Finding, Place, finding, judge, wait_for
from tools.attack.streams import JSON_LINES

STARTS_WITHIN_S = 60.0
SAMPLES = 500  # 10 s of samples, in which a window is decided every 64
DECISIONS = 3
FLOOD_S = 5.0
FLOOD_BYTES = 50 << 20
SENT_AT_ONCE = 50
ANSWERS_WITHIN_S = 30.0
TRIES = 6
PAUSE_S = 1.0
LARGEST_DATAGRAM = 60_000


class Listener:
    """`har-edge stream` that listens on a free port of this machine, and what it has said so far."""

    def __init__(self, place: Place, protocol: str, *options: object) -> None:
        self.place = place
        self.protocol = protocol
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        line = ("stream", "edge-small", f"--{protocol}", "127.0.0.1:0", JSON_LINES, *options)
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, line)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=place.folder,
            env=place.environment,
        )
        self.said = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._seconds = 0.0
        wait_for(lambda: self._port or self.process.poll() is not None, STARTS_WITHIN_S)

    def connect(self) -> socket.socket:
        """A connection, or a socket from which datagrams go to it."""
        kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
        made = socket.socket(socket.AF_INET, kind)
        made.settimeout(20)
        made.connect(("127.0.0.1", self._port))
        return made

    def send(self, content: bytes, connection: socket.socket | None = None) -> None:
        """Send `content` by a connection of its own or a given one; a listener that hangs up is its own matter."""
        with suppress(OSError):
            made = connection or self.connect()
            for start in range(0, len(content), LARGEST_DATAGRAM):
                made.sendall(content[start : start + LARGEST_DATAGRAM])
            if connection is None:
                time.sleep(0.2)
                made.close()

    def sample(self, values: str = "[0.98, 0.1, 0.1]", seconds: float | None = None) -> bytes:
        """The next sample of a sender who stands, as a line; or one of `seconds`."""
        if seconds is None:
            self._seconds += 0.02
            seconds = self._seconds
        return b'{"t": %.4f, "acc": %s, "gyro": [0.01, 0.02, 0.01]}\n' % (seconds, values.encode())

    def decisions(self) -> int:
        """How many there were."""
        return sum(x.get("type") == "decision" for x in self._lines())

    def recognises(self, connection: socket.socket | None = None) -> bool:
        """Tell whether a good peer is recognised now, from a new connection or on this one."""
        before = self.decisions()
        made = connection
        try:
            made = made or self.connect()
            for _ in range(SAMPLES // SENT_AT_ONCE):
                lines = [self.sample() for _ in range(SENT_AT_ONCE)]
                for content in lines if self.protocol == "udp" else [b"".join(lines)]:
                    made.send(content)
                time.sleep(0.02)
            wait_for(lambda: self.decisions() - before >= DECISIONS or hung_up(made), ANSWERS_WITHIN_S)
            return self.decisions() - before >= DECISIONS
        except OSError:
            return False
        finally:
            if made and connection is None:
                made.close()

    def stop(self) -> Ending:
        """End it as Ctrl-C does; how it ended."""
        peak = self._peak_bytes()
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(self.place.patience_s)
            hung = False
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            hung = True
        self._reader.join()
        self._errors.seek(0)
        with self._errors:
            seconds = time.monotonic() - started
            return Ending(self.process.returncode, hung, seconds, peak, bytes(self.said), self._errors.read())

    @property
    def _port(self) -> int:
        opened = next((x for x in self._lines() if x.get("kind") == "opened"), None)
        found = re.search(r":(\d+)$", str(opened["text"])) if opened else None
        return int(found[1]) if found else 0

    def _lines(self) -> list[dict[str, Any]]:
        *lines, _ = bytes(self.said).split(b"\n")
        return [json.loads(x) for x in lines]

    def _read(self) -> None:
        assert self.process.stdout is not None
        while block := self.process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            self.said += block

    def _peak_bytes(self) -> int:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"VmHWM:\s+(\d+)", status)
        return int(found[1]) * 1024 if found else 0


def hung_up(connection: socket.socket) -> bool:
    """Tell whether the other side has closed `connection`; a listener never sends."""
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def tries(is_recognised: Callable[[], bool]) -> bool:
    """Try until it is, with pauses that are longer in all than a silent sender keeps its place."""
    for _ in range(TRIES):
        if is_recognised():
            return True
        time.sleep(PAUSE_S)
    return False


@dataclass(frozen=True)
class PeerCase:
    """A listener, what a hostile peer does to it, and a good peer after that."""

    name: str
    protocol: str
    attack: Callable[[Listener], str | None]
    options: tuple[object, ...] = ()

    def run(self, place: Place) -> Finding:
        """Start, attack, let a good peer send, and stop."""
        listener = Listener(place, self.protocol, *self.options)
        wrong = self.attack(listener)
        alive = listener.process.poll() is None
        # Who is refused while another seems to send tries again.
        good = alive and tries(listener.recognises)
        ending = listener.stop()
        faults = judge(ending, (0,), MEMORY_LIMIT)
        if not alive:
            faults.append(Fault("lost", "a peer has ended the stream"))
        elif not good:
            faults.append(Fault("lost", "a good peer is not recognised any more"))
        if wrong:
            faults.append(Fault("other", wrong))
        return finding(
            self.name,
            ("stream", f"--{self.protocol}", *self.options),
            ending,
            faults,
            f"{place.patience_s:g} s to stop, {MEMORY_LIMIT / (1 << 30):g} GB",
        )


def cases(ground: Ground) -> Iterator[PeerCase]:
    """All cases of this group."""
    random = ground.random("peers")
    stated = ("--units", "g", "--gyro-units", "rad/s")
    for protocol in ("tcp", "udp"):
        for name, content in _contents(random).items():
            yield PeerCase(f"{protocol} {name}", protocol, lambda x, content=content: x.send(content))
        for name, values in VALUES.items():
            for options in ((), stated):
                attack = _among_good(values)
                yield PeerCase(f"{protocol} {name}{' in stated units' if options else ''}", protocol, attack, options)
        for seconds in (1e18, -1e18, 3600.0):
            yield PeerCase(f"{protocol} {seconds:g} s", protocol, lambda x, s=seconds: x.send(x.sample(seconds=s)))
    for name, attack in TCP_ATTACKS.items():
        yield PeerCase(f"tcp {name}", "tcp", attack)
    yield PeerCase("udp flood", "udp", _flood)


VALUES = {
    "1e39": ["[0.98, 1e39, 0.1]"] * 300,
    "five of 1e308": ["[0.98, 1e308, 0.1]"] * 5,
    "1e308": ["[0.98, 1e308, 0.1]"] * 300,
    "1e400": ["[0.98, 1e400, 0.1]"] * 300,
    "nan": ["[0.98, NaN, null]"] * 300,
    "101 g": ["[0.98, 101, 0.1]"] * 300,
    "digits": [f"[0.98, {'9' * 5000}, 0.1]"] * 20,
}


def _contents(random: Random) -> dict[str, bytes]:
    return {
        "random bytes": random.randbytes(300_000),
        "zeros": bytes(70_000),
        "half a character": b"\xe2\x82",
        "escape sequences": f"{ESCAPE}\n".encode() * 50,
        "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "tls": bytes.fromhex("1603010200010001fc0303") + random.randbytes(500),
        "deep json": b"[" * 65_000 + b"\n",
        "digits": b'{"t":' + b"9" * 55_000 + b"}\n",
        "half a line": b'{"t": 1, "acc": [1,',
        "empty": b"",
    }


def _among_good(values: list[str]) -> Callable[[Listener], None]:
    """Good samples first, then odd ones, on one connection."""

    def attack(listener: Listener) -> None:
        connection = listener.connect()
        listener.recognises(connection)
        for value in values:
            listener.send(listener.sample(value), connection)
        time.sleep(0.5)
        connection.close()

    return attack


def _pour(block: bytes) -> Callable[[Listener], None]:
    """Send `block` again and again, to a limit of bytes and seconds."""

    def attack(listener: Listener) -> None:
        connection, deadline = listener.connect(), time.monotonic() + FLOOD_S
        with suppress(OSError):
            for _ in range(FLOOD_BYTES // len(block)):
                if time.monotonic() > deadline:
                    break
                connection.sendall(block)
        connection.close()

    return attack


def _connect_often(listener: Listener) -> None:
    connections = [listener.connect() for _ in range(200)]
    time.sleep(1)
    for connection in connections:
        connection.close()


def _reset_often(listener: Listener) -> None:
    for _ in range(300):
        connection = listener.connect()
        listener.send(b'{"t": 1,', connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()


def _push_in(listener: Listener) -> str | None:
    """Others connect while the first one sends: it stays."""
    first = listener.connect()
    if not listener.recognises(first):
        return "the first peer is not recognised"
    others = []
    for _ in range(20):
        others.append(listener.connect())
        listener.send(b'{"t": 9, "acc": [5, 5, 5], "gyro": [0, 0, 0]}\n', others[-1])
        listener.send(listener.sample(), first)  # who is silent for long is replaced, rightly
    stays = listener.recognises(first)
    for connection in (first, *others):
        connection.close()
    return None if stays else "a first peer that still sends lost its place to another"


def _flood(listener: Listener) -> None:
    """Datagrams of another sender, as many as go."""
    other, deadline = listener.connect(), time.monotonic() + FLOOD_S
    block = b"x" * 1000
    while time.monotonic() < deadline:
        listener.send(block, other)
    other.close()


TCP_ATTACKS: dict[str, Callable[[Listener], str | None]] = {
    "a line without end": _pour(b"x" * (1 << 20)),
    "empty lines": _pour(b"\n" * (1 << 20)),
    "empty lists": _pour(b"[]\n" * 10_000),
    "200 connections": _connect_often,
    "300 resets": _reset_often,
    "others push in": _push_in,
}
