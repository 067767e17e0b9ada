"""Load the shared fixtures, and mark tests that need more than Python."""

import os
from pathlib import Path

from hypothesis import settings

# Tests use no GPU, and TensorFlow need not say so.
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
# On a busy machine an example takes as long as it takes.
settings.register_profile("no deadlines", deadline=None)
settings.load_profile("no deadlines")

pytest_plugins = ["no_skips", "programs", "training_fixtures", "environments", "android_app", "browsers"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        # The test of the phone also builds the app.
        if HERE / "android" in item.path.parents or item.path.name == "test_phone.py":
            item.add_marker("android")
        elif {HERE / "devices" / "emulated", HERE / "devices" / "reached"} & set(item.path.parents):
            item.add_marker("device")
