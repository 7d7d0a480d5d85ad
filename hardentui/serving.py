"""Training in a browser: textual-serve plus a token, Host and Origin checks, a content policy and a
limit.

Unmodified, any web page that a learner visits could open its web socket and type into the app. Here
every request needs a cookie that only the address with the token sets, must come from our own page,
and use a host name of ours, so neither a foreign page nor a rebound DNS name gets through.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.server import Server

from hardentui.account import our_module

_SESSION = "hardentui.cli.screens_opened"
COOKIE = "hardentui-training"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE = "app_index.html"
_ELSEWHERE = re.compile(r"<link\b[^>]*https?://[^>]*>")
"""The page's link to a font of another site; without it the terminal has the browser's own."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TrainingServer(Server):
    """Serves training to the browsers of a class.

    Args:
        port: where it listens, on this machine only.
        sessions: how many learners at once; each has a separate process.
        token: empty = a new one.
    """

    def __init__(
        self,
        *,
        port: int = 8000,
        sessions: int = 20,
        token: str = "",
    ) -> None:
        super().__init__(
            shlex.join(our_module(_SESSION)),
            host="127.0.0.1",
            port=port,
            title="HardenTUI training",
        )
        self.token = token or secrets.token_urlsafe(24)
        self._most = sessions
        self._open = 0
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    @property
    def address(self) -> str:
        """What a learner opens once; the token turns into a cookie and leaves the address."""
        return f"{self.public_url}/?token={self.token}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        aiohttp_jinja2.setup(
            app,
            loader=jinja2.DictLoader({_PAGE: _page(self.templates_path)}),
        )
        app.middlewares.append(self._guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing here: the command prints the address."""

    async def handle_websocket(
        self,
        request: web.Request,
    ) -> web.WebSocketResponse:
        if self._open >= self._most:
            raise web.HTTPServiceUnavailable(text="All sessions are in use. Try again later.\n")
        self._open += 1
        try:
            response: web.WebSocketResponse = await super().handle_websocket(request)
            return response
        finally:
            self._open -= 1

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Handler,
    ) -> web.StreamResponse:
        if request.host not in self._hosts:
            raise web.HTTPForbidden(
                text="This is not the name of this server.\n",
                headers=_HEADERS,
            )
        origin = request.headers.get("Origin")
        if origin is not None and origin.rstrip("/") != self.public_url.rstrip("/"):
            raise web.HTTPForbidden(
                text="Other pages may not use this server.\n",
                headers=_HEADERS,
            )
        if request.path == "/ws" and origin is None:
            raise web.HTTPForbidden(
                text="Only a browser may use this.\n",
                headers=_HEADERS,
            )
        given = request.query.get("token", "")
        if request.path == "/" and given and compare_digest(given.encode(), self.token.encode()):
            answer = web.HTTPFound("/", headers=_HEADERS)
            answer.set_cookie(
                COOKIE,
                self.token,
                httponly=True,
                samesite="Strict",
                path="/",
            )
            raise answer
        if not compare_digest(
            request.cookies.get(COOKIE, "").encode(),
            self.token.encode(),
        ):
            raise web.HTTPUnauthorized(
                text="The address with the token opens this page: hardentui train --serve prints "
                "it.\n",
                headers=_HEADERS,
            )
        if request.path.startswith("/static") and request.path.endswith("/"):
            raise web.HTTPNotFound(headers=_HEADERS)  # no list of files
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response


def _page(directory: Path) -> str:
    return _ELSEWHERE.sub("", (directory / _PAGE).read_text())
