"""Whether a changed container is held less than before: no fix, plan or profile of ours may do that.

`ORDERS` has an order of protection for every option that holds a container back or lets it further,
`WITHOUT_ORDER` the reason for each other one; a test asserts that every option of the table is in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.checks import check_by_id
from hardentui.harden import orders
from hardentui.harden.evaluate import judge
from hardentui.harden.orders import Order
from hardentui.model.check import Parameters
from hardentui.model.facts import ContainerFacts, NotRunning
from hardentui.model.finding import Status
from hardentui.model.spec import Option, Spec
from hardentui.options import (
    ANNOTATIONS,
    APPARMOR,
    BY_NAME,
    CAP_ADD,
    CAP_DROP,
    CGROUP_CONF,
    CGROUP_PARENT,
    CGROUPNS,
    CGROUPS,
    CPU_PERIOD,
    CPU_QUOTA,
    CPUS,
    CPUSET_CPUS,
    CPUSET_MEMS,
    DEVICE_CGROUP_RULE,
    DEVICE_READ_BPS,
    DEVICE_READ_IOPS,
    DEVICE_WRITE_BPS,
    DEVICE_WRITE_IOPS,
    DEVICES,
    ENV_HOST,
    GIDMAP,
    GPUS,
    GROUP_ADD,
    HEALTH_CMD,
    HEALTH_ON_FAILURE,
    HOSTUSER,
    HTTP_PROXY,
    IMAGE,
    IPC,
    LABEL_DISABLE,
    LABEL_LEVEL,
    LABEL_NESTED,
    LABEL_TYPE,
    LOG_DRIVER,
    LOG_OPT,
    MASK,
    MEMORY,
    MEMORY_SWAP,
    MOUNTS,
    NETWORK,
    NO_NEW_PRIVILEGES,
    OOM_KILL_DISABLE,
    OOM_SCORE_ADJ,
    PID,
    PIDS_LIMIT,
    PRIVILEGED,
    PROC_OPTS,
    PUBLISH,
    PUBLISH_ALL,
    READ_ONLY,
    READ_ONLY_TMPFS,
    RESTART,
    ROOTFS,
    SDNOTIFY,
    SECCOMP_POLICY,
    SECCOMP_PROFILE,
    SECRETS,
    SHM_SIZE,
    SUBGIDNAME,
    SUBUIDNAME,
    SYSCTL,
    TLS_VERIFY,
    TMPFS,
    UIDMAP,
    ULIMIT,
    UMASK,
    UNMASK,
    USER,
    USERNS,
    UTS,
    VOLUMES_FROM,
)
from hardentui.reading.capabilities import declared_set
from hardentui.reading.containers import declared_user, is_root
from hardentui.reading.images import reference

_STOCK_PROFILES = ("", "/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")


class Weakening(Struct, frozen=True):
    """One thing that a changed spec holds less; `why` says what, in a few words."""

    option: str
    why: str


def weakenings(facts: ContainerFacts, before: Spec, after: Spec) -> tuple[Weakening, ...]:
    """What holds the container less with the second spec than with the first; empty when nothing does."""
    if before is after:
        return ()
    changed = [one for one in {*before.settings, *after.settings} if before[one] != after[one]]
    asked: dict[Order, Option[Any]] = {}
    for option in changed:
        for order in ORDERS.get(option, ()):
            asked.setdefault(order, option)
    old, new = _declared(facts, before), facts.planned(after)
    weaker = [Weakening(option.name, why) for order, option in asked.items() if (why := order(old, new))]
    return tuple(sorted(weaker, key=lambda weakening: weakening.option))


def _declared(facts: ContainerFacts, spec: Spec) -> ContainerFacts:
    """The container as a spec declares it. What the runtime was told still counts for the spec in force."""
    return replace(facts, kernel=NotRunning("exited")) if spec == facts.spec else facts.planned(spec)


# --- orders that need to know what checks know -------------------------------------------------------


def _capabilities(before: ContainerFacts, after: ContainerFacts) -> str:
    gained = declared_set(after) - declared_set(before)
    gained |= _at_once(after) - _at_once(before)
    words = ", ".join(sorted(name.removeprefix("CAP_") for name in gained))
    return f"it gets {words}" if gained else ""


def _at_once(facts: ContainerFacts) -> frozenset[str]:
    """What its first process has without doing anything: root all that it may have, others what was added
    for them by name (Podman makes that ambient)."""
    allowed = declared_set(facts)
    if is_root(declared_user(facts)) or facts.spec[PRIVILEGED]:
        return allowed
    added = {word.upper() for word in facts.spec[CAP_ADD]}
    if added & {"ALL", "CAP_ALL"}:
        return allowed
    # a low port is what a service has been given already; every other one is power over others
    names = frozenset(word if word.startswith("CAP_") else f"CAP_{word}" for word in added)
    return (allowed & names) - {"CAP_NET_BIND_SERVICE"}


def _seccomp(before: ContainerFacts, after: ContainerFacts) -> str:
    was, now = _seccomp_rank(before), _seccomp_rank(after)
    if now < was:
        return "more system calls are let through"
    other = before.spec[SECCOMP_PROFILE] != after.spec[SECCOMP_PROFILE]
    return "its own seccomp profile is replaced" if now == was == 3 and other else ""


def _seccomp_policy(before: ContainerFacts, after: ContainerFacts) -> str:
    """A profile that the image brings is kept, unless it is weaker than the engine's own."""
    return "" if _seccomp_rank(before) < _seccomp_rank(after) else _policy_kept(before, after)


_policy_kept = orders.kept(SECCOMP_POLICY)


def _seccomp_rank(facts: ContainerFacts) -> int:
    """No filter, one of its own that is weaker than the default, the default, a good one of its own."""
    profile = facts.spec[SECCOMP_PROFILE]
    if profile == "unconfined" or (facts.spec[PRIVILEGED] and profile in _STOCK_PROFILES):
        return 0
    check = check_by_id("weak-seccomp-profile")
    if check is not None and judge(check, facts, Parameters(check.parameters)).status is Status.FAIL:
        return 1
    return 2 if profile in _STOCK_PROFILES else 3


def _apparmor_rank(facts: ContainerFacts) -> int:
    profile = facts.spec[APPARMOR]
    if profile == "unconfined" or (facts.spec[PRIVILEGED] and not profile):
        return 0
    return 2 if profile else 1


def _image(before: ContainerFacts, after: ContainerFacts) -> str:
    lost = reference(before.spec[IMAGE]).digest and not reference(after.spec[IMAGE]).digest
    return "its image is no longer named by a digest" if lost else ""


def _health(before: ContainerFacts, after: ContainerFacts) -> str:
    own = before.spec[HEALTH_CMD] not in ("", "none")
    return "its health check goes" if own and after.spec[HEALTH_CMD] != before.spec[HEALTH_CMD] else ""


def _restart_rank(facts: ContainerFacts) -> int:
    name, _, tries = facts.spec[RESTART].partition(":")
    endless = name in ("always", "unless-stopped", "on-failure") and not (tries.isdecimal() and int(tries))
    return 0 if endless else 1


def _log_limit(before: ContainerFacts, after: ContainerFacts) -> str:
    old, new = ({word.partition("=")[0] for word in one.spec[LOG_OPT]} for one in (before, after))
    return "its log has no limit any more" if "max-size" in old - new else ""


def _annotations(before: ContainerFacts, after: ContainerFacts) -> str:
    added = [one for one in after.spec[ANNOTATIONS] if one not in before.spec[ANNOTATIONS]]
    own = sorted(one for one in added if one.startswith(("run.oci.", "io.podman.annotations.privileged")))
    return f"the annotation {', '.join(own)} comes" if own else ""


def _ranks(option: Option[str], **rank: int) -> Order:
    """Words in their order; every other word ranks highest."""
    return orders.ranked(lambda facts: rank.get(facts.spec[option] or "none", 9), f"{option.flag} goes")


_CAPABILITIES: tuple[Order, ...] = (_capabilities,)
_IDS: tuple[Order, ...] = (orders.user_namespace,)
_SELINUX: tuple[Order, ...] = (orders.selinux,)
_SECCOMP: tuple[Order, ...] = (_seccomp,)

ORDERS: Mapping[Option[Any], tuple[Order, ...]] = {
    PRIVILEGED: (
        _capabilities,
        _seccomp,
        orders.selinux,
        orders.off(PRIVILEGED, "it becomes privileged"),
    ),
    CAP_ADD: _CAPABILITIES,
    CAP_DROP: _CAPABILITIES,
    USER: (orders.user, _capabilities),
    NO_NEW_PRIVILEGES: (orders.on(NO_NEW_PRIVILEGES, "processes may gain privileges"),),
    SECCOMP_PROFILE: _SECCOMP,
    SECCOMP_POLICY: (_seccomp_policy,),
    APPARMOR: (orders.ranked(_apparmor_rank, "AppArmor holds it less"),),
    LABEL_DISABLE: _SELINUX,
    LABEL_TYPE: _SELINUX,
    LABEL_LEVEL: (orders.level,),
    LABEL_NESTED: (orders.off(LABEL_NESTED, "it may change SELinux labels"),),
    MASK: (orders.nothing_lost(MASK),),
    UNMASK: (orders.masks_lifted,),
    PROC_OPTS: (orders.kept(PROC_OPTS),),
    SYSCTL: (orders.sysctls,),
    SECRETS: (orders.secrets,),
    GROUP_ADD: (orders.nothing_added(GROUP_ADD),),
    USERNS: _IDS,
    UIDMAP: _IDS,
    GIDMAP: _IDS,
    SUBUIDNAME: _IDS,
    SUBGIDNAME: _IDS,
    HOSTUSER: (orders.nothing_added(HOSTUSER),),
    UMASK: (orders.umask,),
    PID: (orders.namespace(PID),),
    IPC: (orders.namespace(IPC),),
    UTS: (orders.namespace(UTS),),
    CGROUPNS: (orders.namespace(CGROUPNS),),
    CGROUPS: (orders.ranked(lambda facts: int(facts.spec[CGROUPS] != "disabled"), "its cgroup goes"),),
    CGROUP_PARENT: (orders.kept(CGROUP_PARENT),),
    CGROUP_CONF: (orders.nothing_lost(CGROUP_CONF),),
    MEMORY: (orders.memory,),
    MEMORY_SWAP: (orders.memory,),
    PIDS_LIMIT: (orders.smaller(PIDS_LIMIT),),
    CPUS: (orders.processors,),
    CPU_QUOTA: (orders.processors,),
    CPU_PERIOD: (orders.processors,),
    CPUSET_CPUS: (orders.kept(CPUSET_CPUS),),
    CPUSET_MEMS: (orders.kept(CPUSET_MEMS),),
    DEVICE_READ_BPS: (orders.nothing_lost(DEVICE_READ_BPS),),
    DEVICE_READ_IOPS: (orders.nothing_lost(DEVICE_READ_IOPS),),
    DEVICE_WRITE_BPS: (orders.nothing_lost(DEVICE_WRITE_BPS),),
    DEVICE_WRITE_IOPS: (orders.nothing_lost(DEVICE_WRITE_IOPS),),
    ULIMIT: (orders.ulimits,),
    SHM_SIZE: (orders.smaller(SHM_SIZE),),
    OOM_KILL_DISABLE: (orders.off(OOM_KILL_DISABLE, "it is never killed when memory runs out"),),
    OOM_SCORE_ADJ: (
        orders.ranked(
            lambda facts: max(facts.spec[OOM_SCORE_ADJ], -1000) if OOM_SCORE_ADJ in facts.spec else 0,
            "others are killed before it when memory runs out",
        ),
    ),
    READ_ONLY: (orders.on(READ_ONLY, "its root file system can be written"),),
    READ_ONLY_TMPFS: (orders.read_only_tmpfs,),
    MOUNTS: (orders.mounts,),
    TMPFS: (orders.tmpfs,),
    VOLUMES_FROM: (orders.nothing_added(VOLUMES_FROM),),
    DEVICES: (orders.devices(DEVICES),),
    DEVICE_CGROUP_RULE: (orders.nothing_added(DEVICE_CGROUP_RULE),),
    GPUS: (orders.nothing_added(GPUS),),
    ROOTFS: (orders.kept(ROOTFS),),
    NETWORK: (orders.network, orders.ports),
    PUBLISH: (orders.ports,),
    PUBLISH_ALL: (orders.ports,),
    ENV_HOST: (orders.off(ENV_HOST, "it gets the variables of the host"),),
    HTTP_PROXY: (orders.off(HTTP_PROXY, "it gets the proxy variables of the host"),),
    IMAGE: (_image,),
    TLS_VERIFY: (orders.on(TLS_VERIFY, "the registry's certificate is not checked"),),
    RESTART: (orders.ranked(_restart_rank, "it is restarted without end"),),
    HEALTH_CMD: (_health,),
    HEALTH_ON_FAILURE: (_ranks(HEALTH_ON_FAILURE, none=0),),
    SDNOTIFY: (_ranks(SDNOTIFY, none=0, ignore=0, conmon=0),),
    LOG_DRIVER: (orders.ranked(lambda facts: int(facts.spec[LOG_DRIVER] != "none"), "its log goes"),),
    LOG_OPT: (_log_limit,),
    ANNOTATIONS: (_annotations,),
}

_PROGRAM = "what its program does with it, only the program knows"
_MAKING = "how it is made, not how it is held"
_NAMES = "names and addresses, no rights"
_TIMES = "when and how it starts, stops and is looked after"
_SHARES = "a share among others, no limit"
WITHOUT_ORDER: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("command", "entrypoint", "env", "env-file", "unsetenv", "unsetenv-all", "workdir", "tty"),
            *("interactive", "init", "init-path", "systemd", "personality", "tz", "passwd", "passwd-entry"),
            *("group-entry", "chrootdirs", "image-volume"),
        ),
        _PROGRAM,
    ),
    **dict.fromkeys(
        (
            *("pull", "arch", "os", "variant", "platform", "retry", "retry-delay", "authfile", "cert-dir"),
            *("init-ctr", "conmon-pidfile", "pidfile", "runtime", "module", "hooks-dir", "runtime-flag"),
            *("rm", "rmi", "pod", "requires"),
        ),
        _MAKING,
    ),
    **dict.fromkeys(
        (
            *("name", "label", "hostname", "network-alias", "ip", "ip6", "mac-address", "add-host"),
            *("hosts-file", "no-hosts", "no-hostname", "dns", "dns-option", "dns-search", "expose"),
            *("label-user", "label-role", "label-filetype"),
        ),
        _NAMES,
    ),
    **dict.fromkeys(
        (
            *(
                "stop-signal",
                "stop-timeout",
                "timeout",
                "health-interval",
                "health-timeout",
                "health-retries",
            ),
            *("health-start-period", "health-startup-cmd", "health-startup-interval"),
            *("health-startup-retries", "health-startup-success", "health-startup-timeout"),
            *("health-log-destination", "health-max-log-count", "health-max-log-size"),
        ),
        _TIMES,
    ),
    **dict.fromkeys(
        (
            *("cpu-shares", "cpu-rt-period", "cpu-rt-runtime", "blkio-weight", "blkio-weight-device"),
            *("memory-reservation", "memory-swappiness", "rdt-class", "shm-size-systemd"),
        ),
        _SHARES,
    ),
}
"""Name of an option -> why no value of it protects more than another one."""


@cache
def options_without_order() -> frozenset[str]:
    """Names of options of the table that nobody has thought about; must be empty."""
    return frozenset(BY_NAME) - {option.name for option in ORDERS} - set(WITHOUT_ORDER)
