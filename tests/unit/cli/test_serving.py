"""Training in browsers: a link for each learner, nobody else, nothing from other pages; pages that
need no script."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hardentui.__main__ import main
from hardentui.checks import CHECKS
from hardentui.features.training import classroom
from hardentui.features.training.classroom_desks import ClassroomDesks
from hardentui.serving import COOKIE, Served, TrainingServer, token_hash

BEFORE = "No Podman here."


class Answer:
    """A response, and the page in it."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text


class Class:
    """A served class of anna and ben."""

    def __init__(self, server: TrainingServer, made: classroom.Classroom) -> None:
        self.server = server
        self.port = server.server_address[1]
        self.tokens = {learner.name: learner.token for learner in made.learners}

    def ask(
        self,
        path: str = "/",
        *,
        who: str = "",
        form: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        sent = {"Cookie": f"{COOKIE}={self.tokens.get(who, who)}"} if who else {}
        body = None
        if form is not None:
            body = urlencode(form)
            sent["Origin"] = self.server.address
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST" if form is not None else "GET", path, body, sent)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, dict(response.getheaders()), text)

    def does(self, who: str, action: str, **form: str) -> str:
        """The page after an action."""
        done = self.ask(f"/{action}", who=who, form=form)
        return self.ask(who=who).text if done.status == 303 else done.text


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Class]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    classroom.open_class(["anna", "ben"], checks=CHECKS)
    made = classroom.start_class()
    desks = ClassroomDesks(None)
    names = {token_hash(learner.token): learner.name for learner in made.learners}
    server = TrainingServer(Served(names, desks.answer, desks.result, BEFORE), port=0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Class(server, made)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_link_gives_a_cookie_and_leaves_the_address(served: Class) -> None:
    answer = served.ask(f"/?token={served.tokens['anna']}")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    given = answer.headers["Set-Cookie"]
    assert "HttpOnly" in given
    assert "SameSite=Strict" in given
    page = served.ask(who="anna")
    assert "anna" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/result.json", "/nothing", "/?token=wrong"])
@pytest.mark.parametrize("cookie", ["", "wrong"])
def test_nothing_is_told_without_a_learner_s_token(served: Class, path: str, cookie: str) -> None:
    answer = served.ask(path, who=cookie)
    assert answer.status == 401
    assert "Your first fix" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8000"},
    ],
)
def test_no_foreign_page_acts_for_a_learner(served: Class, headers: dict[str, str]) -> None:
    answer = served.ask("/start", who="anna", form={"lab": "first-run"}, **headers)
    assert answer.status == 403
    assert "begun" not in served.ask(who="anna").text


def test_a_form_without_an_origin_is_refused(served: Class) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    cookie = {"Cookie": f"{COOKIE}={served.tokens['anna']}"}
    connection.request("POST", "/start", "lab=first-run", cookie)
    assert connection.getresponse().status == 403
    connection.close()


def test_a_form_that_is_too_long_is_refused(served: Class) -> None:
    assert served.ask("/run", who="anna", form={"text": "x" * 70_000}).status == 413


def test_a_lab_is_done_with_forms_and_outlives_a_reload(served: Class) -> None:
    assert BEFORE in served.ask(who="anna").text
    page = served.does("anna", "start", lab="first-run")
    assert "Your first fix" in page
    page = served.does("anna", "run", text="podman run")
    assert "Solved." in page
    assert "hardentui check --check privileged" in page
    assert "Solved." in served.ask(who="anna").text
    page = served.does("anna", "map")
    assert "1 of 36 labs passed" in page
    assert "0 of 36 labs passed" in served.ask(who="ben").text


def test_a_refusal_is_told_on_the_page(served: Class) -> None:
    served.does("anna", "start", lab="first-run")
    page = served.does("anna", "run", text="--pod=other")
    assert 'role="alert"' in page
    assert "leads out of the lab" in page
    assert served.ask("/burn", who="anna", form={}).status == 404


def test_who_comes_too_late_is_told_on_the_page_and_keeps_the_result(served: Class) -> None:
    served.does("anna", "start", lab="first-run")
    classroom.end_class()
    page = served.does("anna", "run", text="")
    assert 'role="alert"' in page
    assert "The class has ended" in page
    assert "Solved." not in page
    assert "/result.json" in page


def test_what_a_learner_types_is_no_markup(served: Class) -> None:
    served.does("anna", "start", lab="first-run")
    page = served.does("anna", "run", text="--label=<script>alert(1)</script>\x1b[31m")
    assert "<script" not in page
    assert "\x1b" not in page


class _Roles(HTMLParser):
    """Form fields with and without a name that a screen reader says."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[str] = []
        self.labels: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "label":
            self.labels.add(given.get("for") or "")
        if tag in ("input", "textarea") and given.get("type") != "hidden":
            self.fields.append(given.get("id") or "")


def test_a_page_has_roles_and_needs_no_script(served: Class) -> None:
    for lab in ("first-run", "signed-images"):
        page = served.does("anna", "start", lab=lab)
        roles = _Roles()
        roles.feed(page)
        assert roles.fields
        assert set(roles.fields) <= roles.labels
        assert {"main", "header", "h1", "h2", "button"} <= set(roles.tags)
        assert roles.tags.count("h1") == 1
        assert "script" not in roles.tags
        assert "autofocus" in page, "keys work without a click"
        assert 'name="viewport"' in page


def test_a_result_is_signed(served: Class, tmp_path: Path) -> None:
    served.does("anna", "start", lab="first-run")
    served.does("anna", "run", text="")
    kept = tmp_path / "result.json"
    kept.write_text(served.ask("/result.json", who="anna").text)
    assert main(["train", "report", "--verify", str(kept)]) == 0


def test_nobody_serves_in_the_clear_by_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--serve", "0.0.0.0:80"]) == 2
    assert "a port is 1 to 65535" in capsys.readouterr().err


def test_a_browser_that_goes_away_leaves_no_trace_on_the_trainer_s_terminal(
    served: Class, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, told in ((BrokenPipeError("gone"), False), (ValueError("a fault"), True)):
        try:
            raise error
        except type(error):
            served.server.handle_error(None, ("127.0.0.1", 1))
        assert bool(capsys.readouterr().err) is told
