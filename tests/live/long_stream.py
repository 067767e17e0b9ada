"""Recognise hours of samples as a bad connection delivers them.

`python tests/live/long_stream.py HOURS` prints, as JSON, the bytes that its process holds after each tenth of the time.
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
    """Stream the training subjects' recordings again and again."""
    test = set(uci_har.load().test.subject.tolist())
    recordings = [x.samples for x in embedded_recordings.load() if x.subject not in test]
    recognizer = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    held, streamed, number = [], 0, 0
    wanted = round(float(sys.argv[1]) * 3600 * RATE_HZ)
    while streamed < wanted:
        samples = recordings[number % len(recordings)]
        rows, seconds = delivered(len(samples), RATE_HZ, number)
        for first in range(0, len(rows), 50):
            chunk = slice(first, first + 50)
            recognizer.push(samples[rows[chunk]], seconds[chunk] + streamed / RATE_HZ)
            if streamed + first >= wanted * (len(held) + 1) / 10:
                status = Path("/proc/self/status").read_text()
                held.append(1024 * int(status.partition("VmRSS:")[2].split()[0]))
        streamed += len(samples)
        number += 1
    print(json.dumps(held))


if __name__ == "__main__":
    main()
