"""An engine behind ssh, with a stand-in for the program: what it is told, what happens when it
fails."""

import os
import sys
import textwrap
from pathlib import Path
from time import monotonic

import pytest

from hardentui.engine.locate import Candidate
from hardentui.engine.probe import NoAnswer, probe
from hardentui.engine.read import Engine
from hardentui.engine.ssh import Tunnel
from hardentui.errors import EngineUnreachable
from tests.support.hostile import Scripted, answer

PING = answer(b"OK", "200 OK", "Libpod-Api-Version: 5.2.0")
URL = "ssh://anna@prod:2222/run/user/1000/podman/podman.sock"

FORWARD = """
    import os, socket, sys, threading
    open({log!r}, "a").write("\\n".join(sys.argv[1:]) + "\\n\\n")
    local, _, remote = sys.argv[sys.argv.index("-L") + 1].partition(":")
    def pump(a, b):
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    if os.path.exists(local):
        os.unlink(local)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(local)
    listener.listen()
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect({upstream!r})
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()
"""


def install_ssh(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
) -> None:
    program = directory / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{textwrap.dedent(code)}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory / "none"))


def test_an_engine_behind_ssh(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "log"
    with Scripted(tmp_path, [PING], [answer(b"[]")]) as server:
        install_ssh(
            tmp_path,
            monkeypatch,
            FORWARD.format(
                log=str(log),
                upstream=server.path,
            ),
        )
        engine = probe(
            Candidate(
                "prod",
                URL,
                "connection prod",
                "/home/anna/.ssh/key",
            )
        )
        assert isinstance(engine, Engine), engine
        assert engine.listed() == ()
        facts = engine.facts
        assert (facts.label, facts.local, facts.rootless, facts.url) == (
            "prod (ssh)",
            False,
            True,
            URL,
        )
        words = log.read_text().split("\n")
        directory = Path(words[words.index("-L") + 1].partition(":")[0]).parent
        assert directory.stat().st_mode & 0o777 == 0o700
        engine.close()
        assert not directory.exists()
    assert words[words.index("-L") + 1].endswith(":/run/user/1000/podman/podman.sock")
    assert words[words.index("-i") + 1] == "/home/anna/.ssh/key"
    assert words[words.index("--") :][:2] == ["--", "anna@prod"]
    assert words[words.index("-p") + 1] == "2222"
    assert "BatchMode=yes" in words
    assert not any("StrictHostKeyChecking" in word or "UserKnownHosts" in word for word in words)


def test_ssh_that_fails_is_quoted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = "import sys; sys.stderr.write('Host key verification failed.\\x1b[2J\\n'); sys.exit(255)"
    install_ssh(tmp_path, monkeypatch, code)
    result = probe(Candidate("prod", URL, "connection prod"))
    assert isinstance(result, NoAnswer)
    assert result.reason == "ssh to prod failed: Host key verification failed.␛[2J"
    assert result.hint == "Check whether this works: ssh -p 2222 -- anna@prod"


def test_ssh_that_hangs_is_ended_after_the_time_limit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_ssh(
        tmp_path,
        monkeypatch,
        "import time; time.sleep(60)",
    )
    tunnel = Tunnel(URL, time_limit=0.3)
    started = monotonic()
    with pytest.raises(EngineUnreachable, match="timed out"):
        tunnel.ensure()
    assert monotonic() - started < 50
    tunnel.close()
