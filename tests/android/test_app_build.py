"""Check the APK that `make android` builds."""

import struct
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import build_app
import pytest
import toolchain

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
