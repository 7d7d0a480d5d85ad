"""Training in browsers: plain pages and forms, served to this machine only.

No script runs in a page, so it works with a screen reader, on a phone, and by keyboard alone. A link
with a token, one for each learner, turns into a cookie. Every form must come from our own page and
use a host name of ours, so neither a foreign page nor a rebound DNS name gets through.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.features.training.class_report import as_json
from hardentui.features.training.desk import DeskPage, DeskRequest
from hardentui.visible import visible_lines

COOKIE = "hardentui-training"
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LARGEST_FORM = 64 << 10  # bytes
_SILENT = 30.0  # seconds that a connection may say nothing
_CONNECTIONS = 128  # at once
_ACTIONS = ("start", "run", "check", "hint", "guide", "solution", "map")


class Served(Struct, frozen=True):
    """What the server asks of the class, for a learner whose token it knows."""

    names: Mapping[str, str]  # the hash of a token -> whose it is
    answer: Callable[[str, DeskRequest], DeskPage]  # of a learner, to an action
    result: Callable[[str], Struct]  # a learner's signed result
    before: str  # what every page says first; empty = nothing


def token_hash(token: str) -> str:
    """Tokens are compared by their hashes, which a clock does not tell apart."""
    return sha256(token.encode()).hexdigest()


class TrainingServer(ThreadingHTTPServer):
    """Serves the labs to a class.

    Args:
        port: where it listens, on this machine only.
        address: what a proxy in front of it is called, such as https://class.example.org.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        served: Served,
        *,
        port: int = 8000,
        address: str = "",
    ) -> None:
        self.served = served
        super().__init__(("127.0.0.1", port), _Handler)
        own = self.server_address[1]
        self.address = address.rstrip("/") or f"http://127.0.0.1:{own}"
        self.origins = {
            self.address,
            f"http://127.0.0.1:{own}",
            f"http://localhost:{own}",
        }
        self.hosts = {urlsplit(origin).netloc for origin in self.origins}
        self.secure = self.address.startswith("https:")
        self.pages = _Pages()
        self._room = threading.BoundedSemaphore(_CONNECTIONS)

    def link(self, token: str) -> str:
        """What a learner opens once; the token turns into a cookie and leaves the address."""
        return f"{self.address}/?token={token}"

    def process_request_thread(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: object,
    ) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that went away is no fault; anything else is told."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Pages:
    """The pages, from their templates: every value is escaped, and made visible."""

    def __init__(self) -> None:
        environment = Environment(
            loader=PackageLoader("hardentui.features.training"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: visible_lines(value) if type(value) is str else value,
        )
        self._desk = environment.get_template("desk.html.j2")
        self._said = environment.get_template("said.html.j2")
        self.style = environment.get_template("desk.css").render()

    def desk(
        self,
        learner: str,
        page: DeskPage,
        before: str,
    ) -> str:
        left = max(0, round((page.ends - time.time()) / 60)) if page.ends else None
        return self._desk.render(
            learner=learner,
            page=page,
            before=before,
            minutes_left=left,
        )

    def said(self, title: str, text: str) -> str:
        return self._said.render(title=title, text=text)


class _Handler(BaseHTTPRequestHandler):
    server: TrainingServer
    server_version = "hardentui"
    sys_version = ""
    timeout = _SILENT

    def do_GET(self) -> None:
        if not self._is_ours():
            return
        place = urlsplit(self.path)
        if place.path == "/style.css":
            self._send(
                HTTPStatus.OK,
                self.server.pages.style,
                kind="text/css",
            )
            return
        token = parse_qs(place.query).get("token", [""])[0]
        if place.path == "/" and token and self._who(token):
            secure = "; Secure" if self.server.secure else ""
            cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/{secure}"
            self._redirect({"Set-Cookie": cookie})
            return
        learner = self._learner()
        if not learner:
            return
        if place.path == "/result.json":
            text = as_json(self.server.served.result(learner))
            self._send(HTTPStatus.OK, text, kind="application/json")
        elif place.path == "/":
            self._desk(learner, DeskRequest())
        else:
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        if not self._is_ours(sends=True):
            return
        learner = self._learner()
        if not learner:
            return
        action = urlsplit(self.path).path.removeprefix("/")
        if action not in _ACTIONS:
            self._say(HTTPStatus.NOT_FOUND, "There is no such action.")
            return
        fields = self._form()
        if fields is None:
            return
        self._desk(
            learner,
            DeskRequest(
                action,
                fields.get("lab", ""),
                fields.get("text", ""),
            ),
            sent=True,
        )

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a link has a token in it."""

    def _desk(
        self,
        learner: str,
        request: DeskRequest,
        *,
        sent: bool = False,
    ) -> None:
        try:
            page = self.server.served.answer(learner, request)
        except HardenError as error:
            self._say(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{error.title} {error.hint or ''}",
            )
            return
        if sent and not page.error:
            self._redirect({})  # so that a reload does not send the form again
            return
        text = self.server.pages.desk(
            learner,
            page,
            self.server.served.before,
        )
        self._send(HTTPStatus.OK, text)

    def _is_ours(self, *, sends: bool = False) -> bool:
        origin = self.headers.get("Origin")
        if self.headers.get("Host", "") not in self.server.hosts:
            self._say(HTTPStatus.FORBIDDEN, "This is not the name of this server.")
        elif origin not in self.server.origins if sends or origin is not None else False:
            self._say(HTTPStatus.FORBIDDEN, "Other pages may not use this server.")
        else:
            return True
        return False

    def _learner(self) -> str:
        """Whose cookie this is; tells who has none, and returns an empty text."""
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            morsel = None
        learner = self._who(morsel.value) if morsel is not None else ""
        if not learner:
            text = "Open the link that your trainer gave you. It has your token in it."
            self._say(HTTPStatus.UNAUTHORIZED, text)
        return learner

    def _who(self, token: str) -> str:
        hashed, seen = token_hash(token), ""
        for known, name in self.server.served.names.items():
            if compare_digest(known, hashed):
                seen = name
        return seen

    def _form(self) -> Mapping[str, str] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_FORM:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too long.")
            return None
        text = self.rfile.read(int(length)).decode("utf-8", "replace")
        return {name: values[0] for name, values in parse_qs(text).items()}

    def _redirect(self, headers: Mapping[str, str]) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        for name, value in {**_HEADERS, **headers, "Location": "/", "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _say(self, status: HTTPStatus, text: str) -> None:
        self.close_connection = True
        self._send(status, self.server.pages.said("HardenTUI training", text))

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        *,
        kind: str = "text/html",
    ) -> None:
        content = text.encode()
        self.send_response(status)
        length = str(len(content))
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": length,
        }
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
