"""Check that the texts of a model become only names, literals and comments in its C."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from compiled_c import CC, STRICT
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import run_program, succeeded
from tiny_models import packed

from convert.c_file.c_names import KEYWORDS, c_name, c_string, comment, identifier
from convert.c_file.c_program import KERNELS, Program
from convert.c_file.c_source import source_of
from convert.c_file.c_stream import stream_files
from convert.quantise import compaction
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import model_path
from edge_runtime.model.scheme_names import SCHEMES

PLANTED = '__attribute__((constructor)) void own(void) { extern int system(const char *); system("touch PLANTED"); }'
HOSTILE = (
    f"z;\n{PLANTED}\n",
    f'*/ {PLANTED} /*"; {PLANTED} "\\',
    f"??/\n#define memcpy system\n#include </etc/passwd>\r{PLANTED}\\\n@0[i] %s {{}}",
)
FLATBUFFER, CARD = cards.read_model(model_path("edge-small"))
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\w+|[^\w\s]|\n', re.DOTALL)
WORDS = {*re.findall(r"\w+", KERNELS), *KEYWORDS}


def texts(flatbuffer: bytes, card: cards.Card) -> str:
    """All the C of a model that is called m_int8; the recogniser only takes signals with their usual names."""
    header, source, sizes = source_of(flatbuffer, card, "m_int8")
    live, _ = stream_files(replace(card, signals=CARD.signals), "m_int8", sizes)
    return "\n".join([header, source, *live.values()])


def forms(text: str) -> set[str]:
    """The lines of C, with only the kind of each name, number, literal and comment."""

    def form(token: str) -> str:
        if token[0] == '"' or token[:2] in ("/*", "//"):
            return token[:2] if token[0] == "/" else '"'
        if token[0].isdigit():
            return "0"
        is_name = token[0].isalpha() or token[0] == "_"
        return "name" if is_name and token not in WORDS else token

    translated = re.sub(r"\\\n", "", text.replace("??/", "\\").replace("??=", "#"))  # phases 1 and 2 (C99 5.1.1.2)
    numbers = re.sub(r"(\b0 , ){2,}", "0 , ", " ".join(map(form, TOKEN.findall(translated))).replace("- ", ""))
    return {line.strip(" ,") for line in numbers.split("\n")}


PLAIN = forms(texts(FLATBUFFER, CARD))


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of each string in JSON; the path of a key ends with an empty text."""
    if isinstance(value, str):
        yield path
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield (*path, key, "")
        yield from places(child, (*path, key))


def lengthened(value: Any, text: str, chosen: set[tuple], path: tuple = ()) -> Any:
    """Return JSON with `text` after the strings at the `chosen` places."""
    if isinstance(value, dict):
        keys = {key: f"{key}{text}" if (*path, key, "") in chosen else key for key in value}
        return {keys[key]: lengthened(child, text, chosen, (*path, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [lengthened(child, text, chosen, (*path, i)) for i, child in enumerate(value)]
    return f"{value}{text}" if path in chosen else value


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_card_becomes_code(hostile):
    """Every string that a card may have is hostile at once, including the strings that the generator reads."""
    content, chosen = json.loads(CARD.to_json()), set[tuple]()
    for place in places(content):
        if place[-1] == "" and place[:2] + place[3:] != ("quantisation", "ranges", ""):
            continue  # a field's name
        try:
            cards.Card.from_json(json.dumps(lengthened(content, hostile, chosen | {place})), "")
        except InputError:
            continue
        chosen.add(place)
    card = cards.Card.from_json(json.dumps(lengthened(content, hostile, chosen)), "")
    assert hostile in card.labels[0] + card.signals[0].unit
    assert all(hostile in point for point in card.quantisation["ranges"])
    assert forms(texts(FLATBUFFER, card)) <= PLAIN


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_flatbuffer_becomes_code(hostile):
    model = compaction.read(FLATBUFFER)
    model.description = hostile
    for i, part in enumerate(part for graph in model.subgraphs for part in (graph, *graph.tensors)):
        part.name = f"{i}{hostile}"
    for code in model.operatorCodes:
        code.customCode = hostile
    assert forms(texts(packed(model), CARD)) <= PLAIN


@settings(deadline=None)
@given(text=st.text())
def test_any_text_becomes_a_name_and_a_comment(text):
    assert re.fullmatch("[a-z][a-z0-9_]*", identifier(text))
    assert re.fullmatch(r"/\* [a-z0-9 ]*\*/", comment(text))


def test_each_array_has_a_name_of_its_own_and_no_keyword():
    program = Program(())
    taken = ["double", "double_2", "unix", "memcpy", "t", "mul_i", "memory_of_int8_t"]
    asked = ["lstm", "lstm", "lstm_2", "dense", *taken]
    names = []
    for i, name in enumerate(asked):
        program.declared("int8_t {}[]", name, str(i), 4)
        names.append(program.constants[-1].split()[3].removesuffix("[]"))
    assert len({*names}) == len(asked)
    assert not (WORDS | {"t", "mul_i", "memory_of_int8_t"}) & {*names}


ODD = ('a "quoted" \\', "two\nlines", "??/trigraph */ // ??)", "Größe – 歩く", "\x1b[31m7", "%s%n{}", "x" * 300)


def test_a_name_follows_that_of_the_file_and_is_free_in_c():
    assert [c_name(f"Lstm2_{scheme}") for scheme in SCHEMES] == [f"lstm2_{scheme}" for scheme in SCHEMES]
    names = ["model_static_cast", "model_mixed", "model_2_int8"]
    assert [c_name(x) for x in ("static_cast", "mixed", "2_int8")] == names


def test_texts_of_any_characters_come_out_of_c_as_they_went_in(tmp_path):
    prints = "".join(f"puts({c_string(text)});\n" for text in ODD)
    (tmp_path / "texts.c").write_text(f"#include <stdio.h>\nint main(void) {{\n{prints}return 0;\n}}\n")
    succeeded(run_program(CC, *STRICT, tmp_path / "texts.c", "-o", tmp_path / "texts"))
    assert succeeded(run_program(tmp_path / "texts")).stdout == "".join(f"{text}\n" for text in ODD)
