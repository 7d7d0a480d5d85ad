"""Namespaces shared with the host or with others."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.user_namespaces import own_user_namespace


def _fix_foreign_ipc(spec: Spec, context: FixContext) -> Spec:
    return spec.without(IPC) if _asks_for_stranger(context.facts.planned(spec), spec[IPC]) else spec


_OWN = "ipc:[4026532000]"

_FRIEND = Peer(
    "2" * 64,
    "db",
    app="shop",
    ipc_namespace=_OWN,
)

_SHARED = Kernel(
    7,
    namespaces={"ipc": _OWN},
    shared_namespaces=frozenset(),
)

_MEMBER = {"Config": {"Labels": {"app": "shop"}}}


@Check(
    gives=Gain.OTHERS_DATA.after(2),  # shared memory of an unrelated service
    points=1,
    compares=True,
    summary="Give the container its own IPC namespace",
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_foreign_ipc,
    passes=lambda: (
        "",
        container(
            "--ipc=container:db --label=app=shop",
            peers=Peers((_FRIEND,)),
            inspect=_MEMBER,
            kernel=_SHARED,
        ),
        container(
            peers=Peers((replace(_FRIEND, ipc_namespace="ipc:[1]"),)),
            kernel=_SHARED,
        ),
    ),
    fails=lambda: (
        container("--ipc=container:db", peers=Peers((_FRIEND,))),
        container(
            "--ipc=container:db",
            peers=Peers((_FRIEND,)),
            kernel=_SHARED,
        ),
        "--ipc=ns:/proc/812/ns/ipc",
    ),
    references=("NIST SP 800-190 4.4.3",),
)
def foreign_ipc(facts: ContainerFacts) -> Verdict:
    """IPC namespace shared with an unrelated container.

    What it checks:
    Whether the container uses the IPC namespace of another container (`--ipc=container:NAME`,
    `--ipc=ns:PATH`) that belongs neither to the same pod nor to the same application. For running
    containers, the namespaces themselves are compared, whatever was requested.

    Why it matters:
    Whoever shares a container's IPC namespace can read and change its shared memory, semaphores,
    message queues and /dev/shm. Databases keep their caches there. A vulnerability in one container
    is then one in both, without a single packet on the network.

    What may break:
    Programs that exchange data through shared memory on purpose. Put both into one pod, or give
    both the same label `app`, so that the relation is visible.
    """
    need_own_program(facts)
    declared = f"ipc {facts.spec[IPC] or 'default'}"
    sharing = _strangers(facts)
    if sharing:
        names = listed(sharing)
        evidence = (Evidence(proc(facts, "ns/ipc"), f"also the namespace of {names}"),)
        return failed(
            f"shared memory with {names}",
            declared,
            names,
            evidence,
        )
    asked = _asks_for_stranger(facts, facts.spec[IPC])
    if asked and not isinstance(facts.kernel, Kernel):
        evidence = (Evidence(CONFIGURATION, declared),)
        return failed(
            f"shared memory with {asked}",
            declared,
            "not running",
            evidence,
        )
    return sure(passed(declared), ask(facts, lambda kernel: kernel.namespaces))


def _strangers(facts: ContainerFacts) -> list[str]:
    """Unrelated containers with the same IPC namespace; host-ipc covers the host's."""
    own = ask_or(
        facts,
        lambda kernel: kernel.namespaces.get("ipc"),
        None,
    )
    if own is None or "ipc" in ask_or(
        facts,
        lambda kernel: kernel.shared_namespaces,
        frozenset(),
    ):
        return []
    peers = facts.peers.in_ipc_namespace(own)
    return [peer.name for peer in peers if peer.id != facts.id and not related(facts, peer)]


def _asks_for_stranger(facts: ContainerFacts, asked: str) -> str:
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return name
    if kind != "container" or pod_of(facts):
        return ""
    peer = facts.peers.called(name)
    return "" if peer is not None and related(facts, peer) else name


def _fix_host_ipc(spec: Spec, context: FixContext) -> Spec:
    return spec.without(*(option for option in (IPC, UTS) if spec[option] == "host"))


@Check(
    gives=Gain.OTHERS_DATA.after(1),  # shared memory of the host's services can be read and written
    points=1,
    summary="Give the container its own IPC and UTS namespaces",
    remediate=_fix_host_ipc,
    passes=lambda: (
        "",
        container(
            "--ipc=private",
            kernel=Kernel(7, shared_namespaces=frozenset()),
        ),
    ),
    fails=lambda: (
        "--ipc=host",
        "--uts=host",
        container(
            "--ipc=host --uts=host",
            kernel=Kernel(7, shared_namespaces=frozenset({"ipc"})),
        ),
    ),
    references=("CIS Docker 1.6 5.17", "CIS Docker 1.6 5.21", "NIST SP 800-190 4.4.3"),
)
def host_ipc(facts: ContainerFacts) -> Verdict:
    """Shares the host's IPC or UTS namespace.

    What it checks:
    Whether the container uses the host's IPC namespace (`--ipc=host`) or UTS namespace
    (`--uts=host`). For a running container, the namespaces are compared with the host's.

    Why it matters:
    In the host's IPC namespace, /dev/shm, shared memory and message queues of all other programs
    are open: browsers, databases and agents keep data there, and whoever can write to it can
    manipulate them. Podman also silently turns off SELinux separation for such a container. With
    the host's UTS namespace and SYS_ADMIN, the host name can be changed, which confuses logs and
    certificates; by itself that is a minor issue.

    What may break:
    Programs that exchange data with the host through shared memory (some databases, graphics and
    GPU workloads). Run both sides as containers of one pod, which share an IPC namespace only with
    each other.
    """
    ipc, uts = facts.spec[IPC], facts.spec[UTS]
    live = ask(facts, lambda kernel: kernel.shared_namespaces)
    memory = "ipc" in live if isinstance(live, frozenset) else ipc == "host"

    def assess(shared: frozenset[str]) -> tuple[bool, str]:
        both = [kind for kind in ("ipc", "uts") if kind in shared]
        return bool(both), f"shared with the host: {', '.join(both) or 'neither ipc nor uts'}"

    return judge(
        live,
        assess,
        declared_bad="host" in (ipc, uts),
        declared=f"ipc {ipc or 'default'}, uts {uts or 'default'}",
        reason="the host's shared memory is accessible"
        if memory
        else "the host name can be changed",
        where=proc(facts, "ns/ipc, ns/uts"),
        gives=Gain.OTHERS_DATA.after(1) if memory else Gain.DISTURBANCE.after(1),
    )


def _fix_host_pid(spec: Spec, context: FixContext) -> Spec:
    bad = spec[PID] == "host" or _is_foreign(context.facts.planned(spec), spec[PID])
    return spec.without(PID) if bad else spec


_SAME_APP = Peer("2" * 64, "db", app="shop")


@Check(
    gives=Gain.HOST.after(1),  # root's processes can be killed; their memory is one capability away
    points=9,
    compares=True,
    summary="Give the container its own PID namespace",
    remediate=_fix_host_pid,
    passes=lambda: (
        "",
        container(kernel=Kernel(7, shared_namespaces=frozenset({"net"}))),
        container(
            "--pid=container:db --label=app=shop", peers=Peers((_SAME_APP,)), inspect=_MEMBER
        ),
    ),
    fails=lambda: (
        "--pid=host",
        container(
            "--pid=host",
            kernel=Kernel(7, shared_namespaces=frozenset({"pid"})),
        ),
        container(
            "--pid=ns:/proc/1/ns/pid", kernel=Kernel(7, shared_namespaces=frozenset({"pid"}))
        ),
        container("--pid=container:db", peers=Peers((_SAME_APP,))),
    ),
    references=("CIS Docker 1.6 5.16", "NIST SP 800-190 4.4.3"),
)
def host_pid(facts: ContainerFacts) -> Verdict:
    """Sees processes outside the container.

    What it checks:
    Whether the container shares the PID namespace of the host (`--pid=host`), or of a container
    that belongs to another pod or application. For a running container, the namespace is compared
    with the host's.

    Why it matters:
    In the host's namespace, every process on the machine is visible: command lines and, for the
    same user, also environment variables with passwords and open files through /proc. Root can kill
    or debug these processes, and /proc/1/root is the host's filesystem. Podman also silently turns
    off SELinux separation for such a container.

    What may break:
    Monitoring agents, debuggers and init-like tools that watch host processes see only their own.
    If they need the host's view by design, run them on the host, or waive the finding with a
    reason.
    """
    asked = facts.spec[PID]
    foreign = _is_foreign(facts, asked)
    seen = ask(facts, lambda kernel: kernel.shared_namespaces)
    of_host = "pid" in seen if isinstance(seen, frozenset) else asked == "host"
    gives = Gain.HOST.after(2) if own_user_namespace(facts) else None
    if not of_host:
        gives = Gain.OTHERS_DATA.after(2)

    def assess(shared: frozenset[str]) -> tuple[bool, str]:
        if "pid" in shared:
            return True, "the host's PID namespace"
        return foreign, "not the host's PID namespace"

    return judge(
        seen,
        assess,
        declared_bad=asked == "host" or foreign,
        declared=f"pid {asked or _by_default(facts)}",
        reason="sees the processes of " + ("the host" if of_host else "an unrelated container"),
        where=proc(facts, "ns/pid"),
        gives=gives,
    )


def _by_default(facts: ContainerFacts) -> str:
    """The namespace without `--pid`: in a pod that shares it, the members see each other's
    processes."""
    shared = (facts.pod or {}).get("SharedNamespaces") or ()
    return "of its pod" if "pid" in shared else "private"


def _is_foreign(facts: ContainerFacts, asked: str) -> bool:
    """Whether it is the namespace of an unrelated container."""
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return True
    if kind != "container" or pod_of(facts):
        return False
    peer = facts.peers.called(name)
    return peer is None or not related(facts, peer)
