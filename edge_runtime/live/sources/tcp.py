"""Samples over TCP: a sender connects and writes lines of JSON or CSV, and may go away and come back."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

from edge_runtime.live.sources import NO_SAMPLES, PATIENCE_S, Event, Item, Source, SourceClock
from edge_runtime.live.sources.addresses import Address, listen
from edge_runtime.live.sources.lines import Lines
from edge_runtime.live.sources.silence import Silence
from edge_runtime.live.sources.units import Units

_BLOCK = 1 << 16


def tcp(address: Address, stated: Units, clock: SourceClock = time) -> Source:
    """What comes from whoever connects to `address`; the newest connection replaces the one before.

    That is how a phone comes back whose old connection nobody has ended. Goes on until it is closed. Raises
    `InputError` when this machine cannot listen there.
    """
    with ExitStack() as opened:
        server, address = listen(address, socket.SOCK_STREAM)
        opened.enter_context(server)
        server.listen()
        server.setblocking(False)
        connection: socket.socket | None = None
        opened.callback(lambda: connection.close() if connection else None)
        lines = Lines(stated)
        silence = Silence(f"tcp {address}", clock)
        yield Event("opened", f"listening on tcp {address}")
        while True:
            ready = select.select([x for x in (server, connection) if x], [], [], PATIENCE_S)[0]
            if not ready:
                yield NO_SAMPLES
                yield from silence.nothing()
            if connection in ready:
                block = _received(connection)
                if block:
                    yield from silence.something()
                    yield from lines.feed(block)
                else:
                    yield from _ended(connection, lines)
                    connection = None
            if server in ready:
                if connection:
                    yield from _ended(connection, lines)
                connection, origin = _accepted(server)
                lines.restart()
                if connection:
                    yield Event("connected", f"{origin} has connected")


def _accepted(server: socket.socket) -> tuple[socket.socket | None, str]:
    """The new connection and where it comes from; none when it has gone again."""
    try:
        connection, origin = server.accept()
    except OSError:
        return None, ""
    return connection, str(origin[0])


def _received(connection: socket.socket | None) -> bytes:
    """What has come; nothing when the other side has ended or lost the connection."""
    assert connection
    try:
        return connection.recv(_BLOCK)
    except OSError:
        return b""


def _ended(connection: socket.socket | None, lines: Lines) -> Iterator[Item]:
    assert connection
    yield from lines.end(is_whole=False)
    connection.close()
    yield Event("lost", "the sender has gone; waiting for it to connect again")
