"""A device at the other end of a pipe: the real agent, without a network."""

import ast
import hashlib
import inspect
import os
import shutil
import signal
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module, metadata
from pathlib import Path
from types import SimpleNamespace

import package_index
import pytest
from environments import PROJECT
from programs import has_ended, python, wait_until, write_program
from written_recordings import zipped

from edge_runtime.bench import measurement
from edge_runtime.bench.c_library import c_of
from edge_runtime.bench.measurement_job import JobModel, MeasurementJob
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.devices import agent, connection
from edge_runtime.devices.connection import Connection, Hello, Interpreter, program
from edge_runtime.devices.environment import ONNX_REQUIREMENT, Environment, requirements
from edge_runtime.devices.python import PythonDevice
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.ssh import Ssh
from edge_runtime.devices.targets import open_device
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model.c_model import C
from edge_runtime.system.c_compiler import DOT_PRODUCTS
from edge_runtime.system.progress import ignore_progress

QUICK = MeasurementSettings(rounds=1, control=False, needs_c=True)


class Here:
    """A transport to this machine, after a line of a shell; `python` runs the agent."""

    def __init__(self, cache: Path, python: str = sys.executable, first: str = "true") -> None:
        self.name, self._python, self._first = "here", python, first
        self._environment = ["env", f"XDG_CACHE_HOME={cache}", f"PATH={cache}"]

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["sh", "-c", f'{self._first}; exec "$@"', "sh", *self._environment, self._python, *argv[1:]]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        return DeviceError(f"ended with {code}, {'at work' if greeted else 'at once'}: {stderr[-200:]}")


def opened(cache: Path, **options: float) -> closing[RemoteDevice]:
    """A device whose own Python has all packages."""
    return closing(RemoteDevice(Here(cache), interpreter=sys.executable, **options))


def connected(transport) -> closing[Connection]:
    return closing(Connection(transport))


def test_it_answers_like_this_machine_and_keeps_complete_files(models, few, tmp_path):
    root = tmp_path / "har-edge" / "device"

    def measured_there() -> tuple[measurement.Report, bool]:
        stages = []
        with opened(tmp_path) as device:
            device.prepare(ignore_progress)
            report = measurement.measure(models[1:], few, device, QUICK, lambda share, text: stages.append(text))
        assert report.device.name == "here"
        assert list((root / "jobs").iterdir()) == []
        return report, any("sending" in stage for stage in stages)

    first, sent = measured_there()
    assert sent
    local = measurement.measure(models[1:], few, PythonDevice(), QUICK)
    assert [result.confusion for result in first.results] == [result.confusion for result in local.results]
    assert not measured_there()[1]
    objects = sorted((root / "objects").iterdir(), key=lambda path: path.stat().st_size)
    assert len(objects) == 3, "the model, the windows, the worker"
    objects[-1].write_bytes(objects[-1].read_bytes()[:-1])
    damaged, sent = measured_there()
    assert sent
    assert not damaged.failures


HANGS = """
import os, subprocess
child = subprocess.Popen(["/bin/sleep", "600"])
open({child!r}, "w").write(str(child.pid))
print('{{"stage": "timing", "share": 0.5}}', flush=True)
child.wait()
"""


def test_a_worker_that_hangs_on_a_device_is_stopped_with_its_children(tmp_path):
    (tmp_path / "worker.pyz").write_text(HANGS.format(child=str(tmp_path / "child")))
    (tmp_path / "m").touch()
    with opened(tmp_path / "cache", silence_seconds=6) as device, pytest.raises(DeviceError, match=r"here .*timing"):
        device.run(MeasurementJob("x", "measure", (JobModel("m", "m"),)), tmp_path, ignore_progress)
    wait_until(lambda: has_ended((tmp_path / "child").read_text()))
    assert list((tmp_path / "cache/har-edge/device/jobs").iterdir()) == []


def test_an_agent_that_dies_is_noticed(tmp_path):
    with connected(Here(tmp_path, first=f"echo $$ > {tmp_path}/agent")) as connection:
        os.kill(int((tmp_path / "agent").read_text()), signal.SIGKILL)
        with pytest.raises(DeviceError, match="at work"):
            connection.ask("missing", digests=[])


def test_a_file_that_arrives_damaged_is_refused_and_not_kept(tmp_path):
    (tmp_path / "file").write_bytes(b"damaged")
    with connected(Here(tmp_path)) as connection, pytest.raises(DeviceError, match="damaged"):
        connection.ask("put", payload=tmp_path / "file", digest=hashlib.sha256(b"whole").hexdigest())
    assert list((tmp_path / "har-edge/device/objects").iterdir()) == []


def test_a_device_that_says_nothing_holds_nobody_and_a_login_that_prints_is_named(tmp_path, monkeypatch):
    for banner in ("Welcome to pi", "3", "[]"):
        with pytest.raises(DeviceError, match=r"here.*login"):
            connected(Here(tmp_path, first=f"echo '{banner}'"))
    monkeypatch.setattr(connection, "_SILENCE_SECONDS", 0.5)
    with pytest.raises(DeviceError, match="here"):
        connected(Here(tmp_path, first="sleep 60"))


GREETING = '{"hello": {"machine": "x86_64", "libc": ["glibc", "2.36"], "interpreters": []}}'


def test_a_link_that_takes_no_more_bytes_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_SILENCE_SECONDS", 0.5)
    (tmp_path / "file").write_bytes(bytes(1 << 21))
    with (
        connected(Here(tmp_path, first=f"echo '{GREETING}'; exec sleep 60")) as stalled,
        pytest.raises(DeviceError, match="here"),
    ):
        stalled.ask("put", payload=tmp_path / "file", digest="0")


def test_an_environment_that_another_measurement_finishes_first_is_used(tmp_path, monkeypatch):
    other = tmp_path / "environments/key/numpy"
    monkeypatch.setattr(agent.Agent, "_relay", lambda self, process: other.mkdir(parents=True))
    there = agent.Agent(SimpleNamespace(send=lambda **_: None), tmp_path)
    (tmp_path / "objects/0").write_bytes(zipped({"numpy/__init__.py": ""}))
    assert there.environment(sys.executable, "key", {"numpy.whl": "0"}) == {"site": str(other.parent)}
    assert list((tmp_path / "environments").iterdir()) == [other.parent]


def test_jobs_of_dead_agents_are_removed_after_a_day(tmp_path):
    job = tmp_path / "har-edge/device/jobs/tmp1"
    job.mkdir(parents=True)
    with connected(Here(tmp_path)):
        assert job.exists()  # an agent may be at work in it
    os.utime(job, (0, 0))
    with connected(Here(tmp_path)):
        assert not job.exists()


def test_a_target_of_ssh_is_a_host_with_optional_user_and_port_and_words_are_quoted_for_its_shell(monkeypatch):
    targets = ("ssh://pi", "ssh://me@Pi.local:2222", "me@pi", "ssh://me@[fe80::1]:22")
    hosts = [Ssh("pi"), Ssh("Pi.local", "me", 2222), Ssh("pi", "me"), Ssh("fe80::1", "me", 22)]
    assert list(map(Ssh.parse, targets)) == hosts
    monkeypatch.setenv("HAR_EDGE_SSH", " ")
    assert program("HAR_EDGE_SSH", "env", "") == ["env"]
    monkeypatch.setenv("HAR_EDGE_SSH", "env")  # since ssh may be missing here
    command = Ssh("pi", "me", 2222).command(["python3", "a b"])
    assert command[-7:] == ["-l", "me", "-p", "2222", "--", "pi", "python3 'a b'"]
    for wrong in ("ssh://a:b@c", "ssh://pi/folder", "ssh://pi:65536", "pi", "x;y@pi", "ssh://-oProxyCommand=x"):
        with pytest.raises(InputError, match="ssh://"):
            open_device(wrong)


def test_devices_get_the_requirements_of_this_package(monkeypatch):
    assert list(requirements("tflite-runtime")) == PROJECT["optional-dependencies"]["tflite-runtime"]
    assert requirements("litert")[1] in PROJECT["dependencies"]
    assert ONNX_REQUIREMENT in PROJECT["optional-dependencies"]["onnx"]
    assert requirements("litert")[0] == f"ai-edge-litert=={metadata.version('ai-edge-litert')}"
    monkeypatch.setattr(sys, "path", [])  # as if it was not installed here
    assert requirements("litert")[0] in {text.partition(";")[0] for text in PROJECT["dependencies"]}


def interpreter(*version: int, bits: int = 64, numpy: str | None = None) -> Interpreter:
    return Interpreter(f"/usr/bin/python{version[0]}.{version[1]}", version, bits, numpy)


NARROW = interpreter(3, 11, 2, bits=32, numpy="1.24.2")


def hello(machine: str, *interpreters: Interpreter, libc: tuple[str, str] = ("glibc", "2.36")) -> Hello:
    return Hello(machine, libc, interpreters)


@pytest.mark.parametrize(
    ("greeting", "runtime", "expected"),
    [
        (hello("aarch64", interpreter(3, 15, 0), interpreter(3, 10, 12)), "auto", ("litert", "/usr/bin/python3.10", 2)),
        # A 32-bit system under a 64-bit kernel: Python's own width counts.
        (hello("aarch64", NARROW), "auto", ("tflite-runtime", "/usr/bin/python3.11", 1)),
        # Of two, the one that has NumPy, which has no such wheels.
        (hello("armv7l", interpreter(3, 10, 1, bits=32), NARROW), "auto", ("tflite-runtime", "/usr/bin/python3.11", 1)),
        (hello("x86_64", interpreter(3, 11, 2)), "tflite-runtime", ("tflite-runtime", "/usr/bin/python3.11", 2)),
    ],
)
def test_the_runtime_that_fits_is_chosen(greeting, runtime, expected):
    chosen = Environment.choose(greeting, runtime, "pi")
    assert (chosen.runtime, chosen.interpreter, len(chosen.requirements)) == expected


def test_wheels_fit_the_devices_c_library_and_an_unsuitable_device_is_refused_with_the_reason():
    platforms = Environment.choose(hello("aarch64", NARROW, libc=("glibc", "2.31")), "auto", "pi").platforms
    assert platforms[0] == "manylinux_2_31_armv7l"
    assert platforms[-2:] == ["manylinux_2_17_armv7l", "manylinux2014_armv7l"]
    for greeting, runtime, noun in (
        (hello("aarch64", interpreter(3, 15, 0)), "auto", r"3\.15\.0"),
        (hello("armv7l", interpreter(3, 11, 2, bits=32, numpy="2.1.0")), "auto", "NumPy 1"),
        (hello("x86_64", NARROW), "auto", "32-bit"),
        (hello("riscv64", interpreter(3, 13, 2)), "auto", "riscv64"),
        (hello("aarch64", interpreter(3, 11, 2), libc=("", "")), "auto", "glibc"),
    ):
        with pytest.raises(DeviceError, match=noun):
            Environment.choose(greeting, runtime, "pi")


def test_a_device_gets_wheels_once_and_another_environment_for_other_wheels(tmp_path, monkeypatch):
    index = tmp_path / "index"
    for name, value in package_index.write(index).items():
        monkeypatch.setenv(name, value)

    def prepared(cache: str) -> list[str]:
        monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path / cache))
        stages = []
        with closing(RemoteDevice(Here(tmp_path / "one"))) as device:
            device.prepare(lambda share, stage: stages.append(stage))
            assert (Path(device.site) / "numpy.py").read_text() == ""
            assert list(Path(device.site).rglob("numpy.*.pyc"))
        return stages

    assert [stage for stage in prepared("first") if "unpacking" in stage]
    assert not [stage for stage in prepared("first") if "unpacking" in stage or "sending" in stage]
    with closing(RemoteDevice(Here(tmp_path / "one"))) as device:
        device.prepare(ignore_progress, with_onnx=True)
        assert "litert" in str(list(Path(device.site).iterdir())), "it lost its own runtime"
        assert "here gets no ONNX Runtime" in str(device.without_onnx)
    package_index.write_wheel(index, "onnxruntime==1.30.0", "")
    with closing(RemoteDevice(Here(tmp_path / "one"))) as device:
        device.prepare(ignore_progress, with_onnx=True)
        sites = [{path.stem for path in Path(site).glob("*.py")} for site in device.site.split(":")]
        assert sites == [{"ai_edge_litert", "numpy"}, {"onnxruntime"}]
        shutil.rmtree(device.site.split(":")[1])
    package_index.write_wheel(index, requirements("litert")[0], "x = 2\n")
    assert [stage for stage in prepared("second") if "unpacking" in stage]
    sites = (tmp_path / "one/har-edge/device/environments").iterdir()
    assert sorted((site / "ai_edge_litert.py").read_text() for site in sites) == ["", "x = 2\n"]


def test_the_worker_needs_only_numpy_and_is_python_3_10():
    """It imports few rooms of this package, so that a job starts quickly."""
    alone, loaded = (
        set(python(f"import sys, {module}; print(*sys.modules)").split())
        for module in ("numpy", "edge_runtime.bench.measurement_worker")
    )
    packages, before = ({name.partition(".")[0] for name in names} for names in (loaded, alone))
    assert packages - before - sys.stdlib_module_names == {"edge_runtime"}
    modules = [name for name in loaded if name.startswith("edge_runtime.")]
    assert {name.split(".")[1] for name in modules} == {"bench", "errors", "model", "signals", "system"}
    for name in modules:
        ast.parse(inspect.getsource(import_module(name)), feature_version=(3, 10))


NO_ZIG = 'import runpy,sys; sys.modules["ziglang"] = None; del sys.argv[0]; runpy.run_path(sys.argv[0], {}, "__main__")'
NO_MARCH = 'for x; do shift; case $x in -march=*) ;; *) set -- "$@" "$x";; esac; done; exec /usr/bin/cc "$@"'


@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_model_as_c_is_compiled_there_or_else_here(models, few, tmp_path, monkeypatch, has_compiler):
    """Without a compiler there, the device says that it has Arm's dot products, which the one here leaves out."""
    if has_compiler:
        write_program(tmp_path / "cc", 'PATH=/usr/bin:/bin exec cc "$@"')
    (tmp_path / "bin").mkdir()
    write_program(tmp_path / f"bin/{sysconfig.get_config_var('MULTIARCH')}-gcc", NO_MARCH)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    model, settings = replace(models[1], c_source=c_of(models[1])), replace(QUICK, runtime=C)
    python = write_program(tmp_path / "python", f"shift; exec {sys.executable} -c '{NO_ZIG}' \"$@\"")
    with closing(RemoteDevice(Here(tmp_path), interpreter=str(python))) as device:
        run = device.run

        def run_on_arm(job, folder, on_progress):
            answers = run(job, folder, on_progress)
            for answer in answers if job.task == "compile" else ():
                answer.facts["dot_products"] = True
            return answers

        monkeypatch.setattr(device, "run", run_on_arm)
        (result,) = measurement.measure([model], few, device, settings).results
    assert result.form == "int8 as C"
    assert (DOT_PRODUCTS[0] in result.runtime_version) is not has_compiler
    assert result.accuracy > 0.9
