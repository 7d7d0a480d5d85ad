"""Running a generator: what it is given, and how its answer is read. The real one is in tests/live."""

import os
from pathlib import Path

import pytest

from hardentui.errors import GeneratorError
from hardentui.host.podman import generator
from hardentui.host.podman.generator import dry_run, verify
from hardentui.model.known import Unread


def fake(tmp_path: Path, script: str) -> str:
    program = tmp_path / "generator"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_it_sees_only_the_given_units_in_a_private_directory(tmp_path: Path) -> None:
    program = fake(
        tmp_path,
        'stat -c %a "$QUADLET_UNIT_DIRS" >&2; ls "$QUADLET_UNIT_DIRS" >&2; echo "$@" >&2\n'
        'printf -- "---a.service---\\n"; cat "$QUADLET_UNIT_DIRS/a.container"; echo "S=$QUADLET_UNIT_DIRS/a"',
    )
    run = dry_run({"a.container": "X=1\n"}, user=True, generator=program, unit_directory="/etc/q")
    assert run.stderr.split("\n") == ["700", "a.container", "-dryrun -user"]
    assert run.services == {"a.service": "X=1\nS=/etc/q/a\n"}
    assert run.ok


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    program = fake(tmp_path, 'echo "$PWD" >&2; exit 1')
    run = dry_run({}, user=False, generator=program)
    assert not run.ok
    directory = dry_run({}, user=False, generator=fake(tmp_path, 'basename "$PWD" >&2')).stderr
    assert directory.startswith("hardentui-")
    assert not os.path.exists(os.path.join(os.environ.get("TMPDIR", "/tmp"), directory))


def test_a_unit_that_gave_no_service_is_not_ok_whatever_the_exit_code(tmp_path: Path) -> None:
    program = fake(tmp_path, "printf -- '---a.service---\\n[Unit]\\n'; exit 0")
    assert dry_run({"a.container": ""}, user=False, generator=program).ok
    assert not dry_run({"a.container": "", "b.volume": ""}, user=False, generator=program).ok
    assert dry_run({"a.container": "", "notes.txt": ""}, user=False, generator=program).ok


def test_separators_count_only_on_lines_of_their_own(tmp_path: Path) -> None:
    program = fake(tmp_path, "printf -- '---a.service---\\nExec=x ---evil.service---\\r---b.service---\\n'")
    run = dry_run({"a.container": ""}, user=False, generator=program)
    assert run.services == {"a.service": "Exec=x ---evil.service---\r---b.service---\n"}


def test_a_generator_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="did not finish within"):
        dry_run({}, user=False, generator=fake(tmp_path, "exec sleep 60"), timeout=0.2)


def test_a_generator_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="cannot be run"):
        dry_run({}, user=False, generator=str(tmp_path / "none"))


@pytest.mark.parametrize("name", ["../a.container", "", "..", "a\0b"])
def test_unit_names_stay_in_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(GeneratorError, match="cannot be the name"):
        dry_run({name: ""}, user=False, generator=fake(tmp_path, ""))


def test_the_first_generator_that_can_be_run_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = fake(tmp_path, "")
    (tmp_path / "plain").write_text("")
    monkeypatch.setattr(generator, "GENERATORS", (str(tmp_path / "none"), str(tmp_path / "plain"), there))
    assert generator.find_generator() == there
    monkeypatch.setattr(generator, "GENERATORS", ())
    assert generator.find_generator() is None


def test_verify_without_systemd_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.account.find_program", lambda _: None)
    assert verify({"a.service": ""}) == Unread("systemd-analyze is not installed")


def test_verify_leaves_out_what_is_said_of_other_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake(tmp_path, 'echo "other.service: bad" >&2; echo "$PWD/a.service:2: worse" >&2; exit 1')
    monkeypatch.setattr("hardentui.account.find_program", lambda _: program)
    assert verify({"a.service": ""}) == ("a.service:2: worse",)
    assert verify({"b.service": ""}) == ("other.service: bad", "a.service:2: worse")
