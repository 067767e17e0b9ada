"""Change bytes and JSON at random, reproducibly and without guidance by coverage."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e400", b"5e-324", b"1e39", b"-0", b"1_0", b"0x1p3", b"9" * 5000),
    *(b"1" + b"0" * 400, b"null", b"true", b"[", b"]", b"{", b"}", b'"', b",", b";", b"\t", b":", b"\n", b"\r", b"\0"),
    *(b"\x1b[31m", b"\x9b", b"\xff", b"\xed\xa0\x80", "\u202e".encode(), "\u2028".encode(), "\u0663".encode()),
    *(b"\\ud800", b"\\u0000", b"[" * 3000, b"../", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"TFL3"),
    *(b"\0\0\0\0", b"\1\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff\xff\xff\xff"),
    *(b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+23:59", b'"format"'),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 10**30, 10**400, 2**63, 1e308, 5e-324, 0.5, "", "x", "\x1b[31m", "\ud800"),
    *("0", "../../x", "a\0b", [], {}, [[]], [1], [None], {"a": 1}, {"": ""}, "x" * 3000, "\u202ex", "a\nb"),
    *(float("nan"), -float("inf")),
)


def changed_bytes(random: Random, content: bytes) -> bytes:
    """Make a few changes to `content`."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        place, length = random.randrange(len(changed) + 1), random.choice((1, 2, 4, 16, 200, 5000))
        token = random.choice(TOKENS)
        kind = random.randrange(7)
        if kind == 0:
            changed[place : place + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            changed[place:place] = token
        elif kind == 2:
            changed[place : place + len(token)] = token
        elif kind == 3:
            del changed[place : place + length]
        elif kind == 4:
            changed[place:place] = changed[place : place + length] * random.choice((1, 2, 10))
        elif kind == 5 and random.random() < 0.3:
            del changed[place:]
        elif numbers := list(NUMBER.finditer(changed)):
            chosen = random.choice(numbers)
            changed[chosen.start() : chosen.end()] = token
    return bytes(changed)


def changed_json(random: Random, content: Any) -> bytes:
    """Make a few changes to the values, keys and shape of `content`; return its JSON."""
    content = json.loads(json.dumps(content))
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        *keys, key = random.choice(list(places(content)) or [("x",)])
        holder = content
        for step in keys:
            holder = holder[step]
        kind = random.randrange(7)
        if kind == 0:
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        elif kind == 1 and key in holder and isinstance(holder, dict):
            holder[random.choice(("x", "", "\x1b[31m", "\ud800", key * 2))] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder *= random.choice((2, 3))
        else:
            holder[key] = deepcopy(random.choice(ODD))
    text = json.dumps(content)
    if random.random() < 0.05:
        text = text.replace("0", random.choice(("1e400", "9" * 5000, "-0")), 1)
    return text.encode("utf-8", "surrogatepass")


def places(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to each value; in a list, only to the first and the last."""
    if keys:
        yield keys
    if isinstance(content, dict):
        for key in content:
            yield from places(content[key], (*keys, key))
    elif isinstance(content, list):
        for i in {0, len(content) - 1} if content else ():
            yield from places(content[i], (*keys, i))
