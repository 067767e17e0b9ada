"""Receive samples over TCP or UDP: lines of JSON or CSV from a sender that may reconnect."""

import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from edge_runtime.errors import InputError
from edge_runtime.live.sources import POLL_S, SILENCE_S, Event, Item, SilenceDetector, Source, SourceClock
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.signals.units import Units
from edge_runtime.system.printable import quoted

_BLOCK = 1 << 16
_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]:|(?P<host>[^:\[\]]+):)?(?P<port>\d{1,5})")


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, option: str) -> Address:
    """The address in `text`: HOST:PORT, [IPv6]:PORT, or PORT of this machine. Raises `InputError` naming `option`."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise InputError(
            f"{option} {quoted(text)} is not an address: give PORT, at most 65535, for senders on this "
            "machine, or 0.0.0.0:PORT for senders on any network"
        )
    return Address(match["ipv6"] or match["host"] or "127.0.0.1", int(match["port"]))


def tcp(address: Address, stated: Units, clock: SourceClock = time) -> Source:
    """Samples of a sender that connects to `address`, one at a time.

    Another sender is refused while the first sends samples. Raises `InputError` when this machine cannot listen there.
    """
    with ExitStack() as opened:
        server, address = _listen(address, socket.SOCK_STREAM)
        opened.enter_context(server)
        server.listen()
        server.setblocking(False)
        connection: socket.socket | None = None
        sender: Any = None
        heard = 0.0
        opened.callback(lambda: connection.close() if connection else None)
        decoder = LineDecoder(stated)
        silence = SilenceDetector(f"tcp {address}", clock)
        yield Event("opened", f"listening on tcp {address}{_reached_at(address)}")
        while True:
            ready = select.select([x for x in (server, connection) if x], [], [], POLL_S)[0]
            if not ready:
                yield from silence.update(has_come=False)
            if connection and connection in ready:
                block = b""
                with suppress(OSError):
                    block = connection.recv(_BLOCK)
                if block:
                    before = decoder.samples
                    yield from silence.update(has_come=True)
                    yield from decoder.feed(block)
                    if decoder.samples > before:  # a sender without samples keeps nobody out
                        heard = clock.monotonic()  # now: the reader of the samples may have kept us waiting
                else:
                    yield from _ended(connection, decoder)
                    connection = None
            if server in ready:
                try:
                    newcomer, origin = server.accept()
                except OSError:  # it has gone again
                    continue
                if connection:
                    if clock.monotonic() - heard < SILENCE_S:
                        newcomer.close()
                        yield _other(origin, sender)
                        continue
                    yield from _ended(connection, decoder)
                connection, sender, heard = newcomer, origin, clock.monotonic()
                decoder.restart()
                yield _connected(origin)


def udp(address: Address, stated: Units, clock: SourceClock = time) -> Source:
    """Samples that one sender sends to `address`; another is heard once no sample has come for `SILENCE_S`.

    Raises `InputError` when this machine cannot listen there.
    """
    bound, address = _listen(address, socket.SOCK_DGRAM)
    with bound:
        bound.setblocking(False)
        decoder = LineDecoder(stated)
        sender: Any = None
        heard = clock.monotonic()
        silence = SilenceDetector(f"udp {address}", clock)
        yield Event("opened", f"listening on udp {address}{_reached_at(address)}")
        while True:
            if not select.select([bound], [], [], POLL_S)[0]:
                yield from silence.update(has_come=False)
                continue
            try:
                datagram, origin = bound.recvfrom(_BLOCK)
            except OSError:  # the announced datagram was damaged, or an earlier answer was refused
                continue
            if origin != sender:
                if sender and clock.monotonic() - heard < SILENCE_S:
                    yield _other(origin, sender)
                    continue
                yield from decoder.end(is_whole=False)
                decoder.restart()
                sender, heard = origin, clock.monotonic()
                yield _connected(origin)
            yield from silence.update(has_come=True)
            before = decoder.samples
            yield from decoder.feed(datagram + b"\n")  # a datagram ends its last line
            if decoder.samples > before:
                heard = clock.monotonic()


def _listen(address: Address, kind: socket.SocketKind) -> tuple[socket.socket, Address]:
    """A bound socket for `address`, and its address, with the port that was chosen for port 0."""
    try:
        family, *_, where = socket.getaddrinfo(address.host, address.port, type=kind)[0]
        bound = socket.socket(family, kind)
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # datagrams that come while we are busy
        bound.bind(where)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen on {address}: {reason}; give another port or address") from error
    return bound, address._replace(port=bound.getsockname()[1])


def _reached_at(address: Address) -> str:
    """Say who can reach `address`, and which address others use if it stands for all of this machine's."""
    if address.host not in ("0.0.0.0", "::"):
        return ", for this machine only" if address.host == "127.0.0.1" else ""
    reachable = own_address()
    return f": give {address._replace(host=reachable)} to the phone or board" if reachable else ""


def own_address() -> str | None:
    """This machine's IPv4 address in its network; None outside of one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # of nobody (RFC 5737), and nothing is sent
        return str(probe.getsockname()[0])
    return None


def _connected(origin: Any) -> Event:
    return Event("connected", f"{Address(*origin[:2])} sends")


def _other(origin: Any, sender: Any) -> Event:
    return Event("others", f"{Address(*origin[:2])} is not heard while {Address(*sender[:2])} sends")


def _ended(connection: socket.socket, decoder: LineDecoder) -> Iterator[Item]:
    yield from decoder.end(is_whole=False)
    connection.close()
    yield Event("lost", "the sender has gone; waiting for it to connect again")
