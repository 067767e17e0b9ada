"""Check `har-edge page`: what it writes and refuses, and how phones reach it."""

import socket
from threading import Thread

import pytest
from programs import MODELS, assert_one_sentence, succeeded, write_program

from convert.page import page_folder, page_server


@pytest.fixture(autouse=True)
def built(tmp_path, monkeypatch):
    """A page as `make page` leaves it; tests in browsers have the real one."""
    folder = tmp_path / "built"
    folder.mkdir()
    for name in ("index.html", "har.js"):
        (folder / name).write_text(name)
    monkeypatch.setattr(page_folder, "BUILT", folder)
    return folder


def test_the_folder_holds_the_page_and_the_model_of_a_run(har_edge_here, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/model_int8.tflite").write_bytes(MODELS["int8"].read_bytes())
    assert succeeded(har_edge_here("page", "mine", "-o", "site")).stdout == "site/index.html\n"
    names = {"index.html", "har.js", "models.txt", "mine.wasm", "mine.json", "mine.f32"}
    assert {x.name for x in (tmp_path / "site").iterdir()} == names


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("edge",), 2, "--out"),
        (("--serve", "--usb"), 2, "--usb"),
        (("--serve", "-o", "site"), 2, "--serve"),
        (("--serve", "--port", 70000), 2, "--port"),
        (("--usb",), 3, "false"),
        (("nowhere", "-o", "site"), 2, "nowhere"),
        (("edge", MODELS["float32"], "-o", "site"), 2, "float32"),
        (("edge", "edge", "-o", "site"), 2, "edge"),
    ],
)
def test_one_sentence_says_what_is_wrong(har_edge_here, tmp_path, arguments, code, word):
    assert_one_sentence(har_edge_here("page", *arguments, env={"HAR_EDGE_ADB": "false"}), code, word)
    assert not (tmp_path / "site").exists()


def test_without_a_build_it_says_how_to_make_one(har_edge_here, built):
    (built / "har.js").unlink()
    assert_one_sentence(har_edge_here("page", "-o", "site"), 2, "make page")


@pytest.mark.parametrize("sent", [b"GET /%00", b"GET http://[/", b"GET /inner/", b"\0", b""])
def test_whatever_a_client_sends_nothing_is_printed_and_no_folder_listed(built, monkeypatch, capfd, sent):
    (built / "inner/mine").mkdir(parents=True)
    monkeypatch.setattr(page_server._Files, "timeout", page_server._Files.timeout / 300)
    with page_server.PageServer(built, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(server.server_address[:2], 60) as client:
            client.sendall(sent and sent + b"\r\n\r\n")
            assert b"mine" not in b"".join(iter(lambda: client.recv(4096), b""))
        server.shutdown()
    assert not any(capfd.readouterr())


def test_a_port_that_is_taken_is_named(har_edge_here, built):
    with page_server.PageServer(built, "", 0) as server:
        assert_one_sentence(har_edge_here("page", "--serve", "--port", server.server_port), 2, server.server_port)


def test_a_phone_by_usb_has_it_until_ctrl_c(har_edge_here, tmp_path, monkeypatch):
    def interrupted(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(page_server.PageServer, "serve_forever", interrupted)
    monkeypatch.setattr(page_folder, "write_page", lambda *_: None)
    adb = write_program(tmp_path / "adb", f'echo "$@" >> {tmp_path}/log; printf "List\\nphone device\\n"')
    url = succeeded(har_edge_here("page", "--usb", "--port", 0, env={"HAR_EDGE_ADB": str(adb)})).stdout.split()[1]
    port = url.removeprefix("http://localhost:")
    log = (tmp_path / "log").read_text().splitlines()
    assert log[1] == f"-s phone reverse tcp:{port} tcp:{port}"
    assert url in log[2]
    assert log[3] == f"-s phone reverse --remove tcp:{port}"
