"""Read a sensor on the I2C bus with Adafruit's drivers, on a bus with tables of registers as devices."""

from contextlib import closing
from typing import Any

import adafruit_lsm6ds
import adafruit_mpu6050
import numpy as np
import pytest
from streams import FakeClock, chunks, kinds, samples, seconds, until

from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources.i2c import i2c

LSM6DS = {"LSM6DS33": 0x69, "LSM6DS3TRC": 0x6A, "ISM330DHCX": 0x6B, "LSM6DSOX": 0x6C}


class Bus:
    """An I2C bus with one device, behind the interface of `busio.I2C`; `answers` tells whether it is plugged in."""

    def __init__(self, address: int, registers: dict[int, int], self_clearing: dict[int, int]) -> None:
        self.address, self.registers, self._self_clearing = address, dict(registers), self_clearing
        self.answers, self.closed = True, False

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def deinit(self) -> None:
        self.closed = True

    def writeto(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        self.readfrom_into(address)
        content = bytes(buffer[start:end])
        for i, value in enumerate(content[1:], content[0] if content else 0):
            self.registers[i] = value & ~self._self_clearing.get(i, 0)

    def readfrom_into(self, address: int, *_: object, **__: object) -> None:
        if address != self.address or not self.answers:
            raise OSError(121, "Remote I/O error")

    def writeto_then_readfrom(
        self, address: int, out_buffer: Any, in_buffer: Any, *, out_start: int = 0, out_end: int | None = None,
        in_start: int = 0, in_end: int | None = None,
    ) -> None:  # fmt: skip
        self.readfrom_into(address)
        for i in range(in_start, len(in_buffer) if in_end is None else in_end):
            in_buffer[i] = self.registers.get(out_buffer[out_start] + i - in_start, 0)

    def put(self, register: int, counts: list[int], byteorder: Any) -> None:
        """Measure `counts` of 16 bits each, from `register` on."""
        content = b"".join(count.to_bytes(2, byteorder, signed=True) for count in counts)
        self.registers.update(enumerate(content, register))


@pytest.fixture(autouse=True)
def quick_drivers(monkeypatch) -> None:
    """Do not wait: a table of registers does not need to settle."""
    for driver in (adafruit_mpu6050, adafruit_lsm6ds):
        monkeypatch.setattr(driver, "sleep", lambda seconds: None)


def mpu6050(address: int = 0x68, chip: int = 0x68) -> Bus:
    bus = Bus(address, {0x75: chip}, {0x6B: 0x80})
    bus.put(0x3B, [8192, -4096, 0], "big")  # 1 g is 8192 at ±4 g
    bus.put(0x43, [655, 0, -6550], "big")  # 1 deg/s is 65.5 at ±500 deg/s
    return bus


def lsm6ds(chip: int) -> Bus:
    bus = Bus(0x6A, {0x0F: chip}, {0x12: 0x01})
    bus.put(0x28, [8197, -4098, 0], "little")  # 0.122 mg at ±4 g
    bus.put(0x22, [571, 0, -5714], "little")  # 17.5 mdps at ±500 deg/s
    return bus


MEASURED = [1, -0.5, 0, np.radians(10), 0, np.radians(-100)]


@pytest.mark.parametrize(
    ("text", "bus"),
    [("mpu6050", mpu6050()), ("mpu6050@0x69", mpu6050(0x69)), *(("LSM6DS", lsm6ds(chip)) for chip in LSM6DS.values())],
)
def test_a_sensor_is_read_in_g_and_radians_50_times_a_second(text, bus):
    with closing(i2c(text, FakeClock(), lambda: bus)) as source:
        items = until(source, lambda items: len(samples(items)) >= 20)
    assert np.allclose(samples(items), MEASURED, atol=1e-3)
    assert np.allclose(np.diff(seconds(items)), 0.02)
    assert not any(chunk.recorded for chunk in chunks(items))
    assert bus.closed
    if "mpu" in text:
        assert bus.registers[0x1A] == 4  # low-pass at 21 Hz


def test_a_sensor_that_is_unplugged_and_plugged_in_is_set_up_again():
    bus, clock = mpu6050(), FakeClock()
    with closing(i2c("mpu6050", clock, lambda: bus)) as source:
        until(source, lambda items: len(samples(items)) >= 10)
        bus.answers = False
        until(source, lambda items: "lost" in kinds(items))
        for _ in range(3):
            next(source)
        bus.registers[0x1C] = 0  # without power it forgets its range
        bus.answers = True
        items = until(source, lambda items: len(samples(items)) >= 10)
    assert kinds(items) == ["back"]
    assert np.allclose(samples(items), MEASURED, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "bus", "error"),
    [
        ("mpu6050@0x69", mpu6050(), DeviceError),
        ("mpu6050", mpu6050(chip=0x70), DeviceError),
        ("lsm6ds", lsm6ds(0x33), DeviceError),
        *((name, mpu6050(), InputError) for name in ("bmi160", "mpu6050@0x80", "lsm6ds@x")),
    ],
)
def test_an_absent_or_unknown_sensor_is_refused(text, bus, error):
    with pytest.raises(error, match="--i2c" if error is InputError else "wiring"):
        next(i2c(text, FakeClock(), lambda: bus))
