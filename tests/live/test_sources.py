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

from edge_runtime.data import dataset, uci_har
from edge_runtime.data.loading import DataReader
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.sources import Chunk, Event, Source
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.sources.file_sources import csv_file, find_recording, replay
from edge_runtime.live.sources.serial_port import serial_port
from edge_runtime.live.sources.sockets import Address, parse_address, tcp, udp
from edge_runtime.signals.units import Units
from edge_runtime.system.installation import MissingExtraError

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


@pytest.fixture(scope="module", autouse=True)
def recordings() -> Iterator[tuple[dataset.Recording, ...]]:
    """The embedded recordings, decoded once for all tests here."""
    decoded = uci_har.recordings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uci_har, "recordings", lambda: decoded)
        yield decoded


class TestReplay:
    def test_a_replay_gives_every_sample_at_its_time(self, recordings):
        items = list(replay(7, recordings[7], speed=0, clock=FakeClock()))
        recording = recordings[7]
        assert np.array_equal(samples(items), recording.samples)
        assert np.array_equal(seconds(items), np.arange(len(recording.samples)) / 50)
        assert all(x.recorded for x in chunks(items))

    @pytest.mark.parametrize("speed", [1.0, 10.0, 1000.0])
    def test_a_replay_takes_as_long_as_its_speed_says_and_gives_nothing_before_it_was_measured(self, speed, recordings):
        clock = FakeClock()
        for item in replay(7, recordings[7], speed=speed, clock=clock):
            for chunk in chunks([item]):
                assert chunk.seconds[-1] <= (clock.now - 100) * speed + 1e-6
                last = chunk.seconds[-1]
        assert clock.now - 100 == pytest.approx(last / speed)

    @pytest.mark.parametrize("number", [-1, 61])
    def test_a_recording_that_is_not_there_is_refused(self, number):
        with pytest.raises(InputError, match="0 to 60"):
            find_recording(number, DataReader(()))


class TestCsvFile:
    def test_a_file_ends_where_it_ends(self, tmp_path):
        path = tmp_path / "walk.csv"
        path.write_text(
            csv_lines(standing(), "t[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]", np.arange(100) / 50)
        )
        items = list(csv_file(path, Units()))
        assert np.array_equal(samples(items), standing())
        assert kinds(items) == ["opened"]

    @pytest.mark.parametrize("content", ["", "ax,ay\n1,2\n", "\x00\x01\x02" * 1000])
    def test_a_file_without_samples_is_refused_by_its_name(self, tmp_path, content):
        path = tmp_path / "empty.csv"
        path.write_text(content)
        with pytest.raises(InputError, match=r"empty\.csv has no samples"):
            list(csv_file(path, Units()))

    def test_a_file_that_is_not_there_a_folder_or_an_endless_device_is_refused(self, tmp_path):
        for path in (tmp_path / "none.csv", tmp_path, Path("/dev/zero")):
            with pytest.raises(InputError, match=str(path)):
                list(csv_file(path, Units()))

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


@pytest.fixture
def datagrams(port, clock) -> Iterator[Source]:
    """A source of datagrams that listens at `port`, where time stands still."""
    with closing(udp(Address("127.0.0.1", port), KNOWN, clock)) as source:
        next(source)
        yield source


@pytest.fixture
def connections(port, clock) -> Iterator[Source]:
    """A source of connections that listens at `port`, where time stands still."""
    with closing(tcp(Address("127.0.0.1", port), KNOWN, clock)) as source:
        next(source)
        yield source


class TestUdp:
    def test_datagrams_become_samples_and_silence_is_said(self, port, datagrams, clock):
        clock.now += 10
        until(datagrams, says("waiting"))
        with sender(port) as send:
            send(SAMPLE * 3)
            assert kinds(until(datagrams, has(3))) == ["connected", "back"]
            send(SAMPLE[:20])  # cut short: the next one is whole all the same
            send(SAMPLE)
            assert kinds(until(datagrams, has(1))) == ["malformed"]
        clock.now += 10
        until(datagrams, says("waiting"))

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    def test_another_board_or_host_is_not_mixed_in(self, port, datagrams, host):
        with sender(port) as send, sender(port, host) as send_other:
            send(SAMPLE)
            send(SAMPLE)
            until(datagrams, has(2))
            for _ in range(5):
                send_other(SAMPLE.replace(b"[1, 0, 0]", b"[0, 0, 1]"))
                send(SAMPLE)
            items = until(datagrams, has(5))
        assert kinds(items) == ["others"]
        assert (samples(items)[:, 0] == 1).all()

    def test_another_sender_is_heard_when_the_first_has_gone(self, port, datagrams, clock):
        with sender(port) as send, sender(port, "127.0.0.2") as send_other:
            send(SAMPLE)
            until(datagrams, has(1))
            next(datagrams)  # silence begins when the sample has been taken
            clock.now += 10
            send_other(SAMPLE)
            assert "connected" in kinds(until(datagrams, has(1)))

    def test_who_sends_no_samples_keeps_nobody_out(self, port, datagrams, clock):
        with sender(port) as send, sender(port, "127.0.0.2") as send_other:
            for _ in range(3):
                send(b"junk")
                clock.now += 2
                until(datagrams, lambda items: sum(x.left_out for x in items if isinstance(x, Chunk)) == 1)
            send_other(SAMPLE)
            assert kinds(until(datagrams, has(1))) == ["connected"]

    def test_who_waits_for_the_reader_of_the_samples_has_not_gone(self, port, datagrams, clock):
        with sender(port) as send, sender(port, "127.0.0.2") as send_other:
            send(SAMPLE)
            send_other(SAMPLE)
            until(datagrams, has(1))
            clock.now += 10  # in the hands of the reader, as after Ctrl-S
            assert "connected" not in kinds(until(datagrams, says("others")))

    def test_a_port_that_is_taken_is_refused(self, port, datagrams):
        with pytest.raises(InputError, match=f"127.0.0.1:{port}"):
            next(udp(Address("127.0.0.1", port), KNOWN))


class TestTcp:
    def test_a_sender_may_go_and_come_back(self, port, connections):
        with socket.create_connection(("127.0.0.1", port)) as phone:
            phone.sendall(SAMPLE + SAMPLE[:10])
            until(connections, has(1))
            phone.sendall(SAMPLE[10:])
            until(connections, has(1))
        until(connections, says("lost"))
        with socket.create_connection(("127.0.0.1", port)) as phone:
            phone.sendall(b"ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n1,0,0,0,0,0\n")
            assert kinds(until(connections, has(1)))[0] == "connected"

    def test_another_sender_does_not_take_the_place_of_one_that_sends_and_is_named(self, port, connections, clock):
        with socket.create_connection(("127.0.0.1", port)) as phone:
            phone.sendall(SAMPLE)
            until(connections, has(1))
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", port)) as other:
                    (told,) = [x.text for x in until(connections, says("others")) if isinstance(x, Event)]
                    assert other.recv(1) == b""  # it is told at once
                    assert all(str(x.getsockname()[1]) in told for x in (phone, other))
                clock.now += 2
                phone.sendall(SAMPLE)
                assert "lost" not in kinds(until(connections, has(1)))

    def test_with_take_over_the_newest_connection_always_replaces_the_one_before(self, port, clock):
        with closing(tcp(Address("127.0.0.1", port), KNOWN, clock, take_over=True)) as source:
            next(source)
            with socket.create_connection(("127.0.0.1", port)) as first:
                first.sendall(SAMPLE)
                until(source, has(1))
                with socket.create_connection(("127.0.0.1", port)) as second:
                    second.sendall(SAMPLE)
                    assert kinds(until(source, has(1))) == ["lost", "connected"]

    def test_the_newest_connection_replaces_one_that_hangs(self, port, connections, clock):
        with socket.create_connection(("127.0.0.1", port)) as hanging:
            hanging.sendall(SAMPLE)
            until(connections, has(1))
            next(connections)  # silence begins when the sample has been taken
            clock.now += 10
            until(connections, says("waiting"))
            with socket.create_connection(("127.0.0.1", port)) as phone:
                phone.sendall(SAMPLE)
                assert kinds(until(connections, has(1))) == ["lost", "connected", "back"]

    def test_who_sends_no_samples_keeps_nobody_out(self, port, connections, clock):
        with socket.create_connection(("127.0.0.1", port)) as scanner:
            for _ in range(3):
                scanner.sendall(b"junk\n")
                until(connections, lambda items: sum(x.left_out for x in items if isinstance(x, Chunk)) == 1)
                clock.now += 2
            with socket.create_connection(("127.0.0.1", port)) as phone:
                phone.sendall(SAMPLE)
                assert kinds(until(connections, has(1))) == ["lost", "connected"]

    def test_who_waits_for_the_reader_of_the_samples_has_not_gone(self, port, connections, clock):
        with socket.create_connection(("127.0.0.1", port)) as phone:
            until(connections, says("connected"))
            phone.sendall(SAMPLE)
            with socket.create_connection(("127.0.0.1", port)):
                until(connections, has(1))
                clock.now += 10  # in the hands of the reader, as after Ctrl-S
                assert "connected" not in kinds(until(connections, says("others")))

    def test_half_a_line_is_no_sample_when_the_connection_ends(self, port, connections):
        with socket.create_connection(("127.0.0.1", port)) as phone:
            phone.sendall(b"ax,ay,az,gx,gy,gz\n1,0,0,0,0,0\n1,0,0,0,0.1,-0.")
        items = until(connections, says("lost"))
        assert samples(items).tolist() == [[1, 0, 0, 0, 0, 0]]
        assert sum(x.left_out for x in items if isinstance(x, Chunk)) == 1

    def test_a_connection_that_is_reset_is_only_lost(self, port, connections):
        phone = socket.create_connection(("127.0.0.1", port))
        phone.sendall(SAMPLE)
        until(connections, has(1))
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        phone.close()
        until(connections, says("lost"))


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "host", "port"),
        [
            ("5555", "127.0.0.1", 5555),
            ("0.0.0.0:5555", "0.0.0.0", 5555),
            ("localhost:1", "localhost", 1),
            ("[::1]:65535", "::1", 65535),
        ],
    )
    def test_a_port_alone_is_of_this_machine_and_a_host_says_another(self, text, host, port):
        assert parse_address(text, "--udp") == (host, port)

    @pytest.mark.parametrize("text", ["", "x", "1:2:3", "65536", "host:", "-1", "::1:5"])
    def test_anything_else_is_refused(self, text):
        with pytest.raises(InputError, match="--udp"):
            parse_address(text, "--udp")


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

    def test_without_pyserial_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "serial", None)
        with pytest.raises(MissingExtraError, match=r"pip install .*\[sensors\]"):
            next(serial_port("/dev/ttyUSB0", KNOWN))


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

    @pytest.mark.parametrize("text", ["y,x,z", "-x,y,z", "z,-x,y", "-x,-y,-z", "", "x,y", "x,x,z", "a,b,c", "--x,y,z"])
    def test_a_mirror_image_or_no_mapping_is_refused(self, text):
        with pytest.raises(InputError, match="--axes"):
            Axes.parse(text)


class ShortSleeps:
    """The real clock, but nobody sleeps for long."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        time.sleep(min(seconds, 0.01))


@contextlib.contextmanager
def sender(port: int, host: str = "127.0.0.1") -> Iterator[Callable[[bytes], None]]:
    """A function that sends datagrams to `port` from a port of `host`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((host, 0))
        yield lambda content: made.sendto(content, ("127.0.0.1", port))


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
