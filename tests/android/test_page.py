"""The page's models answer in browsers as LiteRT does, and what it measures is a result like any other."""

import json

import pytest
from programs import har_edge, succeeded

_BENCH = "const { bench } = await import('/page/bench.js'); return await bench(`/page/${given[0]}`, () => null);"


@pytest.mark.parametrize("name", ["edge", "edge-anywhere"])
def test_a_benchmark_in_a_browser_is_a_result_like_any_other(chromium, webkit, page_url, name, tmp_path):
    """It fails where one of the answers to all test windows is another than LiteRT's, by one bit."""
    results = []
    for browser in (chromium, webkit):
        browser.open(f"{page_url}/page/words.js")
        results.append(tmp_path / f"{browser.kind}.json")
        results[-1].write_text(json.dumps(browser.run(_BENCH, name)))
        succeeded(har_edge("report", results[-1], "--html", tmp_path / "page.html"))
    shown = succeeded(har_edge("compare", *results, "--anyway", "--fail-if", "accuracy<0")).stdout
    assert f"{name} int8" in shown
    (result,) = json.loads(results[0].read_text())["results"]
    assert result["windows"] == 2947
    assert result["latency_ms"]["runs"] == 15000
