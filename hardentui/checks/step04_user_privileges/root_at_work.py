"""The work that root does without need."""

from __future__ import annotations

from datetime import UTC, datetime

from hardentui.checks.prelude import *
from hardentui.model.facts import Entered
from hardentui.model.mount import HostMount
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.behaviour import inside
from hardentui.reading.capabilities import short
from hardentui.reading.mounts import at_or_above, host_mounts
from hardentui.reading.networks import asks_for_host_network, ports_of_pod

_ROOT_ONLY_DRIVERS = ("macvlan", "ipvlan")
_USERS_TREES = ("/home/", "/srv/", "/opt/", "/data/", "/mnt/", "/media/", "/tmp/", "/var/tmp/")
_EVERYBODY_READS = (  # so a rootless container can mount them read-only, too
    *(
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/sys",
        "/etc/localtime",
        "/etc/timezone",
    ),
    *(
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/os-release",
        "/etc/machine-id",
    ),
    *(
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/services",
        "/etc/protocols",
    ),
    *(
        "/etc/ssl/certs",
        "/etc/pki/ca-trust",
        "/etc/pki/tls/certs",
        "/etc/ca-certificates",
    ),
)
_COUNT_ON_THE_HOST = frozenset(
    {
        "CAP_SYS_ADMIN",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_TIME",
        "CAP_SYS_BOOT",
        "CAP_MKNOD",
    }
    | {
        "CAP_NET_ADMIN",
        "CAP_SYSLOG",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_BPF",
        "CAP_PERFMON",
    }
)


@Check(
    gives=Gain.HOST_ROOT.after(2),  # a breakout ends as root instead of as a user
    scope=Kind.SITE,
    summary="Run it under a service user's rootless engine",
    risk=Risk.CHANGES_BEHAVIOUR,
    parameters={"first_unprivileged_port": 1024},
    passes=lambda: (
        container(engine=rootless()),
        "-p 80:80",
        "-v /var/log:/logs:ro",
        "-v /usr/share/app:/app",
    ),
    fails=lambda: (
        container("-p 8080:80", engine=rootful()),
        "-v data:/data -v /srv/web:/w:ro",
        "-v /etc/localtime:/etc/localtime:ro",
    ),
    references=("CIS Docker 1.6 2.1", "OWASP Docker rule 11"),
)
def needless_rootful_engine(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Rootful engine not needed.

    What it checks:
    Whether anything about the container needs the rootful engine: a host port below the
    unprivileged range, devices, privileged mode, the host's network or processes, a network that
    only root can create (macvlan, ipvlan), a mount of a system directory that only root can read or
    write, or an added capability that only counts on the host. If there is none of that, a rootless
    engine could run it as it is. A read-only mount of files that every account can read (/usr,
    /etc/localtime, certificates) does not need root.

    Why it matters:
    With a rootless engine, the runtime, the monitor and the network helper run as an ordinary user.
    Whoever breaks out of the container, or exploits one of those programs, gets that user's rights
    and not root's. It is the largest single step away from root on the host, and most web services
    and databases lose nothing by it.

    What may break:
    Volumes, images, secrets and networks of the rootful engine do not move along: they must be
    exported and imported, and files get other owners. Client source addresses may look different
    with rootless networking, and the service starts at boot only if lingering is enabled for the
    user.
    """
    need_own_program(facts)
    if need(facts.engine.rootless):
        return passed("rootless engine")
    needs = _needs(facts, _first_free_port(facts, parameters))
    if needs:
        return passed(
            "rootful engine",
            reason=f"needs the rootful engine: {listed(needs)}",
        )
    return failed(
        "nothing in the configuration needs the rootful engine",
        "rootful engine",
        commands=(
            "podman save IMAGE | sudo -iu USER podman load",
            "loginctl enable-linger USER",
            "# put the .container file into ~USER/.config/containers/systemd/",
        ),
    )


def _first_free_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> int:
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
            first.isdecimal() and int(first) < first_port
            for first in (p.partition("-")[0] for p in ports)
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
    return not (shown.asked.read_only and readable)


_FILTER = 2
"""The seccomp mode of a process with a filter."""

_SHELL = Entered(
    9,
    "sh",
    1001,
    CapabilitySets(),
    _FILTER,
)


@Check(
    gives=Gain.HOST_ROOT.after(2),  # a person's session, not the service
    summary="End the session and move what it was for into the image or the configuration",
    risk=Risk.SAFE,
    passes=lambda: (
        _example(),
        _example(
            {
                "ID": "ab",
                "ProcessConfig": {"user": "1001", "privileged": False},
            }
        ),
        "",
        _example(
            {
                "ID": "ac",
                "ProcessConfig": {"user": "1001:0", "privileged": False},
            }
        ).replace(
            kernel=Kernel(
                7,
                uid=1001,
                gid=0,
                entered=(),
            )
        ),
        _example().replace(
            exec_events=(
                datetime(
                    2025,
                    12,
                    31,
                    23,
                    5,
                    tzinfo=UTC,
                ),
            )
        ),
        _example().replace(kernel=_with(_SHELL)),
    ),
    fails=lambda: (
        _example(
            {
                "ID": "ab",
                "ProcessConfig": {"user": "root", "privileged": False},
            }
        ),
        _example(
            {
                "ID": "cd",
                "ProcessConfig": {"user": "", "privileged": True},
            }
        ),
        _example(
            {
                "ID": "ce",
                "ProcessConfig": {"user": "1001:0", "privileged": False},
            }
        ).replace(
            kernel=Kernel(
                7,
                uid=1001,
                gid=1001,
                entered=(),
            )
        ),
        _example(
            {
                "ID": "ef",
                "ProcessConfig": {"user": "toor", "privileged": False},
            }
        ).replace(
            kernel=Kernel(
                7,
                uid=1001,
                uid_map=(IdRange(0, 0, 4294967295),),
                entered=(),
            ),
            exec_uids={"ef": 0},
        ),
        _example().replace(kernel=_with(replace(_SHELL, uid=0))),
        _example().replace(kernel=_with(replace(_SHELL, seccomp_mode=0))),
        _example().replace(
            kernel=_with(
                replace(
                    _SHELL,
                    capabilities=CapabilitySets(frozenset({"CAP_SYS_ADMIN"})),
                )
            )
        ),
    ),
    references=("CIS Docker 1.6 5.23", "CIS Docker 1.6 5.24"),
)
def root_exec_session(facts: ContainerFacts) -> Verdict:
    """Exec session with more rights than the service.

    What it checks:
    The `podman exec` sessions that are open now: whether one is privileged, or runs as root or in
    group 0 in a container whose main process does not. Also processes that came in past the engine
    (`nsenter`, `crun exec`): whether one is root where the service is not, has capabilities that
    the service cannot have, or has no seccomp filter. Sessions of the last day that are closed
    again are counted; Podman does not record their rights.

    Why it matters:
    A container that was made to run unprivileged loses that the moment someone opens a root shell
    in it. What is typed there can change anything in the container, is not part of its image or
    unit, and leaves no trace after a restart. Attackers with access to the engine use exec as a way
    in; a privileged session leads to the host.

    What may break:
    Nothing in the service. Whoever uses the session loses it: ask before you end it, and put what
    they needed into the image or the configuration.
    """
    if not facts.running:
        return not_applicable("the container is not running")
    entered = ask(facts, lambda kernel: kernel.entered)
    strong = _strong(facts, entered) if isinstance(entered, tuple) else ()
    none_open = "ExecIDs" in facts.inspect and not facts.inspect["ExecIDs"]
    sessions = () if none_open else known(lambda: facts.exec_sessions)
    if isinstance(sessions, Unread):
        return _entered(strong) if strong else unknown(sessions)
    bad = [
        session
        for session in sessions
        if session.get("Running", True) and _too_strong(session, facts)
    ]
    effective = plural(len(sessions), "session") if sessions else "no open session"
    if not bad and strong:
        return _entered(strong)
    if not bad and isinstance(entered, Unread):
        return unknown(
            f"which processes came in from outside is not known: {entered.reason}",
            source=entered.source,
        )
    if not bad:
        return passed(
            effective=effective,
            evidence=_closed(facts),
        )
    evidence = tuple(
        Evidence(
            f"exec session {str(session.get('ID'))[:12]}",
            _rights(session),
        )
        for session in bad
    )
    commands = ("podman top CONTAINER", "kill PID   # the process of the session, on the host")
    return failed(
        f"{plural(len(bad), 'open session has', 'open sessions have')} more rights than the "
        "container",
        "",
        effective,
        evidence,
        None,
        commands,
    )


def _strong(
    facts: ContainerFacts,
    entered: tuple[Entered, ...],
) -> tuple[tuple[Entered, str], ...]:
    """Processes with more rights than the service has, and what they have."""
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return ()
    judged = ((process, ", ".join(_more(kernel, process))) for process in entered)
    return tuple((process, more) for process, more in judged if more)


def _more(kernel: Kernel, process: Entered) -> Iterator[str]:
    if process.uid != kernel.uid and 0 in (process.uid, inside(process.uid, kernel.uid_map)):
        yield "root"
    if more := process.capabilities.effective - kernel.capabilities.bounding:
        yield short(more)
    if kernel.seccomp_mode == _FILTER and process.seccomp_mode != _FILTER:
        yield "no seccomp filter"


def _entered(strong: tuple[tuple[Entered, str], ...]) -> Verdict:
    evidence = tuple(
        Evidence(f"PID {process.pid} ({process.name})", more) for process, more in strong
    )
    words = plural(
        len(strong),
        "process came in from outside",
        "processes came in from outside",
    )
    commands = ("kill PID   # the process, on the host",)
    return failed(
        f"{words} with more rights than the service",
        "",
        words,
        evidence,
        None,
        commands,
    )


def _closed(facts: ContainerFacts) -> tuple[Evidence, ...]:
    """Sessions of the last day in Podman's events."""
    events = known(lambda: facts.exec_events, else_=())
    if not events:
        return ()
    return (
        Evidence(
            "events of the last day",
            f"{plural(len(events), 'session')} opened, last at {events[-1]:%H:%M} UTC",
        ),
    )


def _user(session: Mapping[str, Any]) -> str:
    return str(section(session, "ProcessConfig").get("user") or "")


def _too_strong(
    session: Mapping[str, Any],
    facts: ContainerFacts,
) -> bool:
    """Privileged, or root or in root's group where the service is not. Without the kernel's answer,
    names decide; a session without a user runs as the container's user."""
    if section(session, "ProcessConfig").get("privileged") or _in_group_0(session, facts):
        return True
    uid, kernel = facts.exec_uids.get(str(session.get("ID"))), facts.kernel
    if isinstance(kernel, Kernel) and uid is not None:
        return inside(uid, kernel.uid_map) == 0 and inside(kernel.uid, kernel.uid_map) != 0
    user = _user(session)
    return bool(user) and is_root(user) and not is_root(declared_user(facts))


def _in_group_0(
    session: Mapping[str, Any],
    facts: ContainerFacts,
) -> bool:
    """Whether the session was given group 0 and the service, an ordinary user, does not have it."""
    if _user(session).partition(":")[2] not in ("0", "root") or is_root(declared_user(facts)):
        return False
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return declared_user(facts).partition(":")[2] not in ("", "0", "root")
    maps = known(lambda: kernel.gid_map, else_=())
    zero = next(
        (line.outside - line.inside for line in maps if line.inside == 0),
        0,
    )
    return zero not in (kernel.gid, *known(lambda: kernel.groups, else_=()))


def _rights(session: Mapping[str, Any]) -> str:
    privileged = "privileged, " if section(session, "ProcessConfig").get("privileged") else ""
    return f"{privileged}user {_user(session) or 'of the container'}"


def _example(*sessions: Mapping[str, Any]) -> ContainerFacts:
    return container(
        "--user=1001",
        kernel=Kernel(7, entered=()),
        inspect={"ExecIDs": [session["ID"] for session in sessions]},
        exec_sessions=sessions,
    )


def _with(process: Entered) -> Kernel:
    whole = (IdRange(0, 0, 4294967295),)
    rights = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))
    return Kernel(
        7, uid=1001, uid_map=whole, capabilities=rights, seccomp_mode=_FILTER, entered=(process,)
    )
