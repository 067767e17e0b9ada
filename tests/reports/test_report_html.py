"""The HTML report in a real browser: whole without a network, readable on a phone and in the dark."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import browser
import pytest
import sample_reports as samples
from browser import Browser
from programs import wait_until

from edge_runtime.reports import sentences
from edge_runtime.reports.html import to_html
from edge_runtime.reports.report_content import DeviceReport

MANY = samples.of(
    *(samples.result("int8", 0.01 * 3**i, file=f"runs/{'long' * 20}/model_{i}.tflite") for i in range(9)),
    samples.result("float32", labels=tuple(f"A_VERY_LONG_NAME_OF_A_CLASS_{i}" for i in range(3))),
)
LITTLE = samples.of(
    *(
        replace(x, **dict.fromkeys(field.name for field in fields(x) if field.default is None))
        for x in (samples.FLOAT, samples.INT8)
    )
)
PEOPLE = {"motionsense-17": 0.99, "UCI-HAR-2": 0.98, "RECORDINGS-OF-MY-STUDENTS-2": 0.97}
SETS = samples.of(*(replace(x, per_subject=PEOPLE) for x in (samples.FLOAT, samples.INT8)))
ALONE = {"full": samples.FULL, "emulated": samples.EMULATED, "nothing": samples.NOTHING, "evil": samples.evil()}
ALONE |= {"many": MANY, "little": LITTLE, "sets": SETS}
REPORTS = {name: [DeviceReport("local", x)] for name, x in ALONE.items()} | {"devices": samples.DEVICES}


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[Browser]:
    with browser.start(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, devices in REPORTS.items():
        (folder / f"{name}.html").write_text(to_html(devices), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in REPORTS}


def test_the_page_asks_for_nothing_else_and_could_not(tab, pages):
    for path in pages.values():
        tab.open(path)
        assert tab.requests() == [path.as_uri()]
        assert tab.complaints() == []
        assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|\ssrc=", path.read_text().lower())
        assert path.stat().st_size < 200_000
    tab.open(pages["full"])
    tab.evaluate("document.body.append(Object.assign(new Image, {src: 'http://192.0.2.1/x.png'}))")

    def is_refused() -> bool:
        tab.evaluate("0")  # the browser's log comes with an answer
        return any("Content Security Policy" in text for text in tab.complaints())

    wait_until(is_refused)


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_sticks_out_of_the_page_or_of_a_drawing(tab, pages, width):
    # What is too wide for the screen scrolls in its own box; all else lies inside of its box.
    outside = """
      [...document.querySelectorAll("main *")].filter(e => !e.closest(".wide") && !e.closest("svg")
        && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.className)
    """
    outside_drawing = """
      [...document.querySelectorAll("svg")].flatMap(svg => { const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("circle, path, line, text")].filter(e => {
          const r = e.getBoundingClientRect(), edge = 1;
          return r.left < box.left - edge || r.right > box.right + edge
            || r.top < box.top - edge || r.bottom > box.bottom + edge;
        }).map(e => e.outerHTML); })
    """
    for name, path in pages.items():
        tab.open(path, width=width)
        tab.evaluate("document.querySelectorAll('details').forEach(x => x.open = true)")
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
        assert tab.evaluate(outside) == [], name
        assert tab.evaluate(outside_drawing) == [], name
    tab.open(pages["full"], width=360)  # two models need no scrolling at all
    assert not tab.evaluate(
        "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_dark_where_that_is_preferred(tab, pages, dark):
    tab.open(pages["full"], dark=dark)
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert (max(tab.evaluate(brightness)) < 60) == dark


def test_names_are_text_and_never_markup(tab, pages):
    tab.open(pages["evil"])
    assert tab.evaluate("document.scripts.length + document.querySelectorAll('svg script, b script').length") == 0
    assert samples.EVIL.strip() in tab.evaluate("document.body.textContent")
    assert "<b>gone</b>" not in pages["devices"].read_text()
    assert tab.evaluate("document.title").startswith("<script>alert(1)</script>&\"'{{ 7*7 }}")
    tab.open(pages["sets"])
    named = tab.evaluate("[...document.querySelectorAll('[aria-labelledby^=subjects] text')].map(e => e.textContent)")
    assert {"motionsense-17", "UCI-HAR-2", "RECORDIN…DENTS-2"} <= {*named}


def test_the_page_has_verdicts_doubts_numbers_confusion_and_machine(tab, pages):
    tab.open(pages["full"])
    shown = tab.evaluate("[...document.querySelectorAll('.verdict')].map(e => e.textContent)")
    assert shown == sentences.verdicts(samples.FULL)
    assert tab.evaluate("document.querySelector('.verdict').getBoundingClientRect().top < 200")
    doubts = tab.evaluate("[...document.querySelectorAll('.notes li')].map(e => e.textContent)")
    assert [x.split()[-1] for x in doubts] == ["killed", "busy", "inferences"]
    rows = tab.evaluate("[...document.querySelectorAll('.confusion')].map(t => [...t.rows].map(r => r.innerText))")
    assert [row.split() for row in rows[1]] == [
        ["1", "2", "3"],
        ["1", "WALKING", "100", "0", "0"],
        ["2", "WALKING_UPSTAIRS", "3", "97", "0"],
        ["3", "SITTING", "0", "6", "94"],
    ]
    assert tab.evaluate("[...document.querySelectorAll('th')].every(e => e.scope)")
    numbers = tab.evaluate("document.querySelector('.wide table').innerText")
    for cell in ("97.00 %", "93.0–99.0 %", "20.0 ±0.2 µs", "34 µJ", "177 of 178"):
        assert cell in numbers
    facts = tab.evaluate("[...document.querySelectorAll('.text tbody tr')].map(r => r.innerText.split('\\t'))")
    for row in (["temperature", "cpu-thermal 51 °C", "cpu-thermal 63 °C"], ["CPU", "AMD EPYC"]):
        assert row in facts


def test_drawings_show_size_speed_and_people_and_are_described(tab, pages):
    tab.open(pages["full"])
    told = tab.evaluate("""
      [...document.querySelectorAll("svg")].map(e => e.getAttribute("aria-labelledby").split(" ").map(
        id => document.getElementById(id).textContent))
    """)
    assert len({title for title, _ in told}) == 4
    assert "int8: p50" in told[0][1]
    assert "int8: p50 20.0 µs, accuracy 96.80 % (93.0–99.0 %), 150000 bytes" in told[2][1]
    assert "subject anna: float32 98.00 %, int8 98.00 %" in told[3][1]
    circles = tab.evaluate("""
      [...document.querySelectorAll("[aria-labelledby^=scatter] circle")].map(e => ["cx", "cy", "r"].map(
        name => Number(e.getAttribute(name))))
    """)
    (x_float, y_float, r_float), (x_int8, y_int8, r_int8) = circles
    assert r_float**2 / r_int8**2 == pytest.approx(200 / 150, rel=0.01)
    assert x_int8 < x_float
    assert y_int8 > y_float
    for name, n_drawings in (("emulated", 1), ("nothing", 0)):  # without times
        tab.open(pages[name])
        assert tab.evaluate("document.querySelectorAll('svg').length") == n_drawings
