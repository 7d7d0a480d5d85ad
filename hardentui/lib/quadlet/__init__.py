"""The Quadlet generator of any Podman version, reimplemented: which commands it generates from
units.

It answers two questions if the host has no generator, or one of another version: does the generator
accept the units, and which words does systemd finally pass to Podman? It follows the observed
behaviour of real generators, including the values they lose, and is tested against them. What it
does not model is refused.

It is an oracle for what HardenTUI writes and reads, and shares no code with it: not even the parser
of unit files and words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from hardentui.lib.quadlet.container import container_words
from hardentui.lib.quadlet.keys import SECTIONS, check_keys, literal_keys, pair_keys, word_keys
from hardentui.lib.quadlet.other_units import (
    artifact_words,
    build_words,
    image_words,
    kube_words,
    network_words,
    pod_words,
    started_pod_words,
    volume_words,
)
from hardentui.lib.quadlet.references import Units, service_name
from hardentui.lib.quadlet.text import QuadletUnit, UnitRefused, read_unit
from hardentui.lib.quadlet.words import Version, split_for_systemd

UNKNOWN = "\0"
"""Marks a value that only a running systemd knows; no real argument can contain it."""

_BROKEN, _BROKEN_BYTE = "\x80", "\udc80"
"""Quadlet writes U+0080 as an escape that systemd takes for one byte, which is not UTF-8."""

_SPECIFIER = re.compile("%(.)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\})")


def executed(words: Iterable[str], unit: QuadletUnit) -> tuple[str, ...]:
    """Words after expanding specifiers and variables; empty ones are dropped, a lone `;` ends the
    command.

    Raises:
        UnitRefused: a quote in `Environment=` that is never closed.
    """
    variables = _variables(unit)
    made: list[str] = []
    for word in words:
        if word == ";":
            break
        if not word:
            continue
        text = _specified(word.replace(_BROKEN, _BROKEN_BYTE))
        if text[0] == "$" and text[1:2] not in ("", "{", "$"):
            made += _of_variable(text, variables)
        else:
            made.append(_VARIABLE.sub(lambda match: _value(match, variables), text))
    return tuple(made)


def _specified(text: str) -> str:
    return _SPECIFIER.sub(
        lambda match: "%" if match[1] == "%" else UNKNOWN + match[0],
        text,
    )


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    return "$" if match[1] is None else variables.get(match[1], UNKNOWN + match[0])


def _of_variable(
    text: str,
    variables: Mapping[str, str],
) -> Iterable[str]:
    """A word that is a variable without braces becomes all words of its value."""
    value = variables.get(text[1:])
    if value is None:
        return [UNKNOWN + text]
    words = split_for_systemd(value)
    return [UNKNOWN + text] if words is None else words


def _variables(unit: QuadletUnit) -> dict[str, str]:
    variables: dict[str, str] = {}
    for line in unit.section("Service").lines:
        if line.key != "Environment":
            continue
        if not line.value:
            variables = {}
        words = split_for_systemd(line.value)
        if words is None:
            raise UnitRefused(
                f"Environment= in [Service] of {unit.name} has a quote that is never closed."
            )
        for word in words:
            name, equals, value = _specified(word).partition("=")
            if equals:
                variables[name] = value
    return variables


__all__ = ["MadeService", "Translation", "UnitRefused", "generate", "losses", "translate"]

_DIRECTORIES = {False: "/etc/containers/systemd", True: "/etc/containers/systemd/users"}
"""Rootful, rootless: the default base of relative paths in a unit."""

_START: dict[str, Callable[[QuadletUnit, Units], list[str]]] = {
    "container": container_words,
    "network": network_words,
    "volume": volume_words,
    "image": image_words,
    "artifact": artifact_words,
    "build": build_words,
    "pod": started_pod_words,
    "kube": kube_words,
}
_PREPARE: dict[str, Callable[[QuadletUnit, Units], list[str]]] = {"pod": pod_words}


class MadeService(msgspec.Struct, frozen=True):
    """The commands of one service, as systemd executes them, the path of podman first.

    Specifiers and variables that only a running systemd knows are kept, after a NUL.
    """

    unit: str  # the file that it was generated from
    start: tuple[str, ...]  # ExecStart=
    prepare: tuple[str, ...] = ()  # ExecStartPre=; empty for all kinds but pods


class Translation(msgspec.Struct, frozen=True):
    """The output of a generator for all units that it reads together."""

    services: dict[str, MadeService]  # name of a service (`web.service`) -> its commands
    refused: dict[str, UnitRefused]  # file name of a unit -> why it is refused


def translate(
    units: Mapping[str, str],
    *,
    version: Version,
    rootless: bool,
    directory: str = "",
    devices: frozenset[str] | None = None,
) -> Translation:
    """The output of that generator for each unit.

    Args:
        units: file name -> text, including the units that one refers to. The drop-ins of a unit are
            named `web.container.d/10-more.conf`.
        version: the Podman whose generator is modelled.
        rootless: for a user's service manager.
        directory: the directory of the units, for relative paths; empty: where that service manager
            looks first.
        devices: device nodes of the host, for `AddDevice=-…`; None = not known, and such a unit is
            refused.
    """
    known = Units(
        {},
        version,
        directory or _DIRECTORIES[rootless],
        rootless,
        devices,
    )
    refused: dict[str, UnitRefused] = {}
    for name in units:
        if "/" in name:
            continue
        try:
            known.units[name] = _read(name, units, version)
        except UnitRefused as error:
            refused[name] = error
    services: dict[str, MadeService] = {}
    for name, unit in known.units.items():
        try:
            services[f"{service_name(unit)}.service"] = _service(unit, known)
        except UnitRefused as error:
            refused[name] = error
    return Translation(services, refused)


def generate(
    units: Mapping[str, str],
    *,
    version: Version,
    rootless: bool,
    directory: str = "",
    devices: frozenset[str] | None = None,
) -> Mapping[str, tuple[str, ...]]:
    """The argv of ExecStart of each `.container` unit, as systemd executes it. See `translate`.

    Returns:
        service name (`web.service`) -> words, the path of podman first.

    Raises:
        UnitRefused: that generator refuses a unit or breaks on it, or its behaviour is not
            modelled.
    """
    made = translate(
        units, version=version, rootless=rootless, directory=directory, devices=devices
    )
    for error in made.refused.values():
        raise error
    return {
        name: service.start
        for name, service in made.services.items()
        if service.unit.endswith(".container")
    }


def losses(
    units: Mapping[str, str],
    *,
    version: Version,
) -> tuple[str, ...]:
    """What that generator drops from units without refusing them, one sentence each.

    Raises:
        UnitRefused: as `generate`.
    """
    lost: list[str] = []
    for name in units:
        if "/" in name:
            continue
        unit = _read(name, units, version)
        section = unit.own
        lost += unit.losses
        for key in word_keys(section.name):
            lost += section.losses_of_words(key)
        for key in literal_keys(section.name):
            lost += section.losses_of_literal_words(key)
        for key in pair_keys(section.name):
            lost += section.losses_of_pairs(key)
    return tuple(lost)


_DROP_INS = (5, 0)


def _read(
    name: str,
    units: Mapping[str, str],
    version: Version,
) -> QuadletUnit:
    suffix = name.rpartition(".")[2]
    if suffix not in SECTIONS:
        raise UnitRefused(f"{name} is not a unit that can be checked here.")
    return read_unit(
        name, [units[name], *_drop_ins(name, units, version)], SECTIONS[suffix], version
    )


def _drop_ins(
    name: str,
    units: Mapping[str, str],
    version: Version,
) -> list[str]:
    """Drop-ins by name; one for this unit hides one of the same name for its template."""
    if version < _DROP_INS:
        return []
    stem, _, suffix = name.rpartition(".")
    directories = [f"{stem.partition('@')[0]}@.{suffix}.d"] if "@" in stem else []
    paths: dict[str, str] = {}
    for directory in (*directories, f"{name}.d"):
        for path, text in units.items():
            inside, slash, own = path.rpartition("/")
            if slash and inside == directory and own.endswith(".conf"):
                paths[own] = text
    return [paths[own] for own in sorted(paths)]


def _service(unit: QuadletUnit, units: Units) -> MadeService:
    check_keys(unit)
    units.check_dependencies(unit)
    prepare = _PREPARE[unit.kind](unit, units) if unit.kind in _PREPARE else []
    return MadeService(
        unit.name, executed(_START[unit.kind](unit, units), unit), executed(prepare, unit)
    )
