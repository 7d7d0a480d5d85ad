"""Would Podman run the intended command? New units are proven by a Quadlet generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import astuple

from hardentui.errors import GeneratorError
from hardentui.host.podman.generator import dry_run, exec_start, find_generator, refusal, version_of
from hardentui.lib.quadlet import generate, losses
from hardentui.lib.quadlet.text import UnitRefused
from hardentui.model.facts import ContainerFacts
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import Bundle, UnitCommand
from hardentui.visible import visible

_OWN_LOG_DRIVER = Version(4, 5)
_OWN_RUNTIME = Version(4, 4, 3)


def prove_by_port(
    files: Mapping[str, str],
    argv: Sequence[str],
    version: Version,
    rootless: bool,
) -> tuple[str, ...]:
    """The differences between the command of this version's generator and the intended one.

    Args:
        files: units, file name -> text; the first `.container` is the one to check.
        argv: the intended words, with or without `podman`, without what Quadlet adds on its own.

    Returns:
        one sentence per difference and per loss; empty if it produces exactly the intended command.

    Raises:
        GeneratorError: that generator refuses a unit, or produces no service for a container.
    """
    try:
        made = generate(
            files,
            version=astuple(version),
            rootless=rootless,
        )
    except UnitRefused as error:
        raise refusal(error) from error
    if not made:
        raise GeneratorError("There is no .container unit among the files.")
    words = without_forced(next(iter(made.values())), version)
    different = compare_arguments(words, argv)
    return (
        *different,
        *(visible(loss, 300) for loss in losses(files, version=astuple(version))),
    )


def without_forced(
    words: tuple[str, ...],
    version: Version,
) -> tuple[str, ...]:
    """Podman 4.4 sends the output to the journal through the service, and at first always ran crun."""
    flags = ["--log-driver"] if version < _OWN_LOG_DRIVER else []
    flags += ["--runtime"] if version < _OWN_RUNTIME else []
    for flag in flags:
        at = words.index(flag)  # the generator's own comes first
        words = (*words[:at], *words[at + 2 :])
    return words


def prove(
    made: Bundle,
    facts: ContainerFacts,
    version: Version | None,
) -> str:
    """Run the units through a Quadlet generator, compare its commands with the intended ones, and
    say which one.

    The host's own generator if the units are for its Podman; else its port, for the requested
    version.

    Raises:
        GeneratorError: it rejects them, or would run something else.
    """
    units = {file.name: file.text for file in made.files if file.is_unit}
    target = version or facts.engine.version
    rootless = facts.engine.rootless is True
    generator = find_generator()
    if generator is None or target != (version_of(generator) or facts.engine.version):
        differences = tuple(
            line
            for command in _commands(made)
            for line in prove_by_port(
                _first(command.unit, units),
                command.argv,
                target,
                rootless,
            )
        )
        known = min(target, NEWEST_KNOWN)
        newest = "" if known == target else " (none newer is known)"
        maker = f"the generator of Podman {known}{newest}, as built into HardenTUI,"
    else:
        differences = _differences_on_host(
            units,
            made,
            rootless,
            generator,
        )
        maker = "this host's Quadlet generator"
    if differences:
        raise GeneratorError(
            f"{maker[0].upper()}{maker[1:]} would not produce the intended command; nothing was "
            "written.",
            "\n".join(differences),
        )
    return (
        f"{maker} accepts its keys and produces exactly the intended command; Podman itself "
        "checks the values"
    )


def _differences_on_host(
    units: Mapping[str, str],
    made: Bundle,
    rootless: bool,
    generator: str,
) -> tuple[str, ...]:
    done = dry_run(
        units,
        user=rootless,
        generator=generator,
    )
    if not done.ok:
        raise GeneratorError(
            "The Quadlet generator of this host rejects the unit.",
            done.stderr,
        )
    return tuple(
        line
        for command in _commands(made)
        for line in compare_arguments(
            exec_start(_service_of(done.services, command.service)), command.argv
        )
    )


def _commands(made: Bundle) -> tuple[UnitCommand, ...]:
    """The commands to compare, the container's own first."""
    return (
        UnitCommand(made.files[0].name, made.service, made.argv),
        *made.others,
    )


def _first(name: str, units: Mapping[str, str]) -> dict[str, str]:
    return {name: units[name], **units}


def _service_of(services: Mapping[str, str], name: str) -> str:
    if name not in services:
        raise GeneratorError(
            f"The Quadlet generator produced no {name}.", f"It produced: {', '.join(services)}"
        )
    return services[name]
