"""Namespaces shared with the host or with others, and the host's environment."""

from __future__ import annotations

import shlex
from itertools import pairwise

from hardentui.checks.prelude import *
from hardentui.options import ENV, ENV_HOST, HTTP_PROXY
from hardentui.reading.mounts import own_user_namespace
from hardentui.reading.secrets import secret_value
from hardentui.visible import MASK as MASKED


def foreign_ipc(facts: ContainerFacts) -> Verdict:
    """IPC namespace shared with an unrelated container.

    What it checks:
    Whether the container uses the IPC namespace of another container (`--ipc=container:NAME`,
    `--ipc=ns:PATH`) that belongs neither to the same pod nor to the same application. For running containers,
    the namespaces themselves are compared, whatever was requested.

    Why it matters:
    Whoever shares a container's IPC namespace can read and change its shared memory, semaphores, message
    queues and /dev/shm. Databases keep their caches there. A vulnerability in one container is then one in
    both, without a single packet on the network.

    What may break:
    Programs that exchange data through shared memory on purpose. Put both into one pod, or give both the same
    label `app`, so that the relation is visible.
    """
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    declared = f"ipc {facts.spec[IPC] or 'default'}"
    sharing = _strangers(facts)
    if sharing:
        names = listed(sharing)
        evidence = (Evidence(proc(facts, "ns/ipc"), f"also the namespace of {names}"),)
        return failed(f"shared memory with {names}", declared, names, evidence)
    asked = _asks_for_stranger(facts, facts.spec[IPC])
    if asked and not isinstance(facts.kernel, Kernel):
        evidence = (Evidence(CONFIGURATION, declared),)
        return failed(f"shared memory with {asked}", declared, "not running", evidence)
    return sure(passed(declared), ask(facts, lambda kernel: kernel.namespaces))


def _strangers(facts: ContainerFacts) -> list[str]:
    """Unrelated containers with the same IPC namespace; host-ipc covers the host's."""
    own = ask_or(facts, lambda kernel: kernel.namespaces.get("ipc"), None)
    if own is None or "ipc" in ask_or(facts, lambda kernel: kernel.shared_namespaces, frozenset()):
        return []
    peers = facts.peers.in_ipc_namespace(own)
    return [peer.name for peer in peers if peer.id != facts.id and not related(facts, peer)]


def _asks_for_stranger(facts: ContainerFacts, asked: str) -> str:
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return name
    if kind != "container" or pod_of(facts):
        return ""
    peer = peer_called(facts, name)
    return "" if peer is not None and related(facts, peer) else name


def _fix_foreign_ipc(spec: Spec, context: FixContext) -> Spec:
    return spec.without(IPC) if _asks_for_stranger(context.facts.planned(spec), spec[IPC]) else spec


_OWN = "ipc:[4026532000]"
_FRIEND = Peer("2" * 64, "db", app="shop", ipc_namespace=_OWN)
_SHARED = Kernel(7, namespaces={"ipc": _OWN}, shared_namespaces=frozenset())
_MEMBER = {"Config": {"Labels": {"app": "shop"}}}

FOREIGN_IPC = Check(
    severity=Severity.MEDIUM,  # shared memory of an unrelated service
    points=1,
    compares=True,
    summary="Give the container its own IPC namespace",
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=foreign_ipc,
    remediate=_fix_foreign_ipc,
    passes=lambda: (
        "",
        container(
            "--ipc=container:db --label=app=shop", peers=Peers((_FRIEND,)), inspect=_MEMBER, kernel=_SHARED
        ),
        container(peers=Peers((replace(_FRIEND, ipc_namespace="ipc:[1]"),)), kernel=_SHARED),
    ),
    fails=lambda: (
        container("--ipc=container:db", peers=Peers((_FRIEND,))),
        container("--ipc=container:db", peers=Peers((_FRIEND,)), kernel=_SHARED),
        "--ipc=ns:/proc/812/ns/ipc",
    ),
    references=("CIS Docker 1.6 5.17", "NIST SP 800-190 4.4.3"),
)


def host_ipc(facts: ContainerFacts) -> Verdict:
    """Shares the host's IPC or UTS namespace.

    What it checks:
    Whether the container uses the host's IPC namespace (`--ipc=host`) or UTS namespace (`--uts=host`). For a
    running container, the namespaces are compared with the host's.

    Why it matters:
    In the host's IPC namespace, /dev/shm, shared memory and message queues of all other programs are open:
    browsers, databases and agents keep data there, and whoever can write to it can manipulate them. Podman
    also silently turns off SELinux separation for such a container. With the host's UTS namespace and
    SYS_ADMIN, the host name can be changed, which confuses logs and certificates; by itself that is a minor
    issue.

    What may break:
    Programs that exchange data with the host through shared memory (some databases, graphics and GPU
    workloads). Run both sides as containers of one pod, which share an IPC namespace only with each other.
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
        reason="the host's shared memory is accessible" if memory else "the host name can be changed",
        where=proc(facts, "ns/ipc, ns/uts"),
        severity=Severity.HIGH if memory else Severity.LOW,
    )


def _fix_host_ipc(spec: Spec, context: FixContext) -> Spec:
    return spec.without(*(option for option in (IPC, UTS) if spec[option] == "host"))


HOST_IPC = Check(
    severity=Severity.HIGH,  # shared memory of the host's services can be read and written
    points=1,
    summary="Give the container its own IPC and UTS namespaces",
    evaluate=host_ipc,
    remediate=_fix_host_ipc,
    passes=lambda: ("", container("--ipc=private", kernel=Kernel(7, shared_namespaces=frozenset()))),
    fails=lambda: (
        "--ipc=host",
        "--uts=host",
        container("--ipc=host --uts=host", kernel=Kernel(7, shared_namespaces=frozenset({"ipc"}))),
    ),
    references=("CIS Docker 1.6 5.17", "CIS Docker 1.6 5.21", "NIST SP 800-190 4.4.3"),
)


def host_pid(facts: ContainerFacts) -> Verdict:
    """Sees processes outside the container.

    What it checks:
    Whether the container shares the PID namespace of the host (`--pid=host`), or of a container that belongs
    to another pod or application. For a running container, the namespace is compared with the host's.

    Why it matters:
    In the host's namespace, every process on the machine is visible: command lines and, for the same user,
    also environment variables with passwords and open files through /proc. Root can kill or debug these
    processes, and /proc/1/root is the host's filesystem. Podman also silently turns off SELinux separation
    for such a container.

    What may break:
    Monitoring agents, debuggers and init-like tools that watch host processes see only their own. If they
    need the host's view by design, run them on the host, or waive the finding with a reason.
    """
    asked = facts.spec[PID]
    foreign = _is_foreign(facts, asked)
    seen = ask(facts, lambda kernel: kernel.shared_namespaces)
    of_host = "pid" in seen if isinstance(seen, frozenset) else asked == "host"
    severity = Severity.MEDIUM if own_user_namespace(facts) else Severity.HIGH
    if not of_host:
        severity = Severity.MEDIUM

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
        severity=severity,
    )


def _by_default(facts: ContainerFacts) -> str:
    """The namespace without `--pid`: in a pod that shares it, the members see each other's processes."""
    shared = (facts.pod or {}).get("SharedNamespaces") or ()
    return "of its pod" if "pid" in shared else "private"


def _is_foreign(facts: ContainerFacts, asked: str) -> bool:
    """Whether it is the namespace of an unrelated container."""
    kind, _, name = asked.partition(":")
    if kind == "ns":
        return True
    if kind != "container" or pod_of(facts):
        return False
    peer = peer_called(facts, name)
    return peer is None or not related(facts, peer)


def _fix_host_pid(spec: Spec, context: FixContext) -> Spec:
    bad = spec[PID] == "host" or _is_foreign(context.facts.planned(spec), spec[PID])
    return spec.without(PID) if bad else spec


_SAME_APP = Peer("2" * 64, "db", app="shop")

HOST_PID = Check(
    severity=Severity.HIGH,  # root's processes can be killed; their memory is one capability away
    points=9,
    compares=True,
    summary="Give the container its own PID namespace",
    evaluate=host_pid,
    remediate=_fix_host_pid,
    passes=lambda: (
        "",
        container(kernel=Kernel(7, shared_namespaces=frozenset({"net"}))),
        container("--pid=container:db --label=app=shop", peers=Peers((_SAME_APP,)), inspect=_MEMBER),
    ),
    fails=lambda: (
        "--pid=host",
        container("--pid=host", kernel=Kernel(7, shared_namespaces=frozenset({"pid"}))),
        container("--pid=ns:/proc/1/ns/pid", kernel=Kernel(7, shared_namespaces=frozenset({"pid"}))),
        container("--pid=container:db", peers=Peers((_SAME_APP,))),
    ),
    references=("CIS Docker 1.6 5.16", "NIST SP 800-190 4.4.3"),
)


# Variables of the host that reach the container.


_OF_A_HOST = frozenset(
    "USER LOGNAME SHELL SHLVL PWD OLDPWD MAIL LS_COLORS LESSOPEN SUDO_USER SUDO_UID SUDO_COMMAND SSH_CLIENT "
    "SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK DISPLAY XDG_RUNTIME_DIR XDG_SESSION_ID XDG_DATA_DIRS "
    "DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MANAGERPID HISTCONTROL HISTSIZE "
    "TERM_PROGRAM".split()
)
_ENOUGH = 3
_LOCALE = frozenset({"LC_*", "LANG*", "TZ*"})
_OTHERS_READ = 0o004
_PROXIES = frozenset(
    name for low in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy") for name in (low, low.upper())
)


def leaking_host_environment(facts: ContainerFacts) -> Verdict:
    """Host environment passed to the container.

    What it checks:
    Whether the whole host environment was passed in (`--env-host`), which shows in the command that created
    the container or in variables that only a login or a host service has (USER, SHLVL, SSH_CONNECTION,
    INVOCATION_ID…); whether every variable that begins with some letters was passed (`--env 'AWS*'`); whether
    a proxy variable contains a user and password; and whether an environment file given by its full path
    (`--env-file`) is readable for every account on the host.

    Why it matters:
    An admin's shell holds what they work with: cloud keys, registry and cluster tokens, the address of their
    SSH agent. With `--env-host`, all of that is in the container and permanently in the engine's database,
    and the first vulnerability in the service gives it away. A proxy URL with a password does the same with
    that password.

    What may break:
    Variables that the service really used are gone: pass those few by name. Without the proxy variables,
    programs that reach the internet through the proxy fail until they get its address without the password.
    """
    names = _host_names(facts.spec)
    asked = facts.spec[ENV_HOST] or _command_asks(facts)
    if asked or len(names) >= _ENOUGH:
        evidence = tuple(Evidence("env", f"{name}={MASKED}") for name in names)
        declared = "env-host" if asked else f"{plural(len(names), 'variable')} of a login or service"
        return failed("the host's environment was passed in", declared, evidence=evidence)
    patterns = _patterns(facts)
    if patterns:
        reason = f"every variable of the host that matches {listed(patterns)} was passed in"
        return failed(reason, listed(patterns))
    proxies = _proxies_with_password(facts)
    if proxies:
        evidence = tuple(Evidence("env", f"{name}={MASKED}") for name in proxies)
        return failed(f"{listed(proxies)} contains a password", listed(proxies), evidence=evidence)
    return _files(facts) or passed("no host variables")


def _files(facts: ContainerFacts) -> Verdict | None:
    """The failure for environment files of the create command; None if they are fine."""
    if is_planned(facts):
        return None
    open_ones = [
        file for file in facts.env_files.values() if isinstance(file, FileFact) and file.mode & _OTHERS_READ
    ]
    if open_ones:
        evidence = tuple(Evidence(file.path, f"mode {file.octal}") for file in open_ones)
        commands = tuple(f"chmod 600 -- {shlex.quote(file.path)}" for file in open_ones)
        reason = "every account on the host can read the environment file"
        return failed(reason, "env-file", evidence=evidence, commands=commands)
    hidden = [file.reason for file in facts.env_files.values() if isinstance(file, Unread)]
    return unknown(hidden[0], "env-file") if hidden else None


def _command(facts: ContainerFacts) -> tuple[str, ...]:
    """The command that created the container; empty for a plan."""
    if is_planned(facts):
        return ()
    words = section(facts.inspect, "Config").get("CreateCommand") or ()
    return tuple(str(word) for word in words)


def _command_asks(facts: ContainerFacts) -> bool:
    return any(word in ("--env-host", "--env-host=true") for word in _command(facts))


def _patterns(facts: ContainerFacts) -> tuple[str, ...]:
    """`--env NAME*`: all such variables of whoever ran the command, podman-run(1); a locale is harmless."""
    command = _command(facts)
    given = [after for word, after in pairwise(command) if word in ("-e", "--env")]
    given += [word.partition("=")[2] for word in command if word.startswith(("--env=", "-e="))]
    return tuple(word for word in given if word.endswith("*") and "=" not in word and word not in _LOCALE)


def _host_names(spec: Spec) -> tuple[str, ...]:
    return tuple(name for pair in spec[ENV] if (name := pair.partition("=")[0]) in _OF_A_HOST)


def _proxies_with_password(facts: ContainerFacts) -> tuple[str, ...]:
    """Among the container's own variables and those that Podman passed on from its environment."""
    own = facts.spec[ENV]
    pairs = set(own)
    if facts.spec[HTTP_PROXY]:
        pairs.update(str(pair) for pair in section(facts.inspect, "Config").get("Env") or ())
    variables = (pair.partition("=") for pair in sorted(pairs))
    return tuple(name for name, _, value in variables if name in _PROXIES and secret_value(value))


def _fix_leaking_host_environment(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts
    if spec[ENV_HOST] or _command_asks(facts) or len(_host_names(spec)) >= _ENOUGH:
        spec = spec.without(ENV_HOST).with_(ENV, _own_variables(spec, _command(facts)))
    passwords = [pair for pair in spec[ENV] if pair.partition("=")[0] in _PROXIES and secret_value(pair)]
    if passwords:
        raise CannotFix(
            "a proxy variable that was set by name contains a password",
            "Set the proxy's address without it, and let the proxy identify the host instead.",
        )
    if spec == facts.spec and _files(facts):
        raise CannotFix(
            "the environment file is on the host, and no container option changes its mode",
            "Close it to others: chmod 600 FILE.",
        )
    if spec == facts.spec and _patterns(facts):
        raise CannotFix(
            "the pattern is in the command that created it; its variables are options of their own now",
            "Create it with the variables that the service needs, by name.",
        )
    inherited = _proxies_with_password(facts)
    return spec.with_(HTTP_PROXY, False) if inherited and not is_planned(facts) else spec


def _own_variables(spec: Spec, command: tuple[str, ...]) -> tuple[str, ...]:
    """Variables set by name; if that is not known, those that are not typical of a host."""
    given = {after.partition("=")[0] for word, after in pairwise(command) if word in ("-e", "--env")}
    given |= {word.split("=", 2)[1] for word in command if word.startswith(("--env=", "-e="))}
    files = any(word.startswith("--env-file") for word in command)
    if "--env-host" in command and not files:
        return tuple(pair for pair in spec[ENV] if pair.partition("=")[0] in given)
    return tuple(pair for pair in spec[ENV] if pair.partition("=")[0] in given - _OF_A_HOST or _is_own(pair))


def _is_own(pair: str) -> bool:
    return pair.partition("=")[0] not in _OF_A_HOST


_LEAKED = {"Config": {"CreateCommand": ["podman", "run", "--env-host", "-e", "TZ=UTC", "img"]}}
_BY_PATTERN = {"Config": {"CreateCommand": ["podman", "run", "--env=AWS*", "img"]}}

LEAKING_HOST_ENVIRONMENT = Check(
    severity=Severity.MEDIUM,  # variables of the caller, which may hold a secret
    summary="Pass only the variables that the service needs, by name",
    evaluate=leaking_host_environment,
    remediate=_fix_leaking_host_environment,
    passes=lambda: (
        "-e TZ=UTC -e USER=shop",
        "-e https_proxy=http://proxy.example:3128",
        container(env_files={"/srv/shop.env": FileFact("/srv/shop.env", mode=0o640)}),
        container(inspect={"Config": {"CreateCommand": ["podman", "run", "-e", "LC_*", "img"]}}),
    ),
    fails=lambda: (
        "--env-host",
        container("-e TZ=UTC -e SHLVL=1 -e LOGNAME=root -e SSH_CLIENT=192.0.2.1", inspect=_LEAKED),
        "-e https_proxy=http://anna:correct-horse@proxy.example:3128",
        container(env_files={"/srv/shop.env": FileFact("/srv/shop.env", mode=0o644)}),
        container("-e AWS_X=1", inspect=_BY_PATTERN),
        container(inspect={"Config": {"Env": ["http_proxy=http://anna:correct-horse@proxy.example"]}}),
    ),
    references=("NIST SP 800-190 4.1.4",),
)
