"""Check the APK that `make android` builds."""

import struct
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import build_app
import pytest
import toolchain
from programs import ROOT

import edge_runtime
from edge_runtime.model.model_paths import reference_model

ANDROID = "{http://schemas.android.com/apk/res/android}"


@pytest.fixture(scope="module")
def badging(apk) -> str:
    """Return aapt's description of the APK."""
    return toolchain.run(*toolchain.debian_command("aapt"), "dump", "badging", apk)


def test_the_same_sources_give_the_same_apk_and_the_command_that_installs_it(apk, tmp_path, monkeypatch, capsys):
    again = tmp_path / "a folder/again.apk"
    again.parent.mkdir()
    monkeypatch.setattr(build_app, "APK", again)
    assert build_app.main() == 0
    assert again.read_bytes() == apk.read_bytes()
    assert capsys.readouterr().out.splitlines()[-1].endswith(f": adb install -r '{again}'")
    with zipfile.ZipFile(again.with_name(build_app.LIBRARY.name)) as library, zipfile.ZipFile(apk) as archive:
        for abi in build_app.ARCHITECTURES:
            assert library.read(f"jni/{abi}/libhar.so") == archive.read(f"lib/{abi}/libhar.so")
        with library.open("classes.jar") as jar:
            packages = {Path(name).parent.name for name in zipfile.ZipFile(jar).namelist()}
        assert packages == {"core", "live"}
        assert "haredge" in library.read("AndroidManifest.xml").decode()
        assert "HarCore" in library.read("proguard.txt").decode()


# The compiler of Kotlin, and what it needs.
_NAMED = "org.jetbrains.kotlin:kotlin-"
KOTLIN = (
    (f"{_NAMED}compiler-embeddable:2.0.21", "9fa8cdd1de0dccffe154c997d423ec6b5f53cd6d9177e3a77a9b0de03fb1bc81", 58.3),
    (f"{_NAMED}stdlib:2.0.21", "f31cc53f105a7e48c093683bbd5437561d1233920513774b470805641bedbc09", 1.7),
    (f"{_NAMED}script-runtime:2.0.21", "9c111f8d08ade455566272d561921adc2b2cb6b7a4ccee38d9829c5e3a1ca6a3", 0.1),
    (f"{_NAMED}reflect:1.6.10", "3277ac102ae17aad10a55abec75ff5696c8d109790396434b496e75087854203", 3.0),
    (f"{_NAMED}daemon-embeddable:2.0.21", "b1a0a73c5022f8dd05a638c6b76b2bd7361818a1f3860ff2644133b1dd2bdb03", 0.3),
    (
        "org.jetbrains.intellij.deps:trove4j:1.0.20200330",
        "c5fd725bffab51846bf3c77db1383c60aaaebfe1b7fe2f00d23fe1b7df0a439d",
        0.6,
    ),
    (
        "org.jetbrains.kotlinx:kotlinx-coroutines-core-jvm:1.6.4",
        "c24c8bb27bb320c4a93871501a7e5e0c61607638907b197aef675513d4c820be",
        1.5,
    ),
    ("org.jetbrains:annotations:13.0", "ace2a10dc8e2d5fd34925ecac03e4988b2c0f851650c94b8cef49ba1bd111478", 0.1),
)
# What the documentation's example takes of LiteRT, which comes from another repository than Maven Central.
LITERT = """package com.google.ai.edge.litert
class TensorBuffer { fun writeFloat(data: FloatArray) {}; fun readFloat() = FloatArray(0) }
class CompiledModel : AutoCloseable {
    fun createInputBuffers() = emptyList<TensorBuffer>()
    fun createOutputBuffers() = emptyList<TensorBuffer>()
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) {}
    override fun close() {}
    companion object { fun create(assets: android.content.res.AssetManager, name: String) = CompiledModel() }
}
"""


def test_the_kotlin_of_the_documentation_compiles_against_the_library(apk, tmp_path):
    text = (ROOT / "docs/in_your_program.md").read_text()
    sources = {"Own.kt": text.partition("```kotlin\n")[2].partition("```")[0], "LiteRt.kt": LITERT}
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    with zipfile.ZipFile(apk.with_name(build_app.LIBRARY.name)) as library:
        library.extract("classes.jar", tmp_path)
    compiler = [toolchain.artifact(toolchain.Artifact(*each)) for each in KOTLIN]
    libraries = [tmp_path / "classes.jar", toolchain.artifact(toolchain.FRAMEWORK), compiler[1]]
    toolchain.run(
        *(toolchain.java_tool("java"), "-cp", build_app.class_path(compiler)),
        *("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib", "-no-reflect", "-nowarn"),
        *("-cp", build_app.class_path(libraries), "-d", tmp_path / "out", *(tmp_path / name for name in sources)),
    )
    assert (tmp_path / "out/Activities.class").exists()


def test_the_apk_is_small_and_runs_on_64_bit_processors_with_pages_of_16_kb(apk, badging):
    assert apk.stat().st_size <= build_app.LARGEST_BYTES
    assert "native-code: 'arm64-v8a' 'x86_64'\n" in badging
    with zipfile.ZipFile(apk) as archive:
        libraries = {name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
        licence, *models = (archive.read(f"assets/{Path(asset).name}") for asset in build_app.ASSETS)
    assert "Apache License" in licence.decode()
    assert models == [reference_model(name, "int8").read_bytes() for name in ("edge-anywhere", "edge")]
    assert set(libraries) == build_app.LIBRARIES
    assert min(min(alignments(library)) for library in libraries.values()) >= 0x4000
    for abi in build_app.ARCHITECTURES:
        assert b"\0libm.so\0libc.so\0libhar.so\0" in libraries[f"lib/{abi}/libhar.so"]


def alignments(library: bytes) -> list[int]:
    """Return the alignment of each loaded segment of a 64-bit ELF file (`p_align` of PT_LOAD in elf(5))."""
    assert library[:5] == b"\x7fELF\x02"
    (table,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", library, table + i * size) for i in range(count)]
    return [header[-1] for header in headers if header[0] == 1]


def test_the_app_has_the_version_of_the_package(badging):
    assert f"versionName='{edge_runtime.__version__}'" in badging


def test_only_the_launcher_or_adb_can_start_exported_parts():
    manifest = ET.parse(build_app.MAIN / "AndroidManifest.xml").getroot()
    for part in manifest.find("application"):
        if part.get(f"{ANDROID}exported") == "true":
            has_filter = part.find("intent-filter") is not None
            assert has_filter or part.get(f"{ANDROID}permission") == "android.permission.DUMP"
