"""A compose file as Quadlets: containers, networks, volumes, dependencies, health, secrets, env
files.

The objects keep their names, so data stays. What Quadlet cannot carry is named, and the port of the
generator accepts every file that is written.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import astuple, replace

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.features.at_rest.compose import InStack
from hardentui.features.at_rest.compose_options import READ, Stack
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import UNITS
from hardentui.features.at_rest.trees import Tree
from hardentui.host.podman.generator import refusal
from hardentui.lib.quadlet import translate
from hardentui.model.draft import TextFile, safe_file_name
from hardentui.model.spec import Spec, Version
from hardentui.options import HEALTH_CMD, IMAGE, NETWORK, SDNOTIFY
from hardentui.options.argv import compare_arguments
from hardentui.quadlet.write.bundle import bundle
from hardentui.systemd.unit_text import UnitText, with_lines
from hardentui.visible import visible
from hardentui.writers.context import UnitContext

_CARRIED = READ | {
    *(
        "image",
        "build",
        "command",
        "networks",
        "network_mode",
        "depends_on",
        "profiles",
        "extends",
    ),
    *("container_name", "name"),
}
_OF_LIMITS = ("resources",)
_BUILDS = Version(5, 2)
_HEALTHY = Version(5, 0)


def convert(
    services: Sequence[Service],
    version: Version,
) -> tuple[tuple[TextFile, ...], tuple[str, ...]]:
    """The Quadlets of the services of one stack, and what they do not carry, one sentence each.

    Raises:
        CannotExpress: a value that no unit file can represent, or two files of one name.
        GeneratorError: the generator would refuse a file, or run another command.
    """
    rootless = services[0].rootless is True
    files: dict[str, TextFile] = {}
    notes: list[str] = []
    builds: dict[str, str] = {}
    commands: dict[str, tuple[str, ...]] = {}
    for service in services:
        made: InStack = service.source
        spec, more = _spec_of(service, services, version)
        notes += [f"{service.name}: {note}" for note in (*more, *_not_carried(made.tree))]
        build = _build_unit(service, made, version)
        if build is not None:
            files[build.name] = build
            builds[spec[IMAGE]] = build.name
        done = bundle(
            spec,
            _context(
                service,
                made.stack,
                version,
                rootless=rootless,
            ),
        )
        notes += [
            f"{service.name}: {note}"
            for note in done.notes
            if not note.startswith("Quadlet removes")
        ]
        for file in done.files:
            if file.name.endswith(".container"):
                commands[file.name] = done.argv
                text = _with_image(
                    file.text,
                    spec[IMAGE],
                    builds.get(spec[IMAGE], ""),
                )
                file = replace(file, text=_with_dependencies(text, made.tree, services))
            known = files.setdefault(file.name, file)
            if known.text != file.text:
                raise CannotExpress(
                    f"Two different units would be called {visible(file.name, 80)}."
                )
    _prove(
        files,
        commands,
        version,
        rootless=rootless,
    )
    return tuple(files.values()), tuple(dict.fromkeys(notes))


def _spec_of(
    service: Service,
    services: Sequence[Service],
    version: Version,
) -> tuple[Spec, list[str]]:
    """What the unit asks for: the service's options, its name for the others, and when it is ready."""
    spec = Spec(service.spec.settings, service.spec.unknowable)
    notes = [
        f"the value of {option.flag} is a variable that nobody defines: set it in the unit"
        for option in spec.unknowable
    ]
    networks = tuple(_with_alias(argument, service.name) for argument in spec[NETWORK])
    spec = spec.with_(NETWORK, networks)
    if spec[HEALTH_CMD] and version >= _HEALTHY and _waited_for(service.name, services):
        spec = spec.with_(SDNOTIFY, "healthy")
    return spec, notes


def _with_alias(argument: str, name: str) -> str:
    """In compose, the name of a service resolves on its networks."""
    network, _, options = argument.partition(":")
    if network in ("host", "none", "container", "ns", "slirp4netns", "pasta"):
        return argument
    return f"{network}:{','.join(filter(None, (options, f'alias={name}')))}"


def _depends(tree: Tree) -> Iterator[tuple[str, str]]:
    """The services that it needs, with the condition."""
    depends = tree.get("depends_on")
    if depends is None:
        return
    for name, _ in depends.words() if depends.is_list else ():
        yield name, "service_started"
    for name, value in depends.entries.items():
        yield name, value.word("condition") or "service_started"


def _waited_for(name: str, services: Sequence[Service]) -> bool:
    return any(
        needed == name and condition == "service_healthy"
        for service in services
        for needed, condition in _depends(service.source.tree)
    )


def _with_dependencies(
    text: str,
    tree: Tree,
    services: Sequence[Service],
) -> str:
    names = {service.name: _unit_name(service) for service in services}
    needed = [f"{names[name]}.service" for name, _ in _depends(tree) if name in names]
    if not needed:
        return text
    lines = [f"{key}={' '.join(needed)}" for key in ("Requires", "After")]
    unit = UnitText(text)
    places = [offset for section, offset in unit.sections if section == "Unit"]
    if places:
        return with_lines(unit, places[0], lines)
    first = text.index("[")
    return f"{text[:first]}[Unit]\n{lines[0]}\n{lines[1]}\n\n{text[first:]}"


def _unit_name(service: Service) -> str:
    return safe_file_name(service.name)


def _context(
    service: Service,
    stack: Stack,
    version: Version,
    *,
    rootless: bool,
) -> UnitContext:
    networks = {
        name: {**facts.inspect, "dns_enabled": True} for name, facts in service.networks.items()
    }
    volumes = {name: facts.inspect for name, facts in service.volumes.items()}
    return UnitContext(
        version=version,
        rootless=rootless,
        unit_name=_unit_name(service),
        networks=networks,
        volumes=volumes,
    )


def _build_unit(
    service: Service,
    made: InStack,
    version: Version,
) -> TextFile | None:
    """The unit that builds its image, where Quadlet can."""
    build = made.tree.get("build")
    if build is None or version < _BUILDS or made.tree.get("image") is not None:
        return None
    context = build.text or build.word("context") or "."
    directory = posixpath.normpath(posixpath.join(made.stack.directory, context))
    lines = [
        f"ImageTag={service.spec[IMAGE]}",
        f"SetWorkingDirectory={directory}",
    ]
    if recipe := build.word("dockerfile"):
        lines.append(f"File={posixpath.join(directory, recipe)}")
    return TextFile(
        f"{_unit_name(service)}.build",
        "[Build]\n" + "\n".join(lines) + "\n",
    )


def _with_image(text: str, image: str, unit: str) -> str:
    return text.replace(f"Image={image}\n", f"Image={unit}\n", 1) if unit else text


def _not_carried(tree: Tree) -> Iterator[str]:
    """What the service asks for that no Quadlet says."""
    for key, value in tree.entries.items():
        if key not in _CARRIED and not key.startswith("x-") and not value.is_null:
            yield f"{visible(key, 40)} is not carried over"
    deploy = tree.get("deploy")
    for key in deploy.entries if deploy is not None else ():
        if key not in _OF_LIMITS:
            yield f"deploy.{visible(key, 40)} is not carried over"
    for name, condition in _depends(tree):
        if condition == "service_completed_successfully":
            yield f"it waits only for the start of {visible(name, 60)}, not for its end"
    build = tree.get("build")
    more = build.entries.keys() - {"context", "dockerfile"} if build is not None else ()
    for key in more:
        yield f"build.{visible(key, 40)} is not carried over"
    if profiles := tree.get("profiles"):
        names = ", ".join(visible(text, 40) for text, _ in profiles.words())
        yield f"it is in the profile {names}: remove [Install] if it shall not start at boot"


def _prove(
    files: Mapping[str, TextFile],
    commands: Mapping[str, tuple[str, ...]],
    version: Version,
    *,
    rootless: bool,
) -> None:
    """Raises GeneratorError unless the generator accepts each file and runs what was meant."""
    units = {name: file.text for name, file in files.items() if name.endswith(UNITS)}
    made = translate(
        units,
        version=astuple(version),
        rootless=rootless,
    )
    for error in made.refused.values():
        raise refusal(error)
    for service in made.services.values():
        meant = commands.get(service.unit)
        if meant is not None and (different := compare_arguments(service.start[1:], meant)):
            raise GeneratorError(
                f"{visible(service.unit, 80)} would not run the intended command.",
                "\n".join(different),
            )
