"""Drop-ins of an admin rehearsed on each of seven releases of Uyuni's units for each later one.

What upstream changed is the truth: the words of the commands in its templates, compared as words and
not by the readers that the rehearsal uses, and its commits.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from hardentui.features.at_rest.against_release import Rehearsed, ReleaseOutcome, rehearse
from hardentui.features.at_rest.checking import AtRest, look
from tests.support.uyuni import CLONE
from tools.uyuni_units import RELEASES, write

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CLONE, reason="HARDENTUI_UYUNI_TOOLS names no clone of uyuni-tools"),
]

DAY = date(2026, 12, 1)
PAIRS = tuple(combinations(RELEASES, 2))
TUNED = '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--memory 6g --pids-limit 4000"\n'
LIMITS = "[Service]\nLimitNOFILE=65536\nNice=5\n"
_COMMAND = re.compile(r"^ExecStart(?:Pre)?=(.*?)(?<!\\)$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\$\{(?!PODMAN_EXTRA_ARGS|\w*IMAGE)(\w+)\}")
_MAKES = ("podman run", "pod create")
_SHORT = {"-v": "--volume", "-p": "--publish", "-e": "--env", "-d": "--detach"}
_OF_THE_PROCESS = frozenset(
    {
        *("--cidfile", "--pod-id-file", "--detach", "--replace", "--rm", "-dt"),
        *("--infra-conmon-pidfile", "--sdnotify"),
    }
)
"""Flags that say how Podman itself runs."""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for each release."""
    directory = tmp_path_factory.mktemp("releases")
    for release in RELEASES:
        write(Path(CLONE), f"uyuni-tools-{release}", directory / release)
    return directory


def command(unit: Path) -> str:
    """The one that makes a container or a pod."""
    (line,) = (
        line for line in _COMMAND.findall(unit.read_text()) if any(word in line for word in _MAKES)
    )
    return str(line)


def flags(unit: Path) -> set[tuple[str, str]]:
    """Flag and value of each option of the command, without our readers."""
    text = unit.read_text()
    words = shlex.split(command(unit).replace("\\\n", " "))
    words = shlex.split(words[2]) if words[0].endswith("sh") else words
    said = set()
    for number, word in enumerate(words):
        if word.startswith("-"):
            flag, is_set, value = word.partition("=")
            following = words[number + 1] if number + 1 < len(words) else ""
            value = value if is_set or following.startswith(("-", "$")) else following
            said.add((_SHORT.get(flag, flag), value))
        elif (variable := _VARIABLE.fullmatch(word)) and f"{variable[1]}=" not in text:
            said.add((word, ""))  # it may bring more flags
    return {(flag, value) for flag, value in said if flag not in _OF_THE_PROCESS}


def rehearsed(
    rendered: Path,
    work: Path,
    pair: tuple[str, str],
    drop_ins: Mapping[str, str],
) -> Rehearsed:
    """Today's units with a drop-in for some of them: unit -> text of `zz-mine.conf`."""
    today = work / "today"
    shutil.copytree(rendered / pair[0], today)
    for unit, text in drop_ins.items():
        (today / f"{unit}.d" / "zz-mine.conf").write_text(text)
    now, following = (look(AtRest((str(path),)), DAY) for path in (today, rendered / pair[1]))
    return rehearse(now, following, DAY)


def outcomes(seen: Rehearsed) -> dict[str, tuple[ReleaseOutcome, tuple[str, ...]]]:
    return {
        line.service: (line.outcome, line.details)
        for line in seen.lines
        if line.drop_in == "zz-mine.conf"
    }


def both(rendered: Path, pair: tuple[str, str]) -> Iterator[tuple[str, Path, Path]]:
    for unit in sorted((rendered / pair[0]).glob("*.service")):
        later = rendered / pair[1] / unit.name
        if later.exists():
            yield unit.name, unit, later


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_a_copy_of_the_command_is_told_to_hide_just_what_upstream_added(
    rendered: Path,
    tmp_path: Path,
    pair: tuple[str, str],
) -> None:
    copies = {}
    for name, unit, _ in both(rendered, pair):
        key = "ExecStartPre" if "pod create" in command(unit) else "ExecStart"
        copies[name] = f"[Service]\n{key}=\n{key}={command(unit)}\n"
    told = outcomes(rehearsed(rendered, tmp_path, pair, copies))
    assert told.keys() == copies.keys()
    for name, today, later in both(rendered, pair):
        outcome, details = told[name]
        added, dropped = flags(later) - flags(today), flags(today) - flags(later)
        named = {detail.partition(" ")[0] for detail in details}
        if added:
            assert outcome is ReleaseOutcome.HIDES, (name, added)
            assert named == {flag for flag, _ in added}, name
        elif dropped:
            assert outcome is ReleaseOutcome.KEEPS, (name, dropped)
            assert named == {flag for flag, _ in dropped}, name
        else:
            assert outcome is ReleaseOutcome.APPLIES, name


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_a_variable_is_told_to_apply_as_long_as_upstream_uses_it(
    rendered: Path,
    tmp_path: Path,
    pair: tuple[str, str],
) -> None:
    uses = {
        name: "PODMAN_EXTRA_ARGS" in command(later)
        for name, today, later in both(rendered, pair)
        if "PODMAN_EXTRA_ARGS" in command(today)
    }
    others = {name for name, _, _ in both(rendered, pair)} - uses.keys()
    drop_ins = {**dict.fromkeys(uses, TUNED), **dict.fromkeys(others, LIMITS)}
    seen = rehearsed(rendered, tmp_path, pair, drop_ins)
    told = outcomes(seen)
    expected = {name: "still applies" if used else "would break" for name, used in uses.items()}
    assert {name: told[name][0].value for name in uses} == expected
    assert {told[name][0] for name in others} == {ReleaseOutcome.APPLIES}
    before, after = ({path.name for path in (rendered / each).glob("*.service")} for each in pair)
    come = {line.service for line in seen.lines if line.outcome is ReleaseOutcome.NEW}
    gone = {line.service for line in seen.lines if line.outcome is ReleaseOutcome.GONE}
    assert (come, gone) == (after - before, before - after)


@pytest.mark.parametrize(
    ("commit", "pair", "unit", "drop_in", "expected"),
    [
        (
            "64c4ed79 removes PODMAN_EXTRA_ARGS from Saline",
            ("5.1.10-0", "5.1.18-0"),
            "uyuni-saline@.service",
            TUNED,
            "would break",
        ),
        (
            "8c3c64b0 always runs in systemd mode",
            ("5.1.18-0", "5.2.16-0"),
            "uyuni-server.service",
            '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--systemd=always"\n',
            "the release does it itself",
        ),
        (
            "511bb11f stops an unhealthy database",
            ("5.1.18-0", "5.2.16-0"),
            "uyuni-db.service",
            '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--health-on-failure=stop"\n',
            "the release does it itself",
        ),
        (
            "e245d270 gives TFTP a container of its own",
            ("5.2.4-0", "5.2.10-0"),
            "uyuni-tftpd.service",
            "",
            "new in the release",
        ),
        (
            "dc1dd080 gives the database a container of its own",
            ("5.1.3-0", "5.1.10-0"),
            "uyuni-db.service",
            "",
            "new in the release",
        ),
    ],
)
def test_what_a_commit_changed_is_told(
    rendered: Path,
    tmp_path: Path,
    commit: str,
    pair: tuple[str, str],
    unit: str,
    drop_in: str,
    expected: str,
) -> None:
    seen = rehearsed(rendered, tmp_path, pair, {unit: drop_in} if drop_in else {})
    told = {
        line.outcome.value
        for line in seen.lines
        if line.service == unit and bool(line.drop_in) == bool(drop_in)
    }
    assert expected in told, commit
