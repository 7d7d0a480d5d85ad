"""Which known application an image belongs to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct, field

from hardentui.model.application import Application, Family, ImageMatch
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.options import IMAGE
from hardentui.reading.containers import known_application
from hardentui.reading.images import reference

_OFFICIAL = "library/"
"""Docker Hub's folder of official images; their short names have none."""
_HUB = ("", "docker.io", "index.docker.io")
_VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9})*)")
_NEWEST = (1 << 32,)


class AskedImage(Struct, frozen=True):
    """What a container asks for, and what is known of its image besides the content."""

    name: str  # as it was requested
    any_tag: bool = False  # what requests it leaves the tag open
    entrypoint: Sequence[str] = ()  # of the image
    command: Sequence[str] = ()  # of the image
    labels: Mapping[str, str] = field(default_factory=dict)  # of the image
    own_entrypoint: bool = False  # the container replaces the entry point
    own_command: Sequence[str] = ()  # the container's; empty = the image's


def application_of(
    image: AskedImage,
    families: Iterable[Family],
) -> Application | None:
    """The entry for an image, by its repository and tag; None if no entry is about it, or the
    container runs something else in it.

    A copy in a mirror keeps the end of its path. One in `localhost/` counts if the entry point,
    command and labels that the entry names are there.
    """
    for family in families:
        match = family.general.match
        if _is_named(image.name, match) or _is_copy(image, match):
            same = _runs_the_program(image, match)
            if not same:
                return None
            asked = reference(image.name)
            any_tag = image.any_tag or bool(asked.digest and not asked.tag)
            return family.of_any_tag if any_tag else _variant(family, asked.tag)
    return None


def named_before_open_tag(spec: Spec) -> str:
    """`postgres` of `postgres:${TAG}`: the image whose tag alone its file leaves open; empty if there
    is none."""
    for argument in spec.open:
        first, *rest = argument.text.parts if argument.option is IMAGE else ("",)
        if not isinstance(first, str) or not rest:
            continue
        name = reference(first).name
        if first[len(name) :].startswith((":", "@")):
            return name
    return ""


def _runs_the_program(image: AskedImage, match: ImageMatch) -> bool:
    """Whether the container starts what the entry is about: another entry point is another program,
    and so is a command that is neither an option nor one of the entry's."""
    if image.own_entrypoint:
        return False
    first = image.own_command[0] if image.own_command else ""
    return (
        not first
        or first.startswith("-")
        or not match.command
        or posixpath.basename(first) in match.command
    )


def repository_names(name: str) -> tuple[str, ...]:
    """The last parts of an image's path, longest first, as entries may name it. A path of one part
    is named with its registry: `docker.gitea.com/gitea`."""
    image = reference(name)
    host = image.host
    path = image.name.removeprefix(f"{host}/") if host else image.name
    if "/" not in path and host in _HUB:
        path = f"{_OFFICIAL}{path}"
    parts = path.split("/")
    if len(parts) == 1:
        return (f"{host}/{path}" if host else path,)
    return tuple("/".join(parts[start:]) for start in range(len(parts) - 1))


def _is_named(name: str, match: ImageMatch) -> bool:
    if reference(name).local:
        return False
    return any(place in match.repositories for place in repository_names(name))


def _is_copy(image: AskedImage, match: ImageMatch) -> bool:
    """Whether a local image has the last name of the entry, and starts the same program."""
    local = reference(image.name)
    if not local.local and local.host:
        return False
    last = {repository.rpartition("/")[2] for repository in match.repositories}
    signs = (match.entrypoint, match.command, match.labels)
    if posixpath.basename(local.name) not in last or not any(signs):
        return False
    return (
        match.entrypoint in ("", _first(image.entrypoint))
        and (not match.command or _first(image.command) in match.command)
        and all(image.labels.get(name) == value for name, value in match.labels.items())
    )


def _first(words: Sequence[str]) -> str:
    return posixpath.basename(words[0]) if words else ""


def _variant(family: Family, tag: str) -> Application:
    version = _version(tag)
    for variant in family.variants:
        if variant.tags and not any(fnmatchcase(tag, pattern) for pattern in variant.tags):
            continue
        if variant.first and version < _version(variant.first):
            continue
        if variant.until and version >= _version(variant.until):
            continue
        return variant.application
    return family.general


def _version(text: str) -> tuple[int, ...]:
    """`17.4-alpine` as (17, 4); a tag that names no version is the newest."""
    match = _VERSION.match(text)
    return tuple(map(int, match[1].split("."))) if match else _NEWEST


def application_name(facts: ContainerFacts) -> str:
    """What it runs: the known application, else the last part of the image's name; may be empty."""
    known = known_application(facts)
    if known is not None:
        return known.name
    name = facts.image_name
    return repository_names(name)[-1].rpartition("/")[2] if name else ""
