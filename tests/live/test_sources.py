"""Sources over real files, pipes, sockets and a pseudo-terminal: they wait, lose and find again, and end as told."""

import contextlib
import os
import pty
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from streams import FakeClock, chunks, csv_lines, kinds, samples, seconds, standing, until
from written_recordings import recordings

from edge_runtime.errors import InputError
from edge_runtime.live.sources import NO_SAMPLES, Chunk, Event, Source
from edge_runtime.live.sources.file_sources import csv_file, recording_source
from edge_runtime.live.sources.serial_port import serial_port
from edge_runtime.live.sources.sockets import Address, parse_address, tcp, udp
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.units import Units

KNOWN = Units(1.0, 1.0, 1.0)
SAMPLE = b'{"t": 1, "acc": [1, 0, 0], "gyro": [0, 0, 0]}\n'
TIMES = np.arange(300) / 50
HEADER = "ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"


def has(n: int):
    """Tell whether there are `n` samples or more."""
    return lambda items: len(samples(items)) >= n


def says(kind: str):
    """Tell whether an event of this kind has come."""
    return lambda items: kind in kinds(items)


def port_of(opened: Event) -> int:
    return int(re.findall(r":(\d+)", opened.text)[-1])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.mark.parametrize("speed", [0, 1.0, 1000.0])
def test_a_replay_gives_every_sample_at_its_time_as_fast_as_its_speed_says(speed, clock):
    recording = recordings()[7]
    items = []
    for item in recording_source(7, recording, speed=speed, clock=clock):
        items.append(item)
        for chunk in chunks([item]):
            assert chunk.recorded
            assert not speed or chunk.seconds[-1] <= (clock.now - 100) * speed + 1e-6
    assert np.array_equal(samples(items), recording.samples)
    assert np.array_equal(seconds(items), np.arange(len(recording.samples)) / 50)
    assert clock.now - 100 == pytest.approx(seconds(items)[-1] / speed if speed else 0)


@pytest.mark.parametrize("name", ["empty", "two", "binary", "none", "", "/dev/zero"])
def test_a_path_without_samples_is_refused_by_its_name(name, tmp_path):
    for file, content in (("empty", ""), ("two", "ax,ay\n1,2\n"), ("binary", "\x00\x01\x02" * 100_000)):
        (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=str(tmp_path / name)):
        list(csv_file(tmp_path / name, Units()))


def test_a_pipe_whose_samples_are_all_left_out_is_refused(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with closing(csv_file(path, Units())) as source:
        next(source)
        with path.open("wb", buffering=0) as writer:
            writer.write(csv_lines(standing(100, 16384.0)).encode())
        with pytest.raises(InputError, match="--units"):
            list(source)


@pytest.mark.parametrize(
    ("encoding", "end"),
    [("utf-8", "\r"), ("utf-8-sig", "\n"), ("utf-16", "\r\n"), ("utf-16-le", "\n"), ("utf-16-be", "\n")],
)
def test_a_file_of_any_length_is_read_in_its_encoding_and_with_its_ends_of_lines(encoding, end, tmp_path):
    path = tmp_path / "walk.csv"
    for n in (1, 5000):
        text = csv_lines(standing(n), f"t[s],{HEADER}", np.arange(n) / 50)
        path.write_bytes(text.replace("\n", end).encode(encoding))
        items = list(csv_file(path, Units()))
        assert np.allclose(samples(items), standing(n))
        assert np.allclose(seconds(items), np.arange(n) / 50)
        assert all(chunk.recorded for chunk in chunks(items))
    path.write_text(csv_lines(standing(300, 16384.0), f"t[s],{HEADER}".replace("[g]", ""), TIMES))
    with pytest.raises(InputError, match=r"walk\.csv.*--units"):
        list(csv_file(path, Units()))


@pytest.mark.parametrize("order", ["in turns", "acceleration first", "rotation first"])
def test_a_file_may_have_the_readings_of_sensors_in_any_order(order, tmp_path):
    """The gyroscope, which turns faster and faster, is 7 ms late."""
    readings = [f"{t},acc,1,0,0" for t in TIMES], [f"{t + 0.007},gyro,{t + 0.007},0,0" for t in TIMES]
    lines = {
        "in turns": [line for pair in zip(*readings, strict=True) for line in pair],
        "acceleration first": [*readings[0], *readings[1]],
        "rotation first": [*readings[1], *readings[0]],
    }[order]
    path = tmp_path / "walk.csv"
    path.write_text("\n".join(["t[s],sensor,x,y,z", *lines]))
    items = list(csv_file(path, KNOWN))
    assert len(samples(items)) == len(TIMES) - 1
    assert np.allclose(samples(items)[:, 3], seconds(items))
    path.write_text("\n".join(["t[s],sensor,x,y,z", *readings[0]]))
    with pytest.raises(InputError, match="rotation"):
        list(csv_file(path, KNOWN))


def test_a_pipe_is_followed_while_it_grows_and_before_anyone_writes(tmp_path, clock):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with closing(csv_file(path, KNOWN, clock)) as source:
        next(source)
        clock.now += 10
        assert next(source) is NO_SAMPLES  # before the first sample nobody is called silent
        with path.open("wb", buffering=0) as writer:
            writer.write(SAMPLE)
            until(source, has(1))
            clock.now += 10
            until(source, says("waiting"))
            writer.write(SAMPLE[:10])
            writer.write(SAMPLE[10:] + SAMPLE.strip())
            until(source, has(1))
        assert len(samples(source)) == 1  # the last line has no end, and the pipe has one


@pytest.fixture(params=[udp, tcp])
def listener(request, clock) -> Iterator[Source]:
    """A source that listens on a free port by UDP or TCP, where time stands still."""
    with closing(request.param(Address("127.0.0.1", 0), KNOWN, clock)) as source:
        yield source


@pytest.fixture
def port(listener) -> int:
    return port_of(next(listener))


@pytest.fixture
def sender(port, request):
    """Makes a function that sends bytes to `port` from another port or host."""
    is_tcp = request.node.callspec.params["listener"] is tcp

    @contextlib.contextmanager
    def made(host: str = "127.0.0.1") -> Iterator[Callable[[bytes], None]]:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM) as phone:
            phone.bind((host, 0))
            phone.connect(("127.0.0.1", port))
            yield phone.sendall

    return made


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_another_board_or_host_is_not_mixed_in(sender, listener, host):
    with sender() as send:
        send(SAMPLE)
        until(listener, has(1))
        with sender(host) as send_other:
            with contextlib.suppress(ConnectionError):  # a connection is refused at once
                send_other(SAMPLE.replace(b"[1, 0, 0]", b"[0, 0, 1]"))
            until(listener, says("others"))
            send(SAMPLE)
            items = until(listener, has(1))
    assert "lost" not in kinds(items)
    assert samples(items)[0, 0] == 1


def test_another_sender_is_heard_when_the_first_sends_no_samples(sender, listener, clock):
    with sender() as send:
        send(SAMPLE)
        until(listener, has(1))
        next(listener)  # silence begins when the sample has been taken
        clock.now += 10
        with sender("127.0.0.2") as send_other:
            send_other(SAMPLE)
            assert "connected" in kinds(until(listener, has(1)))


@pytest.mark.parametrize("listener", [tcp], indirect=True)
def test_a_connection_may_be_lost_and_come_back_and_half_a_line_is_no_sample(sender, listener, port):
    with sender() as send:
        send(SAMPLE + SAMPLE[:10])
        until(listener, has(1))
        send(SAMPLE[10:] + b'{"t": 1, "acc": [1, 0, 0], "gyro": [0, 0, 0')
        until(listener, has(1))
    assert sum(x.left_out for x in until(listener, says("lost")) if isinstance(x, Chunk)) == 1
    with socket.create_connection(("127.0.0.1", port)) as phone:
        phone.sendall(f"{HEADER}\n1,0,0,0,0,0\n".encode())
        assert kinds(until(listener, has(1)))[0] == "connected"


@pytest.mark.parametrize(("host", "is_said"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_the_address_for_a_phone_is_said_where_one_can_reach_it(host, is_said, monkeypatch):
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: ("192.0.2.7", 5))
    with closing(tcp(Address(host, 0), KNOWN)) as source:
        assert ("192.0.2.7:5" in next(source).text) == is_said


def test_a_port_alone_is_of_this_machine_and_a_host_says_another():
    assert parse_address("5555", "--udp") == ("127.0.0.1", 5555)
    assert parse_address("[::1]:65535", "--udp") == ("::1", 65535)


@pytest.mark.parametrize("text", ["y,x,z", "-x,y,z", "z,-x,y", "-x,-y,-z", "x,y", "x,x,z", "a,b,c"])
def test_what_is_no_turn_is_refused(text):
    with pytest.raises(InputError, match="axes"):
        Axes(text)


class ShortSleeps:
    """The real clock, but nobody sleeps for long."""

    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds: float, /) -> None:
        time.sleep(min(seconds, 0.01))


@contextlib.contextmanager
def plugged(device: Path) -> Iterator[int]:
    """A board at `device`: what is written to the descriptor comes out there. Unplugged at the end."""
    board, line = pty.openpty()
    device.symlink_to(os.ttyname(line))
    os.close(line)
    try:
        yield board
    finally:
        device.unlink()
        os.close(board)


def test_a_board_is_read_unplugged_and_plugged_in_again(tmp_path):
    device = tmp_path / "ttyUSB0"
    with plugged(device) as board:
        source = serial_port(f"{device}@9600", KNOWN, ShortSleeps())
        assert kinds([next(source)]) == ["opened"]
        os.write(board, b"0.5,1\n" + SAMPLE)  # the rest of a line, then a whole one
        until(source, has(1))
    with closing(source):
        until(source, says("lost"))
        assert not has(1)([next(source), next(source)])
        with plugged(device) as board:
            until(source, says("back"))
            os.write(board, f"{HEADER}\n1,0,0,0,0,0\n".encode())
            assert samples(until(source, has(1))).tolist() == [[1, 0, 0, 0, 0, 0]]
