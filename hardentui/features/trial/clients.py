"""Small, harmless work for a service, as clients give it: several connections at once, and what the
protocols of known services say in plain text.

Our own program runs in the network namespace of the twin, like `host.network.knock`, and talks to it
alone.
"""

from __future__ import annotations

import json
import sys

from hardentui.features.change.probe import in_network_of
from hardentui.features.change.reached_ports import read_ports
from hardentui.features.trial.twins import Twin
from hardentui.host.commands import run_program
from hardentui.host.files import Files
from hardentui.model.known import Unread

CONNECTIONS, REQUESTS = "several connections", "requests"
_CLIENTS = {
    "connections": CONNECTIONS,
    "requests": REQUESTS,
    "commands": "commands",
    "greeting": "greeting",
}


def tcp_ports(files: Files, twin: Twin) -> frozenset[int]:
    """Where it listens."""
    listening = read_ports(files, twin.pid)
    if isinstance(listening, Unread):
        return frozenset()
    return frozenset(int(port.partition("/")[2]) for port in listening if port.startswith("tcp/"))


def given_work(files: Files, twin: Twin) -> list[str]:
    """What clients did at its ports."""
    ports = tcp_ports(files, twin)
    words = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _CLIENT,
        twin.address,
        json.dumps(sorted(ports)),
        str(AT_ONCE),
    ]
    answer = run_program([*in_network_of(twin.pid), *words], _LIMIT) if ports else ""
    try:
        done: dict[str, list[str]] = {} if isinstance(answer, Unread) else json.loads(answer)
    except ValueError:
        return []  # the clients ended without an answer
    told = dict.fromkeys(word for words in done.values() for word in words)
    return [_CLIENTS[word] for word in told if word in _CLIENTS]


AT_ONCE = 8
"""Connections that are open at the same time."""
_LIMIT = 60.0
_CLIENT = r"""
import json, select, socket, ssl, sys
address, ports, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
BODY = b"x" * 262144
SILENT = (80, 443, 3000, 5000, 8000, 8080, 8443, 9090)  # web servers wait for the client
TALKS = {
    1883: (b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03htu", b"\x82\x06\x00\x01\x00\x01a\x00",
           b"\x31\x04\x00\x01a1", b"\xe0\x00"),
    5432: (b"\x00\x00\x00\x29\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00",),
    6379: (b"PING\r\n", b"SET hardentui 1 EX 60\r\n", b"GET hardentui\r\n", b"INFO\r\n", b"BGSAVE\r\n",
           b"QUIT\r\n"),
    11211: (b"set hardentui 0 60 1\r\n1\r\n", b"get hardentui\r\n", b"stats\r\n", b"quit\r\n"),
}
GREETINGS = {
    b"220": (b"EHLO twin.invalid\r\n", b"NOOP\r\n", b"QUIT\r\n"),
    b"SSH": (b"SSH-2.0-hardentui\r\n",),
    b"+OK": (b"CAPA\r\n", b"QUIT\r\n"),
    b"* O": (b"a CAPABILITY\r\n", b"b LOGOUT\r\n"),
}
HEAD = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
WEB = [
    b"GET /" + HEAD + b"\r\n", b"GET /index.html" + HEAD + b"\r\n", b"HEAD /" + HEAD + b"\r\n",
    b"GET /hardentui/none?a=b" + HEAD + b"\r\n",
    b"POST /" + HEAD + b"Content-Type: application/octet-stream\r\nContent-Length: 262144\r\n\r\n" + BODY,
]
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE

def opened(port, seconds=3.0):
    link = socket.create_connection((address, port), seconds)
    link.settimeout(seconds)
    return TLS.wrap_socket(link) if port in (443, 465, 993, 995, 8443) else link

def answer(link, seconds):
    link.settimeout(seconds)
    try:
        return link.recv(65536)
    except (TimeoutError, ssl.SSLError):
        return b""

def talk(link, lines):
    heard = 0
    for line in lines:
        link.sendall(line)
        heard += len(answer(link, 2.0))
    return heard

def visit(port):
    done = []
    crowd = []
    try:
        for _ in range(count):
            crowd.append(opened(port))
        done.append("connections")
        first = crowd[0]
        said = b"" if port in TALKS or port in SILENT else answer(first, 0.7)
        if port in TALKS:
            if talk(first, TALKS[port]):
                done.append("commands")
        elif said:
            done.append("greeting")
            talk(first, GREETINGS.get(said[:3], ()))
        else:
            first.sendall(WEB[0])
            if answer(first, 3.0).startswith(b"HTTP/"):
                done.append("requests")
                for request in WEB[1:]:
                    with opened(port) as link:
                        try:
                            link.sendall(request)
                        except OSError:
                            pass
                        answer(link, 3.0)
    except OSError:
        pass
    for link in crowd:
        link.close()
    return done

print(json.dumps({str(port): visit(port) for port in ports}))
"""
