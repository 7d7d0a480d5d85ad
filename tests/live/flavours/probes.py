"""Trying a thing inside a container, to decide what is true of it: not what was declared, what
works.

A process of ours enters the container's user and mount namespaces, becomes its root with no more
capabilities than the container has, and does it. Nothing is written: that a file could be is asked
of the kernel, which answers for the mount, the owner and the user at once.
"""

from __future__ import annotations

import json
import subprocess
import sys

READ, WRITE, ENGINE, AGENT, BUS = "read", "write", "engine", "agent", "bus"
"""Read a file or list a directory; may write it; get an answer of an engine, an ssh-agent, a D-Bus
daemon."""

_SCRIPT = r"""
import ctypes, json, os, re, socket, sys

pid, tries = int(sys.argv[1]), json.loads(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
status = open(f"/proc/{pid}/status").read()
bounding = int(re.search(r"CapBnd:\s*(\w+)", status)[1], 16)
same = os.readlink(f"/proc/{pid}/ns/user") == os.readlink("/proc/self/ns/user")
spaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in (() if same else ("user",)) + ("mnt",)]
for space in spaces:
    if libc.setns(space, 0):
        raise OSError(ctypes.get_errno(), "setns")
os.setgroups([]) if same else None
os.setresgid(0, 0, 0)
os.setresuid(0, 0, 0)

class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

class Data(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

low, high = bounding & 0xFFFFFFFF, bounding >> 32
if libc.capset(ctypes.byref(Header(0x20080522, 0)), (Data * 2)(Data(low, low, 0), Data(high, high, 0))):
    raise OSError(ctypes.get_errno(), "capset")

def ask(path, words, wanted):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(words)
        return wanted in connection.recv(4096)

def read(path):
    if os.path.isdir(path):
        return bool(os.listdir(path))
    with open(path, "rb") as opened:
        return bool(opened.read(1))

KINDS = {
    "read": read,
    "write": lambda path: os.path.exists(path) and os.access(path, os.W_OK, effective_ids=True),
    "engine": lambda path: ask(path, b"GET /_ping HTTP/1.0\r\n\r\n", b"Libpod-Api-Version"),
    "agent": lambda path: ask(path, b"\0\0\0\1\x0b", b"\x0c"),
    "bus": lambda path: ask(path, b"\0AUTH\r\n", b"EXTERNAL"),
}

def works(kind, path):
    try:
        return bool(KINDS[kind](path))
    except OSError:
        return False

print(json.dumps([works(kind, path) for kind, path in tries]))
"""


def tried(pid: int, tries: list[tuple[str, str]]) -> list[bool]:
    """What works for the root of the container whose main process is `pid`.

    Raises:
        AssertionError: its namespaces cannot be entered.
    """
    words = [
        sys.executable,
        "-I",
        "-c",
        _SCRIPT,
        str(pid),
        json.dumps(tries),
    ]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"process {pid} cannot be entered: {done.stderr.strip()[-300:]}")
    answers: list[bool] = json.loads(done.stdout)
    return answers
