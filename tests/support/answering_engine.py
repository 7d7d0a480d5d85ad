"""Answers as Podman does, from a file of recorded answers, one of which lies:
`answering_engine.py SOCKET ANSWERS LIE`.

Run as the engine's own account, by any Python: it needs nothing of ours. LIE is a file, read anew at
each request: `{"path": …, "steps": […], "value": …}`, or `{"path": …, "raw": TEXT, "again": TEXT,
"pause": SECONDS}`, which is sent as it is, then `again` without end. A path of `*` is each one.
"""

import json
import os
import re
import socket
import sys
import threading
import time

_REQUEST = re.compile(r"(GET|POST|PUT|DELETE|HEAD) (?:/v[0-9.]+/libpod)?(\S+) HTTP")


def answer_to(asked: str, answers: dict[str, object], lie: dict[str, object]) -> object:
    """The recorded answer, with the lie in it; None if there is none."""
    path = asked if asked in answers else asked.partition("?")[0]
    document = answers.get(path)
    if path == lie.get("path") and "steps" in lie:
        steps = lie["steps"]
        assert isinstance(steps, list)
        if not steps:
            return lie["value"]
        document = inside = json.loads(json.dumps(document))
        for step in steps[:-1]:
            inside = inside[step]
        inside[steps[-1]] = lie["value"]
    return document


def serve(client: socket.socket, answers: dict[str, object], lie_file: str) -> None:
    """One request, then the connection is closed."""
    with client:
        head = b""
        while b"\r\n\r\n" not in head and (data := client.recv(65536)):
            head += data
        asked = _REQUEST.match(head.decode("latin-1"))
        if asked is None:
            return
        with open(lie_file, encoding="utf-8") as file:
            lie = json.load(file)
        if "raw" in lie and lie["path"] in ("*", asked[2].partition("?")[0]):
            blurt(client, lie)
            return
        document = answer_to(asked[2], answers, lie)
        code = 200 if document is not None else 404
        body = b"OK" if asked[2] == "/_ping" else json.dumps(document or {}).encode()
        lines = [f"HTTP/1.1 {code} X", "Libpod-API-Version: 5.4.2", "Connection: close"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
        client.sendall("\r\n".join(lines).encode() + body)


def blurt(client: socket.socket, lie: dict[str, object]) -> None:
    """What no engine would send."""
    raw, again, pause = (lie.get(key) for key in ("raw", "again", "pause"))
    try:
        client.sendall(str(raw).encode("latin-1"))
        while again:
            time.sleep(float(str(pause or 0)))
            client.sendall(str(again).encode("latin-1"))
    except OSError:
        pass  # who asked has had enough


def main() -> None:
    path, answers_file, lie_file = sys.argv[1:]
    with open(answers_file, encoding="utf-8") as file:
        answers = json.load(file)
    os.umask(0)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, answers, lie_file), daemon=True).start()


if __name__ == "__main__":
    main()
