"""Samples over UDP: each datagram holds lines of JSON or CSV."""

import select
import socket
import time

from edge_runtime.live.sources import NO_SAMPLES, PATIENCE_S, Event, Source, SourceClock
from edge_runtime.live.sources.addresses import Address, listen
from edge_runtime.live.sources.lines import Lines
from edge_runtime.live.sources.sender import Sender
from edge_runtime.live.sources.silence import Silence
from edge_runtime.live.sources.units import Units

_LARGEST = 1 << 16


def udp(address: Address, stated: Units, clock: SourceClock = time) -> Source:
    """What comes to `address`, from one sender at a time: another one is heard once the first has been silent.

    Goes on until it is closed. Raises `InputError` when this machine cannot listen there.
    """
    bound, address = listen(address, socket.SOCK_DGRAM)
    with bound:
        bound.setblocking(False)
        lines = Lines(stated)
        sender, others = Sender(clock), False
        silence = Silence(f"udp {address}", clock)
        yield Event("opened", f"listening on udp {address}")
        while True:
            if not select.select([bound], [], [], PATIENCE_S)[0]:
                yield NO_SAMPLES
                yield from silence.nothing()
                continue
            try:
                datagram, origin = bound.recvfrom(_LARGEST)
            except OSError:  # what was announced was damaged, or an earlier answer was refused
                continue
            host, port = origin[:2]
            if not sender.hears(host, port):
                if not others:
                    yield Event("others", f"{host}, port {port} sends too: only {sender} is heard while it sends")
                others = True
                continue
            if sender.is_new:
                yield Event("connected", f"{host} sends")
                others = False
                lines.restart()
            yield from silence.something()
            # A datagram ends its last line; what it leaves unfinished will not be finished by the next.
            yield from lines.feed(datagram + b"\n")
