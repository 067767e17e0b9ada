"""A machine of its own: what runs in it, what it shares with this one, and that it ends."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest
from edge_runtime.devices.emulated.launch import FAILED
from on_board import printed, run


def test_programs_find_the_cpu_that_was_asked_for(a72, a76):
    assert printed(a72, "uname", "-m") == "aarch64\n"
    for board, part, has_dot_product in ((a72, "0xd08", False), (a76, "0xd0b", True)):
        cpuinfo = printed(board, "cat", "/proc/cpuinfo")
        assert f"CPU part\t: {part}" in cpuinfo
        assert ("asimddp" in cpuinfo) is has_dot_product


def test_a_32_bit_machine(armv7):
    found = printed(armv7, "python3", "-c", "import os, struct; print(os.uname().machine, struct.calcsize('P'))")
    assert found == "armv7l 4\n"


def test_what_a_program_starts_is_emulated_too(a72):
    code = "import subprocess; print(subprocess.run(['uname', '-m'], capture_output=True, text=True).stdout)"
    assert printed(a72, "python3", "-c", code).strip() == "aarch64"


def test_bytes_pass_through_as_they_are(a72):
    sent = os.urandom(3_000_000)
    done = run(a72, "sh", "-c", "cat; echo to stderr >&2", stdin=sent)
    assert done.stdout == sent
    assert done.stderr == b"to stderr\n"


def test_a_conversation_over_the_standard_streams(a72):
    agent = "import json, sys\nfor line in sys.stdin: print(json.dumps({'heard': json.loads(line)}), flush=True)"
    with subprocess.Popen(
        a72.command(["python3", "-c", agent]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for word in ("first", "second\n", "third"):
            process.stdin.write(json.dumps(word) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"heard": word}
        process.stdin.close()
        assert process.stdout.read() == ""
    assert process.returncode == 0


def test_a_closed_stream_is_seen_at_the_other_end(a72):
    code = "import os, time; os.write(1, b'last words'); os.close(1); time.sleep(60)"
    with subprocess.Popen(a72.command(["python3", "-c", code]), stdout=subprocess.PIPE) as process:
        assert process.stdout.read() == b"last words"
        process.terminate()


def test_exit_codes_and_signals_are_the_commands(a72):
    assert run(a72, "sh", "-c", "exit 7").returncode == 7
    crash = run(a72, "python3", "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert crash.returncode == -signal.SIGSEGV
    assert run(a72, "sh", "-c", "kill -9 $$").returncode == -signal.SIGKILL


def test_what_is_written_is_forgotten(a72):
    paths = "/etc/written /usr/bin/written /root/written /tmp/written /run/written"
    assert (
        printed(a72, "sh", "-c", f"rm /etc/os-release; for x in {paths}; do echo $x > $x; done; cat {paths}").split()
        == paths.split()
    )
    assert printed(a72, "sh", "-c", f"ls -d /etc/os-release {paths} 2>/dev/null || true") == "/etc/os-release\n"


def test_two_machines_do_not_see_each_other(a72):
    code = (
        "import os, sys\n"
        "open('/tmp/mine', 'x')\n"
        "print(sorted(x for x in os.listdir('/proc') if x.isdigit()), flush=True)\n"
        "sys.stdin.read()"
    )
    command = a72.command(["python3", "-c", code])
    machines = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    heard = {machine.stdout.readline() for machine in machines}
    assert [machine.communicate()[0] for machine in machines] == [b"", b""]
    assert heard == {b"['1', '2']\n"}


def test_files_and_folders_are_laid_over(a72, tmp_path):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "a:folder").mkdir()
    binds = {"/etc/hostname": tmp_path / "file", "/new/folder": tmp_path, "/b": tmp_path / "a:folder"}
    assert printed(a72, "cat", "/etc/hostname", "/new/folder/file", binds=binds) == "a filea file"
    printed(a72, "sh", "-c", "echo written > /new/folder/here", binds=binds)
    assert (tmp_path / "here").read_text() == "written\n"


def test_the_network_is_a_loopback_of_its_own_unless_it_is_asked_for(a72):
    ask = "import socket; print(sorted(name for _, name in socket.if_nameindex()))"
    talk = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print(1)"
    )
    own = printed(a72, "python3", "-c", ask)
    assert "lo" in own
    assert printed(a72, "python3", "-c", talk) == "1\n"
    code = [sys.executable, "-c", ask]
    assert printed(a72, "python3", "-c", ask, network=True) == subprocess.check_output(code, text=True)


def test_terminals_and_devices(a72):
    code = "import os, pty; pty.openpty(); open('/dev/shm/x', 'w'); print(len(os.urandom(8)), len(os.getrandom(3)))"
    assert printed(a72, "python3", "-c", code) == "8 3\n"
    assert "vda" not in printed(a72, "ls", "/dev")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_launcher(a72, ending):
    ours, its = os.pipe()
    launcher = subprocess.Popen(a72.command(["sh", "-c", f"echo started >/dev/fd/{its}; sleep 600"]), pass_fds=[its])
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as alive:
        assert alive.read(8) == b"started\n"
        launcher.send_signal(ending)
        _assert_ends(alive)
    assert launcher.wait() == -ending


def test_it_ends_with_who_started_it(a72):
    ours, its = os.pipe()
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], close_fds=False); time.sleep(600)"
    command = a72.command(["sh", "-c", f"echo started >/dev/fd/{its}; sleep 600"])
    starter = subprocess.Popen([sys.executable, "-c", code, *command], pass_fds=[its])
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as alive:
        assert alive.read(8) == b"started\n"
        starter.kill()
        starter.wait()
        _assert_ends(alive)


def test_what_was_left_in_the_background_ends_with_the_command(a72):
    ours, its = os.pipe()
    process = subprocess.Popen(a72.command(["sh", "-c", "sleep 600 & exit 3"]), pass_fds=[its])
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as alive:
        _assert_ends(alive)
    assert process.wait() == 3


def test_a_machine_that_cannot_be_made_is_one_sentence(a72, tmp_path):
    missing = run(a72, "no-such-program")
    assert missing.returncode == FAILED
    assert missing.stderr == b"cannot start no-such-program in the emulated machine: No such file or directory\n"
    nowhere = run(a72, "true", binds={"/sys/no/such/place": tmp_path})
    assert nowhere.returncode == FAILED
    assert nowhere.stderr.decode().count("\n") == 1
    assert "/sys/no/such/place" in nowhere.stderr.decode()


def _assert_ends(alive):
    """Nobody holds the other end of the pipe any more, soon."""
    readable, _, _ = select.select([alive], [], [], 10)
    assert readable
    assert alive.read(1) == b""
