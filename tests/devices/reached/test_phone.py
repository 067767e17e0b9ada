"""Check `har-edge bench --on adb:` to a phone: a real adbd, the app's own code, scripts for Android's commands."""

import json
import shlex
from pathlib import Path

import pytest
from home import ROUNDS
from programs import MODELS, assert_one_sentence, succeeded, write_program

pytestmark = pytest.mark.usefixtures("board")

ANSWERS = "{}/phone/storage/Android/data/haredge.demo/files/bench"
PM = """
echo "$0 $*" >> {phone}/calls
case "$1" in
path) [ -f {phone}/base.apk ] && echo package:{phone}/base.apk ;;
install) if grep -q refused "$3"; then echo "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE]"
    else cp "$3" {phone}/base.apk && echo Success; fi ;;
esac
"""
# The activity starts a process for the job, which says how far it is in Android's log.
AM = """
echo "$0 $*" >> {phone}/calls
[ "$1" = start ] || exit 0
for job; do :; done
{{
    mkdir -p {answers}
    {work}
    echo "{{\\"done\\": \\"$(basename "$job")\\"}}"
}} >> {phone}/log 2>&1 </dev/null &
"""
LOGCAT = "exec tail -n 1 -f {phone}/log\n"


class Phone:
    """Stands for Android's programs on the board; `work` is what the app does with `$job`."""

    def __init__(self, folder: Path, work: str) -> None:
        self.folder = folder / "phone"
        self.answers = Path(ANSWERS.format(folder))
        self.folder.mkdir()
        (self.folder / "log").touch()
        for name, text in {"getprop": "echo 14", "pm": PM, "am": AM, "logcat": LOGCAT}.items():
            script = text.format(phone=self.folder, answers=self.answers, work=work)
            write_program(folder / "bin" / name, script)

    def installs(self) -> int:
        return (self.folder / "calls").read_text().count("install")


@pytest.fixture
def app(tmp_path) -> Path:
    """An app to install: what is in it makes no difference to adb."""
    path = tmp_path / "app.apk"
    path.write_bytes(b"PK" * 5000)
    return path


@pytest.fixture
def telephone(home, board, app, tmp_path):
    """Makes a `Phone`, whose folders are the board's."""
    home.environment["HAR_EDGE_APK"] = str(app)
    return lambda work: Phone(tmp_path, work)


def test_a_phone_is_measured_by_the_app_which_is_installed_once(home, telephone, app, desktop, tmp_path):
    phone = telephone(f"{shlex.join(desktop.java('haredge.jvm.Drive', 'worker'))} $job {ANSWERS.format(tmp_path)}")
    succeeded(home.run("bench", *MODELS.values(), "--on", "adb:", *ROUNDS))
    report = json.loads((tmp_path / "bench-127.0.0.1-5601.json").read_text())
    assert [result["windows"] for result in report["results"]] == [2947, 2947]
    assert report["results"][1]["accuracy"] > 0.98
    assert report["results"][1]["agreement"] > 0.99
    assert report["device"]["os"] == "Android 14"
    assert (phone.folder / "base.apk").read_bytes() == app.read_bytes()
    assert list(phone.answers.iterdir()) == []
    assert not (tmp_path / "phone/tmp/har-edge").exists()
    installed = phone.installs()
    assert home.run("bench", MODELS["int8"], "--on", "adb://127.0.0.1:5601", *ROUNDS).returncode == 0
    assert phone.installs() == installed


BENCH = ("bench", MODELS["int8"], "--on", "adb:", *ROUNDS)


@pytest.mark.parametrize(
    ("app_is", "arguments", "code", "noun"),
    [
        ("silent", BENCH, 3, "adb logcat"),
        ("refused", BENCH, 3, "UPDATE_INCOMPATIBLE"),
        ("absent", BENCH, 2, "make android"),
        ("silent", ["devices", "adb:"], 3, "phone"),
    ],
)
def test_an_impossible_request_to_a_phone_is_refused(home, telephone, app, app_is, arguments, code, noun):
    telephone("true")
    if app_is == "refused":
        app.write_text("refused")
    if app_is == "absent":
        app.unlink()
    assert_one_sentence(home.run(*arguments), code, noun)
