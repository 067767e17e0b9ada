"""Recognise hours of samples that arrive over a bad connection.

`python tests/live/long_stream.py HOURS` prints the memory of its process (bytes) after each tenth of the time, as JSON.
"""

import json
import sys
from pathlib import Path

from streams import delivered

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.frontend import RATE_HZ


def main() -> None:
    """Stream the training subjects' recordings repeatedly."""
    test = set(uci_har.load().test.subject.tolist())
    recordings = [recording.samples for recording in embedded_recordings.load() if recording.subject not in test]
    recognizer = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    memory, streamed, number = [], 0, 0
    n_samples = round(float(sys.argv[1]) * 3600 * RATE_HZ)
    while streamed < n_samples:
        samples = recordings[number % len(recordings)]
        rows, seconds = delivered(len(samples), RATE_HZ, number)
        for first in range(0, len(rows), 50):
            chunk = slice(first, first + 50)
            recognizer.push(samples[rows[chunk]], seconds[chunk] + streamed / RATE_HZ)
            if streamed + first >= n_samples * (len(memory) + 1) / 10:
                status = Path("/proc/self/status").read_text()
                memory.append(1024 * int(status.partition("VmRSS:")[2].split()[0]))
        streamed += len(samples)
        number += 1
    print(json.dumps(memory))


if __name__ == "__main__":
    main()
