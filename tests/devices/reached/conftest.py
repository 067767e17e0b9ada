"""What tests of remote devices share."""

from adb_board import adbd, board, home, namespace

__all__ = ["adbd", "board", "home", "namespace"]
