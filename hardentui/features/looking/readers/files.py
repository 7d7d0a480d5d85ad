"""Files of the host that were named for one container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import pairwise

from hardentui.features.looking.readers.place import Place, reads_here, rightful_owners
from hardentui.host.files import Files, examine, names, text_or, there
from hardentui.host.units.writable import hook_program
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import (
    ContainerFacts,
)
from hardentui.model.known import Known, Unread, known
from hardentui.reading.mounts import is_place_of_secrets, mounted_words, shown_from_host

_MOST_SECRETS = 256


_ENV_FILE, _HOOKS_DIR = "--env-file", "--hooks-dir"


_FILE_FLAGS = {
    _ENV_FILE,
    _HOOKS_DIR,
    "--runtime",
    "--init-path",
    "--conmon",
    "--network-cmd-path",
}
"""Options of podman(1) and podman-create(1): all but the first name what the engine starts."""


@reads_here
def env_files(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    return {path: examine(place.files, path) for path in _named_files(facts).get(_ENV_FILE, ())}


@reads_here
def mounted_programs(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    owners = rightful_owners(facts)
    return {path: examine(place.files, path, owners) for path in mounted_words(facts)}


@reads_here
def programs(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    owners = rightful_owners(facts)
    return {
        path: file
        for program in _named_programs(facts, place.files)
        for path, file in place.once.program(program, owners).items()
    }


@reads_here
def repositories(
    facts: ContainerFacts,
    place: Place,
) -> tuple[str, ...]:
    """Git's directories directly in what it mounts."""
    paths = (posixpath.join(source, ".git") for source in shown_from_host(facts).values())
    return tuple(path for path in dict.fromkeys(paths) if there(place.files, path))


@reads_here
def secret_files(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    """The host files that are bind-mounted as secrets, also those in a directory of them."""
    given: dict[str, Known[FileFact | Missing]] = {}
    for destination, source in shown_from_host(facts).items():
        if is_place_of_secrets(destination):
            inside = known(names, place.files, source)
            if isinstance(inside, Unread):
                given[source] = inside
                continue
            paths = [posixpath.join(source, name) for name in inside[:_MOST_SECRETS]] or [source]
            given |= {path: examine(place.files, path) for path in paths}
    return given


def _named_files(facts: ContainerFacts) -> dict[str, list[str]]:
    """Flag -> absolute paths after it in its create command; others depend on the working
    directory."""
    words = [str(word) for word in (facts.inspect.get("Config") or {}).get("CreateCommand") or ()]
    named: dict[str, list[str]] = {}
    for word, after in pairwise((*words, "")):
        flag, equals, value = word.partition("=")
        path = value if equals else after
        if flag in _FILE_FLAGS and path.startswith("/"):
            named.setdefault(flag, []).append(path)
    return named


def _hooks_in(directories: Iterable[str], files: Files) -> Iterator[str]:
    """The hook files of its own directories, and their programs. Podman itself runs those of the
    stages precreate and poststop, so the runtime's configuration does not name them."""
    for directory in directories:
        for name in known(
            names,
            files,
            directory,
            else_=(),
        ):
            if name.endswith(".json"):
                path = posixpath.join(directory, name)
                yield path
                yield hook_program(text_or(files, path))


def _named_programs(
    facts: ContainerFacts,
    files: Files,
) -> tuple[str, ...]:
    """What the engine starts for this container. Its configuration says where a runtime without a
    path is."""
    named = _named_files(facts)
    configured = known(lambda: facts.runtime.programs, else_=())
    programs = [
        str(facts.inspect.get("OCIRuntime") or ""),
        *configured,
    ]
    for flag, paths in named.items():
        programs += paths if flag != _ENV_FILE else ()
    programs += _hooks_in(named.get(_HOOKS_DIR, ()), files)
    return tuple(dict.fromkeys(path for path in programs if path.startswith("/")))
