"""Say how a process ended: its exit code, its signal or that memory ran out, and its last words."""

import re
import signal

from edge_runtime.system.printable import printable

_LAST_WORDS = 4000
_LONGEST_LINE = 200
# As Python, its threads, the loader of libraries, C++, numpy and OpenBLAS say that they got none.
_NO_MEMORY = re.compile(
    r"MemoryError|[Cc]annot allocate memory|failed to map segment|bad_alloc|Unable to allocate|can't start new thread"
    r"|Memory allocation still failed|[Oo]ut of memory|pthread_create failed|thread constructor failed"
)


def exit_description(name: str, code: int, log: str, stage: str = "") -> str:
    """Describe how the process `name` ended without an answer, in the last `stage` that it told."""
    if ran_out_of_memory(code, log):
        how = f"ran out of memory and {ending(code)}"
    elif code == -signal.SIGKILL:
        how = "was killed by SIGKILL, as the system does when memory runs out"
    else:
        how = ending(code) if code < 0 else f"{ending(code)} and left no answer"
    said = (x.strip() for x in reversed(log.splitlines()))
    last = printable(next((x for x in said if x and not x.startswith(("INFO:", "WARNING:"))), ""), _LONGEST_LINE)
    return f"{name} {how}{f' while {stage}' if stage else ''}{f' ({last})' if last else ''}"


def ending(code: int) -> str:
    """`ended with exit code 1`, or `died of SIGSEGV` for a negative `code`."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {x.value: x.name for x in signal.Signals}  # without most real-time signals
    return f"died of {names.get(-code, f'signal {-code}')}"


def ran_out_of_memory(code: int, log: str) -> bool:
    """Tell whether a process that ended with `code` says at the end of its `log` that it got no more memory."""
    return code != 0 and says_no_memory(log[-_LAST_WORDS:])


def says_no_memory(text: str) -> bool:
    """Tell whether `text`, of a log or an error, says that there was no more memory."""
    return bool(_NO_MEMORY.search(text))
