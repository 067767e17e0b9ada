"""Names and times as people read them in a stream."""

from edge_runtime.live.recognizer import UNKNOWN
from edge_runtime.system.printable import printable

_LONGEST_NAME = 24


def activity(label: str) -> str:
    """The name of an activity; labels come from a file and may hold anything."""
    return "unknown" if label == UNKNOWN else printable(label, _LONGEST_NAME).replace("_", " ")


def since(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, whole = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"
