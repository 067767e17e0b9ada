"""Take away what only Linux has, in every Python that starts with this folder on PYTHONPATH."""

import os
import sys
import sysconfig
import types
from collections.abc import Iterator

OURS = ("/edge_runtime/", "/train/", "/convert/")
LINUX = ("/proc/", "/sys/class/", "/sys/devices/", "/sys/firmware/")


def callers() -> Iterator[str]:
    frame = sys._getframe(2)
    while frame:
        yield frame.f_code.co_filename
        frame = frame.f_back


def refuse(event: str, arguments: tuple) -> None:
    """Find no files of the kernel on behalf of har-edge's modules; other packages were made for Linux here."""
    is_linux = event == "open" and str(arguments[0]).startswith(LINUX)
    if is_linux and any(part in name and "/tests/" not in name for name in callers() for part in OURS):
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


for name in ("memfd_create", "sched_getaffinity", "sched_setaffinity"):
    delattr(os, name)
sys.addaudithook(refuse)
sysconfig.get_config_vars()  # reads a file that is named after the platform
sys.modules["_scproxy"] = types.SimpleNamespace(_get_proxies=dict, _get_proxy_settings=dict)  # macOS's
sys.platform = "darwin"
