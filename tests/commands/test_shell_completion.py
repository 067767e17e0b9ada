"""Check completion by the TAB key as the shells ask for it: by variables, in a process of its own."""

import sys

import pytest
from programs import HAR_EDGE, assert_one_sentence, har_edge, run_program, succeeded, write_program


@pytest.fixture
def complete(tmp_path):
    """Give what `shell` is told about the last of `words`: kind, value and help, as far as it takes them."""
    for path in (
        "runs/mine/card.json",
        "runs/seeds/seeds.json",
        "runs/crossval-edge/crossval.json",
        "my.tflite",
        "pi.json",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    def ask(shell: str, *words: str) -> list[list[str]]:
        place = words[-1] if shell == "fish" else len(words)
        line = " ".join(("har-edge", *words))
        asked = {"_HAR_EDGE_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(place)}
        done = succeeded(har_edge(cwd=tmp_path, env=asked))
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        if shell == "zsh":
            return [lines[i : i + 3] for i in range(0, len(lines), 3)]
        return [x.replace("\t", ",").split(",", 2) for x in lines]

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["per"], ["personalise"]),
        (["train", "--net"], ["--network"]),
        (["stream", "--js"], ["--jsonl"]),
        (["data", "pl"], ["plot"]),
        (["bench", "--runtime", "lite"], ["litert"]),
        (["info", ""], ["edge", "edge-small", "edge-anywhere", "runs/mine", "runs/seeds", "my.tflite"]),
        (["evaluate", "edge-"], ["edge-small", "edge-anywhere"]),
        (["convert", "runs/m"], ["runs/mine"]),
        (["report", ""], ["runs/mine", "runs/seeds", "pi.json"]),
        (["compare", "pi.json", "runs/s"], ["runs/seeds"]),
        (["train", "--network", "edge"], ["edge", "edge-small"]),
        (["crossval", "--network", "gru"], ["gru-coarse"]),
        (["info", "--json", "-", "my"], ["my.tflite"]),
    ],
)
def test_tab_completes_commands_options_choices_models_and_runs(complete, shell, words, expected):
    assert [x[1] for x in complete(shell, *words)] == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_leaves_files_to_the_shell(complete, shell):
    """Anything that is no name of ours: models elsewhere, results, folders."""
    kinds = [complete(shell, *words)[0][0] for words in (["info", "sub/"], ["report", "be"], ["train", "-o", "ru"])]
    assert kinds == ["file", "file", "dir"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_commands_are_completed_with_what_they_do(complete, shell):
    assert complete(shell, "per")[0][2] == "Adapt a model to one person, on the device."


def test_all_commands_are_listed_without_importing_them(complete):
    names = [x[1] for x in complete("bash", "")]
    assert names[:3] == ["train", "crossval", "convert"]
    assert "data" in names


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell):
    script = succeeded(har_edge(env={"_HAR_EDGE_COMPLETE": f"{shell}_source"})).stdout
    assert f"_HAR_EDGE_COMPLETE={shell}_complete" in script


def test_bash_completes_with_the_script_as_documented(tmp_path):
    write_program(tmp_path / "har-edge", f'exec {sys.executable} {HAR_EDGE[1]} "$@"')
    asked = """
eval "$(_HAR_EDGE_COMPLETE=bash_source har-edge)"
COMP_WORDS=(har-edge info edge-)
COMP_CWORD=2
_har_edge_completion har-edge
echo "${COMPREPLY[@]}"
"""
    done = run_program("bash", "-c", asked, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.stdout, done.stderr) == ("edge-small edge-anywhere\n", "")


@pytest.mark.parametrize("asked", ["tcsh_source", "bash_everything", "bash_complete", "1"])
def test_a_request_of_no_known_shell_is_refused(asked):
    assert_one_sentence(har_edge(env={"_HAR_EDGE_COMPLETE": asked}), 2, "_HAR_EDGE_COMPLETE")
