"""What the documents point to exists, and they speak of the project alone."""

import re

import pytest
from programs import ROOT

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("docs/results/*.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_the_readme_names_the_two_commands_and_every_subcommand(tmp_path):
    from edge_runtime.cli import DEVICE_COMMANDS

    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text
    assert not [name for name in ("train", "convert", *DEVICE_COMMANDS) if f"har-edge {name}" not in text]
