"""Check that links, commands, options, paths and code in the documents work."""

import importlib
import json
import re
import shlex
import shutil
import sys
from itertools import takewhile
from pathlib import Path
from xml.etree import ElementTree

import click
import numpy as np
import pytest
from programs import ROOT, run_program

import edge_runtime
import har_edge
from edge_runtime import Classifier, Decision
from edge_runtime.commands import stream
from edge_runtime.signals.frontend import FrontEnd

COMMANDS = har_edge.commands()

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "android_demo/README.md", ROOT / "tests/golden/README.md"]
)
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
SHELL = {"<", ">", "|", "&&"}
CODE = re.compile(r"(?<!`)`([^`\n]+)`")


def fenced(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def subcommand(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that `words` call, and its arguments."""
    command: click.Command = importlib.import_module(COMMANDS[words[0]][0]).command
    if isinstance(command, click.Group) and len(words) > 1 and words[1] in command.commands:
        return command.commands[words[1]], words[2:]
    return command, words[1:]


def parse(line: str) -> None:
    """Parse the arguments of `har-edge` at the beginning of `line` as the command does; no file is read."""
    words = takewhile(lambda word: word not in SHELL, shlex.split(line, comments=True))
    command, arguments = subcommand(list(words))
    with command.make_context(command.name, arguments):
        pass


def every_command() -> list[click.Command]:
    commands = [subcommand([name])[0] for name in COMMANDS]
    groups = [command for command in commands if isinstance(command, click.Group)]
    return [*commands, *(command for group in groups for command in group.commands.values())]


@each_document
def test_links_lead_to_files_and_headings(document):
    links = LINK.findall(document.read_text())
    missing = [path for path, _ in links if not (document.parent / path).exists()]
    targets = [(document.parent / path if path else document, anchor) for path, anchor in links if anchor]
    missing += [f"{path}#{anchor}" for path, anchor in targets if path.suffix == ".md" and anchor not in anchors(path)]
    assert not missing


def test_every_page_is_reachable_from_the_readme():
    seen, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop().resolve()
        if page not in seen and page.suffix == ".md" and page.is_file():
            seen.add(page)
            open_pages += [page.parent / path for path, _ in LINK.findall(page.read_text()) if path]
    assert set(DOCUMENTS) <= seen


def test_the_readme_is_short_and_names_the_two_commands_and_every_subcommand():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 100
    assert {"make demo", "make test"} <= {line.split("#")[0].strip() for line in text.splitlines()}
    assert not [name for name in COMMANDS if f"har-edge {name}" not in text]


@each_document
def test_the_commands_in_blocks_of_code_parse(document):
    for block in fenced(document.read_text()):
        for line in re.findall(r"^(?:\S+ \| )?(?:\.venv/bin/)?har-edge (.+)$", block, re.M):
            parse(line)


@each_document
def test_options_targets_and_paths_in_the_text_exist(document):
    text = document.read_text()
    parameters = [parameter for command in every_command() for parameter in command.params]
    options = {"--debug", "--help", *(name for parameter in parameters for name in parameter.opts)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    code = CODE.findall(text)
    lines = "\n".join(words for words in code if words.startswith(("har-edge ", "--")))
    assert {*re.findall(r"(?<![\w-])--[a-z][\w-]+", lines)} <= options
    assert {words.split()[1] for words in code if words.startswith("make ")} <= targets
    folders = r"(edge_runtime|train|convert|tools|tests|docs|android_demo)/[\w./-]+"
    paths = [words for words in code if re.fullmatch(folders, words)]
    assert not [path for path in paths if not (ROOT / path).exists() and path != "android_demo/build"]


def test_every_command_and_option_has_help_that_ends_with_examples_that_parse():
    for command in every_command():
        assert command.help, command.name
        assert not [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
        heading, *lines = (command.epilog or "").removeprefix("\b\n").splitlines()
        assert heading == "Examples:", command.name
        assert lines
        for line in lines:
            parse(line.removeprefix("  har-edge "))
            assert f" {command.name} " in f"{line} ", line


def test_the_guide_to_streams_has_a_line_for_each_source():
    lines = re.findall(r"^- `(--[a-z0-9]+)", (ROOT / "docs/stream.md").read_text(), re.M)
    assert [name for name in lines if name in stream.SOURCES] == list(stream.SOURCES)


def test_the_page_speaks_in_the_app_s_words():
    page = (ROOT / "convert/page/static/words.js").read_text()
    app = ElementTree.parse(ROOT / "android_demo/app/src/main/res/values/strings.xml").getroot().itertext()
    texts = re.findall("`(.*)`", page) + re.findall(r"'([^'\n]+)'", re.sub("`.*`", "", page))
    assert len(texts) > 20
    assert {re.sub(r"\$\{.*?\}", "…", x) for x in texts} <= {re.sub(r"%[\d$.]*[dfs]", "…", x) for x in app}


@pytest.fixture
def run_block(tmp_path, monkeypatch):
    """Run a document's block of Python in a folder with the files that it names; return its variables."""
    stretch = "tests/golden/walking"
    for path in (f"{stretch}/raw.csv", f"{stretch}/signals.csv", "edge_runtime/models/edge_int8.tflite"):
        shutil.copy(ROOT / path, tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(index: int, document: str = "docs/in_your_program.md") -> dict:
        names: dict = {}
        exec(compile(fenced((ROOT / document).read_text(), "python")[index], document, "exec"), names)
        return names

    return run


def test_the_public_names_are_documented_and_loaded_only_when_used():
    documented = re.findall(r"`(\w+)`", (ROOT / "docs/in_your_program.md").read_text())
    assert {*edge_runtime.__all__, *har_edge.__all__} <= set(documented)
    assert all(callable(getattr(edge_runtime, name)) for name in edge_runtime.__all__)
    assert [name for name in dir(edge_runtime) if not name.startswith("_")] == sorted(edge_runtime.__all__)
    loaded = "import sys, edge_runtime; print(sorted({'numpy', 'scipy', 'ai_edge_litert'} & set(sys.modules)))"
    assert run_program(sys.executable, "-c", loaded).stdout == "[]\n"


def test_the_short_examples_run(run_block, capsys):
    recognizer = run_block(0)["recognizer"]
    assert capsys.readouterr().out.count("STANDING") > 10
    assert sum(isinstance(event, Decision) for event in recognizer.flush()) <= 1
    run_block(1)
    assert float(capsys.readouterr().out.splitlines()[-1]) > 0.95
    run_block(2)
    assert capsys.readouterr().out == "WALKING\n"
    run_block(4)
    assert capsys.readouterr().out.count("'") == 6
    run_block(0, "docs/formats.md")
    data = edge_runtime.load_data("windows.npz")
    assert (str(data.window), data.labels) == ("250 samples at 50 Hz", ("fast", "slow"))


@pytest.mark.parametrize("with_training", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_notebook_runs(tmp_path, monkeypatch, capsys, with_training):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in json.loads((ROOT / "docs/first_steps.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code" and (with_training or "training" not in cell["metadata"]["tags"]):
            exec("".join(cell["source"]), names)
    assert (names["answers"] == names["test"].y).mean() > 0.98
    if with_training:
        *_, first, second, third = capsys.readouterr().out.splitlines()
        assert min(float(line.split()[-1]) for line in (first, second, third)) > 0.9


def test_numpy_and_litert_without_the_package_make_the_same_decisions(run_block, uci_har, capsys):
    names = run_block(3)
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[0].isalpha()]
    raw = np.loadtxt("raw.csv", delimiter=",", skiprows=1)
    assert names["signals"](raw) == pytest.approx(FrontEnd().push(raw), abs=1e-12)
    assert names["signals"](raw, live=True) == pytest.approx(FrontEnd(gentle=True).push(raw), abs=1e-12)
    classifier = Classifier("edge_int8.tflite")
    assert shown == classifier.classify(names["windows"])
    for window in [*np.float32(names["windows"]), *uci_har.test.X[::50]]:
        assert (names["logits"](window) == classifier.logits(window[np.newaxis])[0]).all()
    exponentials = names["exponentials"] / names["exponentials"].sum()
    assert exponentials == pytest.approx(classifier.probabilities(names["windows"][-1:])[0], abs=1e-6)
