"""Change bytes and JSON at random, as a fuzzer does, from a generator that makes the same changes again.

No coverage guides it, as it guides atheris, which would have to be compiled for each Python; hypothesis draws values
from a description and changes no given file. So a quiet run says no more than that these changes of these seeds
were read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e400", b"5e-324", b"1e39", b"-0", b"1_0", b"0x1p3", b"9" * 5000),
    *(b"1" + b"0" * 400, b"null", b"true", b"[", b"]", b"{", b"}", b'"', b",", b";", b"\t", b":", b"\n", b"\r", b"\0"),
    *(b"\x1b[31m", b"\x9b", b"\xff", b"\xed\xa0\x80", "\u202e".encode(), "\u2028".encode(), "\u0663".encode()),
    *(b"\\ud800", b"\\u0000", b"[" * 3000, b"../", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"TFL3"),
    *(b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+23:59", b'"format"', b'"error"', b'"done": true'),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 10**30, 10**400, 2**63, 1e308, 5e-324, 0.5, "", "x", "\x1b[31m", "\ud800"),
    *("0", "../../x", "a\0b", [], {}, [[]], [1], [None], {"a": 1}, {"": ""}, "x" * 3000, "\u202ex", "a\nb"),
)
NOT_FINITE = (float("nan"), float("inf"), -float("inf"))


def changed_bytes(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """`content` after a few changes; `others` lend pieces."""
    found = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        size = len(found)
        place = random.randrange(size + 1)
        length = min(random.choice((1, 2, 4, 16, 200, 5000)), size - place)
        kind = random.randrange(10)
        if kind == 0 and place < size:
            found[place] ^= 1 << random.randrange(8)
        elif kind == 1 and place < size:
            found[place] = random.randrange(256)
        elif kind == 2:
            found[place:place] = random.choice(TOKENS)
        elif kind == 3:
            found[place : place + length] = random.choice(TOKENS)
        elif kind == 4:
            del found[place : place + length]
        elif kind == 5:
            found[place:place] = found[place : place + length] * random.choice((1, 2, 10))
        elif kind == 6:
            word = random.choice((*WORDS, size, random.randrange(2**32)))
            found[place : place + 4] = word.to_bytes(4, "little")
        elif kind == 7:
            other = random.choice(others)
            start = random.randrange(len(other) + 1)
            found[place:place] = other[start : start + random.choice((4, 40, 400))]
        elif kind == 8 and random.random() < 0.3:
            del found[place:]
        elif numbers := list(NUMBER.finditer(found)):
            chosen = random.choice(numbers)
            found[chosen.start() : chosen.end()] = random.choice(TOKENS)
    return bytes(found)


def changed_json(random: Random, content: Any) -> str:
    """JSON text of `content` after a few changes of its values, keys and shape."""
    content = json.loads(json.dumps(content))
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        keys = random.choice(list(places(content)) or [()])
        holder = content
        for key in keys[:-1]:
            holder = holder[key]
        if not keys:
            continue
        key, kind = keys[-1], random.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[random.choice(("x", "", "\x1b[31m", "\ud800", key * 2))] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder *= random.choice((2, 3))
        elif kind == 3:
            holder[key] = [holder[key]]
        elif kind == 4 and isinstance(holder[key], int | float):
            holder[key] = random.choice((-holder[key], 10 * holder[key], holder[key] + 1, str(holder[key])))
        else:
            holder[key] = deepcopy(random.choice(ODD if random.random() < 0.9 else NOT_FINITE))
    text = json.dumps(content)
    return text if random.random() < 0.95 else text.replace("0", random.choice(("1e400", "9" * 5000, "-0")), 1)


def places(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each value, of a list to a few."""
    if keys:
        yield keys
    if isinstance(content, dict):
        for key in content:
            yield from places(content[key], (*keys, key))
    elif isinstance(content, list):
        for i in (*range(min(2, len(content))), *range(max(2, len(content) - 1), len(content))):
            yield from places(content[i], (*keys, i))
