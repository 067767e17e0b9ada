"""Nothing from outside commands a terminal: what files, arguments and devices say is shown, not obeyed."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from programs import MODELS, ROOT, environment, shown_on_a_terminal, write_program
from written_recordings import HEADER, write_subjects

from edge_runtime.model.model_card import Card, attach, read_model

# A reset of the terminal, a bell, a colour by a C1 control, and what follows read from right to left.
HOSTILE = "\x1bcOWNED\x07\x9b31m\u202e"
OBEYED = re.compile(r"\x1bc|\x07|\x9b|\u202e|[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]")
SHOWN = r"\x1bcowned"
NOT_REPEATED = {"data label", "data column", "ssh python", "interpreter"}  # the error says what is wrong, not the text

# Runs the command for each case of its input in one process, whose output is a terminal.
DRIVER = """
import json, os, sys
import har_edge
from edge_runtime.cli import make_command, run
for name, arguments, changes in json.loads(open(sys.argv[1]).read()):
    os.environ.update(changes)
    code = run(make_command(har_edge.COMMANDS), arguments)
    print(f"=== {name} {code}", flush=True)
"""

Places = dict[str, tuple[list[object], Mapping[str, str]]]


def changed(content: Any, change: Callable[[Any], object]) -> Any:
    content = deepcopy(content)
    change(content)
    return content


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def of_cards(folder: Path) -> Places:
    flatbuffer, card = read_model(MODELS["int8"])
    changes: dict[str, Callable[[Any], object]] = {
        "label": lambda x: x.update(labels=[HOSTILE + label for label in x["labels"]]),
        "name": lambda x: x.update(name=HOSTILE),
        "unit": lambda x: x["signals"][0].update(unit=HOSTILE),
        "signal": lambda x: x["signals"][0].update(name=HOSTILE),
        "record": lambda x: x["training"].update({HOSTILE: HOSTILE}),
    }
    for name, change in changes.items():
        text = json.dumps(changed(json.loads(card.to_json()), change))
        (folder / f"{name}.tflite").write_bytes(attach(flatbuffer, Card.from_json(text, name)))
    label = folder / "label.tflite"
    return {f"info {x}": (["info", folder / f"{x}.tflite"], {}) for x in changes} | {
        "stream label": (["stream", label, "--replay", 0, "--speed", 0], {}),
        "evaluate label": (["evaluate", label, "--data", write_subjects(made(folder / "data"), "abc")], {}),
    }


def of_results(folder: Path) -> Places:
    good = ROOT / "tests/bench/bench.json"
    changes: dict[str, Callable[[Any], object]] = {
        "device": lambda x: x["device"].update(name=HOSTILE),
        "processor": lambda x: x["device"].update(cpu=HOSTILE),
        "model": lambda x: [result.update(model=HOSTILE) for result in x["results"]],
        "data": lambda x: x["data"].update(name=HOSTILE),
        "failure": lambda x: x.update(failures=[{"file": HOSTILE, "error": HOSTILE}]),
    }
    paths = {name: folder / f"{name}.json" for name in changes}
    for name, path in paths.items():
        path.write_text(json.dumps(changed(json.loads(good.read_text()), changes[name])))
    return (
        {f"report {x}": (["report", paths[x]], {}) for x in ("processor", "data", "failure")}
        | {f"report beside {x}": (["report", good, paths[x]], {}) for x in ("device", "processor", "data", "failure")}
        | {f"compare {x}": (["compare", paths[x], paths[x]], {}) for x in ("model", "failure")}
    )


def of_recordings(folder: Path) -> Places:
    places: Places = {}
    spoilt = {
        "value": (HEADER, ("0.02", HOSTILE)),
        "unit": (HEADER.replace("ax[g]", f"ax[{HOSTILE}]"), ("", "")),
        "label": (HEADER, ("walk", HOSTILE)),
        "direction": (HEADER, ("walk", "\u202e")),
        "column": (HEADER.replace("label", HOSTILE), ("", "")),
    }
    for name, (header, (old, new)) in spoilt.items():
        data = write_subjects(made(folder / name), "abc")
        path = data / "rec-a.csv"
        path.write_text(path.read_text().replace(HEADER, header).replace(old, new))
        places[f"data {name}"] = ["data", "--data", data], {}
    data = write_subjects(made(folder / "name"), "abc")
    (data / f"{HOSTILE}.csv").write_text("nothing")
    (folder / "s.csv").write_text(f"{HOSTILE}\n1,2,{HOSTILE},4,5,6,7\n")
    return places | {
        "data name": (["data", "--data", data], {}),
        "stream line": (["stream", "edge-small", "--csv", folder / "s.csv"], {}),
    }


def of_arguments(folder: Path) -> Places:
    name = folder / f"{HOSTILE}.x"
    commands: list[list[object]] = [
        ["info", name],
        ["convert", name],
        ["report", name],
        ["data", "--data", name],
        ["stream", "edge", "--csv", name],
        ["stream", "edge", "--replay", 0, "--speed", 0, "--log", name / ("x" * 300)],
        ["info", f"--{HOSTILE}"],
        ["bench", "--on", HOSTILE],
        [HOSTILE],
    ]
    return {f"argument {' '.join(map(str, x[: 1 + (x[0] == 'stream') * 2]))!a}": (x, {}) for x in commands}


def of_devices(folder: Path) -> Places:
    said = r"printf '\033cOWNED\007\302\23331m\342\200\256"
    ssh = {
        "stderr": f"{said}\\n' >&2; exit 255",
        "stdout": f"{said}\\n'; exec cat >/dev/null",  # it stays, as a shell does
        "python": r"""printf '{"python": "\\u001bcOWNED\\u0007\\u009b31m\\u202e"}\n'""",
    }
    places: Places = {
        f"ssh {name}": (
            ["devices", "ssh://host"],
            {"HAR_EDGE_SSH": str(write_program(folder / f"ssh-{name}", script))},
        )
        for name, script in ssh.items()
    }
    listing = f"echo 'List of devices attached'; {said}x\\tdevice\\n'; {said}y\\tdevice\\n'"
    adb = write_program(folder / "adb", listing)
    broken = write_program(folder / "python", f"{said}\\n' >&2; exit 1")
    return places | {
        "adb": (["devices", "adb:"], {"HAR_EDGE_ADB": str(adb)}),
        "interpreter": (["devices", f"python:{broken}"], {}),
    }


@pytest.mark.parametrize("places", [of_cards, of_results, of_recordings, of_arguments, of_devices])
def test_what_comes_from_outside_is_shown_not_obeyed(tmp_path, places):
    cases = [(name, [*map(str, arguments)], env) for name, (arguments, env) in places(tmp_path).items()]
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    variables = environment({"PYTHONPATH": str(ROOT), "COLUMNS": "900", "TERM": "xterm-256color"})
    shown = shown_on_a_terminal(sys.executable, "-c", DRIVER, tmp_path / "cases.json", cwd=tmp_path, env=variables)
    seen = re.split(r"=== (.*) (\d+)\r\n", shown)
    texts = dict(zip(seen[1::3], seen[0::3], strict=False))
    assert [*texts] == [name for name, _, _ in cases], shown
    assert {name: text for name, text in texts.items() if OBEYED.search(text)} == {}
    unseen = {name for name, text in texts.items() if SHOWN not in text.lower() and "\\u202e" not in text}
    assert unseen <= NOT_REPEATED, [texts[x] for x in unseen]
