"""Run the `har-edge` command of a machine that has only this package (`python -m edge_runtime`)."""

from edge_runtime.cli import DEVICE_COMMANDS, start

start(DEVICE_COMMANDS)
