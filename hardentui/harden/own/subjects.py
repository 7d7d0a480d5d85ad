"""What a row can check: the options of a container, and named facts; and what it can require of
them.

If the kernel enforces an option, its answer is shown beside the declared one, and decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.harden.orders import processors_of
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    ContainerFacts,
    IdRange,
    Kernel,
    NotRunning,
)
from hardentui.model.known import Known, Unread, known
from hardentui.model.own_check import CheckOperator, OwnValue, Shape
from hardentui.model.spec import Option, ProtectionRule
from hardentui.options import *
from hardentui.options import BY_NAME
from hardentui.options.codecs import size_of
from hardentui.reading.behaviour import inside
from hardentui.reading.capabilities import declared_set, live_sets, reach
from hardentui.reading.containers import (
    ask,
    declared_user,
    is_planned,
    labels_of,
    runs_systemd,
)
from hardentui.reading.images import reference
from hardentui.reading.mounts import host_mounts, normal
from hardentui.reading.networks import network_names

Seen: TypeAlias = "OwnValue | Unread | NotRunning | None"
"""A value, None for "not set" or "no limit", or why there is none."""

_NO_OPERATOR = frozenset(
    {"command", "entrypoint"}
)  # words in their order are neither text nor list
_NO_LIMIT_BELOW_ONE = frozenset({MEMORY, MEMORY_SWAP, CPUS, CPU_QUOTA})
_DAY = 86_400


class Fact(Struct, frozen=True):
    """A named fact; `about` describes it."""

    shape: Shape
    about: str
    read: Callable[[ContainerFacts], Seen]
    limit: bool = False  # None means no limit


def shape_of(option: Option[Any]) -> Shape:
    """The kind of value that an option has."""
    if isinstance(option.default, bool):
        return Shape.SWITCH
    if isinstance(option.default, int | float):
        return Shape.NUMBER
    return Shape.LIST if option.is_list else Shape.TEXT


OPTIONS: Mapping[str, Option[Any]] = {
    option.name: option for option in TABLE if option.name not in _NO_OPERATOR
}
"""The options that an operator can check."""


def is_limit(option: Option[Any]) -> bool:
    """Whether a value below one means no limit."""
    return option.protection.rule is ProtectionRule.HIGHER or option in _NO_LIMIT_BELOW_ONE


def declared_value(
    facts: ContainerFacts,
    option: Option[Any],
) -> OwnValue | None:
    """The value in the spec; None for a number that is not set or means no limit."""
    if option is CPUS and math.isfinite(share := processors_of(facts)):
        return share  # also by --cpu-quota
    value = facts.spec[option]
    if shape_of(option) is not Shape.NUMBER:
        texts = tuple(entry_text(option, entry) for entry in value) if option.is_list else value
        return texts if isinstance(texts, tuple | bool) else str(texts)
    if is_limit(option):
        return value if value >= 1 or (option is CPUS and value > 0) else None
    return None if option.default <= 0 and option not in facts.spec else value


def compared_value(
    facts: ContainerFacts,
    option: Option[Any],
    operator: CheckOperator,
) -> OwnValue | None:
    """The declared value in the form that the operator compares.

    A capability that the engine does not grant counts as dropped; inspect does not show such a
    drop.
    """
    value = declared_value(facts, option)
    if (
        option is not CAP_DROP
        or operator is not CheckOperator.CONTAINS
        or not isinstance(value, tuple)
    ):
        return value
    return (
        *value,
        *sorted(ALL_CAPABILITIES - declared_set(facts)),
    )


def entry_text(
    option: Option[Any],
    entry: Any,
) -> str:
    """One entry of a list, as written after the flag."""
    text = option.codec.text(entry)
    return text.removeprefix(f"{option.own_name}=") if option.own_name else text


def _limits(name: str) -> Callable[[Kernel], Known[Any]]:
    return lambda kernel: getattr(kernel.limits, name)


ENFORCED: Mapping[Option[Any], tuple[Callable[[Kernel], Known[Any]], str]] = {
    MEMORY: (
        _limits("memory"),
        "cgroup of the container and above: memory.max",
    ),
    PIDS_LIMIT: (
        _limits("pids"),
        "cgroup of the container and above: pids.max",
    ),
    CPUS: (
        _limits("cpus"),
        "cgroup of the container and above: cpu.max",
    ),
    READ_ONLY: (
        lambda kernel: kernel.read_only_root,
        "/proc/PID/mountinfo",
    ),
    NO_NEW_PRIVILEGES: (
        lambda kernel: kernel.no_new_privileges,
        "/proc/PID/status: NoNewPrivs",
    ),
    OOM_SCORE_ADJ: (
        lambda kernel: kernel.oom_score_adj,
        "/proc/PID/oom_score_adj",
    ),
}
"""Options that the kernel enforces as a single value: how to read it, and from which file."""


def enforced_value(
    facts: ContainerFacts,
    option: Option[Any],
) -> Seen:
    """What the kernel enforces on a running container; the option is one of ENFORCED."""
    read, _ = ENFORCED[option]
    value: Seen = ask(facts, read)
    return value


def _kernel(read: Callable[[Kernel], Known[Any]]) -> Callable[[ContainerFacts], Seen]:
    return lambda facts: ask(facts, read)


def _user(facts: ContainerFacts) -> Seen:
    image = known(lambda: facts.image)
    if not facts.spec[BY_NAME["user"]] and isinstance(image, Unread) and is_planned(facts):
        return Unread(f"the user of the image is not known: {image.reason}")
    return declared_user(facts) or "root"


def _capabilities(facts: ContainerFacts) -> Seen:
    sets = live_sets(facts)
    if isinstance(sets, Unread):
        return sets
    names = declared_set(facts) if isinstance(sets, NotRunning) else reach(sets)
    return tuple(sorted(name.removeprefix("CAP_") for name in names))


def _image_age(facts: ContainerFacts) -> Seen:
    try:
        created = datetime.fromisoformat(
            str(facts.image.inspect.get("Created") or "")[:19] + "+00:00"
        )
    except ValueError:
        return Unread("the build date of the image is not known")
    return max(0, int((facts.now - created).total_seconds() // _DAY))


def _image_name(facts: ContainerFacts) -> str:
    return facts.spec[IMAGE] or facts.image_name


def _ids(facts: ContainerFacts) -> Seen:
    """Its user and group as the container sees them."""
    seen = ask(
        facts,
        lambda kernel: (
            _own_id(facts, kernel, kernel.uid, kernel.uid_map),
            _own_id(facts, kernel, kernel.gid, kernel.gid_map),
        ),
    )
    if isinstance(seen, Unread):
        return seen
    if isinstance(seen, NotRunning):
        return _declared_ids(facts)
    uid, gid = seen
    return f"{uid}:{gid}"


def _own_id(
    facts: ContainerFacts,
    kernel: Kernel,
    host_id: int,
    lines: Iterable[IdRange],
) -> int | None:
    """In the user namespace of a rootful engine, which is ours, the kernel tells us the IDs of that
    namespace, and the map tells those of the one above."""
    if facts.engine.rootless is False and "user" in kernel.shared_namespaces:
        return host_id
    return inside(host_id, lines)


def _declared_ids(facts: ContainerFacts) -> Seen:
    """Without a group, it is that of the account; of an ID without an account it is 0. The group of
    an account is taken to have the ID of the account."""
    user, _, group = declared_user(facts).partition(":")
    uid = _id(user, facts)
    if group:
        return f"{uid}:{_id(group, facts)}"
    return f"{uid}:{uid if uid == 0 or uid == facts.named_uid else 0}"


def _id(
    name: str,
    facts: ContainerFacts,
) -> int:
    if name in ("", "root"):
        return 0
    return int(name) if name.isdecimal() else facts.named_uid


def _groups(facts: ContainerFacts) -> Seen:
    """All groups of its main process as the container sees them."""
    seen = ask(
        facts,
        lambda kernel: [
            _own_id(facts, kernel, gid, kernel.gid_map) for gid in (kernel.gid, *kernel.groups)
        ],
    )
    if isinstance(seen, Unread):
        return seen
    if not isinstance(seen, NotRunning):
        return _sorted("unmapped" if gid is None else str(gid) for gid in seen)
    ids = _declared_ids(facts)
    if not isinstance(ids, str):
        return ids
    return _sorted((ids.partition(":")[2], *facts.spec[GROUP_ADD]))


def _open_files(facts: ContainerFacts) -> Seen:
    """The hard limit: what a process may raise its own to. None = no limit."""
    limits = ask(facts, lambda kernel: kernel.rlimits)
    if isinstance(limits, Unread):
        return limits
    if not isinstance(limits, NotRunning):
        return next((limit.hard for limit in limits if limit.name == "nofile"), None)
    declared = dict(text.partition("=")[::2] for text in facts.spec[ULIMIT])
    hard = declared.get("nofile", "").rpartition(":")[2]
    return int(hard) if hard.isdecimal() else None


def _tmpfs_size(facts: ContainerFacts) -> Seen:
    """The size of the largest, in bytes; 0 = there is none, None = one without a size."""
    sizes = []
    for text in facts.spec[TMPFS]:
        place, _, options = text.partition(":")
        size = _size(options.split(","))
        if size is None and "size=" in options:  # a part of the memory: the kernel says how much
            size = _size(_mount_words(facts)[normal(place)])
        sizes.append(size or None)
    return None if None in sizes else max(filter(None, sizes), default=0)


def _size(words: Iterable[str]) -> int | None:
    """As a number that was asked for; the kernel shows whole pages. None = there is none."""
    named = [word.removeprefix("size=") for word in words if word.startswith("size=")]
    try:
        return size_of(named[-1])
    except (IndexError, ValueError):
        return None


def _mount_words(facts: ContainerFacts) -> dict[str, frozenset[str]]:
    """What its options mount, by place, with the options in force: the kernel's where it runs."""
    words = {
        normal(mount.destination): _declared_words(mount.options) for mount in facts.spec[MOUNTS]
    }
    for text in facts.spec[TMPFS]:
        place, _, options = text.partition(":")
        given = options.split(",") if options else []
        usual = [f"no{word}" for word in ("suid", "dev") if word not in given]
        words[normal(place)] = _declared_words((*given, *usual))
    rows = ask(facts, lambda kernel: kernel.mounts)
    if isinstance(rows, Unread):
        raise rows
    table = () if isinstance(rows, NotRunning) else rows
    seen = {row.point: frozenset(row.options.split(",")) for row in table}
    return {place: seen.get(place, declared) for place, declared in words.items()}


def _declared_words(options: Iterable[str]) -> frozenset[str]:
    given = frozenset(options)
    return given if given & {"ro", "readonly"} else given | {"rw"}


def _mounts(facts: ContainerFacts) -> Seen:
    mounted = [f"{normal(mount.destination)} {mount.type}" for mount in facts.spec[MOUNTS]]
    tmpfs = [f"{normal(text.partition(':')[0])} tmpfs" for text in facts.spec[TMPFS]]
    return _sorted((*mounted, *tmpfs))


def _mount_options(facts: ContainerFacts) -> Seen:
    if not _mounts(facts):
        return ()
    return tuple(sorted(frozenset.intersection(*_mount_words(facts).values())))


def _log_size(facts: ContainerFacts) -> Seen:
    """In units of 1000, as Podman counts here; None = no limit."""
    named = dict(text.partition("=")[::2] for text in facts.spec[LOG_OPT])
    try:
        return size_of(named["max-size"], unit=1000) if named.get("max-size") else None
    except ValueError:
        return Unread("the size of its log is not a size")


def _options(facts: ContainerFacts) -> Seen:
    spec = facts.spec
    return tuple(word for option in spec for word in option.to_words(spec[option]))


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def _host_paths(facts: ContainerFacts) -> Seen:
    if facts.hidden_mounts:
        return Unread(facts.hidden_mounts)
    return _sorted(seen.path for seen in host_mounts(facts) if seen.asked.type == "bind")


FACTS: Mapping[str, Fact] = {
    "capabilities": Fact(
        Shape.LIST,
        "capabilities that its processes have or can get, from the kernel",
        _capabilities,
    ),
    "groups": Fact(
        Shape.LIST,
        "IDs of all its groups, as the container sees them, from the kernel",
        _groups,
    ),
    "host-paths": Fact(
        Shape.LIST,
        "host directories and files mounted in it",
        _host_paths,
    ),
    "ids": Fact(
        Shape.TEXT,
        "its user and group, as `1000:1000`, as the container sees them, from the kernel",
        _ids,
    ),
    "image-age": Fact(
        Shape.NUMBER,
        "days since its image was built",
        _image_age,
    ),
    "image-digest": Fact(
        Shape.TEXT,
        "the digest that pins its image",
        lambda facts: reference(_image_name(facts)).digest,
    ),
    "image-name": Fact(
        Shape.TEXT,
        "its image without tag and digest",
        lambda facts: reference(_image_name(facts)).name,
    ),
    "image-registry": Fact(
        Shape.TEXT, "the registry of its image", lambda facts: reference(_image_name(facts)).host
    ),
    "image-tag": Fact(
        Shape.TEXT, "the tag of its image", lambda facts: reference(_image_name(facts)).tag
    ),
    "labels": Fact(
        Shape.LIST,
        "its labels and those of its image, as `name=value`",
        lambda facts: tuple(sorted(f"{name}={value}" for name, value in labels_of(facts).items())),
    ),
    "listening": Fact(
        Shape.LIST,
        "ports that its processes listen on, as `8080/tcp`",
        _kernel(
            lambda k: _sorted(
                f"{socket.port}/{socket.protocol.removesuffix('6')}" for socket in k.listening
            )
        ),
    ),
    "log-size": Fact(
        Shape.NUMBER,
        "bytes that its log may hold",
        _log_size,
        limit=True,
    ),
    "mount-options": Fact(
        Shape.LIST,
        "options that each of its mounts has, such as `noexec`, from the kernel",
        _mount_options,
    ),
    "mounts": Fact(
        Shape.LIST,
        "what its options mount, as `/srv/data volume`: volume, bind, tmpfs…",
        _mounts,
    ),
    "networks": Fact(
        Shape.LIST, "the networks it is attached to", lambda facts: tuple(network_names(facts))
    ),
    "open-files": Fact(
        Shape.NUMBER,
        "files that one of its processes may have open at most",
        _open_files,
        limit=True,
    ),
    "options": Fact(
        Shape.LIST,
        "everything that it was created with, as options of `podman run`",
        _options,
    ),
    "processes": Fact(
        Shape.LIST,
        "names of the programs running in it",
        _kernel(lambda k: _sorted(process.name for process in k.processes)),
    ),
    "rootless": Fact(
        Shape.SWITCH,
        "its engine is rootless",
        lambda facts: facts.engine.rootless,
    ),
    "seccomp-mode": Fact(
        Shape.TEXT,
        "none, strict or filter, from the kernel",
        _kernel(lambda k: ("none", "strict", "filter")[k.seccomp_mode]),
    ),
    "security-label": Fact(
        Shape.TEXT,
        "its SELinux context or AppArmor profile, from the kernel",
        _kernel(lambda k: k.lsm_label),
    ),
    "runs-systemd": Fact(
        Shape.SWITCH, "systemd is its main process", lambda facts: runs_systemd(facts)
    ),
    "shared-namespaces": Fact(
        Shape.LIST,
        "namespaces that it shares with the host, from the kernel: net, pid, ipc, uts, user, "
        "cgroup",
        _kernel(lambda k: _sorted(k.shared_namespaces)),
    ),
    "tmpfs-size": Fact(
        Shape.NUMBER,
        "bytes that its largest `--tmpfs` can hold",
        _tmpfs_size,
        limit=True,
    ),
    "uid": Fact(
        Shape.NUMBER,
        "host UID of its main process",
        _kernel(lambda k: k.uid),
    ),
    "unit": Fact(
        Shape.TEXT, "its systemd unit", lambda facts: facts.unit.name if facts.unit else ""
    ),
    "runs-as": Fact(
        Shape.TEXT,
        "its user, as set by its options or its image",
        _user,
    ),
}
"""Facts that a row can name, in the words of this table."""
