"""Check what `har-edge page` writes and refuses, and how phones reach it."""

import re
import socket
from dataclasses import replace
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from click.testing import CliRunner
from programs import MODELS, assert_one_sentence, succeeded, write_program

from convert.page import page_folder, page_server, wasm_module
from convert.page.page_command import command
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_paths import REFERENCE_MODELS, reference_model


@pytest.fixture
def site(tmp_path) -> Path:
    """Return a folder with files that a server sends."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("index.html", "engine.js", "edge.wasm"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def server(site):
    with page_server.PageServer(site, "127.0.0.1", 0) as opened:
        Thread(target=opened.serve_forever, args=(0.02,), daemon=True).start()
        yield opened
        opened.shutdown()


def connected(server) -> socket.socket:
    return socket.create_connection(server.server_address[:2], 15)  # s, half of the server's timeout


def custom_sections(module: bytes) -> dict[bytes, bytes]:
    """Return the custom sections of a WebAssembly module by their names (specification, 5.5)."""

    def number(at: int) -> tuple[int, int]:
        end = next(i for i in range(at, at + 5) if module[i] < 128) + 1
        return sum((byte & 127) << 7 * i for i, byte in enumerate(module[at:end])), end

    sections, at = {}, 8
    while at < len(module):
        kind, (size, begin) = module[at], number(at + 1)
        at = begin + size
        if kind == 0:
            n, begin = number(begin)
            sections[module[begin : begin + n]] = module[begin + n : at]
    assert at == len(module)
    return sections


def test_the_models_of_an_earlier_page_do_not_stay_public(tmp_path):
    for models in ([Path("edge-tiny"), Path("edge")], [Path("edge")]):
        page_folder.write_page(models, tmp_path, lambda share, text: None)
        (tmp_path / "mine.json").touch()
    assert {path.name for path in tmp_path.iterdir()} >= {"edge.wasm", "mine.json", "index.html"}
    assert not (tmp_path / "edge-tiny.wasm").exists()


@pytest.mark.parametrize("upright", [0.0, 1.0])
def test_a_model_that_learnt_other_axes_than_the_page_has_is_named(tmp_path, monkeypatch, upright):
    flatbuffer, card = cards.read_model(MODELS["int8"])
    postures = tuple(replace(x, centres=tuple((upright, y) for _, y in x.centres)) for x in card.live.novelty.posture)
    card = replace(card, live=replace(card.live, novelty=replace(card.live.novelty, posture=postures)))
    (tmp_path / "mine.tflite").write_bytes(cards.attach(flatbuffer, card))
    monkeypatch.setattr(page_folder, "write_page", lambda *_: {"mine": tmp_path / "mine.tflite"})
    monkeypatch.setattr(page_folder, "write_benchmark", lambda *_: None)
    done = CliRunner().invoke(command, ["mine.tflite", "-o", str(tmp_path)], catch_exceptions=False)
    assert ("mine was not trained with x up" in done.stderr) == (not upright)


def test_another_page_is_not_replaced(har_edge_here, tmp_path):
    (tmp_path / "index.html").write_text("my homepage")
    assert_one_sentence(har_edge_here("page", "edge", "-o", "."), 2, "index.html")
    assert (tmp_path / "index.html").read_text() == "my homepage"


def test_the_folder_holds_the_page_and_the_model_of_a_run_with_its_card_and_answers(har_edge_here, tmp_path, uci_har):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/model_int8.tflite").write_bytes(MODELS["int8"].read_bytes())
    assert succeeded(har_edge_here("page", "mine", "-o", "site")).stdout == "site/index.html\n"
    names = {"models.txt", "mine.wasm", "mine.json", "mine.f32", *(path.name for path in page_folder.STATIC.iterdir())}
    assert {x.name for x in (tmp_path / "site").iterdir()} == names
    flatbuffer, card = cards.read_model(MODELS["int8"])
    text = custom_sections((tmp_path / "site/mine.wasm").read_bytes())[b"card.json"].decode()
    assert Card.from_json(text, "card.json") == card
    X, model = uci_har.test.X, open_model(flatbuffer, "litert")
    expected = b"".join([X.tobytes(), *(model.run(x[np.newaxis]).tobytes() for x in X)])
    assert (tmp_path / "site/mine.f32").read_bytes() == expected


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "edge" else pytest.mark.long) for name in REFERENCE_MODELS]
)
def test_a_shipped_module_is_compiled_again_byte_for_byte(name, tmp_path):
    """After a change of a model or of the C, `python -m tools.page_modules` writes the modules."""
    model = reference_model(name, "int8")
    wasm_module.compile_module(model, tmp_path / "again.wasm")
    assert (tmp_path / "again.wasm").read_bytes() == wasm_module.wasm_module(model)


def test_a_model_is_compiled_once_and_a_changed_model_again(tmp_path, monkeypatch):
    def compile_module(model, target, on_progress):
        compiled.append(model)
        target.write_bytes(model.read_bytes())

    compiled: list[Path] = []
    monkeypatch.setattr(wasm_module, "compile_module", compile_module)
    monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "mine.tflite"
    for content in (b"first", b"first", b"second"):
        model.write_bytes(content)
        assert wasm_module.wasm_module(model) == content
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("--usb", "-o", "site"), 2, "--usb"),
        (("--port", 70000), 2, "--port"),
        (("--usb",), 3, "false"),
        (("nowhere", "-o", "site"), 2, "nowhere"),
        (("edge", MODELS["float32"], "-o", "site"), 2, "float32"),
        (("edge", "edge", "-o", "site"), 2, "edge"),
    ],
)
def test_one_sentence_says_what_is_wrong(har_edge_here, tmp_path, arguments, code, word):
    assert_one_sentence(har_edge_here("page", *arguments, env={"HAR_EDGE_ADB": "false"}), code, word)
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("sent", ["GET {}/%00", "GET http://[/", "GET {}/inner/ HTTP/1.0", "GET {}/../", "\0", ""])
def test_the_server_prints_nothing_and_lists_no_folder_whatever_a_client_sends(site, server, monkeypatch, capfd, sent):
    (site / "inner/mine").mkdir(parents=True)
    monkeypatch.setattr(page_server._Files, "timeout", page_server._Files.timeout / 300)
    with connected(server) as client:
        client.sendall(f"{sent.format(server.root)}\r\nHost: localhost\r\n\r\n".encode() if sent else b"")
        assert b"mine" not in b"".join(iter(lambda: client.recv(4096), b""))
    assert not any(capfd.readouterr())


def test_only_the_printed_address_is_answered_and_each_answer_has_the_headers_for_security(server):
    page = (page_folder.STATIC / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="(.*)"', page)[1]
    host, path = f"localhost:{server.server_port}", server.root
    types = {"": "text/html", "/": "text/html", "/engine.js": "text/javascript", "/edge.wasm": "application/wasm"}
    right = [(host, path + name, 200, kind) for name, kind in types.items()]
    wrong = [(host, address, 404, "") for address in ("", "/", "/index.html", f"{path}x/")]
    foreign = [(name, f"{path}/", 421, "") for name in ("evil.example", f"127.0.0.1:{server.server_port}", "")]
    for name, address, code, kind in (*right, *wrong, *foreign):
        try:
            answer = urlopen(Request(f"http://{host}{address}", headers={"Host": name}))
        except HTTPError as error:
            answer = error
        with answer:
            assert answer.status == code, address
            assert (b"whole address" in answer.read()) == (code != 200)
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["Content-Security-Policy"] == f"{policy}; frame-ancestors 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Python" not in answer.headers["Server"]


def test_a_port_in_use_is_named(har_edge_here, site):
    with page_server.PageServer(site, "", 0) as server:
        assert_one_sentence(har_edge_here("page", "--port", server.server_port), 2, server.server_port)


def test_a_phone_by_usb_reaches_the_page_until_ctrl_c(har_edge_here, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(page_folder, "write_benchmark", interrupted)
    adb = write_program(tmp_path / "adb", f'echo "$@" >> {tmp_path}/log; printf "List\\nphone device\\n"')
    url = succeeded(har_edge_here("page", "--usb", "--port", 0, env={"HAR_EDGE_ADB": str(adb)})).stdout.split()[1]
    port = re.fullmatch(r"http://localhost:(\d+)/\w{10}/", url)[1]
    log = (tmp_path / "log").read_text().splitlines()
    assert log[1] == f"-s phone reverse tcp:{port} tcp:{port}"
    assert url in log[2]
    assert log[3] == f"-s phone reverse --remove tcp:{port}"
