"""Progress without a terminal, and whose text is escaped."""

import rich.console

from edge_runtime.system import terminal
from edge_runtime.system.standard_streams import guarded_streams


def test_without_a_terminal_each_stage_is_a_line(capsys):
    with terminal.progresses(["one"]) as (on_progress,):
        on_progress(0.1, "trying the unrolled form")
        on_progress(0.1, "trying the unrolled form: the same stage")
        on_progress(1.0, "done")
    assert capsys.readouterr().err.splitlines() == [" 10 % one: trying the unrolled form", "100 % one: done"]


def test_a_foreign_console_is_escaped_too(capsys):
    with guarded_streams():
        rich.console.Console().out("foreign \x1bc")
        print("plain \x1bc")
        terminal.Console().print("ours \x1bc")
    assert capsys.readouterr().out.splitlines() == [rf"{whose} \x1bc" for whose in ("foreign", "plain", "ours")]
