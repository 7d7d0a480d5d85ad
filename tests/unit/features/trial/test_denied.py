"""What SELinux denies a twin that a fix put under it is the cause that a trial tells."""

from __future__ import annotations

import os
import time
from unittest.mock import MagicMock

import pytest

from hardentui.checks.prelude import container
from hardentui.features.trial.denied import of_selinux
from hardentui.features.trial.failure_signs import FailureSign
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.known import Unread

_OWN, _OTHER = "s0:c1,c22", "s0:c3,c4"


def _line(level: str, what: str = 'name="file" dev="vda" ino=12', seconds: float = 0) -> str:
    return (
        f"type=AVC msg=audit({time.time() - seconds:.3f}:7): avc:  denied  {{ read }} for  pid=812 "
        f'comm="cat" {what} scontext=system_u:system_r:container_t:{level} '
        "tcontext=system_u:object_r:var_t:s0 tclass=file permissive=0"
    )


def _signs(before: str, after: str, *lines: str) -> list[FailureSign]:
    twin = MagicMock()
    twin.document.return_value = {"ProcessLabel": f"system_u:system_r:container_t:{_OWN}"}
    files = RecordedFiles({"text": {"/var/log/audit/audit.log": "\n".join(lines)}})
    return list(
        of_selinux(
            twin,
            container(before).spec,
            container(after).spec,
            files,
            lambda arguments, seconds: Unread("no"),
        )
    )


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize(
    ("before", "after", "option"),
    [
        ("--security-opt=label=disable", "", "label-disable"),
        ("--privileged", "", "privileged"),
        ("--pid=host", "", "pid"),
    ],
)
def test_the_change_that_switched_selinux_on_is_blamed_with_its_denial(
    before: str,
    after: str,
    option: str,
) -> None:
    signs = _signs(before, after, _line(_OTHER), _line(_OWN), _line(_OWN))
    assert [sign.text for sign in signs] == ["SELinux denied it { read } file file, by cat"]
    assert signs[0].blames == option


def test_nothing_is_blamed_where_it_was_confined_before_or_is_not_now() -> None:
    assert not _signs("", "--read-only", _line(_OWN))
    assert not _signs("--privileged", "--privileged --read-only", _line(_OWN))
    assert not _signs("--privileged", "", _line(_OTHER))


def test_a_name_in_a_denial_cannot_steer_the_terminal() -> None:
    signs = _signs("--privileged", "", _line(_OWN, 'name="\x1b[2J"'))
    assert "\x1b" not in signs[0].text
