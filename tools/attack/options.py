"""Attack every command with options, names and targets that are wrong."""

from __future__ import annotations

from collections.abc import Iterator

from tools.attack.ground import ESCAPE, PLANT, Ground
from tools.attack.harness import Case, host_case
from tools.attack.models import SHORT_BENCH

COMMANDS = (
    *("train", "crossval", "convert", "bench", "compare", "stream", "info", "card", "data", "report", "personalise"),
    *("evaluate", "devices", "predict"),
)
HOST = ("train", "crossval", "convert")


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    everywhere = [
        (x, y) for x in COMMANDS for y in ("--nope", "-Z", "--help=x", f"--{ESCAPE}", "--js", "--json", "--jsonl")
    ]
    for line in (*everywhere, *LINES):
        name = " ".join(map(str, line))[:100] or "nothing"
        yield host_case(name, line, patience=1) if line and line[0] in HOST else Case(name, line)
    for command in ("stream", "evaluate", "info", "card", "bench", "convert", "personalise"):
        for name in ("edgee", "EDGE", "edge-", "runs/latest", "../edge", f"edge{ESCAPE}", "edge\0", "\u202eedge"):
            if "\0" not in name:
                yield Case(f"{command} {name}", (command, name))
    for address_space in (150, 400, 800, 1600):
        for line in (("info", "edge"), ("data",), ("evaluate", "edge-small"), ("bench", "edge-small", "--runs", 2)):
            name = f"{line[0]} in {address_space} MB"
            yield Case(name, (*line,), fresh=True, address_space=address_space << 20, codes=(0, 2, 3))


LINES: tuple[tuple[object, ...], ...] = (
    *((), ("nope",), ("--version",), ("--help",), ("",), ("\x1b[31m",), ("train", "extra"), ("--debug",), ("-",)),
    *(("train", "--epochs", x) for x in (0, -1, "1e3", "9" * 5000, "")),
    *(("train", "--seeds", x) for x in (1, 0, -1, 10**6)),
    *(("train", "--seed", x) for x in (-1, 2**40, "x")),
    *(("train", "--network", x) for x in ("", "os:system", "../x:y", "nope.mod:f", "\x1b[31m", "edgee", "a:b:c", ":")),
    *(("train", "--out", x) for x in ("/dev/null", "/proc/x", "/dev/null/x", "", "x" * 300, "/proc/self/x")),
    *(("train", "--data", x) for x in ("/dev/null", "/nonexistent", "", "/proc")),
    *(("train", "--classes", "x"), ("train", "--sensors", "x"), ("train", "--resume", "--out", "/nonexistent")),
    *(("crossval", "--folds", x) for x in (1, 0, -1, 1000, "x")),
    *(
        ("crossval", "--cluster", x)
        for x in ("", "tcp://127.0.0.1:1", f"tcp://{ESCAPE}:5", "inproc://x", "tls://127.0.0.1:1", "file:///etc/passwd")
    ),
    *(("crossval", "--out", x) for x in ("/dev/null", "/dev/null/x", "/proc/x", "", "x" * 300)),
    *(("convert", x) for x in ("/nonexistent", "/dev/null", "", "edge", ESCAPE, "/proc/self/x.keras")),
    *(("convert", "--out", "/dev/null/x", "/dev/zero.keras"), ("convert", "--time-limit", "nan"), ("convert", "--io")),
    *(("convert", "--max-drop", x) for x in ("nan", "inf", -1, 101)),
    *(("convert", "--calibration", x) for x in (0, -1, "9" * 5000)),
    *(("convert", "x.keras", "--labels", x) for x in ("", "a", "a,a", ESCAPE, "/dev/zero", "/proc/self/mem")),
    *(("convert", "x.keras", "--signals", x) for x in ("", "x,y", ESCAPE, "body_acc_x,body_acc_x")),
    *(("convert", "x.keras", "--normalisation", x) for x in ("", "/dev/zero", "/nonexistent.json", ESCAPE)),
    *(("bench", "--runs", x) for x in (0, -1, "9" * 21, "nan")),
    *(("bench", "edge-small", *SHORT_BENCH, "--threads", x) for x in (0, -1, 10**9)),
    *(("bench", "--rounds", x) for x in (0, -1, "x")),
    *(("bench", "--duration", x) for x in (0, -1, "nan", "inf", "-inf", "1e400")),
    *(("bench", "edge-small", *SHORT_BENCH, "--runtime", x) for x in ("tflite-runtime", "x", "")),
    *(
        ("bench", "edge-small", "--on", x)
        for x in (
            *("", "x://y", "python:/nonexistent", "python:/bin/false", "python:/bin/true", "python:"),
            *("python:/dev/null", "python:/etc/passwd", "python:/", f"python:{ESCAPE}", "local:", "ssh:", "ssh://"),
            *(f"ssh://-oProxyCommand=touch {PLANT}", f"ssh://-oProxyCommand=touch${{IFS}}{PLANT}", "ssh://a b"),
            *("-oProxyCommand=x@y", "ssh://u;id@h", "ssh://127.0.0.1:1", "ssh://127.0.0.1:99999", f"ssh://{ESCAPE}"),
            *(f"ssh://h:{'9' * 5000}", "ssh://[::1", "ssh://\u202eh", "adb://x", "adb:", f"adb://{ESCAPE}"),
            *("emulated:x", "emulated:../../x", "emulated:", f"emulated:{ESCAPE}"),
        )
    ),
    ("bench", "edge-small", "--on", "local", "--on", "local"),
    *(("devices", x) for x in ("ssh://-F/x", "clean", "x", "", ESCAPE, "python:/nonexistent", "emulated:x")),
    *(("devices", "clean", x) for x in ("local", "x", f"python:{ESCAPE}")),
    *(("personalise", x) for x in ("--evaluate", "-o", "--data")),
    *(("personalise", "--evaluate", "--seconds", x) for x in ("nan", 0, -1, "inf", "1e300")),
    ("personalise", "edge-small", "--data", "/nonexistent", "-o", "x.tflite"),
    *(("evaluate", "edge-small", "--hop", x) for x in (0, -1, 10**9, 10**30)),
    *(("evaluate", "edge-small", "--live", "--hop", x) for x in (10**9, 10**30)),
    *(("evaluate", x) for x in ("--plots", "\x1b[31m", "/nonexistent", "")),
    *(("info", x) for x in ("/nonexistent", ESCAPE, "\u202ex", "")),
    *(("card", "edge", "--from", x) for x in ("/nonexistent", "/dev/zero", "/dev/null", "", "/proc/self/mem")),
    *(("data", x) for x in ("nope", "check", "export", "plot", "--data")),
    *(("data", "export", "-o", x) for x in ("", "/dev/null/x", "/proc/x", "x" * 300)),
)
