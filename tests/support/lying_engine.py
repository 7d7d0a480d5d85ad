"""A proxy before a real engine that changes what it answers: `lying_engine.py SOCKET UPSTREAM LIE`.

Run as the engine's own account, by any Python: it needs nothing of ours. LIE is JSON:
`{"what": "rootless" | "pids" | "paths" | "addresses", "to": …}`.
"""

import http.client
import json
import re
import socket
import sys
import threading

_HEAD = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.1\r\n")
_JSON = re.compile(r"/(info|containers/[^/]+/json|networks/[^/]+/json)(\?|$)")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+(/\d+)?$")


def changed(value: object, lie: dict[str, object], key: str = "") -> object:
    """A document with every value of the lie's kind replaced."""
    what, to = lie["what"], lie["to"]
    if isinstance(value, dict):
        return {name: changed(each, lie, name) for name, each in value.items()}
    if isinstance(value, list):
        return [changed(each, lie, key) for each in value]
    if isinstance(value, bool):
        return to if what == "rootless" and key == "rootless" else value
    if isinstance(value, int):
        return to if what == "pids" and key in ("Pid", "ConmonPid") and value else value
    if not isinstance(value, str):
        return value
    if what == "paths" and value.startswith("/") and ("podman" in value or "hb-" in value):
        return f"{to}{value}"
    if what == "addresses" and _ADDRESS.match(value):
        return str(to) + ("/24" if "/" in value else "")
    if what == "addresses" and key == "HostPort":
        return "22"
    return value


def serve(client: socket.socket, upstream: str, lie: dict[str, object]) -> None:
    """One request, then the connection is closed."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(upstream)
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return
        head += data
    asked = _HEAD.match(head)
    assert asked is not None
    if asked[1] == b"GET" and _JSON.search(asked[2].decode()):
        connection = http.client.HTTPConnection("d")
        connection.sock = server
        connection.request("GET", asked[2].decode())
        answer = connection.getresponse()
        body = json.dumps(changed(json.loads(answer.read()), lie)).encode()
        lines = [f"HTTP/1.1 {answer.status} OK", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        client.sendall("\r\n".join(lines).encode() + body)
        client.close()
        return
    first, rest = head.split(b"\r\n", 1)
    server.sendall(first + b"\r\nConnection: close\r\n" + rest)
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)
    client.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def main() -> None:
    path, upstream, lie = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        threading.Thread(
            target=serve, args=(client, upstream, json.loads(lie)), daemon=True
        ).start()


if __name__ == "__main__":
    main()
