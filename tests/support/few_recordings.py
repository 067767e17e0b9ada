"""A few windows of real movement as a folder of CSV recordings, for what measures slowly."""

from pathlib import Path

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import WINDOW

# Of the training subjects: who is measured here is nothing to choose by.
_SUBJECTS = (1, 3, 5)
_COLUMNS = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject"


def write(folder: Path, windows: int = 2) -> Path:
    """Write so many windows of each activity of three people, of whom the last is the test part; `folder`."""
    folder.mkdir()
    left = {
        (subject, label): WINDOW.samples + (windows - 1) * WINDOW.hop for subject in _SUBJECTS for label in range(6)
    }
    for number, recording in enumerate(uci_har.recordings()):
        if not any(left.get((recording.subject, x)) for x in range(6)):
            continue
        rows = [_COLUMNS]
        run, before = 0, -1
        for i, (sample, label) in enumerate(zip(recording.samples.tolist(), recording.labels.tolist(), strict=True)):
            run = run + 1 if label == before else 1
            before = label
            wanted = left.get((recording.subject, label), 0)
            name = uci_har.LABELS[label] if run <= wanted else ""
            if run == wanted:
                left[recording.subject, label] = 0
            rows.append(f"{i / recording.rate_hz},{','.join(map(str, sample))},{name},{recording.subject}")
            if not any(left[recording.subject, x] for x in range(6)):
                break
        (folder / f"{number}.csv").write_text("\n".join(rows) + "\n")
    return folder
