"""The container runs on the rootful engine without needing it.

What it checks:
Whether anything about the container needs the rootful engine: a host port below the unprivileged range,
devices, privileged mode, the host's network or processes, a network that only root can create (macvlan,
ipvlan), a mount of a system directory that only root can read or write, or an added capability that only
counts on the host. If there is none of that, a rootless engine could run it as it is. A read-only mount of
files that every account can read (/usr, /etc/localtime, certificates) does not need root.

Why it matters:
With a rootless engine, the runtime, the monitor and the network helper run as an ordinary user. Whoever
breaks out of the container, or exploits one of those programs, gets that user's rights and not root's. It is
the largest single step away from root on the host, and most web services and databases lose nothing by it.

What may break:
Volumes, images, secrets and networks of the rootful engine do not move along: they must be exported and
imported, and files get other owners. Client source addresses may look different with rootless networking,
and the service starts at boot only if lingering is enabled for the user.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import CGROUP_PARENT, DEVICES, GPUS, IPC, MOUNTS, PID, PRIVILEGED, PUBLISH, Mount, Port
from hardentui.options.table import bounding_set
from hardentui.reading.mounts import HostMount, at_or_above, host_mounts
from hardentui.reading.networks import asks_for_host_network, ports_of_pod

_ROOT_ONLY_DRIVERS = ("macvlan", "ipvlan")
_USERS_TREES = ("/home/", "/srv/", "/opt/", "/data/", "/mnt/", "/media/", "/tmp/", "/var/tmp/")  # noqa: S108
_EVERYBODY_READS = (  # so a rootless container can mount them read-only, too
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys", "/etc/localtime", "/etc/timezone"),
    *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/os-release", "/etc/machine-id"),
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols"),
    *("/etc/ssl/certs", "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/ca-certificates"),
)
_COUNT_ON_THE_HOST = frozenset(
    {"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_TIME", "CAP_SYS_BOOT", "CAP_MKNOD"}
    | {"CAP_NET_ADMIN", "CAP_SYSLOG", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_BPF", "CAP_PERFMON"}
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    if facts.engine.rootless is True:
        return passed("rootless engine")
    if isinstance(facts.engine.rootless, Unread):
        return unknown(facts.engine.rootless.reason)
    needs = _needs(facts, _first_free_port(facts, parameters))
    if needs:
        return passed("rootful engine", reason=f"needs the rootful engine: {listed(needs)}")
    return failed(
        "nothing in the configuration needs the rootful engine",
        "rootful engine",
        commands=(
            "podman save IMAGE | sudo -iu USER podman load",
            "loginctl enable-linger USER",
            "# put the .container file into ~USER/.config/containers/systemd/",
        ),
    )


def _first_free_port(facts: ContainerFacts, parameters: Parameters) -> int:
    """The first unprivileged host port: the kernel's setting, otherwise the parameter."""
    value = known(lambda: facts.host.sysctls.get("net.ipv4.ip_unprivileged_port_start"))
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return parameters.integer("first_unprivileged_port")


def _needs(facts: ContainerFacts, first_port: int) -> tuple[str, ...]:
    spec = facts.spec
    drivers = {str(network.inspect.get("driver")) for network in facts.networks.values()}
    ports = [port.host for port in (*spec[PUBLISH], *ports_of_pod(facts.pod or {}))]
    extra = bounding_set(spec, facts.engine.default_capabilities) & _COUNT_ON_THE_HOST
    reasons = {
        "privileged mode": spec[PRIVILEGED],
        "devices": bool(spec[DEVICES] or spec[GPUS]),
        "the host's network": asks_for_host_network(facts) is True,
        "the host's processes": spec[PID] == "host" or spec[IPC] == "host",
        "a chosen cgroup parent": bool(spec[CGROUP_PARENT]),
        "a privileged port": any(
            first.isdecimal() and int(first) < first_port for first in (p.partition("-")[0] for p in ports)
        ),
        "a network that only root can create": bool(drivers & set(_ROOT_ONLY_DRIVERS)),
        "a mount of a system directory": any(map(_needs_root, host_mounts(facts))),
        "capabilities that count on the host": bool(extra),
    }
    return tuple(reason for reason, needed in reasons.items() if needed)


def _needs_root(shown: HostMount) -> bool:
    """Whether the mount shows something that only root can read or write."""
    if shown.path.startswith(_USERS_TREES):
        return False
    readable = any(at_or_above(path, shown.path) for path in _EVERYBODY_READS)
    return not (shown.mount.read_only and readable)


CHECK = Check(
    title="Runs rootful without needing to",
    severity=Severity.MEDIUM,  # a breakout ends as root instead of as a user
    scope=Kind.SITE,
    summary="Run it under a service user's rootless engine",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    parameters={"first_unprivileged_port": 1024},
    passes=lambda: (
        container(engine=rootless()),
        container((PUBLISH, (Port(80, "80"),))),
        container((MOUNTS, (Mount("bind", "/var/log", "/logs", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/usr/share/app", "/app"),))),
    ),
    fails=lambda: (
        container((PUBLISH, (Port(80, "8080"),)), engine=rootful()),
        container((MOUNTS, (Mount("volume", "data", "/data"), Mount("bind", "/srv/web", "/w", ("ro",))))),
        container((MOUNTS, (Mount("bind", "/etc/localtime", "/etc/localtime", ("ro",)),))),
    ),
    references=("CIS Docker 1.6 2.1", "NIST SP 800-190 4.5.4", "OWASP Docker rule 11"),
    catalogue="S4-07",
)
