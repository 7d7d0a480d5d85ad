"""Open a TCP connection from the network namespace of a process, and close it: nothing is sent.

Our own program enters only that namespace: it sees the host's files and runs nothing of the
container. Root may enter every namespace, a user those of their own rootless containers through
`podman unshare`.
"""

from __future__ import annotations

import json
import os
import sys

from hardentui.host.commands import Run
from hardentui.model.known import Known, Unread
from hardentui.model.reach import ConnectOutcome

SECONDS = 3.0
_START_LIMIT = 10.0  # podman unshare takes a moment
_KNOCK = """
import errno, json, socket, sys
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
try:
    with socket.socket(family, socket.SOCK_STREAM) as knock:
        knock.settimeout(seconds)
        knock.connect((address, port))
    word = "connected"
except TimeoutError:
    word = "no answer"
except ConnectionRefusedError:
    word = "refused"
except OSError as error:
    routes = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)
    routes += (errno.ENETDOWN, errno.EADDRNOTAVAIL)
    word = "no route" if error.errno in routes else "error"
print(json.dumps(word))
"""


def knock(
    run: Run,
    pid: int,
    address: str,
    port: int,
    *,
    root: bool | None = None,
) -> Known[ConnectOutcome]:
    """The result of a connection attempt from the namespace of `pid`; Unread if it was impossible.

    Args:
        run: runs our own Python, which a host may lack.
        root: whether we are root; by default this is determined.
    """
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
    words = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _KNOCK,
        address,
        str(port),
        str(SECONDS),
    ]
    way = [] if (os.geteuid() == 0 if root is None else root) else ["podman", "unshare"]
    answer = run([*way, *inside, *words], SECONDS + _START_LIMIT)
    if isinstance(answer, Unread):
        return Unread(f"its network namespace could not be entered: {answer.reason}")
    try:
        return ConnectOutcome(json.loads(answer))
    except ValueError:
        return Unread("the attempt failed with an error that says nothing about the route")
