"""Stand for an agent that says whatever a test wants: `scripted_agent.py SCRIPT SIZE`.

SCRIPT is a JSON file: what to write as greeting, and for each request by its name, as text of Latin-1. SIZE is that of
the true agent's source, which comes first. A request that the script does not name is answered as the true agent does.
"""

import json
import sys
import time

script = json.load(open(sys.argv[1]))  # noqa: PTH123, SIM115 - it must start quickly
host, out = sys.stdin.buffer, sys.stdout.buffer
USUAL = {
    "missing": lambda request: {"missing": list(request["sizes"])},
    "put": lambda request: {},
    "environment": lambda request: {"site": "/site", "made": True},
    "clean": lambda request: {"removed_bytes": 1},
    "run": lambda request: {"code": 1, "log": "", "silent": False},
}


def say(name: str, usual: object) -> None:
    text = script.get(name)
    out.write((json.dumps(usual) + "\n").encode() if text is None else text.encode("latin-1"))
    out.flush()


host.read(int(sys.argv[2]))
sys.stderr.write(script.get("stderr", ""))
say("greeting", {"hello": script["hello"]})
if not script.get("greeting", "\n").endswith("\n"):
    sys.exit()
if script.get("deaf"):
    time.sleep(600)
while line := host.readline():
    request = json.loads(line)
    host.read(request.get("n_bytes", 0))
    say(request["do"], {"done": True, **USUAL[request["do"]](request)} if request["do"] in USUAL else None)
