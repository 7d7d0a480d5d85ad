"""A container's mounts that give more of the host than its own data, by the rights of its user."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts
from hardentui.model.gain import Gained
from hardentui.model.known import known
from hardentui.model.mount import HostMount
from hardentui.model.severity import Severity
from hardentui.options import MOUNTS
from hardentui.reading.capabilities import granted
from hardentui.reading.containers import declared_user, section
from hardentui.reading.foothold import Foothold, foothold, host_uid
from hardentui.reading.host_paths import (
    CGROUPS,
    CODE,
    ENGINE,
    KERNEL,
    NOTHING,
    USER,
    HostAccess,
    gained_by,
    gains,
    is_below,
)
from hardentui.reading.limits import cgroup_version
from hardentui.reading.mounts import at_or_above, host_mounts, normal
from hardentui.reading.user_namespaces import own_user_namespace

_OF_CONTAINERS = "/overlay-containers/"
_OWN_FILES = ("StaticDir", "PidFile", "ConmonPidFile")
"""In a container's inspect document: below the graph root, and below the run root."""
_STORES = ("graphRoot", "runRoot", "volumePath")
_CONFIGURED = ("engine.volume_path", "engine.tmp_dir", "engine.static_dir")
_IN_A_HOME = "/.local/share/containers"
"""Where a rootless engine stores everything, unless told otherwise; containers-storage.conf(5)."""
_RUNS = (
    "engine.hooks_dir",
    "engine.helper_binaries_dir",
    "engine.conmon_path",
    "engine.network_cmd_path",
)
_RUNTIMES = "engine.runtimes."
"""Settings that name programs, or directories of programs, that the engine starts;
containers.conf(5)."""
_SOME_HOME = "/home/-"


def storage_of(facts: ContainerFacts) -> tuple[str, ...]:
    """Where the engine of this container actually stores containers and volumes: its own files
    tell, the engine's configuration, and /info if it was read."""
    own = (str(facts.inspect.get(name) or "").partition(_OF_CONTAINERS) for name in _OWN_FILES)
    directories = [directory for directory, mark, _ in own if mark]
    configured = _configuration(facts)
    if configured is not None:
        directories += [str(configured.get(name) or "") for name in _CONFIGURED]
    store: Mapping[str, Any] = known(lambda: section(facts.engine.info, "store"), else_={})
    directories += [str(store.get(name) or "") for name in _STORES]
    return _paths(directories)


def run_by_engine(facts: ContainerFacts) -> tuple[str, ...]:
    """Programs and hooks that the engine starts outside containers, also those that were named for
    this or another container alone, and the files that name them."""
    for_one = [*facts.programs, *facts.peers.programs]
    configured = _configuration(facts)
    if configured is None:
        return _paths(for_one)
    named = [configured.get(name) for name in _RUNS]
    named += [
        value.value for name, value in configured.values.items() if name.startswith(_RUNTIMES)
    ]
    paths = [
        str(path)
        for value in named
        for path in (value if isinstance(value, list) else [value or ""])
    ]
    return _paths([*paths, *configured.files, *for_one])


def in_a_home(facts: ContainerFacts, path: str) -> str:
    """The same place in a home below /home, if the path is in, or above, the home directory of the
    account that runs a rootless engine; empty if it is not. A home can be anywhere: /srv/shop,
    /var/lib/gitea."""
    if facts.engine.rootless is not True:
        return ""
    home = _home_of(facts)
    if not home or home == "/":
        return ""
    if at_or_above(home, path):
        return _SOME_HOME + path.removeprefix(home)
    return _SOME_HOME if at_or_above(path, home) else ""


def home_unknown(facts: ContainerFacts) -> bool:
    """Whether it is not known where the account that runs a rootless engine has its home directory."""
    return facts.engine.rootless is True and not _home_of(facts)


def _home_of(facts: ContainerFacts) -> str:
    if home := known(lambda: facts.engine.trust.home, else_=""):
        return normal(home)
    stores = (directory.partition(_IN_A_HOME) for directory in storage_of(facts))
    return next((home for home, mark, _ in stores if mark), "")


def _configuration(facts: ContainerFacts) -> Configuration | None:
    configured = known(lambda: facts.engine.trust.configuration)
    return configured if isinstance(configured, Configuration) else None


def _paths(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal(word) for word in words if word.startswith("/")))


class SensitiveMount(Struct, frozen=True):
    """A mount that gives more than its own data."""

    mount: HostMount
    # what it gives as mounted; `when_read_only` is what it would give read-only
    gains: frozenset[HostAccess]
    when_read_only: frozenset[HostAccess]
    written: bool  # the container's user can change the host's files
    shut: bool = False  # the rights of this user keep it from most of it

    @property
    def further_names(self) -> tuple[str, ...]:
        """What gives it, if that is not the path that is mounted: other names of its files."""
        paths, written = self.mount.paths, self.mount.written
        if gains(paths[0], written=written):
            return ()
        return tuple(path for path in paths[1:] if gains(path, written=written))

    @property
    def gained(self) -> Gained:
        """What an intruder gets: a user who is shut out needs a step more to open the files, and
        one more where they are read-only."""
        given = self.gains if self.written else self.when_read_only or self.gains
        gained = gained_by(given, written=self.written)
        least = 0
        if self.shut:
            least = gained.severity - (Severity.HIGH if self.written else Severity.MEDIUM)
        return gained.later(max(0, least))


def sensitive_mounts(facts: ContainerFacts) -> tuple[SensitiveMount, ...]:
    """The mounts that give access to sensitive parts of the host, in the order of the mounts."""
    mounts = host_mounts(facts)
    if not mounts:
        return ()
    storage, programs = storage_of(facts), run_by_engine(facts)
    code = USER if facts.engine.rootless is True else CODE
    stranger = foothold(facts) is Foothold.NOBODY and not _is_account(facts)
    sensitive = []
    for mount in mounts:
        paths, beneath = _all_places(facts, mount.paths), _all_places(facts, mount.beneath)
        read = _gains_of((*paths, *beneath), storage, written=False)
        write = _gains_of(paths, storage, written=True) if mount.written else NOTHING
        if mount.written and _touches(paths, programs):
            write |= code
        if mount.written and any(is_below(path, _CGROUPS) for path in paths):
            write = _by_cgroups(facts, write)
        if not read and not write:
            continue
        shut = stranger and not _hands_over(mount)
        written = mount.written and not (shut and _asked_read_only(facts, mount))
        sensitive.append(
            SensitiveMount(
                mount,
                read | write,
                read,
                written,
                shut,
            )
        )
    return tuple(sensitive)


_CGROUPS = "/sys/fs/cgroup"
_ACCOUNTS = range(1000, 60000)
"""UIDs of people and of services that an admin made; login.defs(5)."""


def _is_account(facts: ContainerFacts) -> bool:
    """Whether the host has an account with the UID of its process, so that files are its own."""
    uid = host_uid(facts)
    if uid is None:
        user = declared_user(facts).partition(":")[0]
        mapped = facts.engine.rootless is True or own_user_namespace(facts)
        uid = int(user) if user.isdecimal() and not mapped else None
    if uid not in _ACCOUNTS:
        return False
    users = known(lambda: facts.host.users, else_=())
    return not users or any(user.uid == uid for user in users)


def _asked_read_only(facts: ContainerFacts, mount: HostMount) -> bool:
    """Whether the mount that brings it was asked for read-only: what the host has mounted below
    stays as it is there, and a stranger finds nothing of its own in it."""
    point = mount.destination
    above = [asked for asked in facts.spec[MOUNTS] if at_or_above(asked.destination, point)]
    return bool(above) and max(above, key=lambda asked: len(asked.destination)).read_only


def _by_cgroups(
    facts: ContainerFacts,
    write: frozenset[HostAccess],
) -> frozenset[HostAccess]:
    """What writing cgroups gives: code of root only through release_agent, cgroups(7), which
    version 2 does not have, and which takes SYS_ADMIN since CVE-2022-0492."""
    by_agent = cgroup_version(facts) == "v1" and "CAP_SYS_ADMIN" in granted(facts)
    return write if by_agent else (write - KERNEL) | CGROUPS


def _hands_over(mount: HostMount) -> bool:
    """Whether the files are owned by the container: mapped with `:idmap`, or changed permanently
    with `:U`."""
    options = (*mount.asked.options, *mount.options)
    return any(option == "U" or option.startswith("idmap") for option in options)


def _in_volume(path: str) -> str:
    """The end of a path from the name of a volume on; empty outside volumes."""
    volume, data, rest = path.partition("/_data")
    inside = data and rest[:1] in ("", "/")
    return f"/{volume.rpartition('/')[2]}{data}{rest}" if inside else ""


def _all_places(
    facts: ContainerFacts,
    paths: tuple[str, ...],
) -> tuple[str, ...]:
    places = tuple(
        path for path in paths if all(other.endswith(_in_volume(path)) for other in paths)
    )
    homes = (home for path in places if (home := in_a_home(facts, path)))
    return (
        *places,
        *homes,
        *(path for path in facts.repositories if posixpath.dirname(path) in places),
    )


def _touches(paths: tuple[str, ...], places: tuple[str, ...]) -> bool:
    return any(is_below(path, place) or is_below(place, path) for path in paths for place in places)


def _gains_of(
    paths: tuple[str, ...],
    storage: tuple[str, ...],
    *,
    written: bool,
) -> frozenset[HostAccess]:
    gained = NOTHING.union(*(gains(path, written=written) for path in paths))
    return gained | ENGINE if _touches(paths, storage) else gained
