"""The APK that `make android` builds, and the Gradle project beside it."""

import re
import struct
import xml.etree.ElementTree as ET
import zipfile

import assets
import build_app
import pytest
import toolchain

import edge_runtime
from edge_runtime.data import loading
from edge_runtime.errors import CheckFailedError, DeviceError

ANDROID = "{http://schemas.android.com/apk/res/android}"
APP = (build_app.DEMO / "app/build.gradle").read_text()


@pytest.fixture(scope="module")
def badging(apk) -> str:
    """Ask aapt about the APK."""
    return toolchain.run(*toolchain.debian_command("aapt"), "dump", "badging", apk)


def test_the_same_sources_give_the_same_bytes(apk, tmp_path):
    build_app.build(tmp_path / "again.apk")
    assert (tmp_path / "again.apk").read_bytes() == apk.read_bytes()


def test_it_is_small_and_runs_on_every_common_processor(apk, badging):
    assert apk.stat().st_size <= 12_000_000
    assert "native-code: 'arm64-v8a' 'armeabi-v7a' 'x86_64'" in badging


def test_its_libraries_are_for_pages_of_the_size_that_its_readme_names(apk):
    with zipfile.ZipFile(apk) as archive:
        sizes = {page_size(archive.read(f"lib/{x}/libtensorflowlite_jni.so")) for x in build_app.ABIS}
    assert sizes == {4096}
    assert "for pages of 4 kB" in (build_app.DEMO / "README.md").read_text()


def page_size(library: bytes) -> int:
    """The alignment of the segments that are loaded of an ELF file (`p_align` of PT_LOAD in elf(5))."""
    wide = library[4] == 2
    (table,) = struct.unpack_from("<Q" if wide else "<I", library, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", library, 54 if wide else 42)
    headers = [
        struct.unpack_from("<IIQQQQQQ" if wide else "<IIIIIIII", library, table + i * size) for i in range(count)
    ]
    return max(header[-1] for header in headers if header[0] == 1)


def test_what_was_changed_after_signing_is_refused(apk, tmp_path):
    changed = tmp_path / "changed.apk"
    content = bytearray(apk.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    with pytest.raises(DeviceError):
        build_app.check(changed)


def test_an_apk_without_a_library_is_not_complete(apk, tmp_path):
    smaller, signed = tmp_path / "smaller.apk", tmp_path / "signed.apk"
    with zipfile.ZipFile(apk) as whole, zipfile.ZipFile(smaller, "w") as part:
        for entry in whole.infolist():
            if "arm64" not in entry.filename:
                part.writestr(entry, whole.read(entry))
    build_app.align_and_sign(smaller, signed)
    with pytest.raises(CheckFailedError, match="arm64-v8a"):
        build_app.check(signed)


def test_gradle_builds_the_same_app(badging):
    """The same sources, since neither build knows of others than Gradle's own folders, and the same numbers."""
    assert "srcDirs" not in APP.replace("sourceSets.main.assets.srcDirs", "")
    assert f"name='{build_app.version('applicationId')}' versionCode='{build_app.version('versionCode')}'" in badging
    assert f"versionName='{build_app.version('versionName')}'" in badging
    assert f"sdkVersion:'{build_app.version('minSdk')}'" in badging
    assert f"targetSdkVersion:'{build_app.version('targetSdk')}'" in badging
    assert build_app.version("applicationId") == build_app.version("namespace")
    assert tuple(re.search(r"abiFilters (.*)", APP)[1].replace("'", "").split(", ")) == build_app.ABIS
    assert f"VERSION_{build_app.JAVA_RELEASE}" in APP
    assert re.findall(r"implementation '(.*)'", APP) == [toolchain.TFLITE.coordinates.removesuffix(":aar")]
    assert "noCompress += 'tflite'" in APP
    assert "useLegacyPackaging = true" in APP
    assert build_app.version("compileSdk") == build_app.version("targetSdk")
    assert "storeFile = file('../debug.p12')" in APP
    assert "storePassword = 'android'" in APP
    assert "'../tools/assets.py'" in APP


def test_the_app_has_the_version_of_the_package():
    assert build_app.version("versionName") == edge_runtime.__version__


def test_the_apps_data_are_those_of_the_package():
    data = loading.load_data(None)
    assert data.fingerprint == assets.FINGERPRINT
    assert set(assets.TEST_SUBJECTS) == set(map(int, data.test.subject))


def test_what_is_exported_can_be_started_by_the_launcher_or_by_adb_alone():
    manifest = ET.parse(build_app.MAIN / "AndroidManifest.xml").getroot()
    for part in manifest.find("application"):
        if part.get(f"{ANDROID}exported") == "true":
            has_filter = part.find("intent-filter") is not None
            assert has_filter or part.get(f"{ANDROID}permission") == "android.permission.DUMP"


def test_every_text_on_the_screens_can_be_translated_and_read_aloud():
    for layout in (build_app.MAIN / "res/layout").glob("*.xml"):
        for element in ET.parse(layout).iter():
            for name in ("text", "hint", "contentDescription"):
                assert element.get(f"{ANDROID}{name}", "@").startswith("@"), layout
            if element.tag in ("Spinner", "haredge.demo.TimelineView"):
                assert element.get(f"{ANDROID}contentDescription")
            assert element.get(f"{ANDROID}textSize", "1sp").endswith("sp")


def test_colours_of_the_night_are_those_of_the_day():
    day, night = (
        {x.get("name") for x in ET.parse(build_app.MAIN / f"res/{folder}/colours.xml").iter("color")}
        for folder in ("values", "values-night")
    )
    assert day == night
