"""Which compose files are one project, by the rules of compose, and what their variables are worth.

Compose joins an override with its base, the files of `COMPOSE_FILE`, and those that are given with
`-f`. Files that are only named beside each other, as a pre-commit hook does, are projects of their
own (https://docs.docker.com/compose/how-tos/multiple-compose-files/merge/).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from hardentui.errors import HardenError
from hardentui.features.at_rest.sources import SourceFile, Sources, is_compose_name
from hardentui.features.at_rest.trees import Tree, read_trees
from hardentui.model.variables import compose_variables

_BASES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDES = tuple(name.replace("compose.", "compose.override.") for name in _BASES)


def projects(sources: Sources) -> Iterator[tuple[SourceFile, ...]]:
    """The files of each project, in the order in which they are merged."""
    folders: dict[str, dict[str, SourceFile]] = {}
    for file in sources.files.values():
        if is_compose_name(file.name):
            folders.setdefault(file.directory, {})[os.path.basename(file.path)] = file
    joined = tuple(sources.files[path] for path in sources.together)
    if joined:
        yield joined
    taken = set(sources.together)
    for directory, files in folders.items():
        listed = _listed(sources, directory)
        if listed and not taken.isdisjoint(file.path for file in listed):
            listed = ()
        if listed:
            yield listed
        taken |= {file.path for file in listed}
        yield from _of_directory(
            {name: file for name, file in files.items() if file.path not in taken}
        )


def included_files(sources: Sources) -> set[str]:
    """The paths of files that are part of the project of another file that is looked at."""
    named = {
        file.path: [*included_by(_tree(file))]
        for file in tuple(sources.files.values())
        if is_compose_name(file.name) and "include" in file.text
    }
    below = {path for files in named.values() for path, _ in files}
    included: set[str] = set()
    left = [path for path in named if path not in below]  # a circle has no first file
    while left:
        for path, shown in named.get(left.pop(), ()):
            if path not in included:
                included.add(path)
                left.append(path)
                if path not in named:
                    named[path] = _included_in(sources, path, shown)
    return included


def _included_in(
    sources: Sources,
    path: str,
    shown: str,
) -> list[tuple[str, str]]:
    try:
        file = sources.read(path, shown)
    except HardenError:
        return []  # it is refused when the services of the whole project are read
    return [*included_by(_tree(file))] if "include" in file.text else []


def included_by(tree: Tree) -> Iterator[tuple[str, str]]:
    """Of each file that one includes, its path, and how both are shown."""
    include = tree.get("include")
    for item in include.items if include is not None else ():
        for path, place in (item.get("path") or item).words():
            shown = os.path.join(os.path.dirname(place.file.shown), path)
            yield os.path.normpath(os.path.join(place.file.directory, path)), shown


def _tree(file: SourceFile) -> Tree:
    """Its first document; empty where it is refused when its services are read."""
    try:
        trees = read_trees(file)
    except HardenError:
        trees = ()
    return trees[0] if trees else Tree(0, 0, 0, file=file)


def _of_directory(files: dict[str, SourceFile]) -> Iterator[tuple[SourceFile, ...]]:
    """Args: files: by their own names."""
    for name, file in files.items():
        override = files.get(name.replace("compose.", "compose.override."))
        if name in _BASES and override is not None:
            yield file, override
        elif name not in _OVERRIDES or not any(base in files for base in _BASES):
            yield (file,)


def _listed(sources: Sources, directory: str) -> tuple[SourceFile, ...]:
    """The files of `COMPOSE_FILE=` in `.env`, if one of them is among those that are looked at."""
    try:
        variables = variables_beside(sources, directory)
    except HardenError:
        return ()  # each of its files is refused when its own variables are read
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    names = [name for name in variables.get("COMPOSE_FILE", "").split(separator) if name]
    paths = [os.path.normpath(os.path.join(directory, name)) for name in names]
    if not any(path in sources.files for path in paths):
        return ()
    return tuple(sources.files[path] for path in paths if path in sources.files)


def variables_beside(sources: Sources, directory: str) -> dict[str, str]:
    """The variables of the `.env` beside compose files."""
    path = os.path.join(directory, ".env")
    if not directory or not os.path.isfile(path):
        return {}
    return compose_variables(sources.read(path, os.path.relpath(path)).text)
