"""Training in a browser lets nobody in but a browser of ours with the token."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, WSServerHandshakeError
from aiohttp.test_utils import TestServer, unused_port

from hardentui.__main__ import main
from hardentui.account import ONLY_BELOW
from hardentui.errors import WriteError
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.serving import COOKIE, TrainingServer

TOKEN = "t" * 32


@pytest.fixture
async def server() -> AsyncIterator[TrainingServer]:
    training = TrainingServer(
        port=unused_port(),
        token=TOKEN,
    )
    running = TestServer(await training._make_app(), port=training.port)
    await running.start_server()
    try:
        yield training
    finally:
        await running.close()


def browser(*, cookie: bool = True) -> ClientSession:
    jar = CookieJar(unsafe=True)
    session = ClientSession(cookie_jar=jar)
    if cookie:
        session.cookie_jar.update_cookies({COOKIE: TOKEN})
    return session


async def test_the_address_with_the_token_gives_a_cookie_and_loses_the_token(
    server: TrainingServer,
) -> None:
    async with browser(cookie=False) as session, session.get(server.address) as answer:
        assert answer.status == 200
        addresses = re.findall(r'(?:src|href)\s*=\s*"([^"]*)', await answer.text())
        assert [address for address in addresses if not address.startswith(server.public_url)] == []
        assert "token" not in str(answer.url)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        given = answer.history[0].headers["Set-Cookie"]
        assert "HttpOnly" in given
        assert "SameSite=Strict" in given


@pytest.mark.parametrize(
    "path", ["/", "/ws", "/static/js/textual.js", "/download/x", "/?token=wrong"]
)
async def test_nothing_is_served_without_the_token(
    server: TrainingServer,
    path: str,
) -> None:
    headers = {"Origin": server.public_url}
    async with (
        browser(cookie=False) as session,
        session.get(server.public_url + path, headers=headers) as answer,
    ):
        assert answer.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {},
    ],
)
async def test_no_foreign_page_opens_the_socket(
    server: TrainingServer,
    headers: dict[str, str],
) -> None:
    async with browser() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(server.public_url + "/ws", headers=headers)
        assert refused.value.status == 403


def test_a_session_writes_nothing_outside_its_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (own / "out").symlink_to(other)
    monkeypatch.setenv(ONLY_BELOW, str(own))
    write_bundle(str(own), [TextFile("a", "text")])
    for place in (other, own / ".." / "other", own / "out"):
        with pytest.raises(WriteError, match="writes no files"):
            write_bundle(
                str(place),
                [TextFile("a", "text")],
                follow_symlink=True,
            )
    assert list(other.iterdir()) == []


def test_nobody_serves_in_the_clear_by_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--serve", "0.0.0.0:80"]) == 2
    assert "a port is 1 to 65535" in capsys.readouterr().err
