"""Attack what reads a stream of samples: files, pipes, options and sources that are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tools.attack.ground import ESCAPE, HEADER, Ground
from tools.attack.harness import Case

TOP = f"{HEADER}\n"
MODEL = "edge-small"


def rows(n: int = 400, values: str = "0.98,-0.1,0.1,0.01,0.02,0.03", start: float = 0.0, step: float = 0.02) -> str:
    """So many lines of samples."""
    return "".join(f"{start + i * step:.4f},{values}\n" for i in range(n))


BODY = rows()


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    folder = ground.place("streams")
    random = ground.random("streams")
    contents = CONTENTS | {"random": random.randbytes(300_000)}
    for name, content in contents.items():
        path = folder / f"{name}.csv"
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        yield Case(name, ("stream", MODEL, "--csv", path))
        yield Case(f"{name}: lines of JSON", ("stream", MODEL, "--csv", path, JSON_LINES))
        log = folder / f"{name}.log"
        yield Case(f"{name}: stdin", ("stream", MODEL, "--csv", "-", "--log", log), stdin=path.read_bytes())
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "folder").mkdir()
    own = [folder / x for x in ("loop", "folder")]
    for source in (*own, "/dev/null", "/nonexistent", "", "/proc/self/mem", "/etc/passwd", "\udcff"):
        yield Case(f"csv {source!s}", ("stream", MODEL, "--csv", source))
    good = folder / "good.csv"
    for options in _options(folder, good):
        yield Case(f"options {options}", ("stream", MODEL, "--csv", good, *options), keeps=(good,))
    for source in SOURCES:
        yield Case(f"source {source}", ("stream", MODEL, *source))


def _options(folder: Path, good: Path) -> tuple[tuple[object, ...], ...]:
    return (
        *(("--hop", x) for x in (0, 1, -1, 3001, 99_999)),
        *(("--rate", x) for x in (0, "nan", "inf", "-inf", 1e308)),
        *(("--axes", x) for x in ("x,x,x", "-x,y,z", "", "\x1b[31m", "x,y", "a,b,c")),
        *(("--log", x) for x in (folder, "/dev/full", good, folder / "loop", "/proc/x", "", "x" * 300)),
        *(("--units", "lb"), ("--speed", -1), ("--speed", "nan"), ("--tcp", 99_999), ("--udp", -1), ("--bogus",)),
        (JSON_LINES, "--quiet"),
    )


JSON_LINES = "--jsonl"

SOURCES: tuple[tuple[object, ...], ...] = (
    *(("--tcp", x) for x in ("nohost.invalid:1", "256.1.1.1:80", "[::1", "", "1" * 400, "0.0.0.0:", ":", "::", "-1")),
    *(("--udp", x) for x in (f"{ESCAPE}:5", "x", "1.2.3.4:70000", "127.0.0.1:0x50")),
    *(("--serial", x) for x in ("", "/dev/null", "/dev/zero@0", "/etc/passwd", "-x", "socket://127.0.0.1:1")),
    *(("--serial", x) for x in ("loop://", "/dev/ttyXX@99999999", ESCAPE, "/dev/null@x", "spy://x")),
    *(("--i2c", x) for x in ("x", "mpu6050@zz", "mpu6050", "mpu6050@0x999999", ESCAPE)),
    *(("--replay", x) for x in (-1, 99_999, 10**30, "x")),
    *(("--replay", 0, "--speed", x) for x in ("inf", "nan", 1e308)),
    ("--replay", 0, "--csv", "x"),
    (),
)

CONTENTS: dict[str, str | bytes] = {
    "good": TOP + BODY,
    "empty": "",
    "empty-lines": "\n" * 100_000,
    "header": TOP,
    "nan": TOP + BODY.replace("-0.1", "nan"),
    "one-nan": TOP + BODY.replace("-0.1", "nan", 1),
    "infinite": TOP + BODY.replace("-0.1", "-inf"),
    "1e400": TOP + BODY.replace("-0.1", "1e400"),
    "1e308": TOP + BODY.replace("-0.1", "1e308"),
    "1e39": TOP + BODY.replace("-0.1", "1e39"),
    "five-1e308": TOP + BODY.replace("-0.1", "1e308", 5),
    "subnormal": TOP + BODY.replace("-0.1", "5e-324"),
    "metres": "t,ax,ay,az,gx,gy,gz\n" + rows(values="9.8,0,0,0,0,0"),
    "unknown-units": "t,ax,ay,az,gx,gy,gz\n" + rows(values="3.3,0,0,0,0,0"),
    "wrong-units": TOP + rows(values="9.8,0,0,0,0,0"),
    "no-columns": "a,b,c\n1,2,3\n",
    "column-thrice": "ax,ax,ax,ay,az,gx,gy,gz\n" + "1,1,1,0,0,0,0,0\n" * 300,
    "utf-16": (TOP + BODY).encode("utf-16"),
    "invalid-utf-8": b"\xff\xfe\xfd," + (TOP + BODY).encode(),
    "byte-order-mark": b"\xef\xbb\xbf" + (TOP + BODY).encode(),
    "crlf": (TOP + BODY).replace("\n", "\r\n"),
    "cr": (TOP + BODY).replace("\n", "\r"),
    "semicolons": (TOP + BODY).replace(",", ";"),
    "negative-time": TOP + rows(start=-1e6),
    "time-stands": TOP + rows(step=0),
    "time-backwards": TOP + rows(200, start=100) + rows(200),
    "reversed": TOP + "".join(reversed(BODY.splitlines(keepends=True))),
    "gap-1h": TOP + BODY + rows(start=3608),
    "gap-1e12": TOP + BODY + rows(start=1e12),
    "time-1e18": TOP + rows(start=1e18),
    "time-1e300": TOP.replace("[s]", "") + "".join(f"{i}e300,1,0,0,0,0,0\n" for i in range(300)),
    "iso": "time,ax,ay,az,gx,gy,gz\n" + "".join(f"2024-01-01T00:00:{i / 50:06.3f}Z,1,0,0,0,0,0\n" for i in range(300)),
    "iso-odd": "time,ax,ay,az,gx,gy,gz\n" + "".join(f"9999-99-99T99:99:{i},1,0,0,0,0,0\n" for i in range(300)),
    "iso-ends": "time,ax,ay,az,gx,gy,gz\n0001-01-01T00:00:00+23:59,1,0,0,0,0,0\n"
    + "".join(f"9999-12-31T23:59:{i % 60:02d}-23:59,1,0,0,0,0,0\n" for i in range(300)),
    "10-khz": TOP + rows(30_000, step=1e-4),
    "1-mhz": TOP + rows(3000, step=1e-6),
    "huge-line": "1," * (5 << 20),
    "huge-line-then-good": "x" * (5 << 20) + "\n" + TOP + BODY,
    "million-columns": ",".join(f"c{i}" for i in range(10**6)) + "\n" + TOP + BODY,
    "zeros": bytes(100_000),
    "escape": f"\x1b[2J{ESCAPE}hello\n{TOP}{BODY}",
    "c1-and-bidi": f"\x9b31m\u202eabc\n{TOP}{BODY}",
    "escape-header": "\x1b[31mfoo,bar\x07,baz\n" + "1,2,3\n" * 10,
    "escape-unit": TOP.replace("ax[g]", f"ax[{ESCAPE}]") + BODY,
    "hexadecimal": TOP + BODY.replace("0.98", "0x1p0"),
    "underscore": TOP + BODY.replace("0.98", "1_0"),
    "arabic-digit": TOP + BODY.replace("0.98", "\u0663"),
    "saturated": TOP + rows(1000, values="4.0,4.0,4.0,0,0,0"),
    "constant": TOP + rows(3000, values="1,0,0,0,0,0"),
    "cut": (TOP + BODY)[:-7],
    "json-deep": "[" * 60_000 + "\n" + '{"a":' * 9000 + "\n",
    "json-digits": ('{"t":1,"ax":' + "9" * 5000 + ',"ay":0,"az":0,"gx":0,"gy":0,"gz":0}\n') * 3,
    "json-nan": '{"t":NaN,"acc":[1,0,0],"gyro":[0,Infinity,0]}\n' * 300,
    "json-long": '{"t":'
    + str([i / 50 for i in range(2000)])
    + ',"acc":'
    + str([[1, 0, 0]] * 2000)
    + ',"gyro":'
    + str([[0, 0, 0]] * 2000)
    + "}\n",
    "json-odd": 'null\ntrue\n1\n"x"\n[]\n{}\n[[]]\n[null]\n{"t":null}\n{"samples":[[[]]]}\n',
    "json-same-key": '{"t":1,"t":2,"acc":[1,0,0],"gyro":[0,0,0]}\n' * 300,
    "json-surrogate": '{"\\ud800":1,"sensor":"\\ud800","values":[1,2,3]}\n' * 10,
    "json-escape": '{"sensor":"\\u001b[31m","t":1,"values":[1,2,3]}\n' * 10,
    "json-unpaired": "".join(f'{{"sensor":"accelerometer","t":{i / 50},"values":[1,0,0]}}\n' for i in range(5000)),
    "named": "ax:1,ay:0,az:0,gx:0,gy:0,gz:0\n" * 400,
    "numbered": "".join(f"{i / 50}, 3, 9.8,0,0, 4, 0,0,0\n" for i in range(400)),
}
