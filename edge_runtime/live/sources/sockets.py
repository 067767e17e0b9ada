"""Receive samples over TCP or UDP: lines of JSON or CSV from a sender that may reconnect."""

import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, POLL_S, SILENCE_S, Event, Item, SilenceDetector, Source, SourceClock
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.signals.units import Units
from edge_runtime.system.printable import quoted

_BLOCK = 1 << 16
_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]:|(?P<host>[^:\[\]]+):)?(?P<port>\d{1,5})")

_THIS_MACHINE = "127.0.0.1"
"""Where to listen when no host is given: whoever wants to be reached from elsewhere says so."""


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, option: str) -> Address:
    """The address in `text`: HOST:PORT, an IPv6 address in brackets, or PORT of this machine alone.

    Raises `InputError` naming `option`.
    """
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise InputError(
            f"{option} {quoted(text)} is no address to listen on: give PORT for senders on this machine, or HOST:PORT, "
            "such as 0.0.0.0:5555 for those of every network"
        )
    return Address(match["ipv6"] or match["host"] or _THIS_MACHINE, int(match["port"]))


def tcp(address: Address, stated: Units, clock: SourceClock = time, take_over: bool = False) -> Source:
    """Samples of whoever connects to `address`, one sender at a time.

    Another is refused while the first sends samples; one that sends none is replaced, since a phone may reconnect
    although its old connection is still open. With `take_over` the newest connection always replaces the one before.
    Goes on until it is closed. Raises `InputError` when this machine cannot listen there.
    """
    with ExitStack() as opened:
        server, address = _listen(address, socket.SOCK_STREAM)
        opened.enter_context(server)
        server.listen()
        server.setblocking(False)
        connection: socket.socket | None = None
        sender, heard = "", 0.0
        opened.callback(lambda: connection.close() if connection else None)
        decoder = LineDecoder(stated)
        silence = SilenceDetector(f"tcp {address}", clock)
        yield Event("opened", f"listening on tcp {address}")
        while True:
            ready = select.select([x for x in (server, connection) if x], [], [], POLL_S)[0]
            if not ready:
                yield NO_SAMPLES
                yield from silence.nothing_came()
            if connection and connection in ready:
                block = _received(connection)
                if block:
                    before = decoder.samples
                    yield from silence.something_came()
                    yield from decoder.feed(block)
                    if decoder.samples > before:  # whoever sends none keeps nobody out
                        heard = clock.monotonic()  # after whoever takes the samples, who may have kept us waiting
                else:
                    yield from _ended(connection, decoder)
                    connection = None
            if server in ready:
                try:
                    found, address_of = server.accept()
                except OSError:  # it has gone again
                    continue
                origin = _named(address_of)
                if connection and not take_over and clock.monotonic() - heard < SILENCE_S:
                    found.close()
                    yield Event("others", f"{origin} is refused: only {sender} is heard while it sends (--take-over)")
                    continue
                if connection:
                    yield from _ended(connection, decoder)
                connection, sender, heard = found, origin, clock.monotonic()
                decoder.restart()
                yield Event("connected", f"{origin} has connected")


def udp(address: Address, stated: Units, clock: SourceClock = time) -> Source:
    """Samples that one port of one host sends to `address`; another is heard once no sample has come for `SILENCE_S`.

    Goes on until it is closed. Raises `InputError` when this machine cannot listen there.
    """
    bound, address = _listen(address, socket.SOCK_DGRAM)
    with bound:
        bound.setblocking(False)
        decoder = LineDecoder(stated)
        sender: Any = None
        heard, others = clock.monotonic(), False
        silence = SilenceDetector(f"udp {address}", clock)
        yield Event("opened", f"listening on udp {address}")
        while True:
            if not select.select([bound], [], [], POLL_S)[0]:
                yield NO_SAMPLES
                yield from silence.nothing_came()
                continue
            try:
                datagram, origin = bound.recvfrom(_BLOCK)
            except OSError:  # the announced datagram was damaged, or an earlier answer was refused
                continue
            if origin != sender:
                if sender and clock.monotonic() - heard < SILENCE_S:
                    if not others:
                        yield Event("others", f"{_named(origin)} sends too: only {_named(sender)} is heard now")
                    others = True
                    continue
                yield from decoder.end(is_whole=False)
                decoder.restart()
                sender, heard, others = origin, clock.monotonic(), False
                yield Event("connected", f"{_named(origin)} sends")
            yield from silence.something_came()
            before = decoder.samples
            # A datagram ends its last line; what it leaves unfinished will not be finished by the next.
            yield from decoder.feed(datagram + b"\n")
            if decoder.samples > before:  # whoever sends none keeps nobody out
                heard = clock.monotonic()


def _listen(address: Address, kind: socket.SocketKind) -> tuple[socket.socket, Address]:
    """A bound socket for `address`, and its address with the port that was free for port 0."""
    try:
        family, *_, where = socket.getaddrinfo(address.host, address.port, type=kind)[0]
        bound = socket.socket(family, kind)
        try:
            if kind is socket.SOCK_STREAM:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise InputError(
            f"cannot listen on {address}: {error.strerror or error}; give another port, or an address of this machine"
        ) from error
    return bound, address._replace(port=bound.getsockname()[1])


def _named(origin: Any) -> str:
    """A host and a port, for people."""
    return f"{origin[0]}, port {origin[1]}"


def _received(connection: socket.socket) -> bytes:
    """The bytes that have come; none when the other side has ended or lost the connection."""
    try:
        return connection.recv(_BLOCK)
    except OSError:
        return b""


def _ended(connection: socket.socket, decoder: LineDecoder) -> Iterator[Item]:
    yield from decoder.end(is_whole=False)
    connection.close()
    yield Event("lost", "the sender has gone; waiting for it to connect again")
