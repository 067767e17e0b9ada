"""Stand for an agent that says whatever a test wants: `scripted_agent.py SCRIPT ... COMMAND`.

SCRIPT is a JSON file: what to write as greeting, and for each request by its name, as text of Latin-1. COMMAND is the
loader's, which ends with the size of the true agent's source, its name and how it is compiled. A request that the
script does not name is answered as the true agent does; %JOB% is the name of the job that is asked for. SCRIPT.asked
lists the requests.
"""

import json
import sys

script = json.load(open(sys.argv[1]))  # noqa: PTH123, SIM115 - it must start quickly
host, out = sys.stdin.buffer, sys.stdout.buffer
USUAL = {
    "missing": lambda request: {"missing": list(request["digests"])},
    "put": lambda request: {},
    "environment": lambda request: {"site": "/site", "made": True},
    "run": lambda request: {"code": 1, "log": "", "silent": False},
}


def say(name: str, usual: object, job: str = "") -> None:
    """Write what the script has for `name`, or what is usual."""
    text = script.get(name)
    out.write((json.dumps(usual) + "\n" if text is None else text.replace("%JOB%", job)).encode("latin-1"))
    out.flush()


host.read(int(sys.argv[-1].split()[-3].strip("'")))  # the true agent's source
say("greeting", {"hello": script["hello"]})
if not script.get("greeting", "\n").endswith("\n"):
    sys.exit()
while line := host.readline():
    request = json.loads(line)
    print(request["do"], file=open(f"{sys.argv[1]}.asked", "a"))  # noqa: PTH123, SIM115
    host.read(request.get("n_bytes", 0))
    usual = {"done": True, **USUAL[request["do"]](request)} if request["do"] in USUAL else None
    say(request["do"], usual, request.get("job", "").removesuffix(".job.json"))
