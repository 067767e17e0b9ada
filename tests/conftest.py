"""Load the fixtures that tests share, and mark what takes more than Python."""

from pathlib import Path

from hypothesis import settings

# On a busy machine an example takes as long as it takes.
settings.register_profile("no deadlines", deadline=None)
settings.load_profile("no deadlines")

pytest_plugins = ["no_skips", "programs", "training_fixtures", "environments", "android_app"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        # The phone's test builds the app too.
        if HERE / "android" in item.path.parents or item.path.name == "test_phone.py":
            item.add_marker("android")
        elif {HERE / "devices" / "emulated", HERE / "devices" / "reached"} & set(item.path.parents):
            item.add_marker("device")
