"""A `podman run` command as Quadlets, hardened by what the known application needs."""

from __future__ import annotations

from itertools import chain, count

from msgspec.structs import replace

from hardentui.features.at_rest.data_volumes import told, with_data_volumes
from hardentui.features.at_rest.fixing import Fixed
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.secret_inputs import with_literal_secrets, with_open_secrets
from hardentui.features.at_rest.services import Service, is_for_docker
from hardentui.features.at_rest.stacks import (
    HUB,
    about_inputs,
    about_left_out,
    example_of,
    full_name,
    prove_units,
    with_podman_defaults,
    with_registry,
)
from hardentui.model.draft import TextFile
from hardentui.model.file_names import safe_file_name
from hardentui.model.open_value import OpenKind, OpenPart, OpenText
from hardentui.model.podman_version import Version
from hardentui.model.spec import OpenArgument, Spec
from hardentui.options import IMAGE, MOUNTS, NAME, RESTART, STOP_TIMEOUT
from hardentui.quadlet.write.bundle import bundle
from hardentui.quadlet.write.open_values import with_open_values
from hardentui.reading.applications import application_name
from hardentui.reading.containers import known_application
from hardentui.visible import visible
from hardentui.writers.context import UnitContext

_HERE = frozenset({"pwd", "PWD"})
_SPECIFIERS = {
    "id -u": "U",
    "id -g": "G",
    "id -un": "u",
    "id -gn": "g",
    "whoami": "u",
}
"""Commands that print what systemd puts in by itself: systemd.unit(5)."""


def unit_name(judged: Judged, taken: set[str]) -> str:
    """The name of its unit: that of its container, else what it runs. `taken`: those of others; it
    is added."""
    wanted = judged.service.spec
    named = NAME not in wanted.unknowable and wanted[NAME]
    name = named or application_name(judged.facts) or judged.service.name
    numbers = (f"{name}-{number}" for number in count(2))
    name = next(each for each in chain((name,), numbers) if each not in taken)
    taken.add(name)
    return safe_file_name(name)


def units_of(
    judged: Judged,
    fixed: Fixed | None,
    version: Version,
    name: str,
) -> tuple[tuple[TextFile, ...], tuple[str, ...]]:
    """Its units, and what to know of them, one sentence each. `fixed`: None for none of the fixes;
    `name`: of the unit, and of a container that has none.

    Raises:
        CannotExpress: a value that no unit file can represent.
        GeneratorError: the generator would refuse a file, or run another command.
    """
    service = judged.service
    spec: Spec = service.spec
    notes: list[str] = []
    unnamed = NAME not in spec.unknowable and not spec[NAME]
    if unnamed:
        notes.append(f"the command gives it no name: the container is called {name}")
        judged = replace(judged, facts=judged.facts.replace(name=name))
    if fixed is not None:
        spec = fixed.taken[-1].after if fixed.taken else spec
        notes += [f"{each.check.id}: {note}" for each in fixed.taken for note in each.notes]
        spec = _with_time_to_stop(judged, spec)
    spec, left = with_podman_defaults(_plain(spec, service), service)
    notes += left
    if unnamed:
        spec = spec.with_(NAME, name)
    spec, moved = _from_its_folder(spec, service)
    notes += moved
    spec, kept = with_data_volumes(spec, known_application(judged.facts), name)
    notes += told(kept)
    spec, secrets = with_open_secrets(spec, name)
    if fixed is not None:
        spec, literal = with_literal_secrets(spec, name, judged.facts.planned(spec))
        secrets += literal
    inputs = [secret.about(service.name) for secret in secrets]
    rootless = service.rootless is True
    names = [mount.source for mount in spec[MOUNTS] if mount.type == "volume" and mount.source]
    done = bundle(
        spec,
        UnitContext(
            version=version,
            rootless=rootless,
            unit_name=name,
            volumes={name: {"Name": name, "Driver": "local"} for name in names},
        ),
    )
    files = {file.name: file for file in done.files}
    unit = files[f"{name}.container"]
    opened = with_open_values(
        unit.text if service.where(RESTART) else _started_again(unit.text),
        done.argv,
        spec.open,
        version,
        name,
    )
    files[unit.name] = replace(unit, text=opened.text)
    notes += about_left_out(opened)
    notes += [
        f"{visible(word, 60)} may hold further options, which are left out: write them as PodmanArgs="
        for word in service.spec.more
    ]
    prove_units(
        files,
        {unit.name: opened.argv},
        version,
        rootless=rootless,
    )
    if opened.variables:
        example = example_of(name, opened.variables, (service,))
        files[example.name] = example
        inputs.insert(0, about_inputs(name, opened.variables))
    return tuple(files.values()), tuple(dict.fromkeys((*inputs, *notes, *done.notes)))


def _plain(spec: Spec, service: Service) -> Spec:
    """What the command asks for, what is open included, with the image as Docker names it."""
    opened = service.spec.open
    if is_for_docker(service):
        opened = tuple(with_registry(HUB, argument) for argument in opened)
    opened = tuple(_where_it_stands(argument, service) for argument in opened)
    unknowable = spec.unknowable - {argument.option for argument in opened}
    spec = Spec(spec.settings, unknowable, open=opened)
    if not is_for_docker(service) or not spec[IMAGE]:
        return spec
    return spec.with_(IMAGE, full_name(HUB, spec[IMAGE]))


def _from_its_folder(spec: Spec, service: Service) -> tuple[Spec, list[str]]:
    """With whole paths of the host: a unit is started from another directory than a script."""
    mounts, notes = [], []
    for mount in spec[MOUNTS]:
        path = service.on_host(mount.source) if mount.type == "bind" else mount.source
        if path != mount.source:
            notes.append(f"{mount.source} is {path}: the command is typed beside its script")
        mounts.append(replace(mount, source=path))
    return (spec.with_(MOUNTS, tuple(mounts)) if notes else spec), notes


def _where_it_stands(argument: OpenArgument, service: Service) -> OpenArgument:
    """With the directory of its script, and the account that runs it as systemd says it: Podman runs
    as whoever starts the unit. Docker's daemon does not, so its users stay open."""
    words = tuple(
        OpenText(tuple(_known_part(part, service) for part in word.parts))
        for word in argument.words
    )
    return replace(argument, words=words)


def _known_part(part: str | OpenPart, service: Service) -> str | OpenPart:
    if isinstance(part, str):
        return part
    said = part.written.strip("${}()`")
    if said in _HERE and service.file.path:
        return service.file.directory
    letter = "" if is_for_docker(service) else _SPECIFIERS.get(said, "")
    return OpenPart(f"%{letter}", letter, OpenKind.SPECIFIER) if letter else part


def _with_time_to_stop(judged: Judged, spec: Spec) -> Spec:
    """With the time that the known application takes to stop, if nobody gave another."""
    application = known_application(judged.facts)
    if application is None or spec[STOP_TIMEOUT] != STOP_TIMEOUT.default:
        return spec
    return spec.with_(
        STOP_TIMEOUT,
        max(application.stop.seconds, STOP_TIMEOUT.default),
    )


def _started_again(text: str) -> str:
    """The unit, which says nothing of restarts, as one that systemd starts again when it fails."""
    if "[Service]\n" in text:
        return text.replace(
            "[Service]\n",
            "[Service]\nRestart=on-failure\n",
            1,
        )
    return text.replace(
        "[Install]\n",
        "[Service]\nRestart=on-failure\n\n[Install]\n",
        1,
    )
