"""Compose files like those that people publish, as Quadlets for three Podmans: accepted, whole, and
naming nothing that is not written."""

import re
from pathlib import Path

import pytest
from msgspec.structs import astuple

from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.stacks import convert
from hardentui.lib.quadlet import translate
from hardentui.model.podman_version import Version
from hardentui.options import IMAGE, NAME, NETWORK
from hardentui.options.argv import read_command
from tests.unit.features.at_rest.stacks import EXAMPLES, TODAY, write

VERSIONS = [Version(4, 4), Version(5, 4), Version(5, 8)]
_MODES = ("host", "none", "container")
_OWN = (IMAGE, NAME, NETWORK)
"""Written in another form: as the unit of a build, with a prefix, as units of networks."""


def converted(
    folder: Path,
    example: str,
    version: Version,
) -> tuple[list[Service], dict[str, str], str]:
    """The services of an example, the files that become of it, and the notes as one text."""
    looked = look(AtRest((str(write(folder, example)),)), TODAY)
    services = [judged.service for judged in looked.services]
    files, notes = convert(services, version)
    return services, {file.name: file.text for file in files}, "\n".join(notes)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_the_generator_accepts_it_and_every_network_has_its_unit(
    tmp_path: Path,
    example: str,
    version: Version,
) -> None:
    """`convert` raises where the port of that version's generator refuses a unit or runs another
    command."""
    services, files, _ = converted(tmp_path, example, version)
    assert len([name for name in files if name.endswith(".container")]) == len(services)
    for text in files.values():
        for network in re.findall(r"^Network=([^\n:]*)", text, re.MULTILINE):
            assert network in files or network in _MODES


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_literal_entries_are_in_the_output_or_told(
    tmp_path: Path,
    example: str,
    version: Version,
) -> None:
    """Of every option with a literal entry: nothing is lost because a value beside it is open."""
    services, files, notes = converted(tmp_path, example, version)
    made = translate(files, version=astuple(version), rootless=False)
    commands = {each.unit: each.start for each in made.services.values()}
    for service in services:
        command = read_command(commands[f"{service.name}.container"][1:])
        assert command is not None
        written = {(item.option, item.canonical) for item in command.items()}
        for each in service.sets:
            item = each.item
            if not item.known or item.option in _OWN or item.value == item.option.default:
                continue
            told = item.option.flag in notes
            assert (item.option, item.canonical) in written or told, (service.name, item.raw)
