"""What an entry of a known application must hold to besides its form."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TypeAlias

from hardentui.checks import CHECKS
from hardentui.model.application import Application, ProofKind
from hardentui.model.facts import ALL_CAPABILITIES, capability_name
from hardentui.options.codecs import size_of
from hardentui.reading.containers import is_root
from hardentui.visible import visible
from hardentui.words import nearest

EntryFault: TypeAlias = "tuple[tuple[str | int, ...], str]"
"""Where in the entry, and what is wrong there."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_REPOSITORY = re.compile(
    r"[^/.:@\s]+(?:/[^/:@\s]+)+"  # without a registry
    r"|(?=[^/]*[.:])[\w.-]+(?::\d+)?/[^/:@\s]+"  # of one part, in this registry
)
_PATH = re.compile(r"/[\w.@+/-]*", re.ASCII)
_FORM_OF_PATH = "must be absolute, without .. or a slash at its end, of letters, digits and ._@+-"
_IDS = re.compile(r"\d+(?::\d+)?")
_USER = re.compile(r"[\w.-]+(?::[\w.-]+)?", re.ASCII)
_SIGNAL = re.compile(r"SIG[A-Z0-9+]+")
_FAMILY = re.compile(r"AF_[A-Z0-9]+")
_LAST_PORT = 65535
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def faults_of(application: Application) -> Iterator[EntryFault]:
    """Every fault of an entry whose form is right."""
    yield from _of_names(application)
    yield from _of_user(application)
    yield from _of_capabilities(application)
    yield from _of_paths(application)
    yield from _of_the_rest(application)


def _of_names(application: Application) -> Iterator[EntryFault]:
    if not _NAME.fullmatch(application.name):
        yield ("name",), "name must consist of lower-case letters, digits and dashes"
    if not application.match.repositories:
        yield ("match",), "repositories is empty: no image can match"
    for index, repository in enumerate(application.match.repositories):
        if not _REPOSITORY.fullmatch(repository):
            yield (
                ("match", "repositories", index),
                f"{visible(repository, 80)!r} must be a path without registry and tag: library/NAME "
                "(or REGISTRY/NAME, where the path has only one part)",
            )
    if not application.source:
        yield ("source",), "an entry needs a source"
    if application.proof.kind is ProofKind.RUN and not application.proof.how:
        yield ("proof",), "how must say what was run"


def _of_user(application: Application) -> Iterator[EntryFault]:
    user = application.user
    if not _USER.fullmatch(user.image):
        yield ("user", "image"), "image must be a user or USER:GROUP, as names or numbers"
    if user.start_as and (not _IDS.fullmatch(user.start_as) or is_root(user.start_as)):
        yield ("user", "start_as"), "start_as must be the UID or UID:GID of an ordinary user"
    if user.work not in ("", "root") and not _IDS.fullmatch(user.work):
        yield ("user", "work"), "work must be root, UID or UID:GID"
    if is_root(user.image) and not user.why_root:
        yield ("user",), "why_root must say what it does as root"


def _of_capabilities(application: Application) -> Iterator[EntryFault]:
    own = application.capabilities
    for key, names in (("start", own.start or ()), ("work", own.work)):
        for index, name in enumerate(names):
            if capability_name(name) not in ALL_CAPABILITIES:
                yield ("capabilities", key, index), f"there is no capability {visible(name, 40)!r}"


def _of_paths(application: Application) -> Iterator[EntryFault]:
    seen: set[str] = set()
    for index, read in enumerate(application.reads):
        if not _is_path(read):
            yield ("reads", index), f"path {_FORM_OF_PATH}"
    for index, entry in enumerate(application.path):
        if not _is_path(entry.path):
            yield ("path", index, "path"), f"path {_FORM_OF_PATH}"
        if entry.path in seen:
            yield ("path", index, "path"), "this path is given twice"
        seen.add(entry.path)
        if not re.fullmatch(r"[0-7]{4}", entry.mode):
            yield ("path", index, "mode"), "mode must be four octal digits, such as 0700"
        if application.user.start_as and not entry.owner and entry.mode[-1:] in "0145":
            yield (
                ("path", index),
                f"as {application.user.start_as} it cannot write there: owner or mode must let it",
            )
        if entry.owner not in ("", "work") and not _IDS.fullmatch(entry.owner):
            yield ("path", index, "owner"), "owner must be UID:GID, or work"
        if entry.size and not _is_size(entry.size):
            yield ("path", index, "size"), "size must be a size such as 64m"


def _is_path(text: str) -> bool:
    return bool(_PATH.fullmatch(text)) and posixpath.normpath(text) == text


def _of_the_rest(application: Application) -> Iterator[EntryFault]:
    if not application.health.command.isprintable():
        yield ("health", "command"), "command must be one line, without control characters"
    for index, port in enumerate(application.port):
        if not 0 < port.number <= _LAST_PORT:
            yield ("port", index, "number"), f"number must be from 1 to {_LAST_PORT}"
        if port.protocol not in ("tcp", "udp", "sctp"):
            yield ("port", index, "protocol"), "protocol must be tcp, udp or sctp"
    for check in application.breaks:
        if check not in CHECKS:
            near = nearest(check, CHECKS)
            yield ("breaks", check), f"there is no check {visible(check, 80)!r}{near}"
    if application.stop.signal and not _SIGNAL.fullmatch(application.stop.signal):
        yield ("stop", "signal"), "signal must be a name such as SIGINT"
    if application.memory.floor and not _is_size(application.memory.floor):
        yield ("memory", "floor"), "floor must be a size such as 256m"
    for index, family in enumerate(application.calls.families):
        if not _FAMILY.fullmatch(family):
            yield ("calls", "families", index), "a socket family is named as AF_NETLINK"
    for name, file in application.secrets.items():
        if not _VARIABLE.fullmatch(name) or (file and not _VARIABLE.fullmatch(file)):
            yield ("secrets", name), "this is not the name of a variable"


def _is_size(text: str) -> bool:
    try:
        return size_of(text) > 0
    except ValueError:
        return False
