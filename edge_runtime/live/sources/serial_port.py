"""Read a serial line: a board that prints CSV or JSON, and may be unplugged and plugged in again."""

import errno
import os
import re
import time
from typing import TYPE_CHECKING

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources import NO_SAMPLES, POLL_S, Event, SilenceDetector, Source, SourceClock
from edge_runtime.live.sources.line_decoder import LineDecoder
from edge_runtime.signals.units import Units
from edge_runtime.system.installation import MissingExtraError
from edge_runtime.system.printable import quoted

if TYPE_CHECKING:
    from serial import Serial

BAUD = 115200
_RETRY_S = 1.0
_DEVICE = re.compile(r"(?P<device>.+?)(?:@(?P<baud>\d{1,8}))?")


def serial_port(text: str, stated: Units, clock: SourceClock = time) -> Source:
    """Samples from the serial device `DEVICE[@BAUD]` that `text` names.

    A device that goes is opened again when it is back. Raises `DeviceError` when it cannot be opened at the start,
    `MissingExtraError` without pyserial, `InputError` for a speed that it does not have.
    """
    try:
        import serial
    except ImportError as error:
        raise MissingExtraError("--serial", "pyserial", "sensors") from error
    match = _DEVICE.fullmatch(text)
    if not match:
        raise InputError("--serial needs a device, such as /dev/ttyUSB0 or /dev/ttyACM0@9600")
    device, baud = match["device"], int(match["baud"] or BAUD)

    def opened() -> "Serial":
        return serial.Serial(device, baud, timeout=POLL_S, exclusive=True)

    try:
        port: Serial | None = opened()
    except ValueError as error:
        raise InputError(f"--serial {quoted(text)}: {error}; give a speed that the device has") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        group = "add yourself to the group that owns it (often dialout) and log in again"
        advice = group if error.errno == errno.EACCES else "look for yours with 'ls /dev/tty*'"
        raise DeviceError(f"cannot open the serial device {device}: {reason}; {advice}") from error
    decoder, silence = LineDecoder(stated, midway=True), SilenceDetector(device, clock)
    try:
        yield Event("opened", f"reading {device} at {baud} baud")
        while True:
            if port is None:
                clock.sleep(_RETRY_S)
                yield NO_SAMPLES
                try:
                    port = opened()
                except OSError:
                    continue
                decoder.restart(midway=True)
                yield Event("back", f"{device} is back")
            try:
                block = port.read(max(1, port.in_waiting))
            except OSError:
                port.close()
                port = None
                yield Event("lost", f"{device} has gone; waiting for it to be plugged in again")
                continue
            if block:
                yield from silence.update(has_come=True)
                yield from decoder.feed(block)
            else:
                yield from silence.update(has_come=False)
    finally:
        if port:
            port.close()
