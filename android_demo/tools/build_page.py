"""Build the page for phones with `make page`; `har-edge page` adds models."""

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import build_app
import toolchain

from edge_runtime.errors import HarEdgeError
from edge_runtime.system.files import scratch_folder

SOURCES = build_app.DEMO / "page"
FOLDER = build_app.DEMO.parent / "build/page"


def build(folder: Path) -> None:
    """Fill `folder` with the page. Raises `HarEdgeError` when a tool fails."""
    folder.mkdir(parents=True, exist_ok=True)
    _compile(folder / "har.js")
    (folder / "words.js").write_text(f"export default {json.dumps(words(), indent=1)};\n")
    licence = (build_app.DEMO / "LICENSE-TensorFlow-Lite-and-JavaCPP").read_text()
    apache = licence[licence.index("   Apache License\n") : licence.index("## Some of")]
    (folder / "LICENSE.txt").write_text((SOURCES / "NOTICE").read_text() + apache)
    for path in (*SOURCES.glob("*.js"), *SOURCES.glob("*.html"), *SOURCES.glob("*.css")):
        shutil.copyfile(path, folder / path.name)


def words() -> dict[str, object]:
    """Return the app's texts by name, `reasons` in the order of their enumeration, and `notices` by kind."""
    resources = ET.parse(build_app.MAIN / "res/values/strings.xml").getroot()
    texts = {element.attrib["name"]: element.text or "" for element in resources.iter("string")}
    alike = {element.attrib["quantity"]: element.text for element in resources.iter("item")}

    def table(name: str) -> list[str]:
        rows = re.search(rf"int\[\] {name} = \{{(.*?)\}};", _java("demo/DecisionText"), re.DOTALL)
        return [texts.get(name, "") for name in re.findall(r"\b0\b|(?<=R\.string\.)\w+", rows[1])]

    kinds = re.findall(r"[A-Z_]+", re.search(r"enum Kind \{(.*?)\}", _java("live/Notice"), re.DOTALL)[1])
    notices = dict(zip(kinds, table("NOTICES"), strict=True))
    return {**texts, "alike": alike, "reasons": table("REASONS"), "notices": notices}


def _java(name: str) -> str:
    return (build_app.MAIN / f"java/haredge/{name}.java").read_text()


def _compile(script: Path) -> None:
    """Write the app's core and its interface to the page as the JavaScript module `script`."""
    libraries = toolchain.teavm()
    java = build_app.MAIN / "java/haredge"
    core = sorted((*java.glob("core/*.java"), *java.glob("live/*.java")))
    with scratch_folder() as classes:
        build_app.compile_java(classes, [*core, *sorted(SOURCES.glob("haredge/**/*.java"))], libraries)
        compiler = ("-cp", build_app.class_path([classes, *libraries]), SOURCES / "Compile.java")
        toolchain.run(toolchain.java_tool("java"), *compiler, "haredge.page.Main", script)


if __name__ == "__main__":
    try:
        build(FOLDER)
    except HarEdgeError as error:
        sys.exit(f"Error: {error}")
    print(f"{FOLDER}: {sum(path.stat().st_size for path in FOLDER.iterdir()) / 1e6:.2f} MB, for 'har-edge page'")
