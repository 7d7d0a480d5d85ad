"""The Quadlet generator of this host."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.errors import GeneratorError
from hardentui.features.at_rest.sources import find
from hardentui.features.at_rest.target_podman import target_podman
from hardentui.host.podman.generator import dry_run, exec_start, find_generator, verify, version_of
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version
from tests.conftest import cannot_run

pytestmark = pytest.mark.live

UNIT = """[Container]
Image=localhost/bb:1
ContainerName=web
{}
[Service]
Environment="HT_EMPTY=" "HT_SEMI=;"
"""


@pytest.fixture
def program() -> str:
    result = find_generator()
    if result is None:
        cannot_run("no Quadlet generator is installed; run: sudo apt-get install podman")
    return result


def argv(program: str, lines: str) -> tuple[str, ...]:
    run = dry_run(
        {"web.container": UNIT.format(lines)},
        user=False,
        generator=program,
    )
    assert run.ok, run.stderr
    return exec_start(run.services["web.service"], {"t": "/run", "N": "web"})


def test_a_unit_becomes_a_service_that_systemd_accepts(program: str) -> None:
    run = dry_run(
        {"web.container": UNIT.format("ReadOnly=true")},
        user=False,
        generator=program,
    )
    assert run.ok
    assert run.stderr == ""
    assert set(run.services) == {"web.service"}
    assert "SourcePath=/etc/containers/systemd/web.container" in run.services["web.service"]
    words = exec_start(run.services["web.service"])
    assert words[1:4] == ("run", "--name", "web")
    assert "--read-only" in " ".join(words)
    assert words[-1] == "localhost/bb:1"
    assert verify(run.services) in ((), Unread("systemd-analyze is not installed"))


@pytest.mark.parametrize("user", [False, True])
def test_a_key_that_does_not_exist_is_named(
    program: str,
    user: bool,
) -> None:
    run = dry_run(
        {"web.container": UNIT.format("NoSuchKey=1")},
        user=user,
        generator=program,
    )
    assert not run.ok
    assert "unsupported key 'NoSuchKey'" in run.stderr
    assert "hardentui-" not in run.stderr


def test_keys_of_files_are_written_for_the_generator_of_this_host(
    program: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "web.container").write_text(UNIT.format(""))
    target = target_podman(None, find([str(tmp_path)]))
    assert target.version == version_of(program)
    assert "the generator of this host" in target.note
    (tmp_path / "web.container").write_text("# hardentui: podman 4.9\n" + UNIT.format(""))
    assert target_podman(None, find([str(tmp_path)])).version == Version(4, 9)


def test_one_bad_unit_does_not_hide_the_good_one(program: str) -> None:
    units = {
        "web.container": UNIT.format(""),
        "bad.container": "[Container]\n",
    }
    run = dry_run(
        units,
        user=False,
        generator=program,
    )
    assert set(run.services) == {"web.service"}
    assert not run.ok
    assert "bad.container" in run.stderr


def test_systemd_complains_about_a_broken_service() -> None:
    complaints = verify({"x.service": "[Service]\nExecStart=/bin/true\nNoSuchKey=1\n"})
    if isinstance(complaints, Unread):
        cannot_run(complaints.reason)
    assert len(complaints) == 1
    assert "NoSuchKey" in complaints[0]
    assert complaints[0].startswith("x.service:3")


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ('Exec=cmd "" after', "after"),
        (r"Exec=cmd \d after", "after"),
        ("Exec=find . -exec x ; after", "after"),
    ],
)
def test_words_that_are_lost_in_silence_are_found_by_comparing(
    program: str,
    lines: str,
    lost: str,
) -> None:
    assert lost not in argv(program, lines)


def test_a_raw_carriage_return_smuggles_lines_in_and_is_found(program: str) -> None:
    """Quadlet copies the unit into the service as it is, and systemd ends a line there."""
    hidden = 'LogOpt="tag=\r[Service]\rExecStart=/bin/evil\r"'
    run = dry_run(
        {"web.container": UNIT.format(hidden)},
        user=False,
        generator=program,
    )
    assert run.ok
    with pytest.raises(GeneratorError, match="2 commands"):
        exec_start(run.services["web.service"])


def test_a_specifier_that_was_not_escaped_never_equals_the_literal_text(program: str) -> None:
    words = argv(program, 'Exec=cmd "%h" "$$literal" "${PATH}"')
    assert "%h" not in words
    assert "${PATH}" not in words
    assert words[-2] == "$literal"
