"""Reports of several devices in one table: in the terminal, as Markdown, CSV and a page."""

import csv
import io

import browser
import pytest
import sample_reports as samples

from edge_runtime.reports import html, terminal_table
from edge_runtime.reports.report_content import DeviceReport, gather
from edge_runtime.reports.text_forms import to_csv, to_markdown
from edge_runtime.system.terminal import Console

DEVICES = [
    DeviceReport("pi4", samples.FULL),
    DeviceReport("pi5.local:2222", samples.of(samples.result("float32", 0.01), samples.result("int8", 0.005))),
    DeviceReport("<b>gone</b>", None, "<b>gone</b> cannot be reached (no route): try ssh gone"),
]


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_every_device_within_its_width(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    terminal_table.show(gather(DEVICES), Console())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "pi4: litert 2.3.0 on" in text
    assert "failed: <b>gone</b> cannot be reached" in text
    assert "pi5.local:2222: int8 is 2.00 times as fast as float32" in text


def test_markdown_has_a_column_for_each_model_on_each_device():
    header, _, *rows = [x for x in to_markdown(gather(DEVICES)).splitlines() if x.startswith("|")]
    assert header.count("|") == 2 + len(gather(DEVICES).names)
    assert {row.count("|") for row in rows} == {header.count("|")}
    assert "<b>" not in to_markdown(gather(DEVICES))


def test_csv_has_a_row_for_each_model_on_each_device():
    rows = list(csv.DictReader(io.StringIO(to_csv([x.report for x in DEVICES if x.report]))))
    assert [x["quantization"] for x in rows] == [x.quantization for x in gather(DEVICES).results]


@pytest.mark.parametrize("width", [360, 1000])
def test_the_page_fits_any_screen_and_asks_for_nothing(tmp_path, width):
    page = tmp_path / "devices.html"
    page.write_text(html.render(DEVICES), encoding="utf-8")
    assert "<b>gone</b>" not in page.read_text()
    with browser.start(tmp_path) as tab:
        tab.open(page, width=width)
        assert tab.requests() == [page.as_uri()]
        assert tab.complaints() == []
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
