"""Every command that the documentation shows works on the simulated host, or tells why it does not
there."""

from __future__ import annotations

import io
import os
import re
import shlex
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.cli.parser import parse
from tests.support.documented import PAGES, ROOT, commands

SHOWN = [
    (str(page.relative_to(ROOT)), command)
    for page in PAGES
    for command in commands(page.read_text())
]


def test_the_documentation_shows_commands() -> None:
    assert len(SHOWN) > 80


@pytest.mark.parametrize(("page", "command"), SHOWN)
def test_a_documented_command_is_taken(
    page: str,
    command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code: object = 0
    try:
        parse(shlex.split(command)[1:])
    except SystemExit as left:  # `--help` leaves with 0
        code = left.code
    assert not code, f"{page}: {capsys.readouterr().err}"


QUADLET = "[Container]\nImage=docker.io/library/nginx:1.27\nPodmanArgs=--privileged\n"
COMPOSE = "services:\n  web:\n    image: docker.io/library/nginx:1.27\n    privileged: true\n"
RUN = [
    page
    for page in PAGES
    if page.parent.name == "docs" and page.stem != "history" and commands(page.read_text())
]
WANTS_MORE = {
    r"watch |train( check --watch| --serve)|networks .*--watch": None,  # they go on
    r"train run": "Everything after run goes to podman",  # so `--demo` comes before
    r"harden (?!.*(--try|--yes|-o ))|trust sign": "there is no terminal to ask",
    r"check .*--save": "Only the facts of a real host can be saved",
    r"check .*--import": "A simulated host has no scan results",
    r"check .*--facts|images --import|apply .*--plan|trust (plan|apply)": "cannot be read",
    r"trial .*--image": "is not on this engine",
    r"trial |networks .*--try": "A trial needs a real Podman",
    r"apply (?!.*--safe)": "Changes cannot be applied to a simulated or saved host",
    r"confirm": "No change waits",
    r"journal forget": "is not an entry of the journal",
    r"undo": "There is nothing to undo",
    r"trust check ": "None of these engines belongs to this account",
}
"""What is no use on the simulated host, and what is told then; the live tests run it."""


@pytest.mark.long
@pytest.mark.parametrize(
    "page",
    RUN,
    ids=[page.stem for page in RUN],
)
def test_the_commands_of_a_page_work_one_after_another(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("quadlets").mkdir()
    Path("home/keys").mkdir(parents=True)
    for path, text in {
        "quadlets/web.container": QUADLET,
        "web.container": QUADLET,
        "compose.yaml": COMPOSE,
    }.items():
        Path(path).write_text(text)
    for command in commands(page.read_text()):
        told = next(
            (
                said
                for start, said in WANTS_MORE.items()
                if re.match(f"hardentui (?:{start})", command)
            ),
            "",
        )
        if told is None:
            continue
        monkeypatch.setattr(
            "sys.stdin",
            io.TextIOWrapper(io.BytesIO(QUADLET.encode())),
        )
        words = [
            {"web": "shop-web", "NAME": "shop-web"}.get(word, word)
            for word in shlex.split(command)[1:]
        ]
        words = [os.path.expanduser(word) for word in words]
        own = page.stem == "at-rest" or "--facts" in words or "--demo" in words
        code = main(words if own else [*words, "--demo"])
        captured = capsys.readouterr()
        assert (code in (0, 1, 4), told in captured.err) == (not told, True), (
            f"{command}: {captured.err}"
        )
