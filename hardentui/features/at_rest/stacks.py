"""A compose file as Quadlets: containers, networks, volumes, dependencies, health, secrets, env
files.

The objects keep their names, so data stays. What Quadlet cannot carry is named, and the port of the
generator accepts every file that is written.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import astuple, replace

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.features.at_rest.compose import InStack
from hardentui.features.at_rest.compose_options import Stack, depends_on
from hardentui.features.at_rest.data_volumes import new_volume, told, with_data_volumes
from hardentui.features.at_rest.judging import facts_of
from hardentui.features.at_rest.not_carried import of_service, of_stack
from hardentui.features.at_rest.secret_inputs import with_literal_secrets, with_open_secrets
from hardentui.features.at_rest.services import Service, is_for_docker
from hardentui.features.at_rest.sources import UNITS
from hardentui.features.at_rest.trees import Tree
from hardentui.features.fix.proofs import without_forced
from hardentui.host.podman.generator import refusal
from hardentui.lib.quadlet import translate
from hardentui.model.draft import TextFile
from hardentui.model.file_names import safe_file_name
from hardentui.model.open_value import UNKNOWN, OpenPart, OpenText, is_open, names_of
from hardentui.model.podman_version import Version
from hardentui.model.spec import OpenArgument, Spec
from hardentui.options import ENV, HEALTH_CMD, IMAGE, NETWORK, SDNOTIFY, STOP_TIMEOUT
from hardentui.options.engine_defaults import left_to_podman
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import Bundle, bundle
from hardentui.quadlet.write.open_values import OpenUnit, with_open_values
from hardentui.quadlet.write.supporting_units import OF_UNITS, OWN_NAMES, has_network_keys
from hardentui.reading.containers import known_application
from hardentui.systemd.unit_text import UnitText, comment_lines, with_lines
from hardentui.visible import visible
from hardentui.writers.context import UnitContext
from hardentui.writers.kept_volumes import KeptVolume

_BUILDS = Version(5, 2)
_HEALTHY = Version(5, 0)


def convert(
    services: Sequence[Service],
    version: Version,
    *,
    as_is: bool = False,
) -> tuple[tuple[TextFile, ...], tuple[str, ...]]:
    """The Quadlets of the services of one stack, and what they do not carry, one sentence each.

    Args:
        as_is: credentials stay in the units as they stand.

    Raises:
        CannotExpress: a value that no unit file can represent, or two files of one name.
        GeneratorError: the generator would refuse a file, or run another command.
    """
    stack: Stack = services[0].source.stack
    rootless = services[0].rootless is True
    notes = [f"{service.name}: left out: no image" for service in services if not _runs(service)]
    services = [service for service in services if _runs(service)]
    if not services:
        raise CannotExpress(f"{visible(stack.name, 60)} has no service with an image here")
    files: dict[str, TextFile] = {}
    inputs: list[str] = []
    wanted: dict[str, None] = {}
    builds: dict[str, str] = {}
    commands: dict[str, tuple[str, ...]] = {}
    for service in services:
        made: InStack = service.source
        spec, about = _with_secrets(
            _spec_of(service, services, version),
            service,
            as_is=as_is,
        )
        inputs += about
        spec, left = with_podman_defaults(spec, service)
        spec, kept = _with_data_volumes(spec, service)
        notes += [
            f"{service.name}: {note}"
            for note in (*left, *_left_out(service), *of_service(service), *told(kept))
        ]
        build = _build_unit(service, spec[IMAGE], version)
        if build is not None:
            files[build.name] = build
            builds[spec[IMAGE]] = build.name
        elif made.tree.get("build") is not None:
            inputs.append(_about_build(service, spec[IMAGE]))
        done = bundle(
            spec,
            _context(
                service,
                services,
                version,
                kept,
                rootless=rootless,
            ),
        )
        notes += _notes_of(done, service)
        for file in done.files:
            if file.name.endswith(".container"):
                text = _with_image(
                    file.text,
                    spec[IMAGE],
                    builds.get(spec[IMAGE], ""),
                )
                opened = with_open_values(
                    _with_dependencies(text, made.tree, services),
                    done.argv,
                    spec.open,
                    version,
                    stack.name,
                )
                commands[file.name] = opened.argv
                file = replace(file, text=opened.text)
                wanted |= dict.fromkeys(opened.variables)
                notes += [f"{service.name}: {note}" for note in about_left_out(opened)]
            known = files.setdefault(file.name, file)
            if known.text != file.text:
                raise CannotExpress(
                    f"Two different units would be called {visible(file.name, 80)}."
                )
    prove_units(
        files,
        commands,
        version,
        rootless=rootless,
    )
    notes += [*of_stack(stack), *_objects_left_open(services[0])]
    if wanted:
        example = example_of(stack.name, tuple(wanted), services)
        files[example.name] = example
        inputs.insert(0, about_inputs(stack.name, tuple(wanted)))
    return tuple(files.values()), tuple(dict.fromkeys((*inputs, *notes)))


def _with_secrets(
    spec: Spec,
    service: Service,
    *,
    as_is: bool,
) -> tuple[Spec, list[str]]:
    project = service.source.stack.name
    spec, secrets = with_open_secrets(spec, project)
    if not as_is:
        spec, literal = with_literal_secrets(
            spec,
            f"{project}_{service.name}",
            facts_of(service),
        )
        secrets += literal
    return spec, [secret.about(service.name) for secret in secrets]


def _with_data_volumes(spec: Spec, service: Service) -> tuple[Spec, tuple[KeptVolume, ...]]:
    application = known_application(facts_of(service))
    return with_data_volumes(
        spec,
        application,
        f"{service.source.stack.name}_{service.name}",
    )


def _notes_of(done: Bundle, service: Service) -> Iterator[str]:
    for note in done.notes:
        if not note.startswith("Quadlet removes"):
            yield f"{service.name}: {note}"


def _runs(service: Service) -> bool:
    """Whether these files say its image; a part of another project may not."""
    opened = any(argument.option is IMAGE for argument in service.spec.open)
    return opened or bool(service.spec.literal[IMAGE])


def about_inputs(project: str, variables: Sequence[str]) -> str:
    return (
        f"before the first start, give {', '.join(variables)} in {project}.env beside the units "
        f"({project}.env.example lists them); without the file no service that needs it starts"
    )


def about_left_out(opened: OpenUnit) -> Iterator[str]:
    yield from opened.left_out


def example_of(
    project: str,
    variables: Sequence[str],
    services: Sequence[Service],
) -> TextFile:
    """The variables that the file leaves open, without values."""
    lines = [f"# Copy this file to {project}.env beside the units, and give each value."]
    for name in variables:
        users = dict.fromkeys(
            f"{argument.flag.lower()} of {service.name}{_form(argument, name)}"
            for service in services
            for argument in service.spec.open
            if any(part.name == name for word in argument.words for part in word.open)
        )
        lines += [*comment_lines([", ".join(users)]), f"{name}="]
    return TextFile(f"{project}.env.example", "\n".join(lines) + "\n")


def _form(argument: OpenArgument, name: str) -> str:
    """What Podman takes for a switch, where compose takes more words."""
    parts = argument.text.parts
    named = [
        before
        for before, part in zip(("", *parts), parts, strict=False)
        if isinstance(part, OpenPart) and part.name == name
    ]
    is_switch = argument.option.codec.is_switch or argument.flag == "--no-healthcheck"
    if is_switch or any(isinstance(text, str) and text.endswith("readonly=") for text in named):
        return ": true or false"
    return ""


def _objects_left_open(service: Service) -> Iterator[str]:
    """Networks and volumes whose own settings are open: no unit is written for them."""
    for kind, documents in (
        (
            "network",
            {name: facts.inspect for name, facts in service.networks.items()},
        ),
        (
            "volume",
            {name: facts.inspect for name, facts in service.volumes.items()},
        ),
    ):
        for name, document in documents.items():
            if names := _open_names(document):
                yield (
                    f"the {kind} {OpenText.read(name).written} has no unit, because its settings "
                    f"have {', '.join(names)}: create it before the first start"
                )


def _open_names(document: Mapping[str, Any]) -> tuple[str, ...]:
    return names_of(OpenText.read(text) for text in _texts(document))


def _texts(value: object) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _spec_of(
    service: Service,
    services: Sequence[Service],
    version: Version,
) -> Spec:
    """What the unit asks for: the service's options, its name for the others, and when it is ready."""
    opened = {argument.option for argument in service.spec.open}
    registry = "localhost/" if service.source.tree.get("build") is not None else HUB
    spec = Spec(
        service.spec.settings,
        frozenset() if service.spec.more else service.spec.unknowable - opened,
        open=tuple(
            with_registry(registry, _aliased(argument, service))
            for argument in service.spec.open
            if _why_left_out(argument, service) is None
        ),
    )
    spec = spec.with_(IMAGE, full_name(registry, spec[IMAGE]))
    spec = _with_last_values(spec, service)
    networks = tuple(
        _with_alias(_of_unit(argument, service, version), service.name)
        for argument in spec[NETWORK]
    )
    spec = spec.with_(NETWORK, networks)
    checked = spec[HEALTH_CMD] or HEALTH_CMD in opened
    if checked and version >= _HEALTHY and _waited_for(service.name, services):
        spec = spec.with_(SDNOTIFY, "healthy")
    return spec


def with_podman_defaults(spec: Spec, service: Service) -> tuple[Spec, tuple[str, ...]]:
    """Without what Docker does unasked, and what that was: Podman has defaults of its own."""
    left = left_to_podman(spec) if is_for_docker(service) else ()
    if not left:
        return spec, ()
    words = [word for option in left for word in option.to_words(spec[option])]
    note = f"left to Podman's own default, because it is Docker's: {' '.join(words)}"
    return spec.without(*left), (note,)


def _with_last_values(spec: Spec, service: Service) -> Spec:
    """A variable that is given twice has its last value, open or not."""
    last = {each.item.raw.partition("=")[0]: each.item.raw for each in service.where(ENV)}
    literal = tuple(pair for pair in spec[ENV] if not is_open(last.get(_name(pair), "")))
    kept = tuple(
        argument
        for argument in spec.open
        if argument.option is not ENV
        or is_open(last.get(argument.text.written.partition("=")[0], UNKNOWN))
    )
    if literal == spec[ENV] and kept == spec.open:
        return spec
    return replace(spec.with_(ENV, literal), open=kept)


def _name(pair: str) -> str:
    return pair.partition("=")[0]


HUB = "docker.io/"


def full_name(registry: str, image: str) -> str:
    """An image by its full name: Docker has one registry for names without, Podman asks each that
    its host lists."""
    first, slash, _ = image.partition("/")
    if not image or image.startswith("sha256:"):
        return image
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"{registry}{image}" if slash or registry != HUB else f"{registry}library/{image}"


def with_registry(registry: str, argument: OpenArgument) -> OpenArgument:
    """The same of an image whose name is open behind its first part, as in `nginx:${TAG}`."""
    first, *rest = argument.text.parts if argument.option is IMAGE else ("",)
    if not isinstance(first, str) or not ("/" in first or ":" in first):
        return argument
    return replace(
        argument,
        words=(OpenText((full_name(registry, first), *rest)),),
    )


def _why_left_out(argument: OpenArgument, service: Service) -> str | None:
    """What is said of an open value that compose and Podman do not read alike; None of others."""
    written = argument.text.written
    if argument.option is STOP_TIMEOUT:
        return (
            f"stop_grace_period {written} is left out: Podman takes seconds, without a unit: write "
            "StopTimeout= in [Container]"
        )
    tree = service.source.tree
    if argument.flag == "--no-healthcheck" and tree.get("healthcheck", "test") is not None:
        return (
            f"healthcheck.disable {written} is left out: Podman takes a test or none, so the test "
            "is carried over"
        )
    return None


def _left_out(service: Service) -> Iterator[str]:
    for argument in service.spec.open:
        if (why := _why_left_out(argument, service)) is not None:
            yield why


def _aliased(argument: OpenArgument, service: Service) -> OpenArgument:
    """A network whose name is open, with the name of the service on it. A mode has no names."""
    is_mode = service.source.tree.get("network_mode") is not None
    if argument.option is not NETWORK or is_mode or ":" in argument.text.written:
        return argument
    return replace(
        argument,
        words=(OpenText((*argument.text.parts, f":alias={service.name}")),),
    )


def _of_unit(
    argument: str,
    service: Service,
    version: Version,
) -> str:
    """A network of the stack by the name that its unit gives it, where a unit cannot keep its
    own; networks hold no data."""
    name, colon, options = argument.partition(":")
    if version >= OWN_NAMES or name not in service.networks:
        return argument
    if not has_network_keys(service.networks[name].inspect, version):
        return argument  # made by hand: a note tells the command
    return f"{OF_UNITS}{name}{colon}{options}"


def _with_alias(argument: str, name: str) -> str:
    """In compose, the name of a service resolves on its networks."""
    network, _, options = argument.partition(":")
    if network in ("host", "none", "container", "ns", "slirp4netns", "pasta"):
        return argument
    return f"{network}:{','.join(filter(None, (options, f'alias={name}')))}"


def _waited_for(name: str, services: Sequence[Service]) -> bool:
    return any(
        needed == name and condition == "service_healthy"
        for service in services
        for needed, condition in depends_on(service.source.tree)
    )


def _with_dependencies(
    text: str,
    tree: Tree,
    services: Sequence[Service],
) -> str:
    names = {service.name: _unit_name(service) for service in services}
    needed = list(
        dict.fromkeys(f"{names[name]}.service" for name, _ in depends_on(tree) if name in names)
    )
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
    services: Sequence[Service],
    version: Version,
    kept: Sequence[KeptVolume],
    *,
    rootless: bool,
) -> UnitContext:
    """`kept`: volumes that the conversion adds."""
    networks = {
        _of_unit(name, service, version): {**facts.inspect, "dns_enabled": True}
        for name, facts in service.networks.items()
        if not _open_names(facts.inspect)
    }
    volumes = {
        name: facts.inspect
        for name, facts in service.volumes.items()
        if not _open_names(facts.inspect)
    }
    volumes |= {volume.new: new_volume(volume) for volume in kept}
    return UnitContext(
        version=version,
        rootless=rootless,
        unit_name=_unit_name(service),
        networks=networks,
        volumes=volumes,
        services={
            other.source.stack.container(other.name): f"{_unit_name(other)}.service"
            for other in services
        },
    )


def _build_unit(
    service: Service,
    image: str,
    version: Version,
) -> TextFile | None:
    """The unit that builds its image, where Quadlet can."""
    directory = _build_directory(service)
    if not directory or not image or version < _BUILDS:
        return None
    build = service.source.tree.entries["build"]
    lines = [
        f"ImageTag={image}",
        f"SetWorkingDirectory={directory}",
    ]
    if recipe := build.word("dockerfile"):
        lines.append(f"File={posixpath.join(directory, recipe)}")
    if target := build.word("target"):
        lines.append(f"Target={target}")
    return TextFile(
        f"{_unit_name(service)}.build",
        "[Build]\n" + "\n".join(lines) + "\n",
    )


def _build_directory(service: Service) -> str:
    """Where its image is built; empty where the files do not say it, or nothing is built."""
    made: InStack = service.source
    build = made.tree.get("build")
    if build is None:
        return ""
    context = build.text or build.word("context") or "."
    if "://" in context or context.startswith("git@"):
        return ""
    if any(map(is_open, (context, *(text or "" for _, text, _ in build.pairs())))):
        return ""
    return posixpath.normpath(posixpath.join(made.stack.directory, context))


def _about_build(service: Service, image: str) -> str:
    directory = _build_directory(service)
    command = f": podman build -t {image} {directory}" if image and directory else ""
    return f"before the first start, build the image of {service.name}{command}"


def _with_image(text: str, image: str, unit: str) -> str:
    return text.replace(f"Image={image}\n", f"Image={unit}\n", 1) if unit else text


def prove_units(
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
        if meant is not None and (
            different := compare_arguments(without_forced(service.start, version)[1:], meant)
        ):
            raise GeneratorError(
                f"{visible(service.unit, 80)} would not run the intended command.",
                "\n".join(different),
            )
