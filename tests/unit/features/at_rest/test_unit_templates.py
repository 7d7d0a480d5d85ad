"""Units that Ansible, Helm or a Go program fills in: what it puts in is open, what stands there is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.model.finding import Status
from hardentui.quadlet.read.templates import as_unit, is_template, with_open_parts
from tests.unit.features.at_rest.test_checking import Run, run
from tests.unit.features.at_rest.test_open_values import finding, judged

__all__ = ["run"]

TEMPLATE = """\
[Container]
Image={{ .Db.Image }}:{{ .Db.Tag }}
User={{ .Db.User }}
Volume=/run/podman/podman.sock:/run/podman/podman.sock
Volume={{ .Data }}/db:/var/lib/db
"""
BRANCHES = """\
[Container]
Image={{ .Db.Image }}
{{- if .Db.Tuned }}
Ulimit=nofile=1024
{{- else }}
PodmanArgs=--privileged
{{- end }}
"""


def test_what_is_put_in_is_open_and_what_stands_there_is_judged(tmp_path: Path) -> None:
    service = judged(tmp_path, "db.container", TEMPLATE)
    assert finding(service, "mounted-engine-socket").status is Status.FAIL
    for check, name in (("short-image-name", "{{ .Db.Image }}"), ("root-user", "{{ .Db.User }}")):
        verdict = finding(service, check).verdict
        assert verdict.status is Status.UNKNOWN
        assert name in verdict.reason


def test_all_branches_are_judged_and_no_line_of_the_template_is_refused(tmp_path: Path) -> None:
    service = judged(tmp_path, "db.container", BRANCHES)
    assert finding(service, "privileged").status is Status.FAIL
    assert not [each for each in service.findings if each.check == "refused-unit" and each.failing]


@pytest.mark.parametrize(
    "line",
    ["Label=traefik.rule=Host(`{{ .Name }}`)", "Exec=report --format '{{ .State }}'"],
)
def test_braces_that_the_service_is_to_get_are_its_own(tmp_path: Path, line: str) -> None:
    text = f"[Container]\nImage=docker.io/library/web:1\n{line}\n"
    assert not is_template(text)
    service = judged(tmp_path, "web.container", text)
    assert not service.facts.spec.open


def test_a_fix_goes_into_no_branch(run: Run) -> None:
    _, said = run({"db.container": BRANCHES}, "fix", "db.container", "--strict")
    assert "fix the unit that is made of it" in said
    assert "+++" not in said


def test_a_fix_keeps_what_is_put_in(run: Run) -> None:
    _, said = run({"db.container": TEMPLATE}, "fix", "db.container", "--strict")
    assert "+NoNewPrivileges=true" in said
    assert "\n-Image" not in said
    assert "\n-User" not in said


def test_many_braces_are_read_at_once() -> None:
    text = f"[Container]\nImage={'{' * 400_000}\n"
    assert is_template(text)
    assert as_unit(text) == text
    assert with_open_parts(text) == text
