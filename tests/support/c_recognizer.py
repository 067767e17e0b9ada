"""Run the recogniser in C by ctypes, beside `LiveRecognizer`."""

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from compiled_c import CC, STRICT
from programs import run_program, succeeded
from streams import feed

from convert.c_file.c_stream import card_numbers
from edge_runtime import c
from edge_runtime.live.decider import FOUND, UNCERTAIN, UNKNOWN, Decision, LiveEvent, Notice
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier, predict
from edge_runtime.model.model_card import Card

SOURCES = [path for path in c.FILES if path.suffix == ".c"]
REASONS = ("", "uncertain", "not worn", "posture", "movement", "stuck", "mounting")
KINDS = (
    *("rate", "units", "rotation units", "constant", "saturated", "invalid", "gap", "clock", "rotation axes"),
    *("mounting found", "mounting lost", "axes", "overflow"),
)
DECISION, WINDOW = 1, 3

Infer = Callable[[np.ndarray], np.ndarray]


class Answer(NamedTuple):
    """A decision of either recogniser, with its time in microseconds."""

    us: int
    activity: str
    reason: str
    warming_up: bool


class Events(NamedTuple):
    """The decisions, their probabilities `[n, n_labels]`, the notices and, if known, the number of samples left out."""

    answers: list[Answer]
    probabilities: np.ndarray
    notices: list[tuple[int, str]]
    left_out: int = 0


# Calls functions by whatever names they are linked.
_LINKED = """#include "har_stream.h"
int size_of_stream(void);
void reset_stream(har_stream *);
void push_stream(har_stream *, int64_t, const har_real *);
har_event next_stream(har_stream *);
int size_of_stream(void) { return (int)sizeof(har_stream); }
void reset_stream(har_stream *s) { har_reset(s); }
void push_stream(har_stream *s, int64_t us, const har_real *sample) { har_push(s, us, sample); }
har_event next_stream(har_stream *s) { return har_next(s); }
"""


def compiled(library: Path, *options: object, sources: Sequence[Path] = SOURCES) -> ctypes.CDLL:
    """Compile the recogniser to `library` with the compiler's `options`; `-DHAR_TABLE` takes a card at run time."""
    size = library.with_suffix(".size.c")
    size.write_text(_LINKED)
    arguments = (*STRICT, *options, f"-I{c.FOLDER}", "-shared", "-fPIC", *sources, size, "-o", library, "-lm")
    succeeded(run_program(CC, *arguments))
    return ctypes.CDLL(str(library))


def infers(classifier: Classifier) -> Infer:
    """Let the model of `classifier` infer, without its personal correction."""
    return lambda window: predict(classifier.model, classifier._prepare, window[np.newaxis])[0]


class CRecognizer:
    """The recogniser in C with a `card`; `infer` returns the logits of a window, None for a compiled-in model."""

    def __init__(
        self, library: ctypes.CDLL, card: Card, infer: Infer | None, is_float: bool = False, at_waist: bool = False
    ) -> None:
        self._real = real = ctypes.c_float if is_float else ctypes.c_double
        self._library, self._card, self._infer, self._at_waist = library, card, infer, at_waist
        probabilities = ctypes.POINTER(real) if infer else real * len(card.labels)

        class Stream(ctypes.Structure):
            """The first part of a har_stream."""

            _fields_ = (
                ("us", ctypes.c_int64),
                ("activity", ctypes.c_int),
                ("probability", real),
                ("reason", ctypes.c_int),
                ("warming_up", ctypes.c_bool),
                ("kind", ctypes.c_int),
                ("amount", real),
                *((key, ctypes.c_int32) for key in ("invalid", "late", "duplicates")),
                ("probabilities", probabilities),
                ("window", ctypes.POINTER(ctypes.c_float)),  # of a table, and what follows
                ("at_waist", ctypes.c_bool),
            )

        library.push_stream.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(real)]
        if infer:
            self._model = self._table()
            self.n_bytes = library.har_stream_bytes(ctypes.byref(self._model))
            self.memory = ctypes.create_string_buffer(self.n_bytes)
            library.har_start(self.memory, ctypes.byref(self._model))
        else:
            self.n_bytes = library.size_of_stream()
            self.memory = ctypes.create_string_buffer(self.n_bytes)
        self.stream = Stream.from_buffer(self.memory)
        self._names = [*card.answers, UNKNOWN]
        self._sample = (real * 6)()
        self.reset()

    def reset(self) -> None:
        self._library.reset_stream(self.memory)
        if self._at_waist:
            self.stream.at_waist = True
        self._answers: list[Answer] = []
        self._probabilities: list[list[float]] = []
        self._notices: list[tuple[int, str]] = []

    def push(self, samples: np.ndarray, microseconds: np.ndarray) -> None:
        """Take samples `[n, 6]` of the times `[n]`."""
        for sample, us in zip(samples.tolist(), microseconds.tolist(), strict=True):
            self._sample[:] = sample
            self._library.push_stream(self.memory, us, self._sample)
            self.take()

    def flush(self) -> None:
        self._library.har_flush(self.memory)
        self.take()

    def events(self) -> Events:
        """Return all events so far."""
        stream = self.stream
        left_out = stream.invalid + stream.late + stream.duplicates
        return Events(self._answers, np.array(self._probabilities), self._notices, left_out)

    def take(self) -> None:
        """Take the events that are next."""
        stream = self.stream
        while event := self._library.next_stream(self.memory):
            if event == WINDOW and self._infer:
                window = np.ctypeslib.as_array(stream.window, self._card.input_shape)
                logits = np.array(self._infer(window), np.float32)
                self._library.har_answer(self.memory, logits.ctypes.data_as(ctypes.c_void_p))
            elif event == DECISION:
                activity, reason = self._names[stream.activity], REASONS[stream.reason]
                self._answers.append(Answer(stream.us, activity, reason, stream.warming_up))
                self._probabilities.append(stream.probabilities[: len(self._card.labels)])
            else:
                self._notices.append((stream.us, KINDS[stream.kind]))

    def _table(self) -> ctypes.Structure:
        numbers, real = card_numbers(self._card), self._real
        tables = [(key, ctypes.c_int, rows) for key, rows in numbers.whole_tables.items()]
        tables += [(key, real, rows) for key, rows in numbers.real_tables.items()]

        class Model(ctypes.Structure):
            """The table of har_table.h, whose fields are in the order of `CardNumbers`."""

            _fields_ = (
                *((key, ctypes.c_int) for key in numbers.whole),
                *((key, real) for key in numbers.real),
                *((key, ctypes.POINTER(kind)) for key, kind, _ in tables),
            )

        arrays = [(kind * max(1, len(rows)))(*rows) for _, kind, rows in tables]
        return Model(*numbers.whole.values(), *numbers.real.values(), *arrays)


def evenly(samples: np.ndarray) -> np.ndarray:
    """The times of `samples` at 50 Hz."""
    return 20_000 * np.arange(len(samples))


def in_c(recognizer: CRecognizer, samples: np.ndarray, microseconds: np.ndarray) -> Events:
    """Recognise a whole recording in C."""
    recognizer.push(samples, microseconds)
    recognizer.flush()
    return recognizer.events()


def in_python(classifier: Classifier, samples: np.ndarray, microseconds: np.ndarray, placement: str = "") -> Events:
    """Recognise a whole recording in Python, in uneven chunks."""
    recognizer = LiveRecognizer(classifier, placement=placement)
    events = feed(recognizer, samples, microseconds / 1e6, [37] * (len(samples) // 37))
    answers = [event for event in events if isinstance(event, Decision)]
    return Events(
        [Answer(_us(x), x.activity, _reason(x.reason), x.warming_up) for x in answers],
        np.array([x.probabilities for x in answers]),
        [(_us(x), _kind(x)) for x in events if isinstance(x, Notice)],
        recognizer.duplicates + recognizer.late + recognizer.invalid,
    )


def in_both(
    library: ctypes.CDLL,
    model: Classifier,
    infer: Infer,
    samples: np.ndarray,
    microseconds: np.ndarray,
    placement: str = "",
) -> Events:
    """Recognise a whole recording in C, in double, and check that Python has the same events."""
    answer = in_c(CRecognizer(library, model.card, infer, at_waist=placement == "waist"), samples, microseconds)
    expected = in_python(model, samples, microseconds, placement)
    assert answer.answers == expected.answers
    assert np.abs(answer.probabilities - expected.probabilities).max() < 1e-9
    assert sorted(answer.notices) == sorted(expected.notices)
    assert answer.left_out == expected.left_out
    return answer


def _us(event: LiveEvent) -> int:
    return round(1e6 * event.seconds)


def _kind(notice: Notice) -> str:
    if notice.kind == "mounting":
        return "mounting found" if notice.text == FOUND else "mounting lost"
    return notice.kind


def _reason(text: str) -> str:
    known = {"": "", UNCERTAIN: "uncertain", UNKNOWN_MOUNTING: "mounting"}
    words = {"lying still": "not worn", "orientation": "posture", "movement": "movement", "stuck": "stuck"}
    words["acceleration is"] = "stuck"
    return known[text] if text in known else next(reason for word, reason in words.items() if word in text)
