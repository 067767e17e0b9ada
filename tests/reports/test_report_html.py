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
CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => { const l = c.slice(0, 3).map(x => x / 255).map(
    x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return .2126 * l[0] + .7152 * l[1] + .0722 * l[2]; };
  const ground = e => e ? over(rgba(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255, 1];
  const found = [];
  document.querySelectorAll("details").forEach(x => x.open = true);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest("title, desc, script, style")) continue;
    const style = getComputedStyle(e), below = ground(e);
    const ink = over(rgba(e.closest("svg") ? style.fill : style.color), below);
    const [a, b] = [light(ink), light(below)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push([walker.currentNode.data.trim().slice(0, 40), ratio]);
  }
  return found;
})()
"""


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


def test_on_a_phone_two_models_need_no_scrolling_at_all(tab, pages):
    tab.open(pages["full"], width=360)
    hidden = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert tab.evaluate(hidden) == 0
    smallest = """
      Math.min(...[...document.querySelectorAll("svg text")].map(e => e.getBoundingClientRect().height))
    """
    assert tab.evaluate(smallest) >= 10


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(tab, pages, dark):
    for name in ("full", "nothing"):
        tab.open(pages[name], dark=dark)
        brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
        assert (max(tab.evaluate(brightness)) < 60) == dark
        assert tab.evaluate(CONTRAST) == []


def test_people_of_several_data_sets_are_named_with_their_data_set(tab, pages):
    tab.open(pages["sets"])
    named = tab.evaluate("[...document.querySelectorAll('[aria-labelledby^=subjects] text')].map(e => e.textContent)")
    assert {"motionsense-17", "UCI-HAR-2", "RECORDIN…DENTS-2"} <= {*named}


def test_names_of_files_are_text_and_never_markup(tab, pages):
    tab.open(pages["evil"])
    assert tab.evaluate("document.scripts.length") == 0
    assert tab.evaluate("document.querySelectorAll('svg script, b script').length") == 0
    text = tab.evaluate("document.body.textContent")
    assert samples.EVIL.strip() in text
    assert "<b>gone</b>" not in pages["devices"].read_text()
    assert "49" not in tab.evaluate("document.querySelector('h1').textContent")
    assert tab.evaluate("document.title").startswith("<script>alert(1)</script>&\"'{{ 7*7 }}")


def test_the_page_says_first_what_was_found(tab, pages):
    tab.open(pages["full"])
    shown = tab.evaluate("[...document.querySelectorAll('.verdict')].map(e => e.textContent)")
    assert shown == sentences.verdicts(samples.FULL)
    headings = tab.evaluate("[...document.querySelectorAll('h2')].map(e => e.textContent)")
    assert headings[:2] == ["Doubts", "Numbers"]
    assert tab.evaluate("document.querySelector('.verdict').getBoundingClientRect().top < 200")
    doubts = tab.evaluate("[...document.querySelectorAll('.notes li')].map(e => e.textContent)")
    assert [x.split()[-1] for x in doubts] == ["killed", "busy", "inferences"]


def test_numbers_and_confusion_are_tables_with_heads(tab, pages):
    tab.open(pages["full"])
    rows = tab.evaluate("[...document.querySelectorAll('.confusion')].map(t => [...t.rows].map(r => r.innerText))")
    assert [row.split() for row in rows[1]] == [
        ["1", "2", "3"],
        ["1", "WALKING", "100", "0", "0"],
        ["2", "WALKING_UPSTAIRS", "3", "97", "0"],
        ["3", "SITTING", "0", "6", "94"],
    ]
    assert tab.evaluate("[...document.querySelectorAll('th')].every(e => e.scope)")
    assert tab.evaluate("document.querySelector('.confusion thead th').title") == "WALKING"
    numbers = tab.evaluate("document.querySelector('.wide table').innerText")
    for cell in ("97.00 %", "93.0–99.0 %", "20.0 ±0.2 µs", "34 µJ", "177 of 178"):
        assert cell in numbers


def test_drawings_say_what_they_show_and_show_size_and_speed(tab, pages):
    tab.open(pages["full"])
    told = tab.evaluate("""
      [...document.querySelectorAll("svg")].map(e => [e.getAttribute("role"),
        e.getAttribute("aria-labelledby").split(" ").map(id => document.getElementById(id).textContent)])
    """)
    assert [role for role, _ in told] == ["img"] * 4
    titles = [texts[0] for _, texts in told]
    assert len(set(titles)) == 4
    assert "int8: p50" in told[0][1][1]
    assert "int8: p50 20.0 µs, accuracy 96.80 % (93.0–99.0 %), 150000 bytes" in told[2][1][1]
    assert "subject anna: float32 98.00 %, int8 98.00 %" in told[3][1][1]

    circles = tab.evaluate("""
      [...document.querySelectorAll("[aria-labelledby^=scatter] circle")].map(e => ["cx", "cy", "r"].map(
        name => Number(e.getAttribute(name))))
    """)
    (x_float, y_float, r_float), (x_int8, y_int8, r_int8) = circles
    assert r_float**2 / r_int8**2 == pytest.approx(200 / 150, rel=0.01)
    assert x_int8 < x_float
    assert y_int8 > y_float


def test_a_page_without_times_has_no_drawings_of_them(tab, pages):
    tab.open(pages["emulated"])
    assert tab.evaluate("[...document.querySelectorAll('svg')].length") == 1
    tab.open(pages["nothing"])
    assert tab.evaluate("document.querySelectorAll('svg, .confusion').length") == 0
    assert "the worker hung" in tab.evaluate("document.body.textContent")


def test_the_machine_before_and_after_is_on_the_page(tab, pages):
    tab.open(pages["full"])
    rows = tab.evaluate("[...document.querySelectorAll('.text tbody tr')].map(r => r.innerText.split('\\t'))")
    assert ["load average", "0.250", "1.50"] in rows
    assert ["temperature", "cpu-thermal 51 °C", "cpu-thermal 63 °C"] in rows
    assert ["CPU", "AMD EPYC"] in rows
    assert ["runtime", "litert 2.3.0"] in rows
