"""What access to a path of the host allows; a directory above such a path allows the same."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from itertools import pairwise

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity
from hardentui.reading.engine_places import in_a_home, run_by_engine, storage_of
from hardentui.reading.host_path_table import (
    ANYWHERE,
    ANYWHERE_PAIRS,
    BY_DEFAULT,
    CODE,
    DISKS,
    ENGINE,
    HOMES,
    IN_A_HOME_READ,
    IN_A_HOME_RUN,
    KERNEL,
    NOTHING,
    PUBLIC_KEYS,
    READABLE_BY_DESIGN,
    RUN_ANYWHERE,
    RUN_PAIRS,
    SECRET,
    TABLE,
    USER,
    Gain,
)
from hardentui.reading.mounts import HostMount, host_mounts
from hardentui.reading.user_namespace import own_user_namespace


class _Node:
    """A node of the path tree: what it gives here and below, and in total."""

    __slots__ = ("names", "patterns", "read", "whole_read", "whole_write", "write")

    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self.patterns: list[tuple[str, _Node]] = []
        self.read = self.write = self.whole_read = self.whole_write = NOTHING

    def child(self, name: str) -> _Node:
        if not any(sign in name for sign in "*?["):
            return self.names.setdefault(name, _Node())
        for pattern, node in self.patterns:
            if pattern == name:
                return node
        self.patterns.append((name, _Node()))
        return self.patterns[-1][1]

    def matching(self, name: str) -> list[_Node]:
        matching = [node for pattern, node in self.patterns if fnmatchcase(name, pattern)]
        exact = self.names.get(name)
        return [exact, *matching] if exact is not None else matching


@cache
def _table() -> _Node:
    root = _Node()
    for read, write, paths in TABLE:
        for path in paths.split():
            _add(root, path, read, read | write)
    of_root, of_others = _home(CODE), _home(USER)
    for path in HOMES:
        _attach(root, path, of_root if path == "/root" else of_others)
    return root


def _home(code: frozenset[Gain]) -> _Node:
    """What is in a home directory; all homes of ordinary accounts share one."""
    home = _Node()
    for path in IN_A_HOME_READ.split():
        _add(home, path, SECRET, SECRET)
    for path in IN_A_HOME_RUN.split():
        _add(home, path, NOTHING, code)
    _add(home, ".local/share/containers", ENGINE, ENGINE)
    return home


def _attach(root: _Node, path: str, tree: _Node) -> None:
    """Add a tree at a path for which the table has no row."""
    *names, last = path.strip("/").split("/")
    above = [root]
    for name in names:
        above.append(above[-1].child(name))
    for node in above:
        node.whole_read |= tree.whole_read
        node.whole_write |= tree.whole_write
    if "*" in last:
        above[-1].patterns.append((last, tree))
    else:
        above[-1].names[last] = tree


def _add(root: _Node, path: str, read: frozenset[Gain], write: frozenset[Gain]) -> None:
    node = root
    for name in path.strip("/").split("/"):
        node.whole_read |= read
        node.whole_write |= write
        node = node.child(name)
    node.read |= read
    node.write |= write
    node.whole_read |= read
    node.whole_write |= write


@lru_cache(maxsize=8192)
def gains(path: str, *, written: bool) -> frozenset[Gain]:
    """What reading, or reading and writing, this path of the host gives, including everything below it.

    Args:
        path: absolute and normalised.
    """
    names = [name for name in path.split("/") if name]
    if not written and (
        any(_is_below(path, place) for place in READABLE_BY_DESIGN) or re.fullmatch(PUBLIC_KEYS, path)
    ):
        return NOTHING
    gained = _by_names(names)
    nodes = [_table()]
    for name in names:
        nodes = [child for node in nodes for child in node.matching(name)]
        for node in nodes:
            gained |= node.write if written else node.read
    for node in nodes:
        gained |= node.whole_write if written else node.whole_read
    if written and not gained & (CODE | USER):
        gained |= _run_by_names(names)
    return gained or _by_default(path) if written else gained


def _by_default(path: str) -> frozenset[Gain]:
    """What writing gives below the host's own directories, where the table has no row for it."""
    given = NOTHING
    for place, gain, exceptions in BY_DEFAULT:
        if _is_below(path, place) and not any(_is_below(path, other) for other in exceptions.split()):
            given |= gain
    return given


def _run_by_names(names: list[str]) -> frozenset[Gain]:
    pairs = pairwise(names)
    run = any(name in RUN_ANYWHERE for name in names) or any(pair in RUN_PAIRS for pair in pairs)
    return USER if run else NOTHING


def _by_names(names: list[str]) -> frozenset[Gain]:
    gained = NOTHING
    for name, following in zip(names, [*names[1:], ""], strict=False):
        gained |= ANYWHERE.get(name, NOTHING) | ANYWHERE_PAIRS.get((name, following), NOTHING)
    return gained


def _is_below(path: str, place: str) -> bool:
    return path == place or place == "/" or path.startswith(place + "/")


_WRITING_TAKES_OVER = CODE | KERNEL | DISKS | ENGINE
_READING_IS_HIGH = SECRET | DISKS | KERNEL | ENGINE


def severity_of(gained: frozenset[Gain], *, written: bool) -> Severity:
    """The severity of a container with this access."""
    if written and gained & _WRITING_TAKES_OVER:
        return Severity.CRITICAL
    if gained & (_READING_IS_HIGH | USER):
        return Severity.HIGH
    return Severity.MEDIUM


class SensitiveMount(Struct, frozen=True):
    """A mount that gives more than its own data.

    Attributes:
        gains: what it gives as mounted; `when_read_only` is what it would give read-only.
        foreign: root's files belong to nobody in the container, so it can write only world-writable files.
    """

    mount: HostMount
    gains: frozenset[Gain]
    when_read_only: frozenset[Gain]
    foreign: bool = False

    @property
    def further_names(self) -> tuple[str, ...]:
        """What gives it, if that is not the path that is mounted: other names of its files."""
        paths, written = self.mount.paths, self.mount.written
        if gains(paths[0], written=written):
            return ()
        return tuple(path for path in paths[1:] if gains(path, written=written))

    @property
    def severity(self) -> Severity:
        severity = severity_of(self.gains, written=self.mount.written)
        return min(severity, Severity.HIGH) if self.foreign else severity


def sensitive_mounts(facts: ContainerFacts) -> tuple[SensitiveMount, ...]:
    """The mounts that give access to sensitive parts of the host, in the order of the mounts."""
    mounts = host_mounts(facts)
    if not mounts:
        return ()
    storage, programs = storage_of(facts), run_by_engine(facts)
    code = USER if facts.engine.rootless is True else CODE
    mapped = facts.engine.rootless is False and own_user_namespace(facts)
    sensitive = []
    for mount in mounts:
        paths, beneath = _all_places(facts, mount.paths), _all_places(facts, mount.beneath)
        read = _gains_of((*paths, *beneath), storage, written=False)
        write = _gains_of(paths, storage, written=True) if mount.written else NOTHING
        if mount.written and _touches(paths, programs):
            write |= code
        if read or write:
            sensitive.append(SensitiveMount(mount, read | write, read, mapped and not _hands_over(mount)))
    return tuple(sensitive)


def _hands_over(mount: HostMount) -> bool:
    """Whether the files are owned by the container: mapped with `:idmap`, or changed permanently with
    `:U`."""
    options = (*mount.mount.options, *mount.options)
    return any(option == "U" or option.startswith("idmap") for option in options)


def _places(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths without those in a volume that only shows another directory (`--opt o=bind`)."""
    return tuple(path for path in paths if all(other.endswith(_in_volume(path)) for other in paths))


def _in_volume(path: str) -> str:
    """The end of a path from the name of a volume on; empty outside volumes."""
    volume, data, rest = path.partition("/_data")
    inside = data and rest[:1] in ("", "/")
    return f"/{volume.rpartition('/')[2]}{data}{rest}" if inside else ""


def _all_places(facts: ContainerFacts, paths: tuple[str, ...]) -> tuple[str, ...]:
    places = _places(paths)
    homes = (home for path in places if (home := in_a_home(facts, path)))
    return (*places, *homes, *(path for path in facts.repositories if posixpath.dirname(path) in places))


def _touches(paths: tuple[str, ...], places: tuple[str, ...]) -> bool:
    return any(_is_below(path, place) or _is_below(place, path) for path in paths for place in places)


def _gains_of(paths: tuple[str, ...], storage: tuple[str, ...], *, written: bool) -> frozenset[Gain]:
    gained = NOTHING.union(*(gains(path, written=written) for path in paths))
    return gained | ENGINE if _touches(paths, storage) else gained
