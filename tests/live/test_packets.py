"""What is said of a stranger's first packet, against what the kernel does with it: two network
namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hardentui.host.network.firewall import parse_ruleset
from hardentui.reading.packets import ACCEPTED, DROPPED, Packet, fate
from tests.conftest import cannot_run

pytestmark = pytest.mark.live

HOST, STRANGER = "hti-host", "hti-stranger"
OPEN, OTHER = 8080, 9090
INPUT = "chain in { type filter hook input priority 0; policy POLICY; RULES }\n"
BEFORE = f"chain first {{ type filter hook WHERE; tcp dport {OPEN} drop; }}\n"
GOING_ON = "ct state established accept;"

RULESETS = {
    "nothing": "",
    "policy drop": INPUT.replace("POLICY", "drop").replace("RULES", GOING_ON),
    "open by name": INPUT.replace("POLICY", "drop").replace(
        "RULES", f"{GOING_ON} tcp dport {OPEN} accept;"
    ),
    "open range": INPUT.replace("POLICY", "drop").replace(
        "RULES", f"{GOING_ON} tcp dport 8000-8100 accept;"
    ),
    "set of ports": "set p { type inet_service; elements = { 22, 8080 }; }\n"
    + INPUT.replace("POLICY", "drop").replace(
        "RULES",
        f"{GOING_ON} tcp dport @p accept;",
    ),
    "block list": INPUT.replace("POLICY", "accept").replace(
        "RULES",
        "ip saddr 192.0.2.0/24 drop;",
    ),
    "friends only": INPUT.replace("POLICY", "drop").replace(
        "RULES", f"{GOING_ON} ip saddr 192.0.2.0/24 accept;"
    ),
    "of an interface": "chain zone { reject; }\n"
    + INPUT.replace("POLICY", "accept").replace(
        "RULES", 'iifname vmap { "outside0" : goto zone };'
    ),
    "of another interface": "chain zone { reject; }\n"
    + INPUT.replace("POLICY", "accept").replace(
        "RULES",
        'iifname "inside*" jump zone;',
    ),
    "a chain that returns": f"chain some {{ tcp dport {OPEN} return; drop; }}\n"
    + INPUT.replace("POLICY", "accept").replace(
        "RULES",
        f"{GOING_ON} jump some;",
    ),
    "invalid only": INPUT.replace("POLICY", "accept").replace(
        "RULES",
        "ct state invalid drop;",
    ),
    "before routing": BEFORE.replace("WHERE", "prerouting priority -300"),
    "before all": BEFORE.replace("WHERE", 'ingress device "outside0" priority 0'),
    "before all, of another interface": BEFORE.replace("WHERE", 'ingress device "lo" priority 0'),
    "only IPv6": INPUT.replace("POLICY", "accept").replace(
        "RULES",
        "meta nfproto ipv6 drop;",
    ),
}
LISTEN = f"""
import socket
for port in ({OPEN}, {OTHER}):
    one = socket.create_server(("10.99.7.1", port))
    one.detach()
print("ready", flush=True)
import time; time.sleep(120)
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection(("10.99.7.1", int(sys.argv[1])), 0.3).close()
except OSError:
    sys.exit(1)
"""


def ip(*words: str) -> None:
    subprocess.run(
        ("ip", *words),
        check=True,
        capture_output=True,
    )


def inside(
    place: str,
    *words: str,
    text: str = "",
) -> subprocess.CompletedProcess[str]:
    command = ("ip", "netns", "exec", place, *words)
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def namespaces() -> object:
    """Two namespaces with a wire between them; somebody listens in the first."""
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        cannot_run("network namespaces and nft take root")
    try:
        for place in (HOST, STRANGER):
            ip("netns", "add", place)
        ip(
            "link",
            "add",
            "outside0",
            "netns",
            HOST,
            "type",
            "veth",
            "peer",
            "name",
            "s0",
            "netns",
            STRANGER,
        )
    except subprocess.CalledProcessError as error:
        remove()
        cannot_run(f"no network namespace can be made: {error.stderr.decode()}")
    for place, name, address in (
        (HOST, "outside0", "10.99.7.1"),
        (STRANGER, "s0", "10.99.7.2"),
    ):
        ip(
            "-n",
            place,
            "addr",
            "add",
            f"{address}/24",
            "dev",
            name,
        )
        ip("-n", place, "link", "set", name, "up")
    command = ("ip", "netns", "exec", HOST, "python3", "-c", LISTEN)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        yield
        listener.kill()
    remove()


def remove() -> None:
    for place in (HOST, STRANGER):
        subprocess.run(
            ("ip", "netns", "del", place),
            capture_output=True,
            check=False,
        )


@pytest.mark.parametrize("name", RULESETS)
def test_the_kernel_does_what_is_said(
    namespaces: object,
    name: str,
    tmp_path: Path,
) -> None:
    script = f"flush ruleset\ntable inet f {{ {RULESETS[name]} }}\n"
    loaded = inside(HOST, "nft", "-f", "-", text=script)
    assert loaded.returncode == 0, loaded.stderr
    rules = parse_ruleset(inside(HOST, "nft", "-j", "list", "ruleset").stdout)
    for port in (OPEN, OTHER):
        reached = (
            inside(
                STRANGER,
                "python3",
                "-c",
                CONNECT,
                str(port),
            ).returncode
            == 0
        )
        said = fate(rules, Packet("input", "outside0", "tcp", port))
        assert said == {ACCEPTED if reached else DROPPED}, f"port {port}"
