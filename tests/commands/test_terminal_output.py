"""Nothing from outside commands a terminal: text of files, arguments and devices is shown, not obeyed."""

import json
import re
import sys
from pathlib import Path

from programs import MODELS, ROOT, environment, shown_on_a_terminal, write_program
from written_recordings import HEADER, write_subjects

from edge_runtime.model.model_card import Card, attach, read_model

# A reset of the terminal, a bell, a colour by a C1 control, and text that is read from right to left.
HOSTILE = "\x1bcOWNED\x07\x9b31m\u202e"
OBEYED = re.compile(r"\x1bc|\x07|\x9b|\u202e|[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]")
SHOWN = r"\x1bcowned"
NOT_REPEATED = {"data column", "ssh answer"}  # the error says what is wrong, not the text

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


def of_files(folder: Path) -> dict[str, list[object]]:
    flatbuffer, card = read_model(MODELS["int8"])
    content = json.loads(card.to_json())
    content |= {"name": HOSTILE, "labels": [HOSTILE + x for x in content["labels"]], "training": {HOSTILE: HOSTILE}}
    content["signals"][0] = {"name": HOSTILE, "unit": HOSTILE}
    (folder / "all.tflite").write_bytes(attach(flatbuffer, Card.from_json(json.dumps(content), "all")))
    content = json.loads(card.to_json())
    content["labels"] = [HOSTILE + x for x in content["labels"]]
    (folder / "label.tflite").write_bytes(attach(flatbuffer, Card.from_json(json.dumps(content), "label")))
    content = json.loads((ROOT / "tests/bench/bench.json").read_text())
    content |= {"failures": [{"file": HOSTILE, "error": HOSTILE}]}
    content["device"] |= {"name": HOSTILE, "cpu": HOSTILE}
    content["data"]["name"] = content["results"][0]["model"] = HOSTILE
    (folder / "bench.json").write_text(json.dumps(content))
    (folder / "good").mkdir()
    write_subjects(folder / "good", "abc")
    places: dict[str, list[object]] = {
        "info": ["info", folder / "all.tflite"],
        "stream": ["stream", folder / "label.tflite", "--data", folder / "good", "--replay", 0, "--speed", 0],
        "evaluate": ["evaluate", folder / "label.tflite", "--data", folder / "good"],
        "report": ["report", folder / "bench.json"],
        "report beside": ["report", ROOT / "tests/bench/bench.json", folder / "bench.json"],
        "compare": ["compare", folder / "bench.json", folder / "bench.json"],
    }
    for name, old, new in (("value", "0.02", HOSTILE), ("label", "walk", HOSTILE), ("column", HEADER, HOSTILE)):
        (folder / name).mkdir()
        path = write_subjects(folder / name, "abc") / "rec-a.csv"
        path.write_text(path.read_text().replace(old, new))
        places[f"data {name}"] = ["data", "--data", folder / name]
    return places


def of_arguments(folder: Path) -> dict[str, list[object]]:
    name = folder / f"{HOSTILE}.x"
    commands: list[list[object]] = [
        *([x, name] for x in ("info", "convert", "report")),
        ["data", "--data", name],
        ["stream", "edge", "--replay", 0, "--speed", 0, "--log", name / ("x" * 300)],
        ["stream", "edge", f"--{HOSTILE}"],
        ["bench", "--on", HOSTILE],
        [HOSTILE],
    ]
    return {f"argument {i}": x for i, x in enumerate(commands)}


def test_text_from_outside_is_shown_not_obeyed(tmp_path):
    said = r"printf '\033cOWNED\007\302\23331m\342\200\256"
    programs = {
        "ssh stderr": ("ssh://host", "HAR_EDGE_SSH", f"{said}\\n' >&2; exit 255"),
        "ssh answer": ("ssh://host", "HAR_EDGE_SSH", f"{said}\\n'; exec cat >/dev/null"),  # it stays, as a shell does
        "adb": ("adb:", "HAR_EDGE_ADB", f"echo 'List of devices attached'; {said}x\\tdevice\\n'; {said}y\\tdevice\\n'"),
    }
    cases: list[tuple[str, list[str], dict[str, str]]] = [
        (name, [*map(str, arguments)], {}) for name, arguments in (of_files(tmp_path) | of_arguments(tmp_path)).items()
    ]
    for name, (target, variable, script) in programs.items():
        program = write_program(tmp_path / name.replace(" ", "-"), script)
        cases.append((name, ["devices", target], {variable: str(program)}))
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    variables = environment({"PYTHONPATH": str(ROOT), "COLUMNS": "900", "TERM": "xterm-256color"})
    shown = shown_on_a_terminal(sys.executable, "-c", DRIVER, tmp_path / "cases.json", cwd=tmp_path, env=variables)
    seen = re.split(r"=== (.*) (\d+)\r\n", shown)
    texts = dict(zip(seen[1::3], seen[0::3], strict=False))
    assert [*texts] == [name for name, _, _ in cases], shown
    assert {name: text for name, text in texts.items() if OBEYED.search(text)} == {}
    unseen = {name for name, text in texts.items() if SHOWN not in text.lower()}
    assert unseen <= NOT_REPEATED, [texts[x] for x in unseen]
