"""What the Quadlet generator of any Podman version makes of units, without that generator.

It answers two questions where the host has no generator, or one of another version: does it accept the
units, and which words does systemd hand to Podman in the end? It follows what generators were seen to do,
their losses included, and is tested against the real one. What it does not model is refused, never passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardentui.errors import GeneratorError
from hardentui.model.version import Version
from hardentui.visible import visible
from hardentui.writers.compare import compare_arguments
from hardentui.writers.quadlet_port.container import container_words
from hardentui.writers.quadlet_port.keys import SECTIONS, check_keys, literal_keys, pair_keys, word_keys
from hardentui.writers.quadlet_port.reading import QuadletUnit, read_unit
from hardentui.writers.quadlet_port.references import Units, service_name
from hardentui.writers.quadlet_port.systemd import executed

__all__ = ["generate", "losses", "prove_by_port"]

_FOLDERS = {False: "/etc/containers/systemd", True: "/etc/containers/systemd/users"}
"""Rootful, rootless: where relative paths of a unit begin."""
_OWN_LOG_DRIVER = Version(4, 5)


def generate(units: Mapping[str, str], *, version: Version, rootless: bool) -> Mapping[str, tuple[str, ...]]:
    """The argv of ExecStart of each `.container` unit, as systemd executes it.

    Specifiers and variables that only a running systemd knows stay, with a NUL before them.

    Args:
        units: file name -> text; what a unit refers to has to be among them.
        version: the Podman whose generator is asked.
        rootless: for a user's service manager: its units live in another folder.

    Returns:
        service name (`web.service`) -> words, the path of podman first.

    Raises:
        GeneratorError: that generator refuses a unit or breaks on it, or it cannot be told what it does.
    """
    known = _read(units, version, rootless)
    made = {}
    for unit in known.units.values():
        if unit.name.endswith(".container"):
            made[f"{service_name(unit)}.service"] = executed(container_words(unit, known), unit)
    return made


def losses(units: Mapping[str, str], *, version: Version, rootless: bool) -> tuple[str, ...]:
    """What that generator drops from units without refusing them, one sentence each.

    Raises:
        GeneratorError: as `generate`.
    """
    found: list[str] = []
    for unit in _read(units, version, rootless).units.values():
        section = unit.own
        found += unit.losses
        for key in word_keys(section.name):
            found += section.losses_of_words(key)
        for key in literal_keys(section.name):
            found += section.losses_of_literal_words(key)
        for key in pair_keys(section.name):
            found += section.losses_of_pairs(key)
    return tuple(found)


def prove_by_port(
    files: Mapping[str, str], argv: Sequence[str], version: Version, rootless: bool
) -> tuple[str, ...]:
    """How the command that this version's generator makes differs from the intended one.

    Args:
        files: units, file name -> text; the first `.container` is the one that is meant.
        argv: the intended words, with or without `podman`, without what Quadlet adds on its own.

    Returns:
        one sentence per difference and per loss; empty when it makes exactly what was meant.

    Raises:
        GeneratorError: that generator refuses a unit, or makes no service of a container.
    """
    made = generate(files, version=version, rootless=rootless)
    if not made:
        raise GeneratorError("There is no .container unit among the files.")
    words = _without_forced_log_driver(next(iter(made.values())), version)
    different = compare_arguments(words, argv)
    return (*different, *losses(files, version=version, rootless=rootless))


def _without_forced_log_driver(words: tuple[str, ...], version: Version) -> tuple[str, ...]:
    """Podman 4.4 sends the output of every Quadlet to the journal by way of the service."""
    if version >= _OWN_LOG_DRIVER:
        return words
    at = words.index("--log-driver")  # the generator's own comes first
    return (*words[:at], *words[at + 2 :])


def _read(units: Mapping[str, str], version: Version, rootless: bool) -> Units:
    read: dict[str, QuadletUnit] = {}
    for name, text in units.items():
        suffix = name.rpartition(".")[2]
        if suffix not in SECTIONS:
            raise GeneratorError(f"{visible(name, 120)} is no unit that can be checked here.")
        unit = read_unit(name, text, SECTIONS[suffix], version)
        check_keys(unit, version)
        read[name] = unit
    return Units(read, version, _FOLDERS[rootless])
