"""Who is heard of those that send datagrams to one port."""

import math
from collections import deque

from edge_runtime.live.sources import SILENCE_S, SourceClock


class Sender:
    """One port of one host, as long as it sends; another is heard once it has been silent for `SILENCE_S`.

    Some programs send each datagram from another port: until a port comes a second time, all of a host's are one.
    """

    def __init__(self, clock: SourceClock) -> None:
        self._clock, self._heard = clock, -math.inf
        self._host, self._port = "", 0  # 0: any
        self._ports: deque[int] = deque(maxlen=8)  # the latest
        self.is_new = False
        """Whether what was heard last is the first of its sender."""

    def __str__(self) -> str:
        return f"{self._host}, port {self._port}" if self._port else self._host

    def hears(self, host: str, port: int) -> bool:
        """Whether to hear what comes from there now."""
        now = self._clock.monotonic()
        self.is_new = host != self._host or self._port not in (0, port)
        if self.is_new:
            if now - self._heard < SILENCE_S:
                return False
            self._host, self._port = host, 0
            self._ports.clear()
        if port in self._ports:
            self._port = port
        self._ports.append(port)
        self._heard = now
        return True
