"""Compose files like those that people publish, as Quadlets for three Podmans: accepted, whole, and
naming nothing that is not written."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import astuple

from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.possible_values import SOME_SECRET
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.stacks import convert
from hardentui.lib.quadlet import translate
from hardentui.model.open_value import UNKNOWN
from hardentui.model.podman_version import Version
from hardentui.model.spec import Mount, Port, Spec
from hardentui.options import (
    ADD_HOST,
    CAP_ADD,
    CAP_DROP,
    DEVICES,
    ENV,
    IMAGE,
    LABELS,
    LOG_OPT,
    NAME,
    NETWORK,
    SYSCTL,
    TMPFS,
)
from hardentui.options.argv import items_of_command, read_command
from hardentui.options.items import Item
from hardentui.writers.ansible import ansible_files
from hardentui.writers.compose import service_override
from hardentui.writers.context import UnitContext
from hardentui.writers.kube import kube_file
from hardentui.writers.run_script import run_script
from hardentui.writers.yaml_text import yaml_text
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
        written = {(item.option, item.canonical) for item in items_of_command(command)}
        for each in service.sets:
            item = each.item
            if not item.known or item.option in _OWN or item.value == item.option.default:
                continue
            secret = f"the value of {item.raw.partition('=')[0]}:"
            told = item.option.flag in notes or (item.option is ENV and secret in notes)
            assert (item.option, item.canonical) in written or told, (service.name, item.raw)


def _as_script(spec: Spec, context: UnitContext) -> tuple[str, str]:
    return run_script(spec, context), ""


def _as_kube(spec: Spec, context: UnitContext) -> tuple[str, str]:
    made = kube_file(spec, context)
    return made.text, "\n".join(made.notes)


def _as_playbook(spec: Spec, context: UnitContext) -> tuple[str, str]:
    made = ansible_files(spec, context)
    return made.playbook, "\n".join(made.notes)


def _as_override(spec: Spec, context: UnitContext) -> tuple[str, str]:
    service, flags = service_override(Spec(), spec)
    # the first file of the project says these; its override says what a plan changes
    kept = " ".join(f"--{name}" for name in ("name", "network", "restart", "user", "expose"))
    return yaml_text([service]).replace("$$", "$"), f"{' '.join(flags)} {kept} --label --env"


WRITERS = {
    "run": _as_script,
    "kube": _as_kube,
    "ansible": _as_playbook,
    "compose": _as_override,
}


def _pieces(item: Item) -> Iterator[str]:
    """What of an entry every format writes as it stands."""
    value = item.value
    if isinstance(value, Mount):
        yield value.destination
        yield value.source
    elif isinstance(value, Port):
        yield str(value.container)
        yield value.host
    elif item.option in (ENV, LABELS, SYSCTL, ADD_HOST, LOG_OPT):
        yield from filter(None, re.split("[=:]", item.raw, maxsplit=1))
    elif item.option in (DEVICES, TMPFS):
        yield item.raw.partition(":")[0]
    elif item.option in (CAP_ADD, CAP_DROP):
        yield item.raw.upper().removeprefix("CAP_")
    else:
        yield item.raw


def _plain(text: str) -> str:
    """Without what quotes and escapes add."""
    return re.sub(r"[\\\\'\"\s]", "", text).replace("_", "-")


@pytest.mark.parametrize("writer", sorted(WRITERS))
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_no_writer_loses_a_literal_entry_or_makes_one_up(
    tmp_path: Path,
    example: str,
    writer: str,
) -> None:
    looked = look(AtRest((str(write(tmp_path, example)),)), TODAY)
    for judged in looked.services:
        spec = Spec(judged.service.spec.settings)
        if not spec[IMAGE]:
            continue
        text, notes = WRITERS[writer](spec, UnitContext(unit_name=judged.service.name))
        assert SOME_SECRET not in text
        assert UNKNOWN not in text
        written = _plain(text).upper()
        for each in judged.service.sets:
            item = each.item
            if not item.known or not item.option.is_list or item.option in _OWN:
                continue
            there = all(_plain(piece).upper() in written for piece in _pieces(item))
            assert there or item.option.flag in notes, (judged.service.name, item.raw)
