"""The HTML report needs no network, and shows names as text."""

import re
import xml.etree.ElementTree as ET
from dataclasses import fields, replace

import pytest
import sample_reports as samples

from edge_runtime.reports import sentences
from edge_runtime.reports.report_forms import to_html

LITTLE = samples.of(
    *(
        replace(x, **dict.fromkeys(field.name for field in fields(x) if field.default is None))
        for x in (samples.FLOAT, samples.INT8)
    )
)
ALONE = {"full": samples.FULL, "emulated": samples.EMULATED, "nothing": samples.NOTHING, "evil": samples.evil()}
ALONE |= {"little": LITTLE}
REPORTS = {name: {"local": report} for name, report in ALONE.items()} | {"devices": samples.DEVICES}


def page(name: str) -> ET.Element:
    """The elements of a page, whose tags must be closed but for those that hold nothing."""
    text = re.sub(r"<!DOCTYPE html>|<(meta|link)[^>]*>|<wbr>", "", to_html(REPORTS[name]))
    return ET.fromstring(text)


def texts(found: list[ET.Element]) -> list[str]:
    return ["".join(element.itertext()) for element in found]


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_loads_nothing_and_its_policy_forbids_it(name):
    text = to_html(REPORTS[name])
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|\ssrc=", text.lower())
    assert "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline';" in text
    assert len(text) < 200_000
    assert page(name).find(".//main") is not None


def test_names_are_text_and_never_markup():
    evil = page("evil")
    assert not list(evil.iter("script"))
    assert samples.EVIL.strip() in "".join(evil.itertext())
    assert evil.findtext(".//title").startswith("<script>alert(1)</script>&\"'{{ 7*7 }}")


def test_the_page_has_verdicts_doubts_numbers_confusion_and_machine():
    full = page("full")
    assert [
        paragraph.text for paragraph in full.iter("p") if "verdict" in paragraph.get("class", "")
    ] == sentences.verdicts(samples.FULL)
    assert [text.split()[-1] for text in texts(full.findall(".//*[@class='notes']/li"))] == [
        "killed",
        "busy",
        "inferences",
    ]
    (_, confusion) = full.findall(".//table[@class='confusion']")
    assert [texts([*row])[1:] for row in confusion.findall(".//tr")] == [
        ["1", "2", "3"],
        ["100", "0", "0"],
        ["3", "97", "0"],
        ["0", "6", "94"],
    ]
    numbers = texts(full.findall(".//table"))[0]
    times = ("20.0 ±0.2 µs", "30.6 µs")
    for cell in ("97.00 %", "93.0–99.0 %", "1.20 %", *times, "34 µJ", "61.0 MB", "150.0 kB", "177 of 178"):
        assert cell in numbers
    facts = [texts([*row]) for row in full.findall(".//*[@class='box wide text']//tbody/tr")]
    assert ["CPU", "AMD EPYC"] in facts


def test_the_drawing_shows_the_faster_result_on_the_left():
    slower, faster = (float(circle.get("cx")) for circle in page("full").find(".//svg").iter("circle"))
    assert faster < slower
    assert [len([*page(name).iter("svg")]) for name in ("emulated", "nothing")] == [0, 0]
