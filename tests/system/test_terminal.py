"""Check what terminals and files show of progress."""

from edge_runtime.system.terminal import progress


def test_a_file_gets_a_line_of_progress_for_each_stage_and_tenth(capsys):
    with progress() as on_progress:
        for epoch in range(60):
            on_progress(epoch / 60, f"2 fits: {epoch} of 60 epochs")
        on_progress(0.99, "writing")
    lines = capsys.readouterr().err.splitlines()
    assert [line[:5] for line in lines] == [*(f"{share:3} %" for share in range(0, 100, 10)), " 99 %"]
    assert lines[1:4:2] == [" 10 % 2 fits: 6 of 60 epochs", " 30 % 2 fits: 18 of 60 epochs"]
