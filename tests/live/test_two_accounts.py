"""Root and a user with an engine of their own, on a real Podman: root gets no more than the user
may have."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live
MARK = "only-root-may-read-this"


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="root looks at the engine of a user",
)
def test_root_saves_facts_of_a_user_without_reading_more_than_the_user_may(
    rootless_podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    user = os.stat(rootless_podman.socket).st_uid
    assert user != 0
    secret = tmp_path / "secret"
    secret.write_text(f'{{"default": [{{"type": "reject"}}], "note": "{MARK}"}}')
    secret.chmod(0o600)
    settings = tmp_path / "anna/.config/containers"
    settings.mkdir(parents=True)
    (settings / "policy.json").symlink_to(secret)
    (settings / "storage.conf").symlink_to(secret)
    os.mkfifo(settings / "registries.conf")
    os.mkfifo(settings / "containers.conf")
    for path in (tmp_path / "anna", *(tmp_path / "anna").rglob("*")):
        os.chown(
            path,
            user,
            user,
            follow_symlinks=False,
        )
    for asked in ("engines.home_of", "recording.user_home"):  # the account exists only inside
        monkeypatch.setattr(
            f"hardentui.features.opening.{asked}", lambda *_: str(tmp_path / "anna")
        )
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    rootless_podman.run(
        "two-accounts",
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "600",
    )
    facts = tmp_path / "anna" / "facts.json"
    facts.touch()
    os.chown(facts, user, user)
    try:
        assert (
            main(
                [
                    "check",
                    "--save",
                    str(facts),
                    "--url",
                    rootless_podman.url,
                ]
            )
            == 0
        )
        for command in (["check"], ["doctor"], ["trust"]):
            assert main([*command, "--url", rootless_podman.url]) != 70
    finally:
        rootless_podman.remove("two-accounts")
    printed = capsys.readouterr()
    assert "policy.json" in facts.read_text(), "the user's settings were looked at"
    for text in (facts.read_text(), printed.out, printed.err):
        assert MARK not in text
    status = facts.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="root changes a container of a user",
)
def test_root_and_a_user_do_not_change_one_container_at_the_same_time(
    rootless_podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench, name = rootless_podman, "two-accounts"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    user = os.stat(bench.socket).st_uid
    bench.run(
        name,
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "600",
    )
    before = bench.podman(
        "inspect",
        "-f",
        "{{.Id}}",
        name,
    )
    words = [
        "apply",
        name,
        "--check",
        "new-privileges-allowed",
        "--yes",
        "--url",
        bench.url,
    ]
    run_root = bench.podman("info", "-f", "{{.Store.RunRoot}}")
    lock = os.path.join(
        run_root,
        "hardentui-locks",
        hashlib.sha256(name.encode()).hexdigest()[:12],
    )
    at_it = f"mkdir -p {lock} && exec flock -n {lock} sh -c 'echo held; read -r line'"
    account = [
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        "sh",
        "-c",
        at_it,
    ]
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(
            account,
            stdin=pipe,
            stdout=pipe,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            assert main(words) == 2
            assert f"Another account is changing {name} now" in capsys.readouterr().err
            assert (
                bench.podman(
                    "inspect",
                    "-f",
                    "{{.Id}}",
                    name,
                )
                == before
            )
            other.communicate("\n")
        shutil.rmtree(os.path.dirname(lock))
        assert main(words) == 0
        assert (
            bench.podman(
                "inspect",
                "-f",
                "{{.Id}}",
                name,
            )
            != before
        )
        assert {os.stat(path).st_uid for path in (lock, os.path.dirname(lock))} == {user}
        assert main(["undo", "--yes"]) == 0
    finally:
        bench.remove(name)


_ASKS_AS_NOBODY = """
import http.client, json, os, socket, sys
path, secret, image = sys.argv[1:]
connections = []
for _ in range(4):
    connection = http.client.HTTPConnection("d", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    connections.append(connection)
os.setgroups([])
os.setgid(60123)
os.setuid(60123)
def asks(method, what, body=None):
    connection = connections.pop()
    connection.request(method, "/v4.0.0/libpod/containers/" + what, body and json.dumps(body))
    return connection.getresponse().read()
mount = {"Source": secret, "Destination": "/secret", "Type": "bind", "Options": ["ro"]}
spec = {"name": "reads", "image": image, "command": ["cat", "/secret"], "mounts": [mount]}
asks("POST", "create", spec)
asks("POST", "reads/start")
asks("POST", "reads/wait?condition=exited")
sys.stdout.write(asks("GET", "reads/logs?stdout=true").decode("utf-8", "replace"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an engine of root's")
def test_who_may_use_the_socket_of_root_is_root(podman: Bench, tmp_path: Path) -> None:
    """A limit that SECURITY.md tells: the engine does for them what root may."""
    secret = podman.directory / "tmp" / "of-root"
    secret.write_text(MARK)
    secret.chmod(0o600)
    words = (podman.socket, str(secret), BUSYBOX)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASKS_AS_NOBODY, *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    finally:
        podman.remove("reads")
        secret.unlink()
    assert MARK in done.stdout
