"""Find the loops of a model, whose bodies the interpreter runs and does not list.

An interpreter lists the operators of a model's first graph. Here a body is put first in a copy of the file, so that it
is listed as any other graph is, with what XNNPACK takes of it.
"""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

# Fields of the tables of schema.fbs, in its order.
_CODES, _SUBGRAPHS = 1, 2  # of Model
_OPERATORS = 3  # of SubGraph
_CODE, _OPTIONS_TYPE, _OPTIONS = 0, 3, 4  # of Operator
_OLD_CODE, _NEW_CODE = 0, 3  # of OperatorCode: those beyond 127 stand in the newer field alone
_CONDITION, _BODY = 0, 1  # of WhileOptions
_WHILE_OPTIONS = 93  # in the union BuiltinOptions


Bodies = Sequence["tuple[Any, int]"]
"""Interpreters whose first graph is the body of a loop, and how often it runs in one inference; None for one that
cannot stand alone."""


def open_bodies(flatbuffer: bytes, open_interpreter: Callable[[bytes], Any]) -> Bodies:
    """Open the body of each loop of a model that an interpreter took.

    A loop is taken to count from 0 in equal steps to a constant, as those of TensorFlow's converter do; another one is
    said to run once.
    """
    bodies: list[tuple[Any, int]] = []
    turns_of = {0: 1}  # by graph
    for graph, condition, body in _find(flatbuffer):
        try:
            opened, limit = (open_interpreter(_with_first(flatbuffer, x)) for x in (body, condition))
        except (ValueError, RuntimeError):
            bodies.append((None, 1))
            continue
        turns_of[body] = turns_of.get(graph, 1) * _turns(limit, opened)
        bodies.append((opened, turns_of[body]))
    return bodies


def operator_codes(flatbuffer: bytes) -> frozenset[int]:
    """The operators of all graphs of a model that an interpreter took, as numbers of `BuiltinOperator` (schema.fbs)."""
    root = root_of(flatbuffer)
    codes = [max(x.byte(_OLD_CODE), x.integer(_NEW_CODE)) for x in root.tables(_CODES)]
    return frozenset(
        codes[operator.integer(_CODE)] for graph in root.tables(_SUBGRAPHS) for operator in graph.tables(_OPERATORS)
    )


def _turns(condition: Any, body: Any) -> int:
    """The turns of a loop: `condition` compares a counter with a constant, `body` adds one to it."""
    counts = []
    for comparison in condition._get_ops_details():
        if comparison["op_name"] == "LESS":
            counter, limit = (int(x) for x in comparison["inputs"])
            number, most = _variable(condition, counter), _constant(condition, limit)
            step = None if number is None else _step(body, number)
            if most is not None and step is not None and step.max() > 0:
                counts.append(math.ceil(int(most.max()) / int(step.max())))
    return min(counts, default=1)


def _variable(condition: Any, tensor: int) -> int | None:
    """Which of the loop's variables a tensor is, or a part of."""
    producers = {int(x["outputs"][0]): x for x in condition._get_ops_details()}
    while tensor in producers:
        tensor = int(producers[tensor]["inputs"][0])
    variables = [int(x["index"]) for x in condition.get_input_details()]
    return variables.index(tensor) if tensor in variables else None


def _step(body: Any, number: int) -> npt.NDArray[Any] | None:
    """The constant that a turn adds to the variable of that number."""
    begin, end = (int(x[number]["index"]) for x in (body.get_input_details(), body.get_output_details()))
    for node in body._get_ops_details():
        inputs = [int(x) for x in node["inputs"]]
        if node["op_name"] == "ADD" and end in node["outputs"] and begin in inputs:
            return _constant(body, *(x for x in inputs if x != begin))
    return None


def _constant(graph: Any, *tensors: int) -> npt.NDArray[Any] | None:
    """The values of the only one of `tensors`, if it is stored in the file."""
    computed = {int(i) for node in graph._get_ops_details() for i in node["outputs"]}
    computed |= {int(x["index"]) for x in graph.get_input_details()}
    if len(tensors) != 1 or tensors[0] in computed:
        return None
    values: npt.NDArray[Any] = graph.get_tensor(tensors[0])
    return values


def _find(flatbuffer: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield for each WHILE operator the numbers of the graphs that it is in, and of its condition and its body."""
    for index, graph in enumerate(root_of(flatbuffer).tables(_SUBGRAPHS)):
        for operator in graph.tables(_OPERATORS):
            options = operator.table(_OPTIONS) if operator.byte(_OPTIONS_TYPE) == _WHILE_OPTIONS else None
            if options is not None:
                yield index, options.integer(_CONDITION), options.integer(_BODY)


def _with_first(flatbuffer: bytes, graph: int) -> bytes:
    """The model with another graph in the place of its first one, which is left out."""
    places = root_of(flatbuffer).places(_SUBGRAPHS)
    changed = bytearray(flatbuffer)
    struct.pack_into("<I", changed, places[0], follow(flatbuffer, places[graph]) - places[0])
    return bytes(changed)


def follow(content: bytes, place: int) -> int:
    """Where the offset at `place` leads."""
    return place + int(struct.unpack_from("<I", content, place)[0])


def root_of(content: bytes) -> FlatTable:
    """The table at the root of a flatbuffer."""
    return FlatTable(content, follow(content, 0))


@dataclass(frozen=True)
class FlatTable:
    """A table of a flatbuffer: numbers, and offsets of other tables and vectors, by field."""

    content: bytes
    begin: int

    @property
    def _fields(self) -> int:
        """Where the list of its fields begins."""
        return self.begin - int(struct.unpack_from("<i", self.content, self.begin)[0])

    @property
    def end(self) -> int:
        """The end of the table itself, or of the list of its fields, whichever comes later."""
        size, table_size = struct.unpack_from("<HH", self.content, self._fields)
        return max(self._fields + int(size), self.begin + int(table_size))

    def place(self, field: int) -> int | None:
        """The place of a field; None if it has its default."""
        fields = self._fields
        size = struct.unpack_from("<H", self.content, fields)[0]
        offset = struct.unpack_from("<H", self.content, fields + 4 + 2 * field)[0] if 4 + 2 * field < size else 0
        return self.begin + offset if offset else None

    def byte(self, field: int) -> int:
        """The byte in a field."""
        place = self.place(field)
        return 0 if place is None else self.content[place]

    def integer(self, field: int) -> int:
        """The int32 in a field."""
        place = self.place(field)
        return 0 if place is None else int(struct.unpack_from("<i", self.content, place)[0])

    def table(self, field: int) -> FlatTable | None:
        """The table in a field; None if it is not there."""
        place = self.place(field)
        return None if place is None else FlatTable(self.content, follow(self.content, place))

    def places(self, field: int) -> list[int]:
        """The places of the offsets in a vector."""
        place = self.place(field)
        if place is None:
            return []
        vector = follow(self.content, place)
        return [vector + 4 * (1 + i) for i in range(struct.unpack_from("<I", self.content, vector)[0])]

    def tables(self, field: int) -> Iterator[FlatTable]:
        """The tables in a vector."""
        return (FlatTable(self.content, follow(self.content, x)) for x in self.places(field))
