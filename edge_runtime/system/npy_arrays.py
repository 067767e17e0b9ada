"""Read an array of an untrusted `.npy` file, whose header and shape `numpy.load` would trust."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import math
import re
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

# numpy.lib.format, versions 1 to 3: magic, version and the length of the header, then a dictionary of Python.
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)"
    rb"\{ *'descr': *'(?P<type>[<>|=]?[A-Za-z?][0-9]{0,9})', *'fortran_order': *(?P<order>True|False), *"
    rb"'shape': *\((?P<shape>[0-9, ]{0,100})\),? *\} *\n",
    re.DOTALL,
)
_LARGEST_ITEM = 1 << 20  # bytes


def parse_npy(content: bytes, kinds: str) -> npt.NDArray[Any]:
    """The array in `content`, read-only, if its type is of one of NumPy's `kinds`: "iuf" are numbers, "U" is text.

    Raises `ValueError` that says what is wrong.
    """
    header = _HEADER.match(content)
    if header is None:
        raise ValueError("it is no plain NumPy array")
    try:
        dtype = np.dtype(header["type"].decode())
        shape = tuple(int(x) for x in header["shape"].decode().split(",") if x.strip())
    except (TypeError, ValueError):
        raise ValueError("its type or its shape is wrong") from None
    if dtype.kind not in kinds:
        raise ValueError(f"it holds {dtype.name}")
    size = math.prod((dtype.itemsize, *shape))
    if not 0 < dtype.itemsize <= _LARGEST_ITEM or size != len(content) - header.end():
        raise ValueError("its length is not that of its shape")
    flat = np.frombuffer(content, dtype, offset=header.end()) if size else np.empty(0, dtype)
    # Python's own texts break on anything beyond.
    if dtype.kind == "U" and size and flat.view(f"{dtype.byteorder}u4").max() > sys.maxunicode:
        raise ValueError("it holds invalid characters")
    return flat.reshape(shape, order="F" if header["order"] == b"True" else "C")
