"""Run `har-edge` commands each in a fork of this process, in which the imports are done; or any program.

Reads a request as a line of JSON on stdin, answers with a line on stdout when the command has ended. A program's peak
memory begins with that of the process which starts it: this one stays small.
"""

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from typing import Any

POLL_S = 0.01
OUTPUT_LIMIT = 1 << 30  # bytes of a file that a command may write


def serve() -> None:
    """Answer requests until stdin ends."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    import har_edge

    for module, _ in har_edge.COMMANDS.values():
        if module.startswith("edge_runtime"):
            importlib.import_module(module)
    for module in ("scipy.signal", "ai_edge_litert.interpreter"):
        importlib.import_module(module)
    # As in a fresh process, nothing of the parent is walked through again.
    gc.freeze()
    with os.fdopen(requests) as lines, os.fdopen(answers, "w", buffering=1) as replies:
        for line in lines:
            request = json.loads(line)
            process = os.fork()
            if process == 0:
                _become(request)
                if request["program"]:
                    os.execvp(request["program"][0], request["program"])
                har_edge.main()
            replies.write(json.dumps(wait(process, request["limit_s"])) + "\n")


def _become(request: dict[str, Any]) -> None:
    """Turn this fork into a process that was started with the request's arguments, environment and files."""
    os.setsid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    for descriptor, path in ((0, request["stdin"]), (1, request["stdout"]), (2, request["stderr"])):
        opened = os.open(path, os.O_RDONLY if descriptor == 0 else flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    limit(request["address_space"])
    os.environ |= request["environment"]
    os.chdir(request["folder"])
    sys.argv = ["har-edge", *request["arguments"]]


def limit(address_space: int) -> None:
    """Limit this process and its children: address space, file size, no core dump."""
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_LIMIT, OUTPUT_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def wait(process: int, limit_s: float) -> dict[str, Any]:
    """Wait for `process`, the leader of its group, or kill the group after `limit_s` seconds; how it ended."""
    started = time.monotonic()
    hung = False
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            break
        if not hung and time.monotonic() - started > limit_s:
            hung = True
            os.killpg(process, signal.SIGKILL)
        time.sleep(POLL_S)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "hung": hung,
        "seconds": time.monotonic() - started,
        "peak_bytes": usage.ru_maxrss * 1024,  # of the process, or of a child of it that has ended
    }


if __name__ == "__main__":
    serve()
