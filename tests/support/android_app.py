"""Build the app and run its own code on a desktop's JVM, and in browsers as the page does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import build_app
import build_page
import numpy as np
import pytest
from browsers import Browser, browser
from desktop import Desktop, prepare

from convert.page import page_folder
from convert.page.page_server import PageServer
from edge_runtime.system.progress import ignore_progress


@dataclass(frozen=True)
class Jvm:
    """Runs the commands of `haredge.jvm.Drive`."""

    desktop: Desktop
    folder: Path

    def drive(self, command: str, *files: Path | str) -> str:
        """Return the command's output; files without a folder are in `folder`."""
        return self.desktop.drive(command, *files, cwd=self.folder)


_LIVE = """const [model, files] = given;
const [har, { openModel }] = await Promise.all([import('./har.js'), import('./engine.js')]);
const { card, infer } = await openModel(model);
const fault = har.open(card, model);
if (fault) throw Error(fault);
const [found, told] = [[], []];
for (const file of files) {
  const samples = new Float64Array(await (await fetch(file, { cache: 'no-store' })).arrayBuffer());
  const number = found.push([]) - 1;
  const decided = (seconds, answer, isWarmingUp, reason, probabilities) =>
    found[number].push([seconds, answer, Number(isWarmingUp), reason, ...probabilities]);
  har.start(infer, decided, (seconds, kind) => told.push([number, kind, seconds]));
  for (let i = 0; i < samples.length; i += 7) har.push(...samples.subarray(i, i + 7));
  har.flush();
  told.push([number, 'LEFT_OUT', har.leftOut()]);
}
return [found, told];"""


@dataclass(frozen=True)
class Page:
    """Runs the app's core in a browser, to which `url` serves the folder `root` with the page."""

    browser: Browser
    url: str
    root: Path
    folder: Path

    def drive(self, command: str, model: Path, *files: str) -> str:
        """Do what the command `live` of `haredge.jvm.Drive` does."""
        assert command == "live"
        compiled = self.folder / f"{model.stem}.wasm"
        page_folder.write_wasm_model(model, compiled)
        names = [f"../{(self.folder / path).relative_to(self.root)}" for path in (compiled, *files[::2])]
        self.browser.open(f"{self.url}/page/words.js")
        streams, notices = self.browser.run(_LIVE, names[0], names[1:])
        for target, decisions in zip(files[1::2], streams, strict=True):
            np.array(decisions, "<f8").tofile(self.folder / target)
        return "\n".join(f"{i} {kind} {value if kind == 'LEFT_OUT' else float(value)}" for i, kind, value in notices)


@pytest.fixture(scope="session")
def apk(tmp_path_factory) -> Path:
    """Build the app."""
    path = tmp_path_factory.mktemp("apk") / "app.apk"
    build_app.build(path)
    return path


@pytest.fixture(scope="session")
def desktop(apk, tmp_path_factory) -> Desktop:
    return prepare(apk, tmp_path_factory.mktemp("jvm"))


@pytest.fixture
def jvm(desktop, tmp_path) -> Jvm:
    return Jvm(desktop, tmp_path)


@pytest.fixture(scope="session")
def page_url(tmp_path_factory) -> Iterator[str]:
    """Build the page and serve it to browsers with all temporary files; return the address."""
    root = tmp_path_factory.getbasetemp()
    build_page.build(root / "built")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_folder, "BUILT", root / "built")
        page_folder.write_page((Path("edge-anywhere"), Path("edge")), root / "page", ignore_progress)
    with PageServer(root, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.url.removesuffix("/")
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser("chromium") as opened:
        yield opened


@pytest.fixture(scope="session")
def webkit() -> Iterator[Browser]:
    with browser("webkit") as opened:
        yield opened


@pytest.fixture
def cores(jvm, page_url, tmp_path_factory, chromium, webkit) -> list[Jvm | Page]:
    """Return the app's core on a JVM and in each browser."""
    return [jvm, *(Page(x, page_url, tmp_path_factory.getbasetemp(), jvm.folder) for x in (chromium, webkit))]
