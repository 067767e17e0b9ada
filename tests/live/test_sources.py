"""Sources over real files, pipes, sockets and a pseudo-terminal: they wait, lose and find again, and end as told."""

import contextlib
import os
import pty
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from streams import FakeClock, chunks, csv_lines, kinds, samples, seconds, standing, until
from written_recordings import recordings

from edge_runtime.data.loading import DataReader
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources import Chunk, Source
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.sources.file_sources import csv_file, find_recording, replay
from edge_runtime.live.sources.serial_port import serial_port
from edge_runtime.live.sources.sockets import Address, parse_address, tcp, udp
from edge_runtime.signals.units import Units

KNOWN = Units(1.0, 1.0, 1.0)
SAMPLE = b'{"t": 1, "acc": [1, 0, 0], "gyro": [0, 0, 0]}\n'


def has(n: int):
    """Tell whether there are `n` samples or more."""
    return lambda items: len(samples(items)) >= n


def says(kind: str):
    """Tell whether an event of this kind has come."""
    return lambda items: kind in kinds(items)


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class TestReplay:
    def test_a_replay_gives_every_sample_at_its_time(self):
        items = list(replay(7, recordings()[7], speed=0, clock=FakeClock()))
        recording = recordings()[7]
        assert np.array_equal(samples(items), recording.samples)
        assert np.array_equal(seconds(items), np.arange(len(recording.samples)) / 50)
        assert all(x.recorded for x in chunks(items))

    @pytest.mark.parametrize("speed", [1.0, 10.0, 1000.0])
    def test_a_replay_takes_as_long_as_its_speed_says_and_gives_nothing_before_it_was_measured(self, speed):
        clock = FakeClock()
        for item in replay(7, recordings()[7], speed=speed, clock=clock):
            for chunk in chunks([item]):
                assert chunk.seconds[-1] <= (clock.now - 100) * speed + 1e-6
                last = chunk.seconds[-1]
        assert clock.now - 100 == pytest.approx(last / speed)

    def test_a_recording_that_is_not_there_is_refused(self):
        reader = DataReader(())
        for number in (-1, 61):
            with pytest.raises(InputError, match="0 to 60"):
                find_recording(number, reader)


class TestCsvFile:
    def test_a_file_ends_where_it_ends(self, tmp_path):
        path = tmp_path / "walk.csv"
        path.write_text(
            csv_lines(standing(), "t[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]", np.arange(100) / 50)
        )
        items = list(csv_file(path, Units()))
        assert np.array_equal(samples(items), standing())
        assert kinds(items) == ["opened"]

    def test_what_holds_no_samples_is_refused_by_its_name(self, tmp_path):
        for name, content in (("empty", ""), ("two", "ax,ay\n1,2\n"), ("binary", "\x00\x01\x02" * 1000)):
            (tmp_path / name).write_text(content)
        for name in ("empty", "two", "binary", "none", "", "/dev/zero"):
            with pytest.raises(InputError, match=str(tmp_path / name)):
                list(csv_file(tmp_path / name, Units()))

    def test_a_pipe_is_followed_while_it_grows_and_before_anyone_writes(self, tmp_path, clock):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with closing(csv_file(path, KNOWN, clock)) as source:
            next(source)
            clock.now += 10
            until(source, says("waiting"))
            with path.open("wb", buffering=0) as writer:
                writer.write(SAMPLE)
                until(source, has(1))
                writer.write(SAMPLE[:10])
                writer.write(SAMPLE[10:] + SAMPLE.strip())
                until(source, has(1))
            assert len(samples(source)) == 1  # the last line has no end, and the pipe has one


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


KINDS = {"udp": udp, "tcp": tcp}


@pytest.fixture(params=KINDS)
def listener(request, port, clock) -> Iterator[Source]:
    """A source that listens at `port` by UDP or TCP, where time stands still."""
    with closing(KINDS[request.param](Address("127.0.0.1", port), KNOWN, clock)) as source:
        next(source)
        yield source


@pytest.fixture
def sender(port, listener, request):
    """Makes a function that sends bytes to `port` from another port or host."""
    kind = request.node.callspec.params["listener"]

    @contextlib.contextmanager
    def made(host: str = "127.0.0.1") -> Iterator[Callable[[bytes], None]]:
        of = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, of) as found:
            found.bind((host, 0))
            found.connect(("127.0.0.1", port))
            yield found.sendall

    return made


def left_out(n: int):
    """Tell whether `n` lines were no samples."""
    return lambda items: sum(x.left_out for x in items if isinstance(x, Chunk)) == n


class TestSockets:
    def test_lines_become_samples_and_silence_is_said(self, sender, listener, clock):
        clock.now += 10
        until(listener, says("waiting"))
        with sender() as send:
            send(SAMPLE * 3)
            assert set(kinds(until(listener, has(3)))) == {"connected", "back"}
        clock.now += 10
        until(listener, says("waiting"))

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    def test_another_board_or_host_is_not_mixed_in(self, sender, listener, host):
        with sender() as send:
            send(SAMPLE)
            until(listener, has(1))
            with sender(host) as send_other:
                with contextlib.suppress(ConnectionError):  # it is told at once, where there is a connection
                    send_other(SAMPLE.replace(b"[1, 0, 0]", b"[0, 0, 1]"))
                until(listener, says("others"))
                send(SAMPLE)
                items = until(listener, has(1))
        assert "lost" not in kinds(items)
        assert samples(items)[0, 0] == 1

    def test_another_sender_is_heard_when_the_first_is_silent(self, sender, listener, clock):
        with sender() as send:
            send(SAMPLE)
            until(listener, has(1))
            next(listener)  # silence begins when the sample has been taken
            clock.now += 10
            with sender("127.0.0.2") as send_other:
                send_other(SAMPLE)
                assert "connected" in kinds(until(listener, has(1)))

    def test_who_sends_no_samples_keeps_nobody_out(self, sender, listener, clock):
        with sender() as send:
            for _ in range(3):
                send(b"junk\n")
                until(listener, left_out(1))
                clock.now += 2
            with sender("127.0.0.2") as send_other:
                send_other(SAMPLE)
                assert "connected" in kinds(until(listener, has(1)))

    def test_who_waits_for_the_reader_of_the_samples_has_not_gone(self, sender, listener, clock):
        with sender() as send:
            send(SAMPLE)
            with sender("127.0.0.2") as send_other:
                with contextlib.suppress(ConnectionError):
                    send_other(SAMPLE)
                items = until(listener, has(1))
                clock.now += 10  # in the hands of the reader, as after Ctrl-S
                if "others" not in kinds(items):
                    assert "connected" not in kinds(until(listener, says("others")))

    def test_a_port_that_is_taken_is_refused(self, port, listener):
        (kind,) = [x for x in KINDS.values() if x.__name__ == listener.gi_code.co_name]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}"):
            next(kind(Address("127.0.0.1", port), KNOWN))

    @pytest.mark.parametrize("listener", ["udp"], indirect=True)
    def test_a_datagram_that_is_cut_short_spoils_no_other(self, sender, listener):
        with sender() as send:
            send(SAMPLE[:20])
            send(SAMPLE)
            assert "malformed" in kinds(until(listener, has(1)))


@pytest.mark.parametrize("listener", ["tcp"], indirect=True)
class TestConnections:
    def test_a_sender_may_go_and_come_back(self, sender, listener):
        with sender() as send:
            send(SAMPLE + SAMPLE[:10])
            until(listener, has(1))
            send(SAMPLE[10:])
            until(listener, has(1))
        until(listener, says("lost"))
        with sender() as send:
            send(b"ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n1,0,0,0,0,0\n")
            assert kinds(until(listener, has(1)))[0] == "connected"

    def test_half_a_line_is_no_sample_when_the_connection_ends(self, sender, listener):
        with sender() as send:
            send(b"ax,ay,az,gx,gy,gz\n1,0,0,0,0,0\n1,0,0,0,0.1,-0.")
        items = until(listener, says("lost"))
        assert samples(items).tolist() == [[1, 0, 0, 0, 0, 0]]
        assert left_out(1)(items)

    def test_a_connection_that_is_reset_is_only_lost(self, port, listener):
        phone = socket.create_connection(("127.0.0.1", port))
        phone.sendall(SAMPLE)
        until(listener, has(1))
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        phone.close()
        until(listener, says("lost"))


def test_with_take_over_the_newest_connection_always_replaces_the_one_before(port, clock):
    with closing(tcp(Address("127.0.0.1", port), KNOWN, clock, take_over=True)) as source:
        next(source)
        with socket.create_connection(("127.0.0.1", port)) as first:
            first.sendall(SAMPLE)
            until(source, has(1))
            with socket.create_connection(("127.0.0.1", port)) as second:
                second.sendall(SAMPLE)
                assert kinds(until(source, has(1))) == ["lost", "connected"]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("5555", "127.0.0.1", 5555), ("0.0.0.0:5555", "0.0.0.0", 5555), ("[::1]:65535", "::1", 65535)],
)
def test_a_port_alone_is_of_this_machine_and_a_host_says_another(text, host, port):
    assert parse_address(text, "--udp") == (host, port)


@pytest.mark.parametrize(
    ("parse", "option", "texts"),
    [
        (lambda x: parse_address(x, "--udp"), "--udp", ["", "x", "1:2:3", "65536", "host:", "-1", "::1:5"]),
        (Axes.parse, "--axes", ["y,x,z", "-x,y,z", "z,-x,y", "-x,-y,-z", "", "x,y", "x,x,z", "a,b,c", "--x,y,z"]),
    ],
    ids=["address", "axes"],
)
def test_what_is_no_address_or_no_turn_is_refused(parse, option, texts):
    for text in texts:
        with pytest.raises(InputError, match=option):
            parse(text)


class TestSerial:
    def test_a_board_is_read_unplugged_and_plugged_in_again(self, tmp_path):
        device = tmp_path / "ttyUSB0"
        clock = ShortSleeps()
        with plugged(device) as board:
            source = serial_port(f"{device}@9600", KNOWN, clock)
            assert kinds([next(source)]) == ["opened"]
            os.write(board, b"0.5,1\n" + SAMPLE)  # what is left of a line, then a whole one
            until(source, has(1))
        with closing(source):
            until(source, says("lost"))
            time.sleep(0.05)
            assert not has(1)([next(source), next(source)])
            with plugged(device) as board:
                until(source, says("back"))
                os.write(board, b"ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n1,0,0,0,0,0\n")
                assert samples(until(source, has(1))).tolist() == [[1, 0, 0, 0, 0, 0]]

    @pytest.mark.parametrize(("device", "says"), [("/nowhere/ttyUSB9", "ttyUSB9"), ("/dev/null", "/dev/null")])
    def test_a_device_that_is_not_there_or_no_serial_one_is_refused(self, device, says):
        with pytest.raises(DeviceError, match=says):
            next(serial_port(device, KNOWN))


class TestAxes:
    @pytest.mark.parametrize("text", ["x,y,z", "-y,x,z", "z,x,y", "-x,-y,z", "X, Z, -Y"])
    def test_a_mapping_turns_and_never_mirrors(self, text):
        turn = Axes.parse(text)
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 10, 3))
        turned = turn(np.concatenate([a, b], axis=1))
        crossed = turn(np.concatenate([np.cross(a, b)] * 2, axis=1))
        assert np.allclose(np.cross(turned[:, :3], turned[:, 3:]), crossed[:, :3])

    def test_the_board_axis_in_the_first_place_is_the_one_that_points_up(self):
        up_is_minus_y = np.array([[0.0, -1.0, 0.0, 0.0, 2.0, 0.0]])
        assert Axes.parse("-y,x,z")(up_is_minus_y).tolist() == [[1, 0, 0, -2, 0, 0]]


class ShortSleeps:
    """The real clock, but nobody sleeps for long."""

    def monotonic(self) -> float:
        return time.monotonic()

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
