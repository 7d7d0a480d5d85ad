"""Commands to copy: each reaches the engine that it is about, and stays one command."""

from __future__ import annotations

import shlex

import pytest

from hardentui.checks.examples import accepting, container, engine, rootful
from hardentui.checks.step02_updates_and_scans import missing_vulnerability_scan
from hardentui.checks.step03_image_signing import insecure_default_policy
from hardentui.harden.evaluate import judge
from hardentui.model.check import Parameters
from hardentui.model.facts import ImageFacts
from hardentui.model.image import NeverScanned
from hardentui.reading.own_command import own_command
from hardentui.workbench.pages.lsm import lsm_page

ELSEWHERE = ("--connection", "my prod")


def test_an_engine_that_is_found_by_itself_needs_no_option() -> None:
    assert own_command((), "check", "web") == "hardentui check web"


@pytest.mark.parametrize("place", ["unix:///srv/my sock", "$(reboot)", "a'; reboot; '"])
def test_an_address_stays_one_word(place: str) -> None:
    assert shlex.split(own_command(("--url", place), "check", "web"))[-2:] == ["--url", place]


def test_an_address_cannot_move_the_cursor() -> None:
    assert "\x1b" not in own_command(("--url", "unix:///\x1b[2J"), "check", "web")


def test_what_a_check_advises_is_about_its_engine() -> None:
    there = rootful(found_with=ELSEWHERE)
    unscanned = container(image=ImageFacts(id="1" * 64, scan=NeverScanned(), engine=there))
    scan = judge(missing_vulnerability_scan.CHECK, unscanned, Parameters({"days": 7})).commands
    assert scan[0] == "hardentui images 111111111111 --scan --connection 'my prod'"
    trust = judge(insecure_default_policy.CHECK, engine(accepting(), found_with=ELSEWHERE), Parameters())
    ours = [command for command in trust.commands if command.startswith("hardentui")]
    assert len(ours) == 2
    assert all("--connection 'my prod'" in command for command in ours)


def test_the_profile_of_a_security_module_is_written_for_its_engine() -> None:
    info = {"host": {"security": {"apparmorEnabled": True}}}
    page = lsm_page(container(engine=rootful(info=info, found_with=ELSEWHERE)))
    assert page.commands[0].startswith("hardentui lsm ")
    assert page.commands[0].endswith("--connection 'my prod'")
