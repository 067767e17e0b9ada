"""A real headless browser for tests: Chromium, spoken to over two pipes in its DevTools protocol."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    # Nobody listens there: whatever the page asked of a network would fail, and is seen to be asked.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
# Chromium listens on descriptor 3 and speaks on 4. Moved away first, since ours may be those two the other way round.
CONNECT = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(x), fcntl.F_DUPFD, 10) for x in sys.argv[1:3]]
for end, place in zip(ends, (3, 4)):
    os.dup2(end, place, inheritable=True)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One tab of one browser."""

    def __init__(self, ask: int, hear: int) -> None:
        self._ask, self._hear = os.fdopen(ask, "wb", buffering=0), os.fdopen(hear, "rb", buffering=0)
        self._count, self._buffer, self._session = 0, b"", None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> Any:
        """Send a command and return the browser's answer; what happens meanwhile is noted in `events`."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._ask.write(json.dumps(message).encode() + b"\0")
        while True:
            heard = self._next()
            if heard.get("id") == self._count:
                assert "error" not in heard, heard["error"]
                return heard["result"]
            self.events.append(heard)

    def open(self, page: Path, width: int = 1000, height: int = 800, dark: bool = False) -> None:
        """Show `page` as a screen of this size would, and wait until it is there."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(x["method"] == "Page.loadEventFired" for x in self.events):
            self.events.append(self._next())

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page, whatever the page's own rules."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """Return the page's requests since it was opened, itself included."""
        return [x["params"]["request"]["url"] for x in self.events if x["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return the lines of the browser's console."""
        return [x["params"]["entry"]["text"] for x in self.events if x["method"] == "Log.entryAdded"]

    def close(self) -> None:
        """End the browser, rather than the tab."""
        self._session = None
        self.call("Browser.close")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = self._hear.read(65536)
            assert part, "the browser ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def start(folder: Path) -> Iterator[Browser]:
    """A browser with a new profile in `folder`. Skips the test without one."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser is installed: one of {', '.join(NAMES)}")
    their_ear, our_mouth = os.pipe()
    our_ear, their_mouth = os.pipe()

    command = [program, *OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CONNECT, str(their_ear), str(their_mouth), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(their_ear, their_mouth),
        )
    os.close(their_ear)
    os.close(their_mouth)
    try:
        browser = Browser(our_mouth, our_ear)
        yield browser
        browser.close()
        process.wait(20)
    finally:
        process.kill()
        process.wait()
