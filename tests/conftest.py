"""Fixtures that tests share, by what they are about."""

pytest_plugins = ["no_skips", "training_fixtures", "environments", "data_fixtures"]
