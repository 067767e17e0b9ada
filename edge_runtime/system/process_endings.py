"""Say how a process ended: by its exit code or signal, and the last line of its log."""

import re
import signal

from edge_runtime.system.printable import printable

_LONGEST_LINE = 300
_SIGNALS = {signal.SIGKILL: "was killed by SIGKILL, as the system does when memory runs out"}
# How Python, its threads, the loader of libraries, C++, NumPy, OpenBLAS and TensorFlow report it.
_NO_MEMORY = re.compile(
    r"MemoryError|[Cc]annot allocate memory|failed to map segment|bad_alloc|Unable to allocate|can't start new thread"
    r"|Memory allocation still failed|[Oo]ut of memory|pthread_create failed|thread constructor failed"
    r"|OOM when allocating"
)


def ending(code: int, log: str = "", stage: str = "") -> str:
    """Return `ended with exit code 1 while timing (last log line)`, or `died of SIGSEGV` for a negative `code`."""
    number = signal.Signals(-code) if code < 0 else None
    how = _SIGNALS.get(number, f"died of {number.name}") if number else f"ended with exit code {code}"
    return f"{how}{f' while {stage}' if stage else ''}{f' ({last_line(log)})' if log else ''}"


def last_line(log: str) -> str:
    """Return the last line of `log`, without the notes of TensorFlow and LiteRT."""
    lines = [line for line in map(str.strip, log.splitlines()) if line and not line.startswith(("INFO:", "WARNING:"))]
    return printable((lines or ["no reason given"])[-1], _LONGEST_LINE)


def says_no_memory(text: str) -> bool:
    """Tell whether `text`, of a log or an error, says that there was no more memory."""
    return bool(_NO_MEMORY.search(text))
