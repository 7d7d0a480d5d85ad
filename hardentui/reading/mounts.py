"""What a container has mounted from the host, wherever the mount comes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct

from hardentui.model.configuration import Danger
from hardentui.model.facts import (
    ContainerFacts,
    Kernel,
    KernelMount,
    MountedPath,
    MountOrigin,
    NotRunning,
)
from hardentui.model.known import Unread, known
from hardentui.model.path_steps import Account, Accounts, PathStep
from hardentui.model.podman_version import Version
from hardentui.model.spec import Mount, Spec
from hardentui.options import GIDMAP, MOUNTS, ROOTFS, SUBUIDNAME, UIDMAP, USERNS, VOLUMES_FROM
from hardentui.reading.containers import ask_or, is_planned, section

READ, WRITE, EXECUTE = 4, 2, 1
EVERYBODY = "every account"
Way = tuple[PathStep, ...]
"""The steps from / to a path, with links followed; the last one is the object itself."""

_STRANGER = Account(EVERYBODY, -1)
_STICKY = 0o1000
_MOST_NAMES = 5


def who_may(
    right: int,
    way: Way,
    accounts: Accounts | None,
    owners: frozenset[int],
) -> tuple[str, ...]:
    """Names of the accounts with this permission on the object, besides its rightful owners.

    Args:
        right: READ, WRITE or EXECUTE.
        accounts: None when they could not be read.
        owners: UIDs that are meant to have the permission.

    Returns:
        Only EVERYBODY if every account has the permission, otherwise sorted account names.
    """
    object_ = way[-1]
    able = [
        account
        for account in _candidates(way, accounts)
        if account.uid not in owners
        and rights(account, object_) & right
        and _reaches(account, way, object_)
    ]
    if _STRANGER in able:
        return (EVERYBODY,)
    return tuple(sorted({account.name for account in able}))


def rights(account: Account, step: PathStep) -> int:
    """The permissions of an account on the step itself: READ, WRITE and EXECUTE, added up."""
    if account.uid == step.uid:
        return READ | WRITE | EXECUTE
    named = {entry.id: entry.rights for entry in step.acl if entry.kind == "user"}
    if account.uid in named:
        return named[account.uid]
    of_groups = [
        entry.rights for entry in step.acl if entry.kind == "group" and entry.id in account.groups
    ]
    if step.gid in account.groups:
        of_groups.append(step.group_rights)
    if of_groups:
        granted = 0
        for group in of_groups:
            granted |= group
        return granted
    return step.mode & 0o7


def open_spots(
    way: Way,
    accounts: Accounts | None,
    owners: frozenset[int],
    *,
    contents: bool = True,
) -> tuple[Danger, ...]:
    """Every place where someone besides the rightful owners can change or replace the object.
    `contents`: False ignores write permission on the object itself (other rules apply to a socket).
    """
    if all(_closed(step, owners) for step in way):
        return ()
    candidates = [account for account in _candidates(way, accounts) if account.uid not in owners]
    dangers: list[Danger] = []
    for step in way:
        last = step is way[-1]
        if step.kind == "link" or (last and not contents):
            continue
        if not last and step.mode & _STICKY:
            dangers += _foreign_things(step, way, owners)
            continue
        dangers += _foreign(step, owners)
        able = [
            account
            for account in candidates
            if rights(account, step) & WRITE and _reaches(account, way, step)
        ]
        dangers += _reasons(step, [account for account in able if account.uid != step.uid])
    return tuple(dict.fromkeys(dangers))


def _closed(step: PathStep, owners: frozenset[int]) -> bool:
    """Quick check: only the owner can write to it. An ACL that lets others write shows in the mode."""
    return step.uid in owners and (step.kind == "link" or not step.mode & 0o022)


def _candidates(
    way: Way,
    accounts: Accounts | None,
) -> tuple[Account, ...]:
    """The known accounts, a stranger, and the unknown UIDs and GIDs on the path."""
    known = Accounts() if accounts is None else accounts
    uids = {step.uid for step in way} | {
        entry.id for step in way for entry in step.acl if entry.kind == "user"
    }
    gids = {entry.id for step in way for entry in step.acl if entry.kind == "group"}
    gids |= {step.gid for step in way if step.uid == 0 or step.gid != step.uid}
    unknown_uids = uids - {person.uid for person in known.people} - {0}
    unknown_gids = gids - known.groups.keys()
    return (
        *known.people,
        _STRANGER,
        *(Account(f"uid {uid}", uid) for uid in sorted(unknown_uids)),
        *(Account(f"group {gid}", -1, frozenset({gid})) for gid in sorted(unknown_gids)),
    )


def _reaches(
    account: Account,
    way: Way,
    step: PathStep,
) -> bool:
    """Whether the account can search every directory above a step."""
    return all(
        rights(account, directory) & EXECUTE
        for directory in way
        if directory.kind == "directory"
        and directory is not step
        and _is_above(directory.path, step.path)
    )


def _is_above(directory: str, path: str) -> bool:
    return directory == "/" or path.startswith(f"{directory}/")


def _foreign(step: PathStep, owners: frozenset[int]) -> Iterable[Danger]:
    if step.uid not in owners:
        rightful = max(owners)
        fix = "chown root:root" if rightful == 0 else f"chown {rightful}"
        yield Danger(step.path, f"belongs to uid {step.uid}", fix)


def _foreign_things(
    directory: PathStep,
    way: Way,
    owners: frozenset[int],
) -> Iterable[Danger]:
    """In a sticky directory, everyone can replace their own entries, including links."""
    yield from _foreign(directory, owners)
    for step in way:
        if step.kind == "link" and step.path.rpartition("/")[0] == directory.path:
            yield from _foreign(step, owners)


def _reasons(step: PathStep, able: list[Account]) -> Iterable[Danger]:
    """Why these accounts can write: mode bits or ACL entries, each with the command that closes it."""
    mode = f"{step.mode & 0o7777:04o}"
    if any(account == _STRANGER for account in able):
        yield Danger(
            step.path,
            f"world-writable ({mode})",
            "chmod o-w",
            everybody=True,
        )
    acl = {(entry.kind, entry.id): entry for entry in step.acl if entry.rights & WRITE}
    others: list[str] = []
    for account in able:
        if ("user", account.uid) in acl:
            yield Danger(
                step.path, f"can be written by {account.name} (ACL)", f"setfacl -x u:{account.uid}"
            )
        elif named := next(
            (gid for gid in sorted(account.groups) if ("group", gid) in acl),
            None,
        ):
            yield Danger(
                step.path, f"can be written by group {named} (ACL)", f"setfacl -x g:{named}"
            )
        elif step.gid in account.groups and step.group_rights & WRITE:
            yield Danger(
                step.path,
                f"can be written by group {step.gid} ({mode})",
                "chmod g-w",
            )
        else:
            others.append(account.name)
    if others and EVERYBODY not in others:
        more = " and others" if len(others) > _MOST_NAMES else ""
        yield Danger(
            step.path,
            f"can be written by {', '.join(others[:_MOST_NAMES])}{more} ({mode})",
            "chmod o-w",
        )


# Whether a container's IDs are mapped to different IDs on the host.

_AUTOMATIC = "containers"
"""The user whose ID ranges `--userns=auto` of the rootful engine takes."""
_ACCOUNT_SINCE = Version(5, 5)
"""Podman 5.4 takes these ranges without an account of that name, 5.8 does not."""
_OWN_NAMESPACE = frozenset({"auto", "keep-id", "nomap", "private"})


def own_user_namespace(facts: ContainerFacts) -> bool:
    """Whether the container has its own user namespace, without the host's root.

    The kernel's answer counts, otherwise the declaration. A namespace that maps to UID or GID 0 on
    the host does not count, because it includes the host's root. With a rootless engine, IDs are
    always different.
    """
    if facts.engine.rootless is True:
        return not ask_or(
            facts,
            lambda kernel: kernel.host_user_namespace,
            False,
        )
    shared = ask_or(
        facts,
        lambda kernel: kernel.host_user_namespace,
        None,
    )
    if shared is None:
        return asks_for_user_namespace(facts)
    return not shared and not known(
        lambda: maps_root_of_host(facts), else_=_declares_root(facts.spec)
    )


def maps_root_of_host(facts: ContainerFacts) -> bool:
    """Whether a user namespace of the rootful engine maps an ID to UID or GID 0 on the host.

    Raises:
        Unread: it is running, and its maps cannot be read.
    """
    if facts.engine.rootless is True:
        return False
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return _declares_root(facts.spec)
    return any(line.outside == 0 for line in kernel.uid_map) or any(
        line.outside == 0 for line in kernel.gid_map
    )


def asks_for_user_namespace(facts: ContainerFacts) -> bool:
    """Whether the container declares its own user namespace, without the host's root in it."""
    spec = facts.spec
    if facts.engine.rootless is not True and _declares_root(spec):
        return False
    if spec[USERNS]:
        return spec[USERNS].partition(":")[0] in _OWN_NAMESPACE
    if UIDMAP in spec or SUBUIDNAME in spec:
        return True
    hidden = USERNS in spec.unknowable and not is_planned(facts)
    return hidden and section(facts.inspect, "HostConfig").get("UsernsMode") == "private"


def _declares_root(spec: Spec) -> bool:
    """Whether a requested map, `INSIDE:OUTSIDE[:SIZE]`, starts at UID or GID 0 on the host."""
    maps = [*spec[UIDMAP], *spec[GIDMAP]]
    words = (word.partition("=") for word in spec[USERNS].partition(":")[2].split(","))
    maps += [value for name, _, value in words if name in ("uidmapping", "gidmapping")]
    if not maps:
        return False
    outside = (text.split(":")[1] for text in maps if ":" in text)
    return any(number.isdecimal() and int(number) == 0 for number in outside)


def uid_inside(kernel: Kernel, uid: int) -> int:
    """The UID in the container for a host UID.

    Raises:
        Unread: the map is unread, or does not have it.
    """
    for line in kernel.uid_map:
        if line.outside <= uid < line.outside + line.size:
            return line.inside + uid - line.outside
    raise Unread(f"host UID {uid} is not in the UID map")


def options_of_new_volume(
    facts: ContainerFacts,
    spec: Spec,
) -> tuple[str, ...]:
    """Options of a volume created for a container, so that its files keep their owners: with
    `userns=auto` they would belong to host IDs that the next container does not get again.
    """
    if asks_for_user_namespace(facts.planned(spec)) and facts.engine.rootless is False:
        return ("idmap",)
    return ()


def no_range_for(namespace: str, facts: ContainerFacts) -> str:
    """Why the host cannot give a container `--userns=auto[:size=N]`; empty if it can, or if
    unknown."""
    if facts.engine.rootless is not False or not facts.engine.local:
        return ""
    read = {
        "/etc/subuid": known(lambda: facts.host.subuids),
        "/etc/subgid": known(lambda: facts.host.subgids),
    }
    held = {
        path: sum(sub_ids.size for sub_ids in ranges if sub_ids.owner == _AUTOMATIC)
        for path, ranges in read.items()
        if not isinstance(ranges, Unread)
    }
    wanted = namespace.partition("size=")[2].partition(",")[0]
    needed = int(wanted) if wanted.isdecimal() else 1
    small = [path for path, size in held.items() if size < needed]
    if not small:
        names = {user.name for user in known(lambda: facts.host.users, else_=())}
        if facts.engine.version < _ACCOUNT_SINCE or not names or _AUTOMATIC in names:
            return ""
        return f"this Podman takes that range only with an account {_AUTOMATIC}: useradd -r {_AUTOMATIC}"
    files = " and ".join(small)
    if not any(held[path] for path in small):
        return (
            f"there is no range for the user {_AUTOMATIC} in {files}, so the container would "
            "not start"
        )
    return f"the range of the user {_AUTOMATIC} in {files} has fewer than {needed} IDs"


_MOST_WORDS = 64
_NO_PATH = r"[\s;&|()'\"`<>]+"
"""What separates the paths in a script."""

_OF_KERNEL = ("/proc", "/sys")
_KINDS = ("proc", "sysfs")
_KINDS_BELOW = ("binfmt_misc", "configfs", "debugfs", "efivarfs", "tracefs")
"""Root of another user namespace cannot use those of the host: their files belong to root of the
host."""


class HostMount(Struct, frozen=True):
    """A mount and the host paths that it shows."""

    mount: Mount  # as in the spec; in the same form if it is not in the spec
    # on the host, normalised, with symbolic links resolved if known. The first one is shown.
    paths: tuple[str, ...]
    read_only: bool  # as enforced by the kernel if known, otherwise as declared
    declared: bool = True  # it is a mount of the spec, so changing the spec changes it
    origin: MountOrigin = MountOrigin.DECLARED
    giver: str = ""
    layered: bool = False  # writes go to a separate layer
    # further host paths that are visible through it, but never written
    beneath: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # of the active mount; empty if it is not mounted

    @property
    def path(self) -> str:
        return self.paths[0]

    @property
    def written(self) -> bool:
        """Whether the container can change the host's files."""
        return not self.read_only and not self.layered


@lru_cache(maxsize=4096)
def normal(path: str) -> str:
    """The path without `..`, double slashes and the old name of /run."""
    clean = posixpath.normpath(path)
    clean = "/" + clean.lstrip("/")
    if clean == "/var/run" or clean.startswith("/var/run/"):
        return clean.removeprefix("/var")
    return "/run/lock" if clean == "/var/lock" else clean


def at_or_above(path: str, other: str) -> bool:
    """`path` is `other` or contains it."""
    return path == "/" or other == path or other.startswith(path + "/")


def parents(path: str) -> list[str]:
    """Every directory above a path, the nearest first, up to the root."""
    above = []
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        above.append(path)
    return above


def is_place_of_secrets(destination: str) -> bool:
    """Whether what is mounted there is a secret by convention: the Compose specification mounts the
    file of a secret below /run/secrets."""
    return at_or_above("/run/secrets", normal(destination))


def shown_from_host(facts: ContainerFacts) -> dict[str, str]:
    """Where each bind mount, and each volume that is really a directory of the host, is -> its host
    path."""
    places = {}
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        source = paths_of_volume(volume.inspect.get("Options"))[0] if volume else mount.source
        if source.startswith("/"):
            places[normal(mount.destination)] = posixpath.normpath(source)
    return places


def mounted_words(facts: ContainerFacts) -> Iterator[str]:
    """The host paths of what a container's command names in the mounts of the host; not all of them
    exist.

    A relative name counts in its working directory, and in each directory of a mount that the
    command names.
    """
    places = shown_from_host(facts)
    command = (
        str(facts.inspect.get("Path") or ""),
        *map(str, facts.inspect.get("Args") or ()),
    )
    words = tuple(dict.fromkeys(word for text in command for word in re.split(_NO_PATH, text)))[
        :_MOST_WORDS
    ]
    if not places or not words:
        return
    named = [word for word in words if any(at_or_above(place, normal(word)) for place in places)]
    directories = (
        str(section(facts.inspect, "Config").get("WorkingDir") or "/"),
        *named,
    )
    for path in dict.fromkeys(
        normal(posixpath.join(at, word)) for at in directories for word in words
    ):
        above = [place for place in places if at_or_above(place, path)]
        if above:
            nearest = max(above, key=len)
            yield posixpath.normpath(places[nearest] + "/" + path.removeprefix(nearest).lstrip("/"))


def host_mounts(facts: ContainerFacts) -> tuple[HostMount, ...]:
    """The host paths that the container sees: through bind mounts, volumes, overlays, its --rootfs,
    and mounts from other containers, the pod and the engine.

    For facts of a plan: the mounts of the planned spec; inherited mounts stay.
    """
    mounts = facts.spec[MOUNTS]
    if not mounts and not facts.mounted:
        return ()
    planned = isinstance(facts.kernel, NotRunning) and facts.kernel.state == "planned"
    seen = {mounted.destination: mounted for mounted in facts.mounted}
    of_spec = []
    for mount in mounts:
        mounted = seen.pop(mount.destination, None)
        if mounted is not None and mounted.source == mount.source:
            of_spec.append(_declared(mount, mounted, planned))
        elif mount.type == "glob" and (matches := _matches(mount, seen)):
            of_spec += [_declared(mount, seen.pop(match), planned) for match in matches]
        elif path := _typed_path(facts, mount):
            upper = upper_directory(mount)
            paths, beneath = ((normal(upper),), (path,)) if upper else ((path,), ())
            layered = is_layered(mount)
            of_spec.append(
                HostMount(
                    mount,
                    paths,
                    mount.read_only,
                    layered=layered,
                    beneath=beneath,
                )
            )
    stay = (
        [mounted for mounted in seen.values() if _stays(facts, mounted)]
        if planned
        else seen.values()
    )
    return (*of_spec, *map(_inherited, stay)) if seen else tuple(of_spec)


def bare_kernel_mounts(facts: ContainerFacts) -> tuple[KernelMount, ...]:
    """A /proc or /sys at another place, where no mask covers anything, and what belongs below them.

    The host may have mounted it there: for a chroot, or as a volume of type proc. The host's own
    /proc and /sys (`--volume /proc:/host/proc`) are host mounts. So is its own /sys where a mount
    of the engine's storage shows it once more. With subset=pid, proc(5), there is nothing but
    processes.
    """
    seen = ask_or(facts, lambda kernel: kernel.mounts, None)
    rows = tuple(_kernel_volumes(facts)) if seen is None else seen
    kinds = _KINDS if own_user_namespace(facts) else (*_KINDS, *_KINDS_BELOW)
    bare = tuple(row for row in rows if row.kind in kinds and _is_bare(row))
    if not bare:
        return ()
    own = {row.device for row in rows if row.point in _OF_KERNEL}
    of_host = tuple(f"{row.point}/" for row in rows if row.paths and row.point != "/")
    return tuple(row for row in bare if row.device not in own or not row.point.startswith(of_host))


def _kernel_volumes(facts: ContainerFacts) -> Iterator[KernelMount]:
    """The volumes of a type such as proc that the next start would mount."""
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        options = volume.inspect.get("Options") if volume else None
        if volume and isinstance(options, Mapping):
            words = ",".join((str(options.get("o") or "rw"), *mount.options))
            path = str(volume.inspect.get("Mountpoint") or volume.name)
            yield KernelMount(
                mount.destination,
                str(options.get("type")),
                words,
                paths=(path,),
            )


def _is_bare(row: KernelMount) -> bool:
    if row.point in _OF_KERNEL or "subset=pid" in row.options.split(","):
        return False
    if not row.paths:
        return row.root == "/"
    if any(at_or_above(place, path) for place in _OF_KERNEL for path in row.paths):
        return False
    return not row.root.split("/")[1].isdigit()  # a process


def upper_directory(mount: Mount) -> str:
    """The directory that takes the writes of an overlay (`:O,upperdir=…`); empty if Podman manages
    it."""
    return next(
        (word[9:] for word in mount.options if word.startswith("upperdir=")),
        "",
    )


def is_layered(mount: Mount) -> bool:
    """Whether writes through it stay with the container."""
    return "O" in mount.options and not upper_directory(mount)


def _matches(
    pattern: Mount,
    seen: Mapping[str, MountedPath],
) -> list[str]:
    """Destinations of the mounts that match a pattern."""
    directory = pattern.destination.rstrip("/") + "/"
    return [
        destination
        for destination, mounted in seen.items()
        if destination.startswith(directory) and fnmatchcase(mounted.source, pattern.source)
    ]


def _declared(
    mount: Mount,
    mounted: MountedPath,
    planned: bool,
) -> HostMount:
    read_only = mount.read_only if planned or not mounted.in_force else mounted.read_only
    layered = mounted.layered if mounted.in_force and not planned else is_layered(mount)
    options = mounted.options if mounted.in_force and not planned else ()
    return HostMount(
        mount, mounted.paths, read_only, layered=layered, beneath=mounted.beneath, options=options
    )


def _inherited(mounted: MountedPath) -> HostMount:
    mount = Mount(
        mounted.type,
        mounted.source,
        mounted.destination,
        mounted.options,
    )
    return HostMount(
        *(
            mount,
            mounted.paths,
            mounted.read_only,
            False,
            mounted.origin,
            mounted.giver,
            mounted.layered,
        ),
        mounted.beneath,
    )


def _stays(facts: ContainerFacts, mounted: MountedPath) -> bool:
    """Whether a mount that is not in the spec stays with the planned spec."""
    spec = facts.spec
    if mounted.origin is MountOrigin.CONTAINER:
        return bool(spec[VOLUMES_FROM])
    if mounted.type == "rootfs":
        return bool(spec[ROOTFS])
    if mounted.origin is MountOrigin.DECLARED:  # brought by another entry of the spec
        return any(at_or_above(mount.destination, mounted.destination) for mount in spec[MOUNTS])
    return True


def _typed_path(facts: ContainerFacts, mount: Mount) -> str:
    """The host path that a mount of the spec names; empty if it names none."""
    if mount.type in ("bind", "glob"):
        path = mount.source if mount.source.startswith("/") else ""
    else:
        path = _behind_volume(facts, mount.source) if mount.type == "volume" else ""
    return normal(facts.links.get(path, path)) if path else ""


def _behind_volume(facts: ContainerFacts, name: str) -> str:
    volume = facts.volumes.get(name)
    options = volume.inspect.get("Options") if volume else None
    return paths_of_volume(options)[0] if options else ""


def paths_of_volume(options: object) -> tuple[str, str]:
    """The host path named in a volume's driver options, and where its writes go: (shown, written).

    A bind names a directory, an overlay its lower directory; a device or network share has no host
    path.
    """
    get = options.get if isinstance(options, dict) else dict[str, object]().get
    device, kind = str(get("device") or ""), str(get("type") or "")
    words = str(get("o") or "").split(",")
    if kind == "overlay":
        given = dict(word.partition("=")[::2] for word in words)
        return given.get("lowerdir", "").split(":")[0], given.get("upperdir", "")
    binds = not {"bind", "rbind"}.isdisjoint(words) or kind == "bind"
    return (device, device) if binds and device.startswith("/") else ("", "")


def came_from(mount: HostMount) -> str:
    """The origin of a mount that the container does not declare, as text; empty for its own mounts."""
    if mount.declared:
        return ""
    if mount.origin is MountOrigin.CONTAINER:
        return f"comes from the container {mount.giver} (--volumes-from)"
    if mount.origin is MountOrigin.POD:
        return f"comes from the pod {mount.giver}".rstrip()
    if mount.origin is MountOrigin.IMAGE:
        return "comes from a volume of the image"
    if mount.mount.type == "rootfs":
        return "is the root filesystem (--rootfs)"
    if mount.origin is MountOrigin.ENGINE:
        return (
            "comes from the engine: containers.conf, a device, a hook, or a mount passed on later"
        )
    return "is mounted below another mount"


def shown(mounts: tuple[Mount, ...] | list[Mount]) -> str:
    return ", ".join(
        ":".join(
            part
            for part in (
                mount.source,
                mount.destination,
                ",".join(mount.options),
            )
            if part
        )
        for mount in mounts
    )
