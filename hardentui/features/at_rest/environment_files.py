"""What environment files beside a service give it: `env_file:`, `EnvironmentFile=`, `--env-file`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from hardentui.errors import HardenError
from hardentui.features.at_rest.services import Service, Set, Span
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.units import InUnit
from hardentui.model.open_value import is_open, marked
from hardentui.model.variables import environment_file
from hardentui.options import ENV, ENV_FILE
from hardentui.options.items import UNPARSED, Item, parse_argument
from hardentui.systemd.unit_text import SYSTEMD, UnitText


def given_by_files(
    sources: Sources,
    sets: Iterable[Set],
) -> Iterator[Set]:
    """The variables of the environment files, each at its line; a file that is not here leaves the
    environment open."""
    for each in sets:
        if each.item.option is not ENV_FILE:
            continue
        path = os.path.normpath(os.path.join(each.span.file.directory, each.item.raw))
        file = None if is_open(each.item.raw) else _read(sources, path)
        if file is None:
            name = marked(os.path.basename(each.item.raw.replace("\0", "")))
            yield Set(Item(ENV, UNPARSED, name, ENV.flag), each.span)
        else:
            yield from _variables(file)


def _passed_on(service: Service, sources: Sources) -> Iterator[Set]:
    """What `-e NAME` hands on of the environment files of the unit that runs the command."""
    names = {each.item.raw for each in service.sets if each.item.option is ENV}
    if not isinstance(service.source, InUnit):
        return
    for unit in service.source.files:
        for line in UnitText(unit.text, SYSTEMD).of("Service", "EnvironmentFile"):
            file = _read(sources, line.value.lstrip("-"))
            for given in _variables(file) if file is not None else ():
                if given.item.raw.partition("=")[0] in names:
                    yield given


def _read(sources: Sources, path: str) -> SourceFile | None:
    try:
        return sources.read(path, os.path.relpath(path))
    except HardenError:
        return None


def _variables(file: SourceFile) -> Iterator[Set]:
    for variable in environment_file(file.text):
        if variable.value is None:
            continue
        start = file.offset_of(variable.line)
        end = start + len(file.text[start:].partition("\n")[0])
        for item in parse_argument(ENV.flag, f"{variable.name}={variable.value}"):
            yield Set(item, Span(file, start, end))


def with_given(service: Service, sources: Sources) -> Service:
    """The service with what its environment files give it."""
    more = (*given_by_files(sources, service.sets), *_passed_on(service, sources))
    return service.with_given(more) if more else service
