"""Drive real browsers by WebDriver (W3C), and serve the page to them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from convert.page.page_folder import write_benchmark, write_page
from convert.page.page_server import PageServer
from edge_runtime.system.progress import ignore_progress

CHROMIUM = {"args": ["--headless=new", "--no-sandbox"], "binary": shutil.which("chromium")}
WEBKIT = {"args": ["--automation"], "binary": next(map(str, Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")), "")}
# The program that drives each browser, and the capabilities to request.
KINDS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "chromium": (["chromedriver"], {"goog:chromeOptions": CHROMIUM, "goog:loggingPrefs": {"performance": "ALL"}}),
    "webkit": (["xvfb-run", "-a", "WebKitWebDriver"], {"webkitgtk:browserOptions": WEBKIT}),
}
_NO_SANDBOX = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
_ASYNC = """const done = arguments[arguments.length - 1];
(async (...given) => {%s})(...arguments).then((value) => done({value}), (error) => done({error: String(error)}));"""


class Browser:
    """A browser; only Chromium supports `cdp` and `requests`."""

    def __init__(self, kind: str, driver: str, session: str) -> None:
        self.kind, self._session = kind, f"{driver}/session/{session}"

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a WebDriver command and return its answer."""
        return _call("POST" if body is not None else "GET", f"{self._session}/{path}", body)

    def open(self, url: str) -> None:
        self.call("url", {"url": url})

    def run(self, script: str, *given: Any) -> Any:
        """Run the body of an asynchronous JavaScript function with the array `given`; return its value."""
        answer = self.call("execute/async", {"script": _ASYNC % script, "args": list(given)})
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def click(self, selector: str) -> None:
        """Click as a person does."""
        (element,) = self.call("element", {"using": "css selector", "value": selector}).values()
        self.call(f"element/{element}/click", {})

    def cdp(self, command: str, **values: Any) -> Any:
        """Do a `command` of the Chrome DevTools Protocol."""
        return self.call("goog/cdp/execute", {"cmd": command, "params": values})

    def requests(self) -> list[str]:
        """Return the addresses that the browser has requested since the last call."""
        log = self.call("se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in log]
        kinds = ("Network.requestWillBeSent", "Network.webSocketCreated")
        requests = [event["params"] for event in events if event["method"] in kinds]
        return [request.get("request", request)["url"] for request in requests]


@contextmanager
def browser(kind: str) -> Iterator[Browser]:
    """Give a new browser of one of `KINDS`."""
    command, capabilities = KINDS[kind]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    driver = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [*command, f"--port={port}"],
        env=os.environ | _NO_SANDBOX,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer = _call("POST", f"{driver}/session", {"capabilities": {"alwaysMatch": capabilities}}, within_s=60)
        opened = Browser(kind, driver, answer["sessionId"])
        opened.call("timeouts", {"script": 600_000})
        yield opened
        _call("DELETE", f"{driver}/session/{answer['sessionId']}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _call(method: str, url: str, body: dict[str, Any] | None = None, within_s: float = 0) -> Any:
    """Return the driver's answer; the driver may take `within_s` to start."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"}, method=method)
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(request, timeout=900) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def page_url(tmp_path_factory) -> Iterator[str]:
    """Serve the page in the folder `page` to browsers with all temporary files; return the address."""
    root = tmp_path_factory.getbasetemp()
    models = write_page((Path("edge-anywhere"), Path("edge")), root / "page", ignore_progress)
    for name, model in models.items():
        write_benchmark(model, name, root / "page")
    with PageServer(root, "127.0.0.1", 0) as server, server.answering():
        yield server.url.removesuffix("/")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser("chromium") as opened:
        yield opened


@pytest.fixture(scope="session")
def webkit() -> Iterator[Browser]:
    with browser("webkit") as opened:
        yield opened
