"""Read a sensor on the I2C bus of a Raspberry Pi or another board that Blinka knows, with Adafruit's drivers."""

import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Source, SourceClock
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.units import ACCELERATION_UNITS
from edge_runtime.system.installation import MissingExtraError
from edge_runtime.system.printable import quoted

_SENSOR = re.compile(r"(?P<name>\w+)(?:@(?P<address>0x[0-9a-f]{1,2}|\d{1,3}))?", re.IGNORECASE)
_LSM6DS_CHIP = 0x0F  # WHO_AM_I of every LSM6DS
_RETRY_S = 1.0
_CHUNK = 5
_G = ACCELERATION_UNITS["m/s2"]


def i2c(text: str, clock: SourceClock = time, open_bus: Callable[[], Any] | None = None) -> Source:
    """Samples, 50 a second, of the sensor that `text` names: `mpu6050` or `lsm6ds`, with `@ADDRESS` if unusual.

    A sensor that goes is set up again when it is back. `open_bus` gives the bus, by default the board's. Raises
    `DeviceError` when there is no bus or no such sensor on it, `MissingExtraError` without the drivers.
    """
    match = _SENSOR.fullmatch(text)
    name = match["name"].lower() if match else ""
    usual, set_up = _SENSORS.get(name, (0, _mpu6050))
    address = int(match["address"], 0) if match and match["address"] else usual
    if name not in _SENSORS or not 0x08 <= address <= 0x77:
        names = " or ".join(_SENSORS)
        raise InputError(f"--i2c {quoted(text)} is an unknown sensor: give {names}, with its address as @0x08 to @0x77")
    sensor: Any = None  # acceleration in m/s² and rotation in rad/s, each x, y, z
    where = f"{name} at {address:#x}"
    try:
        bus = (open_bus or _board_bus)()
        sensor = set_up(bus, address)
    except ImportError as error:
        raise MissingExtraError("--i2c", "Blinka with Adafruit's drivers", "sensors") from error
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        advice = "check its wiring and its address; on a Raspberry Pi, see raspi-config"
        raise DeviceError(f"no {where} on the I2C bus ({error}): {advice}") from error
    try:
        yield Event("opened", f"reading {where}")
        seconds: list[float] = []
        samples: list[tuple[float, ...]] = []
        due = clock.monotonic()
        while True:
            try:
                if sensor is None:
                    clock.sleep(_RETRY_S)
                    yield NO_SAMPLES
                    sensor, due = set_up(bus, address), clock.monotonic()
                    yield Event("back", f"{where} is back")
                samples.append((*sensor.acceleration, *sensor.gyro))
                seconds.append(clock.monotonic())
            except (OSError, RuntimeError, ValueError):
                if sensor is not None:
                    sensor = None
                    yield Event("lost", f"{where} does not answer; trying again")
                continue
            if len(samples) == _CHUNK:
                yield Chunk(np.array(seconds), np.array(samples) * ([_G] * 3 + [1.0] * 3))
                seconds, samples = [], []
            due = max(due + 1 / RATE_HZ, clock.monotonic())  # after a pause, nothing is caught up
            clock.sleep(max(0.0, due - clock.monotonic()))
    finally:
        getattr(bus, "deinit", lambda: None)()


def _board_bus() -> Any:
    import board

    return board.I2C()


def _mpu6050(bus: Any, address: int) -> Any:
    from adafruit_mpu6050 import MPU6050, Bandwidth, GyroRange, Range

    sensor = MPU6050(bus, address)
    sensor.accelerometer_range = Range.RANGE_4_G
    sensor.gyro_range = GyroRange.RANGE_500_DPS
    sensor.filter_bandwidth = Bandwidth.BAND_21_HZ  # against aliasing; almost all motion of a body is below 15 Hz
    return sensor


def _lsm6ds(bus: Any, address: int) -> Any:
    from adafruit_bus_device.i2c_device import I2CDevice
    from adafruit_lsm6ds import GyroRange
    from adafruit_lsm6ds.ism330dhcx import ISM330DHCX
    from adafruit_lsm6ds.lsm6ds3trc import LSM6DS3TRC
    from adafruit_lsm6ds.lsm6ds33 import LSM6DS33
    from adafruit_lsm6ds.lsm6dsox import LSM6DSOX

    answer = bytearray(1)
    with I2CDevice(bus, address) as device:
        device.write_then_readinto(bytes([_LSM6DS_CHIP]), answer)
    matches = [x for x in (LSM6DS33, LSM6DS3TRC, ISM330DHCX, LSM6DSOX) if answer[0] == x.CHIP_ID]
    if not matches:
        raise RuntimeError(f"its WHO_AM_I is {answer[0]:#x}, which no LSM6DS has")
    sensor = matches[0](bus, address)
    sensor.gyro_range = GyroRange.RANGE_500_DPS
    return sensor


_SENSORS = {"mpu6050": (0x68, _mpu6050), "lsm6ds": (0x6A, _lsm6ds)}
"""The usual address of each sensor, and the function that sets it up."""
