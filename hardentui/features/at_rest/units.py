"""Service units of systemd that run a container: `podman generate systemd`, written by hand, or by a
vendor, with or without a shell around the command."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.features.at_rest.quadlets import pod_like
from hardentui.features.at_rest.services import (
    Format,
    Maker,
    Service,
    Set,
    Span,
    SpecAtRest,
    waivers_in,
)
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.unit_files import drop_ins, header_of, rootless_of
from hardentui.model.known import NONE, Known
from hardentui.model.open_value import OpenText
from hardentui.model.spec import Spec
from hardentui.model.variables import environment_file
from hardentui.options import NAME, NETWORK, PUBLISH, TABLE, Port
from hardentui.options.argv import items_of_command, items_of_token, positional_items
from hardentui.options.items import spec_of
from hardentui.quadlet.read.service import RunLine, ServiceFiles
from hardentui.systemd.search_paths import ServiceManager
from hardentui.systemd.unit_text import SYSTEMD, UnitText, check_unit_text

SUFFIX = ".service"
_UID = 1000
_STARTS = ("ExecStartPre", "ExecStart", "ExecStartPost")
_COMMAND = re.compile(
    r"(?:^|[\s/'\"=;&|@+!:-])(?:podman|docker)(?:-remote)?(?:\s+-\S+)*\s+(?:container\s+)?"
    r"(?P<verb>run|create|start|compose|kube\s+play|play\s+kube|pod\s+start)\b"
    r"|(?:^|[\s/'\"])(?:podman)\s+(?P<pod>pod\s+create)\b"
    r"|(?:^|[\s/'\"])(?P<compose>(?:podman|docker)-compose)\b"
)
_OF_RUN = ("run", "create")
_POD_FILE = "--pod-id-file"


class InUnit(Struct, frozen=True):
    """The unit that a service was made from, with its drop-ins, and the line of its command."""

    files: tuple[SourceFile, ...]
    unit: ServiceFiles
    line: RunLine


class UnitRead(Struct, frozen=True):
    """A unit with its drop-ins, and the commands in it that make a container or a pod."""

    files: tuple[SourceFile, ...]
    unit: ServiceFiles
    rootless: Known[bool]
    lines: tuple[RunLine, ...]
    others: tuple[str, ...]  # commands that start containers that it does not describe

    @property
    def pods(self) -> dict[str, Mapping[str, Any]]:
        """File with the ID of a pod that it makes -> the pod as the engine would show it."""
        return {
            path: _pod_document(spec_of(items_of_command(line.command)))
            for line in self.lines
            if _makes_pod(line)
            for path in _pod_files(line)
        }


def unit_makers(sources: Sources) -> Iterator[Maker]:
    """The service units that start a container."""
    units = [
        file
        for file in sources.files.values()
        if file.name.endswith(SUFFIX)
        and _COMMAND.search(
            file.text.replace(
                "\\\n",
                " ",
            )
        )
    ]
    pods: dict[str, Mapping[str, Any]] = {}
    for file in units:
        if "pod create" in file.text:
            with suppress(InputError):
                pods |= _read(
                    sources,
                    _files(sources, file),
                ).pods
    for file in units:
        yield (
            file,
            partial(
                _services,
                sources,
                file,
                pods,
            ),
        )


def _files(sources: Sources, file: SourceFile) -> tuple[SourceFile, ...]:
    """A unit and its drop-ins; raises InputError if one cannot be a unit."""
    files = (
        file,
        *drop_ins(
            sources,
            file.directory,
            file.name,
            SUFFIX[1:],
        ),
    )
    for each in files:
        check_unit_text(
            each.text,
            each.shown,
        )
    return files


def _read(sources: Sources, files: tuple[SourceFile, ...]) -> UnitRead:
    user = rootless_of(
        files,
        sources.rootless,
    )
    manager = ServiceManager(
        user is not False,
        "/root" if user is False else sources.home,
        _UID,
    )
    unit = ServiceFiles(
        tuple(each.text for each in files),
        manager.specifiers(files[0].name),
        True,
        _given(sources, files),
    )
    lines: list[RunLine] = []
    others: list[str] = []
    for number, assignment in (line for key in _STARTS for line in unit.commands(key)):
        command = _COMMAND.search(assignment.value)
        if command is None:
            continue
        if command["verb"] in _OF_RUN or command["pod"]:
            lines.append(
                unit.line_of(
                    number,
                    assignment,
                )
            )
        else:
            others.append(" ".join((command["verb"] or command["compose"]).split()))
    return UnitRead(
        files,
        unit,
        user,
        tuple(lines),
        tuple(dict.fromkeys(others)),
    )


def _services(
    sources: Sources,
    file: SourceFile,
    pods: Mapping[str, Mapping[str, Any]],
) -> list[Service]:
    """Raises InputError: it starts a container that it does not describe."""
    return services_of(
        sources,
        _files(sources, file),
        pods,
    )


def services_of(
    sources: Sources,
    files: tuple[SourceFile, ...],
    pods: Mapping[str, Mapping[str, Any]] = NONE,
) -> list[Service]:
    """The containers that a unit with its drop-ins starts. `pods`: those that other units make, by
    the file with their ID.

    Raises:
        InputError: it starts a container that it does not describe.
    """
    read = _read(sources, files)
    if not read.lines and read.others:
        raise InputError(
            f"It starts containers that it does not describe: {', '.join(read.others)}."
        )
    return [
        _service(sources, read, line, number, pods)
        for number, line in enumerate(
            read.lines,
            1,
        )
    ]


def pod_line(unit: ServiceFiles) -> RunLine:
    """The command of a unit that makes a pod; raises InputError where none does."""
    for number, assignment in (line for key in _STARTS for line in unit.commands(key)):
        command = _COMMAND.search(assignment.value)
        if command is not None and command["pod"]:
            return unit.line_of(number, assignment)
    raise InputError("No command of the unit makes a pod.")


def _makes_pod(line: RunLine) -> bool:
    return line.command.verb_at > 0 and line.command.words[line.command.verb_at - 1] == "pod"


def _pod_files(line: RunLine) -> Iterator[str]:
    for token in line.command.tokens:
        for flag, value in token.parts:
            if flag == _POD_FILE:
                yield value


def _pod_document(spec: Spec) -> Mapping[str, Any]:
    ports: tuple[Port, ...] = spec[PUBLISH]
    networks: tuple[str, ...] = spec[NETWORK]
    return pod_like(
        spec[NAME],
        ports,
        networks,
        {},
    )


def _service(
    sources: Sources,
    read: UnitRead,
    line: RunLine,
    number: int,
    pods: Mapping[str, Mapping[str, Any]],
) -> Service:
    files, unit = read.files, read.unit
    sets = tuple(_sets(files, line))
    spec = spec_of(each.item for each in sets)
    stem = files[0].name.removesuffix(SUFFIX)
    name = spec[NAME] or (stem if number == 1 else f"{stem} {number}")
    unknowable = spec.unknowable
    if line.vanished:  # variables may hold more options
        unknowable |= {option for option in TABLE if option.is_list or option not in spec.settings}
    return Service(
        name=name,
        format=Format.SERVICE,
        header=header_of(
            files,
            "Service",
            SYSTEMD,
        ),
        spec=SpecAtRest(
            spec.settings,
            unknowable,
            open=spec.open,
            more=tuple(OpenText.read(text).written for text in line.vanished),
        ),
        sets=sets,
        group=files[0].directory or files[0].shown,
        version=sources.version,
        rootless=read.rootless,
        pod=next((pods[path] for path in _pod_files(line) if path in pods), None),
        infra=_makes_pod(line),
        waivers=tuple(waiver for each in files for waiver in waivers_in(each, name)),
        source=InUnit(
            files,
            unit,
            line,
        ),
    )


def _sets(files: Sequence[SourceFile], line: RunLine) -> Iterator[Set]:
    """The arguments of the command, each where its words stand in the unit."""
    command = line.command
    for token in (*command.global_tokens, *command.tokens):
        span = _span(
            files,
            line,
            token.start,
            token.end,
        )
        for item in items_of_token(token):
            yield Set(item, span)
    positional = positional_items(command)
    if positional:
        yield Set(
            positional[0],
            _span(
                files,
                line,
                command.image_at,
                command.image_at + 1,
            ),
        )
    for item in positional[1:]:
        yield Set(
            item,
            _span(
                files,
                line,
                command.image_at + 1,
                len(line.pieces),
            ),
        )


def _span(
    files: Sequence[SourceFile],
    line: RunLine,
    first: int,
    end: int,
) -> Span:
    offsets = line.assignment.offsets
    start, last = line.pieces[first].start, line.pieces[end - 1].end
    return Span(
        files[line.file],
        offsets[start],
        offsets[
            max(
                start,
                last - 1,
            )
        ]
        + 1,
    )


def _given(
    sources: Sources,
    files: Sequence[SourceFile],
) -> dict[str, str]:
    """The variables of the environment files that lie below the given paths."""
    variables: dict[str, str] = {}
    for file in files:
        for line in UnitText(
            file.text,
            SYSTEMD,
        ).of(
            "Service",
            "EnvironmentFile",
        ):
            path = line.value.lstrip("-")
            if not path.startswith("/") or not sources.is_below(path) or not os.path.isfile(path):
                continue
            text = sources.read(
                path,
                os.path.relpath(path),
            ).text
            variables |= {
                each.name: each.value for each in environment_file(text) if each.value is not None
            }
    return variables
