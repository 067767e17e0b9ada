"""Share the fixtures of tests of remote devices."""

from adb_board import adbd, board, home, namespace

__all__ = ["adbd", "board", "home", "namespace"]
