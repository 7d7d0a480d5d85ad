"""Root and the engine of an ordinary user that answers what it likes: the program itself, run as
root where the bench is, beside things of root's that the answers lead to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.support import lying_engine
from tests.support.podman import BUSYBOX, TEST_USER, Bench

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="root meets the engine of a user"),
    pytest.mark.timeout(300),
]
PYTHON = "/usr/bin/python3"
"""Of the machine: one that every account may run."""
NAME = "lied-about"
MARK = "of-root"


def _inside(bench: Bench, *command: str) -> list[str]:
    """Words that run a command as root where the bench is: its network stands for the host's."""
    holder = (bench.directory / "holder.pid").read_text().split()[0]
    return ["nsenter", "--target", holder, "--mount", "--net", "--wdns=/", "--", *command]


def _run(bench: Bench, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """As by `sudo -E`: with the account's variables, its home among them."""
    theirs = ("sh", "-c", '. "$0" && exec "$@"', str(bench.directory / "environment"))
    return subprocess.run(
        _inside(bench, *theirs, sys.executable, "-m", "hardentui", *words, "--url", url),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        env={**os.environ, "HOME": "/root", "CONTAINER_HOST": "unix:///nowhere"},
    )


@contextmanager
def _lying(bench: Bench, **lie: object) -> Iterator[str]:
    """The address of a proxy of the user before the user's engine."""
    owner = os.stat(bench.socket).st_uid
    path = bench.directory / "api" / f"lying-{lie['what']}.sock"
    path.unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            *("setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"),
            *(PYTHON, "-I", "-c", Path(lying_engine.__file__).read_text()),
            *(str(path), bench.socket, json.dumps(lie)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield f"unix://{path}"
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def _victim(folder: Path) -> Iterator[int]:
    """A process of root's outside of every container that keeps a log and listens."""
    log = folder / "auth.log"
    log.write_text(MARK)
    code = f"import time; file = open({str(log)!r}, 'a'); print('up', flush=True); time.sleep(900)"
    with subprocess.Popen([PYTHON, "-I", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process.pid
        finally:
            process.kill()


def _state(bench: Bench, folder: Path, victim: int) -> dict[str, Any]:
    """What of root's the answers could reach."""
    rules = subprocess.run(
        _inside(bench, "nft", "list", "ruleset"), capture_output=True, text=True, check=True
    )
    return {
        "files": {
            str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.stat().st_uid)
            for path in (folder, *sorted(folder.rglob("*")))
        },
        "rules": rules.stdout,
        "namespaces": {
            kind: os.readlink(f"/proc/{victim}/ns/{kind}") for kind in ("net", "mnt", "pid")
        },
        "log": [os.readlink(f"/proc/{victim}/fd/{fd}") for fd in os.listdir(f"/proc/{victim}/fd")],
    }


@pytest.fixture
def container(rootless_podman: Bench) -> Iterator[Bench]:
    words = ["--publish", "8080:80", "--read-only", BUSYBOX, "httpd", "-f", "-p", "80"]
    rootless_podman.run(NAME, *words)
    try:
        yield rootless_podman
    finally:
        rootless_podman.remove(NAME)


LIES: dict[str, object] = {
    "rootless": False,
    "paths": "FOLDER",
    "pids": "VICTIM",
    "addresses": "203.0.113.66",
}
"""What every value of a kind becomes."""


CHECK = ("--check", "new-privileges-allowed")
ACTING = {
    "apply": (NAME, *CHECK, "--yes"),
    "trial": (NAME, *CHECK),
    "harden": ("--everything", "--yes"),
    "undo": ("--yes",),
}
LOOKING = {"plan": (NAME,), "watch": (NAME, "--once"), "check": (NAME,)}
EACH = {**ACTING, **LOOKING}


@pytest.mark.parametrize("what", LIES)
@pytest.mark.parametrize(
    "command",
    ["apply", *(pytest.param(word, marks=pytest.mark.long) for word in EACH if word != "apply")],
)
def test_no_answer_reaches_further_than_its_account(
    container: Bench,
    tmp_path: Path,
    what: str,
    command: str,
) -> None:
    """Whatever comes of the command: nothing of root's is touched, and what acts ran as the
    account."""
    bench = container
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    with _victim(folder) as victim:
        to = {"paths": str(folder), "pids": victim}.get(what, LIES[what])
        before = _state(bench, folder, victim)
        with _lying(bench, what=what, to=to) as url:
            done = _run(bench, url, command, *EACH[command])
        assert _state(bench, folder, victim) == before
        assert (f"runs as {TEST_USER}" in done.stderr) is (command in ACTING), done.stderr
        assert "internal error" not in done.stderr


def test_a_process_of_somebody_else_is_not_read_as_a_containers(
    container: Bench, tmp_path: Path
) -> None:
    """Looking stays root's; but what the kernel says of a process that is not theirs is not told as
    the container's."""
    with _victim(tmp_path) as victim, _lying(container, what="pids", to=victim) as url:
        words = ("check", NAME, "--format", "json", "--url", url)
        done = subprocess.run(  # where the proxy runs, whose host is this one
            [sys.executable, "-m", "hardentui", *words],
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
    (subject,) = [
        each for each in json.loads(done.stdout)["subjects"] if each["kind"] == "container"
    ]
    reasons = {finding["reason"] for finding in subject["findings"]}
    assert any("is not of the account that runs this Podman" in reason for reason in reasons)
    assert MARK not in done.stdout


def test_all_of_it_works_as_the_account(container: Bench) -> None:
    """Told the truth, root gets done what the account could do itself."""
    bench = container
    place = bench.directory / "home" / "who"
    done = _run(
        bench,
        bench.url,
        *("apply", NAME, "--check", "new-privileges-allowed", "--yes"),
        *("--probe", f"touch {place}; : $TARGET"),
    )
    assert not done.returncode, done.stderr
    assert place.stat().st_uid == os.stat(bench.socket).st_uid
    assert (
        bench.podman("inspect", "-f", "{{.HostConfig.SecurityOpt}}", NAME) == "[no-new-privileges]"
    )
    undone = _run(bench, bench.url, "undo", "--yes")
    assert not undone.returncode, undone.stderr
    assert bench.podman("inspect", "-f", "{{.HostConfig.SecurityOpt}}", NAME) == "[]"


@pytest.mark.parametrize(
    "command",
    [
        "apply --safe --yes",
        "trial --safe",
        "harden --yes",
        "fix --safe --to unit --in-place",
        "networks --split",
        "trust",
        "undo",
        "train start drop-capabilities",
    ],
)
def test_without_another_process_root_refuses(
    container: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """In one process with us: nothing is even begun."""
    monkeypatch.setattr("hardentui.engine.peer.trusted", lambda: {0})
    verb, *more = command.split()
    names = [NAME] if verb in ("apply", "trial", "harden", "fix") else []
    code = main([verb, *names, "--url", container.url, *more])
    assert code == 3
    assert "belongs to another account" in capsys.readouterr().err
