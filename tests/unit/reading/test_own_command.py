"""Commands to copy: each reaches the engine that it is about, and stays one command."""

from argparse import ArgumentParser
from pathlib import Path

from hardentui.checks import CHECKS
from hardentui.checks.prelude import accepting, container, engine, rootful
from hardentui.cli.command_modules import command_part
from hardentui.cli.commands import COMMANDS
from hardentui.features.fix.saving import command_in_place
from hardentui.features.rights.security_module import lsm_page
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.harden.evaluate import judge
from hardentui.model.check import Parameters
from hardentui.model.draft import Target
from hardentui.model.facts import ImageFacts
from hardentui.model.image import NeverScanned
from hardentui.words import WITH_CHECKLIST, own_command

ELSEWHERE = ("--connection", "my prod")


def test_an_engine_that_is_found_by_itself_needs_no_option() -> None:
    assert own_command((), "check", "web") == "hardentui check web"


def test_an_address_cannot_move_the_cursor() -> None:
    assert "\x1b" not in own_command(
        ("--url", "unix:///\x1b[2J"),
        "check",
        "web",
    )


def test_what_a_check_advises_is_about_its_engine() -> None:
    there = rootful(found_with=ELSEWHERE)
    unscanned = container(
        image=ImageFacts(
            id="1" * 64,
            scan=NeverScanned(),
            engine=there,
        )
    )
    scan = judge(
        CHECKS["missing-vulnerability-scan"],
        unscanned,
        Parameters({"days": 7}),
    ).commands
    assert scan[0] == "hardentui images 111111111111 --scan --connection 'my prod'"
    assert scan[1].endswith(": hardentui images --import FILE --connection 'my prod'")
    trust = judge(
        CHECKS["insecure-default-policy"], engine(accepting(), found_with=ELSEWHERE), Parameters()
    )
    ours = [command for command in trust.commands if command.startswith("hardentui")]
    assert len(ours) == 2
    assert all("--connection 'my prod'" in command for command in ours)


def test_a_checklist_is_named_to_the_commands_that_take_one(tmp_path: Path) -> None:
    takes = set()
    for name in COMMANDS:
        parser = ArgumentParser()
        command_part(name, "arguments")(parser)
        if any("--checklist" in action.option_strings for action in parser._actions):
            takes.add(name)
    assert takes == WITH_CHECKLIST
    own = tmp_path / "own.toml"
    own.write_text('extends = "strict"\nid = "own"\ntitle = "Own"\n')
    for checklist, named in (
        (str(own), f"--checklist {own}"),
        ("strict", "--checklist strict"),
    ):
        bench = Workbench.open(Selection(demo=True, checklist=checklist))
        bench.close()
        (found_with,) = {engine.facts.found_with for engine in bench.opened.engines}
        assert own_command(found_with, "check", "web") == f"hardentui check web --demo {named}"
        assert own_command(found_with, "images", "web") == "hardentui images web --demo"


def test_a_change_with_other_rights_keeps_the_checklist() -> None:
    found_with = ("--connection", "prod", "--checklist", "/srv/own.toml")
    for rootless, where in (
        (True, "--url unix:///a.sock"),
        (False, "--connection prod"),
    ):
        there = rootful(
            found_with=found_with,
            url="unix:///a.sock",
        ).replace(rootless=rootless)
        told = command_in_place(
            container(engine=there),
            Target.UNIT,
            "plan.toml",
        )
        assert told.endswith(f"--in-place {where} --checklist /srv/own.toml")


def test_the_profile_of_a_security_module_is_written_for_its_engine() -> None:
    info = {"host": {"security": {"apparmorEnabled": True}}}
    page = lsm_page(container(engine=rootful(info=info, found_with=ELSEWHERE)))
    assert page.commands[0].startswith("hardentui fix ")
    assert page.commands[0].endswith("--connection 'my prod'")
