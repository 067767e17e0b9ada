"""Serve the page to phones: browsers give motion only to https, and to http of the phone's own localhost."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge_runtime.devices.adb import Adb
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources.sockets import own_address

_VALID = timedelta(days=30)  # iOS takes no certificate of more than 825


class _Files(SimpleHTTPRequestHandler):
    timeout = 30  # s, for connections that never speak

    def list_directory(self, *_: Any) -> None:
        """Tell nobody what a folder holds."""
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class PageServer(ThreadingHTTPServer):
    """Serves a folder, at `url`."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        try:
            super().__init__((host, port), partial(_Files, directory=str(folder)))
        except OSError as error:
            raise InputError(f"port {port} cannot be taken ({error.strerror}): give another with --port") from error
        self.url = f"http://localhost:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Print nothing: a client leaves, refuses the certificate or asks for what is no path."""


@contextmanager
def over_https(folder: Path, port: int) -> Iterator[PageServer]:
    """Give a server of `folder` for this machine's network, with a certificate that it makes now.

    Raises `DeviceError` without a network, and `InputError` when the port cannot be taken.
    """
    import trustme

    address = own_address()
    if address is None:
        raise DeviceError("this machine is in no network: join the phone's, or give --usb")
    with PageServer(folder, "", port) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(address, not_after=datetime.now(UTC) + _VALID).configure_cert(context)
        # The thread of a connection does its handshake, so that no phone waits for another.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.url = f"https://{address}:{server.server_port}"
        yield server


@contextmanager
def over_usb(folder: Path, port: int) -> Iterator[PageServer]:
    """Give a server of `folder` for the phone that adb has, whose browser then opens the page.

    Raises `DeviceError` without one phone, and `InputError` when the port cannot be taken.
    """
    phone = Adb.find("adb:")
    with PageServer(folder, "127.0.0.1", port) as server, phone.reversed_port(server.server_port):
        phone.shell(f"am start -a android.intent.action.VIEW -d {server.url} >/dev/null 2>&1 || true")
        yield server
