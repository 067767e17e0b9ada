"""Use the page as people do, in Chromium, with events in place of a phone's sensors."""

from threading import Thread

import pytest
from programs import har_edge, succeeded

from convert.page.page_server import PageServer, over_https
from edge_runtime.data import uci_har
from edge_runtime.live.sources.sockets import own_address

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


def test_it_says_that_it_needs_https(chromium, page_url, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "page"
    with PageServer(folder, "", 0) as http, over_https(folder, 0) as https:
        for server in (http, https):
            Thread(target=server.serve_forever, daemon=True).start()
        chromium.cdp("Security.setIgnoreCertificateErrors", ignore=True)
        chromium.open(f"http://{own_address()}:{http.server_port}")
        chromium.run(f"{_USE} start(); await until('https');")
        chromium.open(https.url)
        assert chromium.run(f"{_USE} return isSecureContext;")
        http.shutdown()
        https.shutdown()


def test_saved_samples_are_recognised_alike_and_nothing_is_wider_than_the_screen(chromium, page_url, tmp_path):
    standing = [map(float, x) for x in uci_har.recordings()[14].samples[:1200]]
    rows = [
        [i / 50, -9.8 * y, 9.8 * x, 9.8 * z, -57 * b, 57 * a, 57 * c] for i, (x, y, z, a, b, c) in enumerate(standing)
    ]
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
