"""Whether a change weakens a container, which no fix, plan or profile of ours may do.

The row of an option defines how its values compare (`Protection`). For options whose rule is
JUDGED, the order is here, because it depends on the same facts as checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.checks import check_by_id
from hardentui.harden import orders
from hardentui.harden.evaluate import judge
from hardentui.harden.orders import Order
from hardentui.model.check import Parameters
from hardentui.model.facts import ContainerFacts, NotRunning
from hardentui.model.file_names import volume_for
from hardentui.model.finding import Status
from hardentui.model.spec import Option, ProtectionRule, Spec
from hardentui.options import *
from hardentui.reading.capabilities import declared_set
from hardentui.reading.containers import declared_user, is_root
from hardentui.reading.images import reference
from hardentui.reading.secrets import secrets_in_pairs

_TIGHT = frozenset({"ro", "readonly", "noexec", "nosuid", "nodev", "O"})
_OPENING = frozenset({"exec", "suid", "dev", "rw", "z", "Z"})
_PROPAGATION = {
    "private": 0,
    "rprivate": 0,
    "slave": 1,
    "rslave": 1,
    "shared": 2,
    "rshared": 2,
}
_TMPFS_OF_PODMAN = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108 - compared, never opened


def mounts(before: ContainerFacts, after: ContainerFacts) -> str:
    """No mount is added, except a volume of its own where it could write before, and none is
    opened."""
    old = {mount.destination: mount for mount in before.spec[MOUNTS]}
    for mount in after.spec[MOUNTS]:
        known = old.get(mount.destination)
        if known is None and _takes_its_writes(mount, before):
            continue
        if known is None:
            return f"adds a mount at {mount.destination}"
        if mount != known and (why := _opened(known, mount)):
            return f"{why} the mount at {mount.destination}"
    return ""


def _takes_its_writes(mount: Mount, before: ContainerFacts) -> bool:
    """Whether it is a volume of this container alone, in place of a directory of a writable root."""
    own = mount.type == "volume" and mount.source == volume_for(before.name, mount.destination)
    return (
        own and not mount.subpath and not before.spec[READ_ONLY] and not _OPENING & {*mount.options}
    )


def _opened(old: Mount, new: Mount) -> str:
    if (old.type, old.source, old.subpath) != (new.type, new.source, new.subpath):
        return "changes the source of"
    was, now = frozenset(old.options), frozenset(new.options)
    if old.read_only and not new.read_only:
        return "makes writable"
    if lost := (was - now) & _TIGHT:
        return f"removes {', '.join(sorted(lost))} from"
    if gained := (now - was) & _OPENING:
        return f"adds {', '.join(sorted(gained))} to"
    if "U" in now - was and old.type != "volume":
        return "changes the owner of host files below"
    if _propagation(now) > _propagation(was):
        return "widens mount propagation of"
    return ""


def _propagation(options: frozenset[str]) -> int:
    return max((_PROPAGATION.get(option, 0) for option in options), default=0)


def tmpfs_mounts(before: ContainerFacts, after: ContainerFacts) -> str:
    """With a read-only root, a new tmpfs is a new writable place."""
    old, new = _tmpfs(before), _tmpfs(after)
    for path, options in new.items():
        known = old.get(path)
        if known is None:
            if before.spec[READ_ONLY] and not _writable_already(before, path):
                return f"makes {path} writable"
        elif _loose(options) - _loose(known):
            return (
                f"adds {', '.join(sorted(_loose(options) - _loose(known)))} to the tmpfs at {path}"
            )
        elif "size" in known and known["size"] != options.get("size") and "size" not in options:
            return f"removes the size limit of the tmpfs at {path}"
    return ""


def _tmpfs(facts: ContainerFacts) -> dict[str, Mapping[str, str]]:
    mounts: dict[str, Mapping[str, str]] = {}
    for entry in facts.spec[TMPFS]:
        path, _, options = entry.partition(":")
        mounts[path.rstrip("/")] = dict(
            word.partition("=")[::2] for word in options.split(",") if word
        )
    return mounts


def _loose(options: Mapping[str, str]) -> frozenset[str]:
    """What the tmpfs allows; Podman mounts it nosuid and nodev, but not noexec."""
    opened = {"exec", "suid", "dev"} & set(options)
    return frozenset(opened if "noexec" in options else opened | {"exec"})


def _writable_already(facts: ContainerFacts, path: str) -> bool:
    if facts.spec[READ_ONLY_TMPFS] and path in _TMPFS_OF_PODMAN:
        return True
    return any(mount.destination == path and not mount.read_only for mount in facts.spec[MOUNTS])


def read_only_tmpfs(
    before: ContainerFacts,
    after: ContainerFacts,
) -> str:
    came = after.spec[READ_ONLY_TMPFS] and not before.spec[READ_ONLY_TMPFS]
    return "makes /run and /tmp writable" if came and before.spec[READ_ONLY] else ""


def secrets(before: ContainerFacts, after: ContainerFacts) -> str:
    """A secret stays a file, readable by no more users than before. A new one may only take the
    place of a credential in a variable."""
    old = {_secret_name(secret): secret for secret in before.spec[SECRETS]}
    for secret in after.spec[SECRETS]:
        name = _secret_name(secret)
        if name not in old:
            if not _takes_the_place_of_a_variable(before, after, secret):
                return f"adds the secret {name}"
        elif _secret_bits(secret) & ~_secret_bits(old[name]):
            return f"lets more users read the secret {name}"
    return ""


def _takes_the_place_of_a_variable(
    before: ContainerFacts,
    after: ContainerFacts,
    secret: str,
) -> bool:
    """Whether only its owner can read it, and a variable with the path of its file stands where
    one with a credential stood."""
    given: tuple[str, ...] = before.spec[ENV]
    kept = {pair.partition("=")[0] for pair in after.spec[ENV]}
    gone = {name for name, _ in secrets_in_pairs(given)} - kept
    path = f"/run/secrets/{secret.partition(',')[0]}"
    files = {pair.partition("=")[0] for pair in after.spec[ENV] if pair.partition("=")[2] == path}
    named = any(file.startswith(name) for name in gone for file in files)
    return named and not _secret_bits(secret) & 0o077


def _secret_name(secret: str) -> str:
    name, *options = secret.split(",")
    target = next((option for option in options if option.startswith("target=")), "")
    return f"{name} {target}".strip()


def _secret_bits(secret: str) -> int:
    """Its mode; a variable counts as a world-readable and world-writable file."""
    options = dict(part.partition("=")[::2] for part in secret.split(",")[1:])
    if options.get("type") == "env":
        return 0o7777
    try:
        return int(options.get("mode") or "0444", 8)
    except ValueError:
        return 0o7777


def masks_lifted(before: ContainerFacts, after: ContainerFacts) -> str:
    old, new = before.spec[UNMASK], after.spec[UNMASK]
    if any(word.upper() == "ALL" for word in old):
        return ""
    return f"unmasks {', '.join(sorted(set(new) - set(old)))}" if set(new) - set(old) else ""


_STOCK_PROFILES = ("", "/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")


class Weakening(Struct, frozen=True):
    """One way in which a changed spec protects less; `why` describes it in a few words."""

    option: str
    why: str


def weakenings(
    facts: ContainerFacts,
    before: Spec,
    after: Spec,
) -> tuple[Weakening, ...]:
    """How the second spec protects the container less than the first; empty if it does not."""
    if before is after:
        return ()
    rows = sorted({*before.settings, *after.settings}, key=lambda row: row.name)
    changed = [row for row in rows if before.written(row) != after.written(row)]
    asked: dict[Order, Option[Any]] = {}
    for option in changed:
        for order in ORDERS.get(option, ()):
            asked.setdefault(order, option)
    old, new = _before(facts, before, changed), facts.planned(after)
    weaker = [
        Weakening(option.name, why) for order, option in asked.items() if (why := order(old, new))
    ]
    return tuple(sorted(weaker, key=lambda weakening: weakening.option))


def _before(
    facts: ContainerFacts,
    spec: Spec,
    changed: Iterable[Option[Any]],
) -> ContainerFacts:
    """The container as a spec declares it. The runtime's configuration still counts for options
    that have today's values."""
    today = all(spec.written(row) == facts.spec.written(row) for row in changed)
    return (
        facts.replace(
            spec=spec,
            kernel=NotRunning("exited"),
        )
        if today
        else facts.planned(spec)
    )


def _capabilities(before: ContainerFacts, after: ContainerFacts) -> str:
    gained = declared_set(after) - declared_set(before)
    gained |= _at_once(after) - _at_once(before)
    words = ", ".join(sorted(name.removeprefix("CAP_") for name in gained))
    return f"adds {words}" if gained else ""


def _at_once(facts: ContainerFacts) -> frozenset[str]:
    """The capabilities of its first process at start: all for root, for others those added by name
    (Podman makes them ambient)."""
    allowed = declared_set(facts)
    if is_root(declared_user(facts)) or facts.spec[PRIVILEGED]:
        return allowed
    added = {word.upper() for word in facts.spec[CAP_ADD]}
    if added & {"ALL", "CAP_ALL"}:
        return allowed
    # binding low ports is no power over others, unlike every other capability
    names = frozenset(word if word.startswith("CAP_") else f"CAP_{word}" for word in added)
    return (allowed & names) - {"CAP_NET_BIND_SERVICE"}


def _seccomp(before: ContainerFacts, after: ContainerFacts) -> str:
    was, now = _seccomp_rank(before), _seccomp_rank(after)
    if now < was:
        return "allows more system calls"
    other = before.spec[SECCOMP_PROFILE] != after.spec[SECCOMP_PROFILE]
    return "replaces its own seccomp profile" if now == was == 3 and other else ""


def _seccomp_policy(
    before: ContainerFacts,
    after: ContainerFacts,
) -> str:
    """The image's own profile is kept, unless it is weaker than the engine's."""
    return "" if _seccomp_rank(before) < _seccomp_rank(after) else _policy_kept(before, after)


_policy_kept = orders.kept(SECCOMP_POLICY)


def _seccomp_rank(facts: ContainerFacts) -> int:
    """Ranks: no filter, a custom one weaker than the default, the default, a strong custom one."""
    profile = facts.spec[SECCOMP_PROFILE]
    if profile == "unconfined" or (facts.spec[PRIVILEGED] and profile in _STOCK_PROFILES):
        return 0
    check = check_by_id("weak-seccomp-profile")
    if (
        check is not None
        and judge(check, facts, Parameters(check.parameters)).status is Status.FAIL
    ):
        return 1
    return 2 if profile in _STOCK_PROFILES else 3


def _apparmor_rank(facts: ContainerFacts) -> int:
    profile = facts.spec[APPARMOR]
    if profile == "unconfined" or (facts.spec[PRIVILEGED] and not profile):
        return 0
    return 2 if profile else 1


def _image(before: ContainerFacts, after: ContainerFacts) -> str:
    lost = reference(before.spec[IMAGE]).digest and not reference(after.spec[IMAGE]).digest
    return "unpins its image" if lost else ""


def _health(before: ContainerFacts, after: ContainerFacts) -> str:
    own = before.spec[HEALTH_CMD] not in ("", "none")
    return (
        "removes its health check"
        if own and after.spec[HEALTH_CMD] != before.spec[HEALTH_CMD]
        else ""
    )


def _restart_rank(facts: ContainerFacts) -> int:
    name, _, tries = facts.spec[RESTART].partition(":")
    endless = name in ("always", "unless-stopped", "on-failure") and not (
        tries.isdecimal() and int(tries)
    )
    return 0 if endless else 1


def _log_limit(before: ContainerFacts, after: ContainerFacts) -> str:
    old, new = (
        {word.partition("=")[0] for word in facts.spec[LOG_OPT]} for facts in (before, after)
    )
    return "removes the size limit of its log" if "max-size" in old - new else ""


def _annotations(before: ContainerFacts, after: ContainerFacts) -> str:
    added = [pair for pair in after.spec[ANNOTATIONS] if pair not in before.spec[ANNOTATIONS]]
    own = sorted(
        pair for pair in added if pair.startswith(("run.oci.", "io.podman.annotations.privileged"))
    )
    return f"adds the annotation {', '.join(own)}" if own else ""


def _ranks(option: Option[str], **rank: int) -> Order:
    """Values with their ranks; every other value ranks highest."""
    return orders.ranked(
        lambda facts: rank.get(facts.spec[option] or "none", 9), f"removes {option.flag}"
    )


_CAPABILITIES: tuple[Order, ...] = (_capabilities,)
_IDS: tuple[Order, ...] = (orders.user_namespace,)
_SELINUX: tuple[Order, ...] = (orders.selinux,)
_SECCOMP: tuple[Order, ...] = (_seccomp,)

_JUDGED: Mapping[Option[Any], tuple[Order, ...]] = {
    PRIVILEGED: (
        _capabilities,
        _seccomp,
        orders.selinux,
        orders.off(PRIVILEGED, "makes it privileged"),
    ),
    CAP_ADD: _CAPABILITIES,
    CAP_DROP: _CAPABILITIES,
    USER: (orders.root_user, _capabilities),
    SECCOMP_PROFILE: _SECCOMP,
    SECCOMP_POLICY: (_seccomp_policy,),
    APPARMOR: (orders.ranked(_apparmor_rank, "weakens AppArmor confinement"),),
    LABEL_DISABLE: _SELINUX,
    LABEL_TYPE: _SELINUX,
    LABEL_LEVEL: (orders.level,),
    UNMASK: (masks_lifted,),
    SYSCTL: (orders.sysctls,),
    SECRETS: (secrets,),
    USERNS: _IDS,
    UIDMAP: _IDS,
    GIDMAP: _IDS,
    SUBUIDNAME: _IDS,
    SUBGIDNAME: _IDS,
    UMASK: (orders.umask,),
    PID: (orders.namespace(PID),),
    IPC: (orders.namespace(IPC),),
    UTS: (orders.namespace(UTS),),
    CGROUPNS: (orders.namespace(CGROUPNS),),
    CGROUPS: (
        orders.ranked(
            lambda facts: int(facts.spec[CGROUPS] != "disabled"),
            "turns off its cgroup",
        ),
    ),
    MEMORY: (orders.memory,),
    MEMORY_SWAP: (orders.memory,),
    CPUS: (orders.processors,),
    CPU_QUOTA: (orders.processors,),
    CPU_PERIOD: (orders.processors,),
    ULIMIT: (orders.ulimits,),
    OOM_SCORE_ADJ: (
        orders.ranked(
            lambda facts: (
                max(facts.spec[OOM_SCORE_ADJ], -1000) if OOM_SCORE_ADJ in facts.spec else 0
            ),
            "makes the kernel kill other processes first when memory runs out",
        ),
    ),
    READ_ONLY_TMPFS: (read_only_tmpfs,),
    MOUNTS: (mounts,),
    TMPFS: (tmpfs_mounts,),
    DEVICES: (orders.devices(DEVICES),),
    NETWORK: (orders.network, orders.ports),
    PUBLISH: (orders.ports,),
    PUBLISH_ALL: (orders.ports,),
    IMAGE: (_image,),
    RESTART: (orders.ranked(_restart_rank, "restarts it without a limit"),),
    HEALTH_CMD: (_health,),
    HEALTH_ON_FAILURE: (_ranks(HEALTH_ON_FAILURE, none=0),),
    SDNOTIFY: (
        _ranks(
            SDNOTIFY,
            none=0,
            ignore=0,
            conmon=0,
        ),
    ),
    LOG_DRIVER: (
        orders.ranked(
            lambda facts: int(facts.spec[LOG_DRIVER] != "none"),
            "turns off logging",
        ),
    ),
    LOG_OPT: (_log_limit,),
    ANNOTATIONS: (_annotations,),
}
"""Options whose protection depends on other options and facts."""

_BY_RULE: Mapping[ProtectionRule, Callable[[Option[Any]], tuple[Order, ...]]] = {
    ProtectionRule.NEVER: lambda _: (),
    ProtectionRule.HIGHER: lambda option: (orders.smaller(option),),
    ProtectionRule.SWITCHED_OFF: lambda option: (orders.on(option, option.protection.text),),
    ProtectionRule.SWITCHED_ON: lambda option: (orders.off(option, option.protection.text),),
    ProtectionRule.ADDED: lambda option: (orders.nothing_added(option),),
    ProtectionRule.REMOVED: lambda option: (orders.nothing_lost(option),),
    ProtectionRule.CHANGED: lambda option: (orders.kept(option),),
    ProtectionRule.JUDGED: _JUDGED.__getitem__,
}

ORDERS: Mapping[Option[Any], tuple[Order, ...]] = {
    option: _BY_RULE[option.protection.rule](option) for option in TABLE
}
"""The orders of every option in the table; empty if no value protects more than another."""
