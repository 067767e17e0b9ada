"""Serve the page to phones: browsers give motion only to https, and to http of the phone's own localhost."""

import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from edge_runtime.devices.adb import Adb
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources.sockets import own_address

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:"
"""The page's Content-Security-Policy, which `index.html` repeats for other hosts."""

_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# Browsers refuse a script or style with the wrong type, and the machine's own table of types may be wrong.
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
_VALID = timedelta(days=30)  # iOS takes no certificate of more than 825


class _Files(SimpleHTTPRequestHandler):
    server: "PageServer"
    server_version, sys_version = "har-edge", ""
    timeout = 30  # s, for each wait on a client
    extensions_map = _TYPES

    def parse_request(self) -> bool:
        """Read a request, and refuse it unless it is for the printed address."""
        if not super().parse_request():
            return False
        is_named = self.headers["Host"] in self.server.hosts
        if is_named and f"{self.path}/".startswith(f"{self.server.root}/"):
            return True
        self.send_error(404 if is_named else 421, explain="Open the whole address that har-edge page printed.")
        return False

    def translate_path(self, path: str) -> str:
        """Find a file of the folder by the part of `path` behind the random one."""
        return super().translate_path(path.removeprefix(self.server.root))

    def end_headers(self) -> None:
        """Send the headers for security with all answers."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, *_: Any) -> None:
        """Tell nobody what a folder holds."""
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class PageServer(ThreadingHTTPServer):
    """Serves a folder at `url`, whose path is random, to those who ask for it by `name`."""

    request_queue_size = 64

    def __init__(self, folder: Path, host: str, port: int, name: str = "localhost") -> None:
        try:
            super().__init__((host, port), partial(_Files, directory=str(folder)))
        except OSError as error:
            raise InputError(f"port {port} cannot be taken ({error.strerror}): give another with --port") from error
        self.hosts = {name, f"{name}:{self.server_port}"}  # browsers leave out a scheme's own port
        self.root = f"/{secrets.token_hex(5)}"
        self.url = f"http://{name}:{self.server_port}{self.root}/"

    @contextmanager
    def answering(self) -> Iterator[Thread]:
        """Answer clients in a thread, until the end of the block."""
        thread = Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield thread
        finally:
            self.shutdown()

    def handle_error(self, *_: Any) -> None:
        """Print nothing: the client left, refused the certificate or sent a malformed path."""


@contextmanager
def over_https(folder: Path, port: int) -> Iterator[PageServer]:
    """Give a server of `folder` for this machine's network, with a certificate that it makes now.

    Raises `DeviceError` without a network, and `InputError` when the port cannot be taken.
    """
    import trustme

    address = own_address()
    if address is None:
        raise DeviceError("this machine is in no network: join the phone's, or give --usb")
    with PageServer(folder, "", port, address) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(address, not_after=datetime.now(UTC) + _VALID).configure_cert(context)
        # The thread of a connection does its handshake, so that no phone waits for another.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.url = server.url.replace("http", "https", 1)
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
