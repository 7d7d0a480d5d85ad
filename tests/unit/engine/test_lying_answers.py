"""Root and an engine of another account whose answers lie, each field of them in turn: what root does
is what it does when nothing lies."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.engine import shapes
from tests.property.test_odd_answers import ANSWERS, WRONG
from tests.support import answering_engine, watched_root
from tests.support.watched_root import BECAME

STRANGER = 60123
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="root meets another account"),
    pytest.mark.timeout(900),
]
(NAME,) = (row["Names"][0] for row in ANSWERS["/containers/json?all=true"])
INSPECT = next(
    path for path in ANSWERS if path.startswith("/containers/") and path.endswith("/json")
)
TRUTH = copy.deepcopy(ANSWERS)
TRUTH[INSPECT]["IsInfra"] = False  # what a change may begin with
del TRUTH[INSPECT]["Config"]["Labels"]["PODMAN_SYSTEMD_UNIT"]
TRUTH["/containers/json"] = []  # twins that an earlier trial left
SECRET = "of-root"
Place = tuple[str | int, ...]


def _places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Each field once; of a list its first entry."""
    if here:
        yield here
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*here, key))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*here, 0))


def _at(path: str, place: Place) -> Any:
    value = TRUTH[path]
    for step in place:
        value = value[step]
    return value


def _lie(value: Any, secret: str) -> Any:
    """A value of the same kind that leads to root's."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return os.getpid()
    if isinstance(value, list):
        return [_lie(value[0], secret)] if value else [secret]
    if isinstance(value, dict):
        return {secret: secret, **{key: _lie(each, secret) for key, each in value.items()}}
    return secret


class Liar:
    """An engine of another account, and a place of root's that its lies lead to.

    Args:
        ours: the one who asks is that account, too.
    """

    def __init__(self, directory: Path, *, ours: bool = False) -> None:
        self.us = str(STRANGER) if ours else "us"
        self.directory = directory
        self.secret = directory / SECRET / f"{SECRET}.json"
        self.secret.parent.mkdir(mode=0o755)
        self.secret.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "of": "root"}')
        self.secret.chmod(0o600)
        self.lie = directory / "lie.json"
        self.lie.write_text("{}")
        self.lie.chmod(0o666)
        answers = directory / "answers.json"
        answers.write_text(json.dumps(TRUTH))
        self.socket = directory / "their.sock"
        self.process = subprocess.Popen(
            [
                *("/usr/bin/python3", "-I", "-c", Path(answering_engine.__file__).read_text()),
                *(str(self.socket), str(answers), str(self.lie)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"

    def run(self, words: tuple[str, ...], lies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        command = (sys.executable, "-P", watched_root.__file__, str(self.lie), self.us, *words)
        done = subprocess.run(
            [*command, "--url", f"unix://{self.socket}"],
            input=json.dumps(lies),
            capture_output=True,
            text=True,
            timeout=800,
            check=True,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[3]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "XDG_STATE_HOME": str(self.directory / "state"),
                "XDG_CACHE_HOME": str(self.directory / "cache"),
            },
        )
        results: list[dict[str, Any]] = json.loads(done.stdout)
        return results

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def liar() -> Iterator[Liar]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o1777)
        liar = Liar(Path(directory))
        try:
            yield liar
        finally:
            liar.stop()


def _parts(many: int) -> list[Any]:
    """All fields in so many parts, each with its marks: the first part is tried every day."""
    rest = [pytest.param(part, marks=pytest.mark.long) for part in range(1, many)]
    return [pytest.param(0), *rest]


FEW, MANY = 3, 9
ACTS = ("apply", NAME, "--check", "new-privileges-allowed", "--discard-data", "--yes")
LOOKS = ("check", NAME, "--details")
TRIES = ("trial", NAME, "--safe")
ACTING = (
    ACTS,
    TRIES,
    ("harden", NAME, "--yes"),
    ("harden", "--everything", "--yes"),
    ("undo", "--yes"),
)
LOOKING = (
    LOOKS,
    ("plan", NAME),
    ("watch", NAME, "--once"),
    ("fix", NAME, "--safe", "--to", "quadlet"),
)
ASKED_OF_THE_HOST = {
    "subprocess.Popen ['dmesg']",
    "subprocess.Popen ['nft', '-j', 'list', 'ruleset']",
    "subprocess.Popen ['systemctl', '--user', 'show', '--property=LoadState,ActiveState',"
    " 'podman-auto-update.timer']",
}
"""What a look may ask, word for word, whichever checks a lie brings it to."""
DOCUMENTS = {
    "info": "/info",
    "inspect": INSPECT,
    "list": "/containers/json?all=true",
    "image": f"/images/{TRUTH[INSPECT]['Image']}/json",
    "networks": "/networks/json",
    "pods": "/pods/json",
    "volumes": "/volumes/json",
}
"""What a lie is about: each field of it in turn."""


def _shares() -> Iterator[Any]:
    """A command, a document, and a share of its fields: some are tried every day."""
    for words in (*ACTING, *LOOKING):
        for name in DOCUMENTS:
            for part in range(FEW):
                daily = words in (*ACTING, LOOKS) and name in ("info", "inspect") and part == 0
                marks = () if daily else (pytest.mark.long,)
                label = f"{'-'.join(words[:2])}-{name}-{part}".replace(f"-{NAME}", "")
                yield pytest.param(words, name, slice(part, None, FEW), marks=marks, id=label)


@pytest.mark.parametrize(("words", "document", "share"), list(_shares()))
def test_no_field_makes_root_do_anything_else(
    liar: Liar,
    words: tuple[str, ...],
    document: str,
    share: slice,
) -> None:
    path = DOCUMENTS[document]
    places = [*_places(TRUTH[path])][share]
    lies = [
        {
            "path": path,
            "steps": place,
            "value": _lie(_at(path, place), str(liar.secret)),
        }
        for place in places
    ]
    before = _state(liar)
    truth, *results = liar.run(words, [{}, *lies])
    assert "internal error" not in truth["said"]
    acts = words in ACTING
    assert (truth["uid"] == STRANGER) is (truth["code"] == BECAME) is acts, truth
    allowed = {*truth["events"], *(() if acts else ASKED_OF_THE_HOST)}
    for lie, result in zip(lies, results, strict=True):
        about = (lie["steps"], result)
        assert set(result["events"]) <= allowed, about
        assert result["uid"] == truth["uid"], about
        assert "internal error" not in result["said"], about
        assert "SCMP_ACT_ALLOW" not in result["said"], about
    assert _state(liar) == before


def _state(liar: Liar) -> dict[str, tuple[int, ...]]:
    """What of root's the lies lead to."""
    folder = liar.secret.parent
    return {
        str(path): (path.stat().st_mode, path.stat().st_uid, path.stat().st_mtime_ns)
        for path in (folder, *sorted(folder.rglob("*")))
    }


@pytest.fixture
def own_liar() -> Iterator[Liar]:
    """Nothing of root's is at stake: who asks and who lies are one account without rights."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o1777)
        liar = Liar(Path(directory), ours=True)
        try:
            yield liar
        finally:
            liar.stop()


WHOLE: tuple[Any, ...] = ([None], [], None, "odd", 7, {}, [[]], {"Id": None})


@pytest.mark.parametrize(
    "words",
    [
        ACTS,
        pytest.param(TRIES, marks=pytest.mark.long),
        pytest.param(("fix", NAME, "--safe", "--to", "quadlet"), marks=pytest.mark.long),
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("path", ["/info", INSPECT], ids=["info", "inspect"])
@pytest.mark.parametrize("part", _parts(MANY))
def test_no_wrong_type_ends_a_change_with_a_traceback(
    own_liar: Liar,
    path: str,
    words: tuple[str, ...],
    part: int,
) -> None:
    places = [*enumerate(_places(TRUTH[path]))][part::MANY]
    lies = [{"path": path, "steps": (), "value": value} for value in WHOLE if part == 0]
    lies += [
        {"path": path, "steps": place, "value": WRONG[number // MANY % len(WRONG)]}
        for number, place in places
    ]
    _ends_with_a_sentence(own_liar, words, lies)


LISTS = ("/containers/json", "/networks/json", "/pods/json", "/volumes/json")
"""What a change looks at, to tidy up after a trial that was killed."""
READ = frozenset(shapes.Labelled.__struct_fields__)


@pytest.mark.parametrize(
    "path",
    [LISTS[0], *(pytest.param(path, marks=pytest.mark.long) for path in LISTS[1:])],
)
def test_no_wrong_list_ends_a_trial_with_a_traceback(own_liar: Liar, path: str) -> None:
    row = (TRUTH[path] or ANSWERS["/containers/json?all=true"])[0]
    values = [*WHOLE, *([wrong] for wrong in WRONG)]
    values += [
        [{**row, key: wrong}]
        for key, value in row.items()
        if key in READ
        for wrong in WRONG[:4]
        if type(wrong) is not type(value)
    ]
    lies = [{"path": path, "steps": (), "value": value} for value in values]
    _ends_with_a_sentence(own_liar, TRIES, lies)


def _ends_with_a_sentence(
    own_liar: Liar,
    words: tuple[str, ...],
    lies: list[dict[str, Any]],
) -> None:
    for lie, result in zip(lies, own_liar.run(words, lies), strict=True):
        about = (lie, result["said"])
        assert "internal error" not in result["said"], about
        assert "Traceback" not in result["said"], about
        assert result["code"] in (0, 1, 2, 3, 4, 5, 6), about


_OK = "HTTP/1.1 200 OK\r\n"
_HIDE = "\\u001b]0;mine\\u0007"
BROKEN = (
    {"raw": f'{_OK}Content-Length: 4000\r\n\r\n{{"a":'},
    {"raw": f"{_OK}Content-Length: -1\r\n\r\n{{}}"},
    {"raw": f"{_OK}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n", "again": "x" * 65_536},
    {"raw": f"{_OK}X: ", "again": "b" * 9_000},
    {"raw": "", "again": "HTTP/1.1 100 Continue\r\n\r\n"},
    {"raw": "HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
    {"raw": f"{_OK}Connection: close\r\n\r\n" + "[" * 200_000},
    {
        "raw": f'HTTP/1.1 500 X\r\nConnection: close\r\n\r\n{{"cause": "{_HIDE}", "message": "{_HIDE}"}}'
    },
)
SLOW = ({"raw": f"{_OK}Content-Length: 1000000\r\n\r\n", "again": " ", "pause": 0.2},)
"""Each answer may take thirty seconds, all of it together."""


@pytest.mark.parametrize("words", [LOOKS, ACTS], ids=lambda words: words[0])
@pytest.mark.parametrize(
    "path",
    ["/containers/json", *(pytest.param(path, marks=pytest.mark.long) for path in ("*", "/info"))],
)
@pytest.mark.parametrize("answers", [BROKEN, pytest.param(SLOW, marks=pytest.mark.long)])
def test_no_broken_answer_hangs_root_or_reaches_its_terminal(
    liar: Liar,
    answers: tuple[dict[str, Any], ...],
    path: str,
    words: tuple[str, ...],
) -> None:
    truth, *results = liar.run(words, [{}, *({"path": path, **answer} for answer in answers)])
    for answer, result in zip(answers, results, strict=True):
        about = (str(answer)[:80], result)
        assert set(result["events"]) <= set(truth["events"]), about
        assert result["code"] in (0, 1, 2, 3, 4, BECAME), about
        assert "internal error" not in result["said"], about
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result["said"]), about
        assert result["seconds"] < 60, about
