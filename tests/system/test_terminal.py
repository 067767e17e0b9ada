"""Progress without a terminal, with a pulse while one stage goes on; and whose text is escaped."""

import threading

import rich.console

from edge_runtime.system import terminal
from edge_runtime.system.standard_streams import guarded_streams


def test_work_that_tells_nothing_for_long_is_said_to_go_on(monkeypatch):
    """As while one call of TensorFlow's converter runs for minutes."""
    said: list[str] = []
    pulsed = threading.Event()

    def keep(self, text, **options):
        said.append(text)
        if ", for " in text:
            pulsed.set()

    monkeypatch.setattr(terminal.Console, "print", keep)
    with terminal.progresses([""], pulse_s=0.001) as (on_progress,):
        on_progress(0.1, "trying the unrolled form")
        assert pulsed.wait(60)
        on_progress(0.1, "trying the unrolled form: the same stage")
        on_progress(1.0, "done")
    stages = [x for x in said if ", for " not in x]
    assert stages == [" 10 % trying the unrolled form", "100 % done"]
    assert {x.partition(", for ")[0] for x in said} == set(stages)
    assert "100 % done, for" not in " ".join(said)


def test_a_foreign_console_is_escaped_too(capsys):
    """Text of Keras, say, goes to standard output by a console that escapes nothing."""
    with guarded_streams():
        rich.console.Console().out("foreign \x1bc")
        print("plain \x1bc")
        terminal.Console().print("ours \x1bc")
    assert capsys.readouterr().out.splitlines() == [rf"{whose} \x1bc" for whose in ("foreign", "plain", "ours")]
