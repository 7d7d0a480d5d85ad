"""Which published ports answer another machine.

A network namespace of its own, connected to the bench by a cable, stands for that machine. A
process without any rights connects from there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

_SCRIPT = r"""
import ctypes, encodings.idna, json, os, socket, subprocess, sys

inside, ports = int(sys.argv[1]), json.loads(sys.argv[2])
ADDRESSES = ("192.0.2.1", "2001:db8::1")
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x40000000):
    raise OSError(ctypes.get_errno(), "unshare")
here = os.getpid()
words = ["nsenter", "--target", str(inside), "--net", "sh", "-ec"]
subprocess.run([*words, f'''
ip link add truth-outside type veth peer name cable netns {here}
ip address add 192.0.2.1/24 dev truth-outside
ip address add 2001:db8::1/64 dev truth-outside nodad
ip link set truth-outside up'''], check=True, stdin=subprocess.DEVNULL)
for line in (
    "address add 192.0.2.2/24 dev cable",
    "address add 2001:db8::2/64 dev cable nodad",
    "link set cable up",
):
    subprocess.run(["ip", *line.split()], check=True, stdin=subprocess.DEVNULL)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)

def answers(port):
    for address in ADDRESSES:
        try:
            socket.create_connection((address, port), 1).close()
            return True
        except OSError:
            pass
    return False

print(json.dumps([port for port in ports if answers(port)]))
"""


def answering(bench: Path, ports: Collection[int]) -> frozenset[int]:
    """Those of the ports of a bench that another machine can connect to.

    Raises:
        AssertionError: no such machine could be made.
    """
    holder = (bench / "holder.pid").read_text().split()[0]
    words = [
        sys.executable,
        "-I",
        "-c",
        _SCRIPT,
        holder,
        json.dumps(sorted(ports)),
    ]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.returncode, done.stderr[-500:]
    return frozenset(json.loads(done.stdout))
