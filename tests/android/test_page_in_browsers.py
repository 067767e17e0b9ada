"""Check that the page recognises motion as Python does, and that its benchmark is a result like any other."""

import json
import shutil
import time

import numpy as np
import pytest
from c_recognizer import KINDS as NOTICES
from c_recognizer import REASONS, Answer, in_python
from deliveries import CASES, model_of, streams_for
from programs import ROOT, har_edge, succeeded
from streams import decisions

from convert.page.page_server import PageServer, over_https
from convert.page.wasm_module import wasm_module
from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.sources.sockets import own_address
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.types import STANDARD_GRAVITY

_LIVE = """const [url, files, placement] = given;
const { openModel } = await import('./engine.js');
const model = await openModel(url);
const streams = [];
for (const file of files) {
  const values = new Float64Array(await (await fetch(file, { cache: 'no-store' })).arrayBuffer());
  const events = [];
  model.start(placement === 'waist');
  for (let i = 0; i < values.length; i += 7) events.push(...model.push(values[i], values.subarray(i + 1, i + 7)));
  events.push(...model.flush());
  streams.push(events);
}
return streams;"""


@pytest.mark.parametrize(("kind", "deliver", "placement"), CASES)
def test_decisions_reasons_and_notices_are_pythons(
    chromium, webkit, page_url, kind, deliver, placement, tmp_path, tmp_path_factory
):
    """Also if each recording is turned, and turned again halfway."""
    model, streams = model_of(tmp_path, kind), streams_for(kind, deliver)
    (tmp_path / "model.wasm").write_bytes(wasm_module(model))
    for i, (times, samples) in enumerate(streams):
        np.column_stack([times, samples]).astype("<f8").tofile(tmp_path / f"stream-{i}")
    classifier = Classifier(model)
    expected = [in_python(classifier, samples, times, placement) for times, samples in streams]
    assert sum(len(stream.answers) for stream in expected) > 1100
    card = classifier.card
    names = (
        {(label,): label for label in card.labels} | {alike.labels: alike.name for alike in card.alike} | {(): UNKNOWN}
    )
    url = f"{page_url}/{tmp_path.relative_to(tmp_path_factory.getbasetemp())}"
    for browser in (chromium, webkit):
        browser.open(f"{page_url}/page/words.js")
        answers = browser.run(_LIVE, f"{url}/model.wasm", [f"{url}/stream-{i}" for i in range(len(streams))], placement)
        for events, python in zip(answers, expected, strict=True):
            decided = [event for event in events if "labels" in event]
            notices = [(event["us"], NOTICES[event["kind"]]) for event in events if "kind" in event]
            assert [
                Answer(event["us"], names[tuple(event["labels"])], REASONS[event["reason"]], event["isWarmingUp"])
                for event in decided
            ] == python.answers
            probabilities = np.array([event["probabilities"] for event in decided])
            assert np.abs(probabilities - python.probabilities).max() < 1e-9
            assert sorted(notices) == sorted(python.notices)


_BENCH = "const { bench } = await import('./bench.js'); return await bench(given[0], () => null);"


@pytest.mark.parametrize("name", ["edge", "edge-anywhere"])
def test_a_benchmark_in_a_browser_is_a_result_like_any_other(
    chromium, webkit, page_url, name, tmp_path, tmp_path_factory
):
    """It fails if one answer to a test window differs from LiteRT's by one bit."""
    results = []
    for browser in (chromium, webkit):
        browser.open(f"{page_url}/page/words.js")
        results.append(tmp_path / f"{browser.kind}.json")
        results[-1].write_text(json.dumps(browser.run(_BENCH, name)))
        succeeded(har_edge("report", results[-1], "--html", tmp_path / "page.html"))
    succeeded(har_edge("compare", *results, "--anyway", "--fail-if", "accuracy<0"))
    (result,) = json.loads(results[0].read_text())["results"]
    assert result["windows"] == 2947
    assert result["latency_ms"]["runs"] == 15000
    assert result["size_bytes"] == (tmp_path_factory.getbasetemp() / f"page/{name}.wasm").stat().st_size


@pytest.mark.parametrize("place", ["first", "last"])
def test_one_answer_that_differs_by_one_bit_fails_the_benchmark(chromium, page_url, tmp_path_factory, place):
    folder = tmp_path_factory.getbasetemp() / "page"
    for suffix in ("json", "wasm"):
        shutil.copy(folder / f"edge.{suffix}", folder / f"{place}.{suffix}")
    content = bytearray((folder / "edge.f32").read_bytes())
    content[-4 * 6 * 2947 if place == "first" else -4] ^= 1  # of six logits of 2947 windows
    (folder / f"{place}.f32").write_bytes(content)
    chromium.open(f"{page_url}/page/words.js")
    with pytest.raises(AssertionError, match=r"\b1 of 2947\b"):
        chromium.run(_BENCH, place)


SENSORS = {"accelerometer": slice(3), "linear-acceleration": slice(3), "gyroscope": slice(3, 6)}
# Finds the label of each bar by the colour of its row of probabilities.
_SHOWN = """const { samples } = await import('./page.js');
const colours = [...document.querySelectorAll('#probabilities i')].map((x) => x.style.background);
const bars = [...document.querySelectorAll('#band i')].map((x) => x.style.background);
return [samples.map((x) => x.slice(0, 7)), bars.map((bar) => colours.findIndex((x) => bar.includes(x)))];"""
_CHOSEN = """const [model, start] = ['model', 'start'].map((id) => document.getElementById(id));
const isReady = async () => { while (start.disabled) await new Promise((done) => setTimeout(done, 50)); };
await isReady();
model.value = given[0];
model.dispatchEvent(new Event('change'));
await isReady();"""
_STORED = """const [stored, databases] = [await caches.keys(), await indexedDB.databases()];
return [stored.length, databases.length, localStorage.length, sessionStorage.length, document.cookie];"""


def test_motion_is_recognised_as_in_python_and_stays_in_the_page(chromium, page_url):
    """For a minute of a recording: no request leaves the page's host, and nothing is stored."""
    recording = next(x for x in embedded_recordings.load() if x.subject == 1)
    begins = np.flatnonzero(recording.labels == uci_har.LABELS.index("WALKING"))[0] - 1000
    # A phone's y points up where the recordings' x does.
    moving = recording.samples[begins:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]
    moving[:, :3] *= STANDARD_GRAVITY
    chromium.cdp("Browser.grantPermissions", permissions=["sensors"])
    for sensor in SENSORS:
        chromium.cdp("Emulation.setSensorOverrideEnabled", enabled=True, type=sensor, metadata={"available": True})
    chromium.open(f"{page_url}/page/index.html")
    chromium.run(_CHOSEN, "edge")
    chromium.click("#start")
    start = time.monotonic()
    while (passed := time.monotonic() - start) < 60:
        for sensor, axes in SENSORS.items():
            reading = dict(zip("xyz", moving[int(50 * passed), axes].tolist(), strict=True))
            chromium.cdp("Emulation.setSensorOverrideReadings", type=sensor, reading={"xyz": reading})
        time.sleep(0.01)
    chromium.click("#start")
    samples, shown = chromium.run(_SHOWN)
    addresses = chromium.requests()
    assert f"{page_url}/page/edge.wasm" in addresses
    assert all(address.startswith((page_url, "data:", "about:")) for address in addresses)
    assert chromium.run(_STORED) == [0, 0, 0, 0, ""]
    seconds, *sensed = np.array(samples).T
    recogniser = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    decided = [decision.activity for decision in decisions(recogniser.push(np.array(sensed).T, seconds))]
    assert [[*uci_har.LABELS, "unknown"][i] for i in shown] == decided
    assert "WALKING" in decided


def as_of_a_phone(n: int, recording: int = 0) -> list[list[float]]:
    """Return rows for `move` in `_USE`: `n` samples of a recording, as an upright phone gives them."""
    rows = enumerate(embedded_recordings.load()[recording].samples[:n].tolist())
    return [[i / 50, -9.8 * y, 9.8 * x, 9.8 * z, -57 * b, 57 * a, 57 * c] for i, (x, y, z, a, b, c) in rows]


# Dispatches events in place of a phone's sensors.
_USE = """const $ = (id) => document.getElementById(id);
const wait = () => new Promise((done) => setTimeout(done, 50));
const until = async (word) => { while (!$('status').textContent.includes(word)) await wait(); };
const start = async () => { $('start').click(); await wait(); };
const move = (rows) => {
  for (const [second, x, y, z, ...[alpha, beta, gamma]] of rows) {
    const values = { accelerationIncludingGravity: { x, y, z }, rotationRate: { alpha, beta, gamma } };
    const event = new DeviceMotionEvent('devicemotion', values);
    dispatchEvent(Object.defineProperty(event, 'timeStamp', { value: 1000 * second }));
  }
};
await until('wear');
(globalThis.DeviceMotionEvent ?? {}).requestPermission = async () => 'granted';
addEventListener('devicemotion', (event) => event.isTrusted && event.stopImmediatePropagation());
"""


def test_the_headline_agrees_with_the_bars_which_are_shown_only_meanwhile(chromium, page_url):
    """For a recording in which an activity is sometimes likelier than the one that holds."""
    chromium.open(f"{page_url}/page/index.html")
    shown = chromium.run(f"""{_USE} $('model').value = 'edge'; await $('model').onchange();
        const shown = [[$('activity').textContent, $('live').hidden]];
        await start();
        for (let i = 0; i < given[0].length; i += 16) {{
          move(given[0].slice(i, i + 16));
          const widths = [...document.querySelectorAll('#probabilities i')].map((x) => parseFloat(x.style.width) || 0);
          const likeliest = document.querySelectorAll('#probabilities span')[widths.indexOf(Math.max(...widths))];
          shown.push([$('activity').textContent, likeliest.textContent]);
        }}
        $('start').click();
        return [...shown, [$('activity').textContent, $('live').hidden]];""", as_of_a_phone(7000))  # fmt: skip
    assert shown[0] == shown[-1] == ["Ready", True]
    known = {tuple(pair) for pair in shown[1:-1] if pair[0] not in ("Starting…", "Unknown")}
    assert all(headline.removesuffix("?") == likeliest for headline, likeliest in known)
    assert ("Lying?", "Lying") in known


def test_the_page_of_the_documentation_recognises(chromium, page_url, tmp_path_factory):
    text = (ROOT / "docs/in_your_program.md").read_text()
    for name, kind in (("own.html", "html"), ("own.js", "js")):
        block = text.partition(f"```{kind}\n")[2].partition("```")[0]
        (tmp_path_factory.getbasetemp() / "page" / name).write_text(block)
    chromium.open(f"{page_url}/page/own.html")
    use = _USE.replace("await until('wear');", "").replace("await wait();", "await wait(); await wait();")
    shown = chromium.run(f"""{use} while (!$('start').onclick) await wait();
        await start();
        const shown = [];
        for (let i = 0; i < given[0].length; i += 64) {{
          move(given[0].slice(i, i + 64));
          shown.push($('activity').value);
        }}
        return shown;""", as_of_a_phone(9000))  # fmt: skip
    assert {"", "unknown", "WALKING", "STANDING"} <= {*shown}


def test_a_phone_that_is_not_upright_is_noticed(chromium, page_url):
    def notice(rows: list[list[float]]) -> str:
        chromium.open(f"{page_url}/page/index.html")
        return chromium.run(f"""{_USE} $('model').value = 'edge'; await $('model').onchange();
            await start(); move(given[0]); return $('notice').textContent;""", rows)  # fmt: skip

    upright = as_of_a_phone(8000)
    assert notice(upright) == ""
    assert "edge-anywhere" in notice([[second, y, -x, z, b, -a, c] for second, x, y, z, a, b, c in upright])


def test_apples_phones_and_tablets_have_the_other_sign_of_acceleration(chromium, page_url):
    """Their tablets call themselves Macs, and have a screen to touch."""

    def sample(agent: str, touches: int) -> list[float]:
        """Acceleration and rotation in the page; without an `agent` it is Chromium's own."""
        chromium.cdp("Emulation.setUserAgentOverride", userAgent=agent)
        chromium.cdp("Emulation.setTouchEmulationEnabled", enabled=touches > 0, maxTouchPoints=max(touches, 1))
        chromium.open(f"{page_url}/page/index.html")
        return chromium.run(f"""{_USE} const {{ samples }} = await import('./page.js');
            await start(); move([[0, 1, 9.8, 2, 3, 4, 5]]); return samples[0].slice(1, 7);""")

    phone, tablet = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)", "Mozilla/5.0 (Macintosh; Intel Mac OS X)"
    usual = sample("", 0)
    other = [*(-x for x in usual[:3]), *usual[3:]]
    assert [sample(*x) for x in ((phone, 5), (tablet, 5), (tablet, 0), ("", 0))] == [other, other, usual, usual]


@pytest.mark.parametrize(
    ("happening", "word"),
    [
        ("DeviceMotionEvent.requestPermission = async () => 'denied'; start();", "refused"),
        ("start();", "sensors"),
        ("await start(); move([[0, 0, 9.8, 0]]);", "gyroscope"),
        ("""await start(); Object.defineProperty(document, 'hidden', { value: true });
            document.dispatchEvent(new Event('visibilitychange'));""", "hidden"),
    ],
)  # fmt: skip
def test_it_says_why_it_does_not_recognise(chromium, page_url, happening, word):
    chromium.open(f"{page_url}/page/index.html")
    ended = f"{_USE}{happening} await until('{word}'); return $('activity').textContent + $('start').textContent;"
    assert chromium.run(ended) == "StoppedStart"


def test_samples_are_kept_until_saved_or_given_up_and_no_key_opens_the_pocket(chromium, page_url):
    """When the memory for samples is full, the page says so; no model can be chosen while another loads."""
    chromium.open(f"{page_url}/page/index.html")
    kept = """const { samples } = await import('./page.js');
        const [kept, other] = [[], [...$('model').options].find((x) => !x.selected).value];
        const choose = () => { $('model').value = other; return $('model').onchange(); };
        const record = async () => {
          await start(); move([[kept.length, 0, 9.8, 0, 0, 0, 0]]); kept.push(samples.length); };
        await record(); $('start').click(); await record();
        $('start').click(); globalThis.confirm = () => false; await choose(); kept.push($('model').value === other);
        $('save').click(); await record();
        samples.length = 999_999; move([[9, 0, 9.8, 0, 0, 0, 0]]); kept.push($('full').textContent !== '');
        $('start').click(); globalThis.confirm = () => true; const chosen = choose(); kept.push($('model').disabled);
        await chosen; kept.push(samples.length, $('model').disabled, $('model').value === other);
        $('cover').showModal(); return kept;"""
    assert chromium.run(_USE + kept) == [1, 2, False, 1, True, True, 0, False, True]
    for _ in range(3):
        chromium.cdp("Input.dispatchKeyEvent", type="rawKeyDown", key="Escape", code="Escape", windowsVirtualKeyCode=27)
    assert chromium.run("return document.getElementById('cover').open;")


def test_it_says_when_motion_ceases(chromium, page_url):
    chromium.open(f"{page_url}/page/index.html")
    rows = [[0, 0, 9.8, 0, 0, 0, 0], [0.02, 0, 9.8, 0, 0, 0, 0]]
    ceased = f"{_USE}await start(); move(given[0]); await until('No motion has come'); return $('start').textContent;"
    assert chromium.run(ceased, rows) == "Stop"


def test_it_says_that_it_needs_https(chromium, page_url, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "page"
    with (
        PageServer(folder, "", 0, own_address()) as http,
        http.answering(),
        over_https(folder, 0) as https,
        https.answering(),
    ):
        chromium.cdp("Security.setIgnoreCertificateErrors", ignore=True)
        chromium.open(http.url)
        chromium.run(f"{_USE} start(); await until('https');")
        chromium.open(https.url)
        assert chromium.run(f"{_USE} return isSecureContext;")


def test_saved_samples_are_recognised_alike_and_nothing_is_wider_than_the_screen(chromium, page_url, tmp_path):
    rows = as_of_a_phone(1200, recording=14)
    chromium.open(f"{page_url}/page/index.html")
    shown, saved = chromium.run(f"""{_USE} $('model').value = 'edge'; await $('model').onchange();
        await start(); move(given[0]); const shown = $('activity').textContent;
        let saved; URL.createObjectURL = (blob) => {{ saved = blob; return '#'; }};
        $('save').click(); return [shown, await saved.text()];""", rows)  # fmt: skip
    assert shown == "Standing"
    (tmp_path / "saved.csv").write_text(saved)
    assert "STANDING" in succeeded(har_edge("predict", "edge", tmp_path / "saved.csv")).stdout
    for width, height, scheme in ((360, 640, "light"), (360, 640, "dark"), (1280, 800, "dark")):
        chromium.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        chromium.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert chromium.run("return document.documentElement.scrollWidth;") == width
