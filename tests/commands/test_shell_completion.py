"""Check completion by the TAB key as the shells ask for it: by variables, in a process of its own."""

import sys

import pytest
from programs import HAR_EDGE, har_edge, run_program, succeeded, write_program

FILES = ("runs/mine/card.json", "runs/seeds/seeds.json", "runs/crossval-edge/crossval.json", "my.tflite", "pi.json")


@pytest.fixture
def complete(tmp_path):
    """Give what bash is told about the last of some words: kind and value."""
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    def ask(*words: str) -> list[list[str]]:
        asked = {"COMP_WORDS": " ".join(("har-edge", *words)), "COMP_CWORD": str(len(words))}
        done = succeeded(har_edge(cwd=tmp_path, env={"_HAR_EDGE_COMPLETE": "bash_complete", **asked}))
        assert done.stderr == ""
        return [x.split(",") for x in done.stdout.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["per"], ["personalise"]),
        (["bench", "--runtime", "lite"], ["litert"]),
        (["info", ""], ["edge", "edge-small", "edge-anywhere", "runs/mine", "runs/seeds", "my.tflite"]),
        (["train", "--network", "edge"], ["edge", "edge-small"]),
    ],
)
def test_tab_completes_commands_options_choices_models_and_runs(complete, words, expected):
    assert [x[1] for x in complete(*words)] == expected


def test_tab_leaves_files_to_the_shell(complete):
    """Anything that is no name of ours: models elsewhere, folders."""
    assert [complete(*words)[0][0] for words in (["info", "sub/"], ["train", "-o", "ru"])] == ["file", "dir"]


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
