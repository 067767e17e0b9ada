"""Attack what reads a result of bench: report in every form, compare, and its conditions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from tools.attack.ground import ESCAPE, PLANT, Ground
from tools.attack.harness import Case

MARKUP = (
    f"{ESCAPE}\x1b[31m</script><script>alert(1)</script><img src=x onerror=alert(1)>[/red]|`x`"
    "\" onmouseover=alert(1) x='"
)
ALL = ("report", "forms", "compare", "beside")
ODD = (None, True, 0, -1, 10**400, 1e308, 5e-324, "", "x", [], {}, [1], {"a": 1}, "\x1b[31m", "\ud800")


class Maker:
    """Writes result files and the cases that give them to commands."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.folder = ground.place("results")
        self.good = ground.result

    def cases(self, name: str, content: str | bytes, commands: Iterable[str] = ALL) -> Iterator[Case]:
        """Give a file of `content` to each of `commands`."""
        path = self.folder / f"{name}.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        for command in commands:
            outputs = [self.folder / f"{name}-{command}.{suffix}" for suffix in ("html", "csv", "md", "json")]
            line: tuple[object, ...] = {
                "report": ("report", path),
                "forms": ("report", path, "--html", outputs[0], "--csv", outputs[1], "--markdown", outputs[2]),
                "beside": ("report", self.good, path, "--html", outputs[0]),
                "compare": ("compare", self.good, path, "--json", outputs[3], "--anyway"),
                "gate": ("compare", self.good, path, "--fail-if", "p50>5%"),
            }[command]
            page = outputs[0]
            yield Case(f"{name}: {command}", line, keeps=(path, *outputs), check=lambda _, page=page: _scripts(page))

    def changed(self, change: Callable[[dict[str, Any]], object]) -> str:
        """The good result with a change."""
        content = json.loads(json.dumps(self.ground.results))
        change(content)
        return json.dumps(content)


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group."""
    maker = Maker(ground)
    yield from maker.cases("good", json.dumps(ground.results), (*ALL, "gate"))
    for name, content in _texts(json.dumps(ground.results)).items():
        yield from maker.cases(name, content)
    for name, change in CHANGES.items():
        yield from maker.cases(name, maker.changed(change))
    yield from maker.cases("markup", maker.changed(lambda content: _every_text(content, MARKUP)))
    yield from maker.cases("surrogates", maker.changed(lambda content: _every_text(content, "\ud800")))
    random = ground.random("results")
    places = list(_places(ground.results))
    for number in range(60):
        changes = [(random.choice(places), random.choice(ODD)) for _ in range(random.choice((1, 1, 2)))]
        content = maker.changed(lambda content, changes=changes: [_put(content, *x) for x in changes])
        yield from maker.cases(f"odd-{number}", content, (random.choice(ALL),))
    yield from _no_files(maker)
    for condition in CONDITIONS:
        yield Case(f"fail-if {condition!r}", ("compare", maker.good, maker.good, "--fail-if", condition))


def _texts(text: str) -> dict[str, str | bytes]:
    return {
        "empty": "",
        "null": "null",
        "list": "[]",
        "text": '"x"',
        "deep": "[" * 200_000,
        "deep-inside": text[:-1] + ', "more": ' + "[" * 5000 + "]" * 5000 + "}",
        "cut": text[:5000],
        "utf-16": text.encode("utf-16"),
        "byte-order-mark": b"\xef\xbb\xbf" + text.encode(),
        "invalid-utf-8": text.encode()[:-1] + b',"x":"\xff"}',
        "not-a-number": text.replace('"accuracy": 0.', '"accuracy": NaN, "b": 0.', 1),
        "1e999": text.replace('"p50": ', '"p50": 1e999, "b": '),
        "400-digits": text.replace('"p50": ', '"p50": 1' + "0" * 400 + ', "b": '),
        "400-digit-size": text.replace('"size_bytes": ', '"size_bytes": 1' + "0" * 400 + ', "b": '),
        "5000-digits": text.replace('"size_bytes": ', '"size_bytes": 1' + "0" * 5000 + ', "b": '),
        "same-key-twice": '{"format": 1, ' + text[1:],
    }


def _no_files(maker: Maker) -> Iterator[Case]:
    folder = maker.folder
    os.mkfifo(folder / "fifo.json")
    (folder / "loop.json").symlink_to("loop.json")
    (folder / "folder.json").mkdir()
    with (folder / "sparse.json").open("wb") as file:
        file.truncate(6 << 30)
    own = [folder / f"{x}.json" for x in ("fifo", "loop", "folder", "sparse")]
    for path in (*own, "/dev/zero", "/dev/null", "/nonexistent", "", "/proc/self/environ", "\udcff"):
        yield Case(f"{path!s}: report", ("report", path))
        yield Case(f"{path!s}: compare", ("compare", maker.good, path))


def _scripts(page: Any) -> str | None:
    """Find what is markup in a page and should be text."""
    if not page.is_file():
        return None
    text = page.read_text()
    found = [x for x in ("<script>alert", "<img src=x", '" onmouseover=alert') if x in text]
    return f"{found} in the page" if found else None


def _places(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each value of `content`, of a list to the first three."""
    if keys:
        yield keys
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(inside)[: None if isinstance(content, dict) else 3]:
        yield from _places(value, (*keys, key))


def _put(content: Any, keys: tuple[Any, ...], value: Any) -> None:
    with suppress(KeyError, IndexError, TypeError):  # where a change before this one has taken the place away
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value


def _every_text(content: dict[str, Any], text: str) -> None:
    for keys in list(_places(content)):
        value = content
        for key in keys:
            value = value[key]
        if isinstance(value, str):
            _put(content, keys, text)
    for result in content["results"]:
        result["labels"] = [f"{text}{i}" for i in range(len(result["labels"]))]
        for field in ("per_subject", "per_class"):
            result[field] = {f"{text}{i}": x for i, x in enumerate(result[field].values())} if result.get(field) else {}
        if result.get("operator_costs"):
            result["operator_costs"] = {text: next(iter(result["operator_costs"].values()))}
    content["device"][text] = text


def _results(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: [x.update(changes) for x in content["results"]]


def _latency(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: [x["latency_ms"].update(changes) for x in content["results"]]


def _all_of(*keys: str, to: Any) -> Callable[[dict[str, Any]], object]:
    """A change that puts `to` in place of every value of the object to which `keys` lead."""

    def change(content: Any) -> None:
        for key in keys:
            content = content[key]
        content.update(dict.fromkeys(content, to))

    return change


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no-results": lambda content: content.update(results=[]),
    "3000-results": lambda content: content.update(results=content["results"][:1] * 3000),
    "doubts-object": lambda content: content.update(doubts={}),
    "device-list": lambda content: content.update(device=[]),
    "data-null": lambda content: content.update(data=None),
    "settings-list": lambda content: content.update(settings=[]),
    "settings-lists": _all_of("settings", to=[]),
    "no-labels": _results(labels=[], confusion=[]),
    "huge-confusion": _results(confusion=[[10**30] * 6] * 6),
    "negative-confusion": _results(confusion=[[-1] * 6] * 6),
    "zero-confusion": _results(confusion=[[0] * 6] * 6),
    "negative-threads": _results(threads=-1),
    "huge-size": _results(size_bytes=10**400),
    "large-size": _results(size_bytes=10**30),
    "no-windows": _results(windows=0),
    "tiny-p50": _latency(p50=5e-324),
    "huge-p50": _latency(p50=1e308),
    "huge-mad": _latency(mad=1e308),
    "interval-turned": _latency(p50_ci95=[9, 1]),
    "no-samples": lambda content: [x["samples_ms"].update(latency=[], end_to_end=[[]]) for x in content["results"]],
    "one-sample": lambda content: [x["samples_ms"].update(latency=[[1]], end_to_end=[[1]]) for x in content["results"]],
    "no-latency": _results(latency_ms=None, end_to_end_ms=None, samples_ms=None),
    "cpu-number": lambda content: content["device"].update(cpu=5),
    "cpu-list": lambda content: content["device"].update(cpu=[1]),
    "before-text": lambda content: content["device"].update(before="x"),
    "before-texts": _all_of("device", "before", to="x"),
    "before-nulls": _all_of("device", "before", to=None),
    "before-lists": _all_of("device", "before", to=[1]),
    "before-objects": _all_of("device", "before", to={"a": {}}),
    "before-numbers": _all_of("device", "before", to=1e308),
    "throttled-text": lambda content: content["device"]["before"].update(throttled="0x1zz"),
    "throttled-huge": lambda content: content["device"]["before"].update(throttled=10**30),
    "device-objects": _all_of("device", to={"a": {}}),
    "device-texts": _all_of("device", to="x"),
    "device-numbers": _all_of("device", to=-1),
    "data-lists": _all_of("data", to=[{}]),
    "name-climbing": lambda content: content["device"].update(name=f"../../../../{PLANT}"),
    "name-long": lambda content: content["device"].update(name="x" * 1_000_000),
    "name-surrogate": lambda content: content["device"].update(name="\ud800"),
    "created-odd": lambda content: content.update(created="\x1b[31myesterday"),
    "comparisons-beyond": lambda content: content.update(comparisons=[{"result": 10**9, "against": -1}]),
    "failure-markup": lambda content: content.update(failures=[{"file": MARKUP, "error": MARKUP}]),
}

CONDITIONS = (
    *("p50>5", "p50", "", "x>5%", "accuracy<nan", "p50>nan%", "p50>inf%", "p50>1e400%", "\x1b[31m", "p50>5%; rm"),
    *("accuracy<-0,3", "p50>" + "9" * 5000 + "%", "p50>\u0663%"),
)
