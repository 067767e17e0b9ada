"""Where to listen for samples: `PORT` or `HOST:PORT`, an IPv6 address in brackets."""

import re
import socket
from typing import NamedTuple

from edge_runtime.errors import InputError
from edge_runtime.system.printable import quoted

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]:|(?P<host>[^:\[\]]+):)?(?P<port>\d{1,5})")


class Address(NamedTuple):
    """A host and a port; an empty host is every address of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        host = self.host or "*"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def parse(text: str, option: str) -> Address:
    """The address that `text` writes. Raises `InputError` naming `option`."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise InputError(f"{option} {quoted(text)} is no address to listen on: give PORT or HOST:PORT, such as 5555")
    return Address(match["ipv6"] or match["host"] or "", int(match["port"]))


def listen(address: Address, kind: socket.SocketKind) -> tuple[socket.socket, Address]:
    """A bound socket for `address`, and where it is; port 0 is any that is free.

    Raises `InputError` when this machine cannot listen there.
    """
    try:
        family, *_, where = socket.getaddrinfo(address.host or "0.0.0.0", address.port, type=kind)[0]
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
