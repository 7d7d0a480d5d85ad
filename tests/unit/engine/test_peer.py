"""Whose an engine is: what the kernel says wins against every answer."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.engine.connection import UnixConnection
from hardentui.engine.peer import is_strangers, runs_for
from hardentui.engine.read import Engine, version_of
from hardentui.errors import EngineUnreachable, StrangersEngine, UsageError
from hardentui.features.opening.behalf import for_one_account, refuse_without_ours
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.host.files import LocalFiles
from hardentui.model.facts import EngineFacts, SocketOwner
from hardentui.model.known import Unread
from tests.unit.engine.test_read import INFO, recorded

STRANGER = SocketOwner(60123, 60123)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root meets another account")
LIES: tuple[object, ...] = (False, True, None, 0, 1 << 70, "", "root", "/run/podman", [], {}, [{}])


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    yield path


def _with(document: Any, path: tuple[str, ...], lie: object) -> Any:
    if not path:
        return lie
    return {**document, path[0]: _with(document[path[0]], path[1:], lie)}


@as_root
@pytest.mark.parametrize("path", list(_leaves(INFO)), ids=".".join)
def test_no_field_of_info_changes_whose_engine_it_is(path: tuple[str, ...]) -> None:
    for lie in LIES:
        engine = recorded({"/info": _with(INFO, path, lie)})
        engine.facts = engine.facts.replace(owner=STRANGER, rootless=True)
        engine.load_info()
        engine.use_info(_with(INFO, path, lie) if path else {})
        assert engine.facts.owner == STRANGER
        assert engine.facts.rootless is True


def test_of_roots_engine_the_answer_is_believed() -> None:
    """Podman of root in a user namespace says that it is rootless."""
    engine = recorded({"/info": INFO})
    engine.facts = engine.facts.replace(owner=SocketOwner(0, 0), rootless=False)
    assert engine.load_info().rootless is INFO["host"]["security"]["rootless"] is True


_SERVES = """
import os, socket, sys
os.umask(0)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(9)
print("up", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nLibpod-API-Version: 5.4.2\\r\\nContent-Length: 2\\r\\n\\r\\nOK")
    client.close()
"""


class Served:
    """Starts what answers a ping as Podman does, as an account, and opens it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: list[subprocess.Popen[str]] = []
        self._engines: list[Engine] = []

    def start(self, name: str, uid: int) -> str:
        """The path of its socket."""
        path = str(self.directory / name)
        process = subprocess.Popen(
            ["/usr/bin/python3", "-I", "-c", _SERVES, path],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            user=uid if uid != os.geteuid() else None,
        )
        self._running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return path

    def engine(self, path: str) -> Engine:
        connection = UnixConnection(path)
        version = version_of(connection.ping())
        facts = EngineFacts(
            url=f"unix://{path}", version=version, owner=connection.owner, label=path
        )
        self._engines.append(Engine(facts, lambda: connection))
        return self._engines[-1]

    def of(self, name: str, uid: int) -> Engine:
        return self.engine(self.start(name, uid))

    def stop(self) -> None:
        for engine in self._engines:
            engine.close()
        for process in self._running:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        served = Served(Path(directory))
        try:
            yield served
        finally:
            served.stop()


def test_the_first_connection_tells_whose_socket_it_is(served: Served) -> None:
    engine = served.of("a.sock", os.geteuid())
    assert engine.facts.owner == SocketOwner(os.geteuid(), os.getegid())
    assert not is_strangers(os.geteuid())


@as_root
def test_a_socket_that_is_exchanged_for_a_strangers_is_not_used(served: Served) -> None:
    link = served.directory / "link.sock"
    link.symlink_to(served.start("root.sock", 0))
    engine = served.engine(str(link))
    link.unlink()
    link.symlink_to(served.start("anna.sock", STRANGER.uid))
    with pytest.raises(EngineUnreachable, match="Another account"):
        engine.connection.get("/info")


@as_root
def test_a_socket_file_of_another_account_is_a_strangers_whoever_listens(
    served: Served,
) -> None:
    path = served.start("lent.sock", 0)
    os.chown(path, STRANGER.uid, STRANGER.gid)
    assert served.engine(path).facts.owner == STRANGER


def _opened(*engines: Engine) -> Opened:
    none = Unread("not asked")
    return Opened(engines, (), CommandLog(), LocalFiles(), lambda: none, lambda _: none, "here")


@as_root
class TestOnWhoseBehalf:
    def test_the_only_engine_is_a_strangers(self, served: Served) -> None:
        opened = _opened(served.of("anna.sock", STRANGER.uid))
        with pytest.raises(StrangersEngine) as refused:
            for_one_account(opened, ())
        assert (refused.value.uid, refused.value.gid) == (STRANGER.uid, 0)
        with pytest.raises(StrangersEngine):
            refuse_without_ours(opened)

    def test_roots_own_comes_first(self, served: Served) -> None:
        ours = served.of("root.sock", 0)
        opened = _opened(served.of("anna.sock", STRANGER.uid), ours)
        assert for_one_account(opened, ("web",)).engines == (ours,)
        refuse_without_ours(opened)

    def test_a_name_that_only_a_stranger_has_means_that_engine(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        theirs = served.of("anna.sock", STRANGER.uid)
        opened = _opened(theirs, served.of("root.sock", 0))
        monkeypatch.setattr(
            "hardentui.features.opening.behalf._has",
            lambda engine, names: engine is theirs and "web" in names,
        )
        with pytest.raises(StrangersEngine):
            for_one_account(opened, ("web",))

    def test_a_stranger_takes_no_name_from_root(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = served.of("root.sock", 0)
        opened = _opened(served.of("anna.sock", STRANGER.uid), ours)
        monkeypatch.setattr(
            "hardentui.features.opening.behalf._has", lambda engine, names: "web" in names
        )
        assert for_one_account(opened, ("web",)).engines == (ours,)

    def test_two_strangers_are_told_apart_by_their_address(self, served: Served) -> None:
        opened = _opened(served.of("a.sock", 60123), served.of("b.sock", 60124))
        with pytest.raises(UsageError, match="Several accounts"):
            for_one_account(opened, ())


@as_root
def test_a_process_is_an_accounts_by_the_kernel() -> None:
    ours = os.getpid()
    assert runs_for(ours, 0)
    assert not runs_for(ours, STRANGER.uid)
    assert not runs_for(0, STRANGER.uid)
    with subprocess.Popen(
        ["unshare", "--user", "sleep", "60"], user=STRANGER.uid, cwd="/"
    ) as process:
        try:
            assert runs_for(process.pid, STRANGER.uid)
            assert not runs_for(process.pid, STRANGER.uid + 1)
        finally:
            process.kill()


def test_a_path_that_an_engine_names_is_read_as_its_account_wherever_its_socket_leads(
    tmp_path: Path,
) -> None:
    """The path of the socket may lead to root's own by now."""
    asked: list[int] = []

    class Named(LocalFiles):
        def named_by(self, account: int) -> LocalFiles:
            asked.append(account)
            return self

    none = Unread("not asked")
    opened = Opened((), (), CommandLog(), Named(), lambda: none, lambda _: none, "here")
    (tmp_path / "socket").touch()
    opened.files_of(EngineFacts(url=f"unix://{tmp_path}/socket", owner=STRANGER))
    assert asked == [STRANGER.uid]
