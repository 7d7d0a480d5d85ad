"""Who can reach the engine's API."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import EngineSocket, RootRight
from hardentui.reading.access import EVERYBODY

_SOCKET = "/run/podman/podman.sock"
_DOCKER = "/run/docker.sock"
_SHOWN = 10


@Check(
    gives=Gain.HOST.after(0, Origin.ACCOUNT),  # any account that can open it is root
    summary="Restrict the socket to its owner",
    passes=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o660)),)),
        host(sockets=(EngineSocket(file(_DOCKER, 0o660), target=_SOCKET),)),
        host(sockets=()),
    ),
    fails=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o666), users=(EVERYBODY,)),)),
        host(sockets=(EngineSocket(file(_SOCKET, 0o660), users=("anna",)),)),
        host(
            sockets=(
                EngineSocket(
                    file("/srv/api.sock", 0o660),
                    users=("ben",),
                    found_in="process 812",
                ),
            )
        ),
        host(
            sockets=(
                EngineSocket(
                    file(
                        _SOCKET,
                        0o660,
                        Danger(
                            "/run/podman",
                            "world-writable (0777)",
                            "chmod o-w",
                        ),
                    )
                ),
            )
        ),
    ),
    references=(
        "CIS Docker 1.6 3.15-3.16",
        "CIS Docker 1.6 1.1.2",
        "OWASP Docker rule 1",
        "NIST SP 800-190 4.3.1",
        "NIST SP 800-190 4.5.4",
    ),
    parameters={"trusted_users": ()},
)
def exposed_engine_socket(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Engine socket open to other accounts.

    What it checks:
    Every engine socket that someone listens on now: the usual places, sockets of an API service at
    another path, and the link that Docker clients use. For each of them, which accounts can write
    to it: the mode, the members of its group, ACLs, and all parent directories, because nothing
    below a closed directory is reachable. Users may use their own socket. List accounts that are
    meant to have this power in the parameter `trusted_users`.

    Why it matters:
    The API starts containers with any rights, and a container with the host's `/` in it is root on
    the host. Write access to the rootful socket is the same as the root password, without the
    password and without a trace in the log.

    What may break:
    Accounts that reach the engine through the group lose access. Give each of them their own
    rootless engine, or an SSH connection that leaves a trace.
    """
    sockets = facts.sockets
    if not sockets:
        return not_applicable("no engine socket is open now")
    trusted = set(parameters.texts("trusted_users"))
    evidence: list[Evidence] = []
    commands: list[str] = []
    rootful = False
    for socket in sockets:
        wrong = _judge(socket, trusted)
        if wrong:
            evidence += wrong
            commands += _repairs(socket)
            rootful = rootful or socket.rootful
    if not evidence:
        return passed(
            effective=", ".join(f"{socket.file.path} {socket.file.octal}" for socket in sockets)
        )
    return failed(
        f"{evidence[0].where} {evidence[0].saw}",
        evidence=tuple(dict.fromkeys(evidence)),
        gives=None if rootful else Gain.HOST.after(1, Origin.ACCOUNT),
        commands=tuple(dict.fromkeys(commands)),
    )


def _judge(socket: EngineSocket, trusted: set[str]) -> list[Evidence]:
    path = socket.file.path
    if path == _DOCKER and not socket.found_in and not socket.target.endswith("podman/podman.sock"):
        return []  # a separate Docker, which is not judged here
    evidence: list[Evidence] = []
    strangers = [name for name in socket.users if name not in trusted]
    if strangers:
        who = f"is open to {', '.join(strangers[:_SHOWN])}" + (
            " and more" if strangers[_SHOWN:] else ""
        )
        evidence.append(Evidence(path, f"{who} (mode {socket.file.octal}){_by_way_of(socket)}"))
    return evidence + list(danger_evidence(socket.file.dangers))


def _by_way_of(socket: EngineSocket) -> str:
    if socket.target:
        return f": a link to {socket.target}"
    return f": an API service ({socket.found_in})" if socket.found_in else ""


def _repairs(socket: EngineSocket) -> tuple[str, ...]:
    if socket.found_in:
        return (f"# {socket.found_in}: stop it, or set its socket to mode 0600",)
    scope = "" if socket.rootful else " --user"
    return (
        f"systemctl{scope} edit podman.socket   # [Socket] SocketMode=0600",
        f"systemctl{scope} restart podman.socket",
    )


_LINK = "/etc/systemd/system/sockets.target.wants/podman.socket"


@Check(
    gives=Gain.HOST.after(3, Origin.ACCOUNT),  # root's socket that nobody needs
    summary="Disable the rootful socket, or record which program needs it",
    fix=FixKind.DECISION,
    passes=lambda: (host(socket_enabled_by="", sockets=()),),
    fails=lambda: (
        host(socket_enabled_by=_LINK, sockets=()),
        host(
            socket_enabled_by="",
            sockets=(EngineSocket(file(_SOCKET, 0o660)),),
        ),
    ),
    references=("CIS Docker 1.6 2.1", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
    parameters={"consumers": ()},
)
def idle_engine_socket(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Rootful API enabled without a recorded need.

    What it checks:
    Whether systemd opens `/run/podman/podman.sock` at boot, or the socket exists now. List the
    programs that need it in the checklist's parameter `consumers` (for example `["cockpit"]`), and
    the check passes.

    Why it matters:
    Podman needs no daemon; the socket is only for programs that use its API. Whoever can write to
    it is root on this host: there is no login, no list of allowed requests and no read-only mode. A
    door that nobody uses is best kept shut.

    What may break:
    Programs that use the rootful engine's API: Cockpit, compose tools, dashboards, monitoring
    agents, build runners. HardenTUI itself uses the socket while it looks at the rootful engine.
    Containers and Quadlets do not need it.
    """
    enabled, sockets = known(lambda: facts.socket_enabled_by), known(lambda: facts.sockets)
    link = "" if isinstance(enabled, Unread) else enabled
    live = not isinstance(sockets, Unread) and any(
        socket.file.path == _SOCKET for socket in sockets
    )
    if live or link:
        return _enabled(link, live, parameters.texts("consumers"))
    return sure(
        passed("not enabled", "no socket"),
        enabled,
        sockets,
    )


def _enabled(
    link: str,
    live: bool,
    consumers: tuple[str, ...],
) -> Verdict:
    declared = "enabled at boot" if link else "not enabled at boot"
    effective = f"{_SOCKET} exists" if live else "no socket now"
    if consumers:
        return passed(
            declared,
            effective,
            reason=f"needed by {', '.join(consumers)}",
        )
    evidence = [Evidence(link, "systemd opens the socket at boot")] if link else []
    evidence += [Evidence(_SOCKET, "exists")] if live else []
    return failed(
        "the rootful API socket is available, but no program is on record that needs it",
        declared,
        effective,
        tuple(evidence),
        commands=("systemctl disable --now podman.socket",),
    )


@Check(
    gives=Gain.HOST_ROOT.after(1, Origin.ACCOUNT),  # one account from root
    summary="Remove the permission, or replace it with one fixed command",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (host(root_rights=()),),
    fails=lambda: (
        host(
            root_rights=(
                RootRight(
                    "anna",
                    "may run podman through sudo without a password",
                    "/etc/sudoers",
                ),
            )
        ),
        host(
            root_rights=(
                RootRight(
                    "anna",
                    "may write to a socket of the rootful engine",
                    "/run/podman/podman.sock",
                    "socket",
                ),
            )
        ),
    ),
    references=("CIS Docker 1.6 1.1.2", "NIST SP 800-190 4.5.4"),
    parameters={"trusted_users": ()},
)
def root_equivalent_users(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Accounts with root access through the engine.

    What it checks:
    sudo rules that allow everything, a shell or an engine's program without a password, also with
    patterns and in included files; with aliases, exceptions or `Defaults !authenticate` it is
    unknown. A command with fixed arguments that only shows, starts or stops something (`podman ps`,
    `podman restart web`) is fine. Also accounts that can write to a socket of the rootful engine,
    and stored Podman connections that log in as root over SSH. List accounts that are meant to have
    this power in the parameter `trusted_users`.

    Why it matters:
    `sudo podman` without a password is the same as `sudo` without a password: one command starts a
    container with the host's root directory in it. Such accounts are rarely on the list of
    administrators, rarely use a second factor, and are a favourite of attackers for that reason. A
    stored connection as root means that whoever takes over this account is root on the other host,
    too.

    What may break:
    Scripts and people who use that access. Give them their own engine (rootless needs no sudo), or
    a sudo rule for one fixed command, such as `systemctl restart web.service`.
    """
    rights = facts.root_rights
    trusted = set(parameters.texts("trusted_users"))
    untrusted = [right for right in rights if right.who not in trusted]
    if not untrusted:
        return passed(effective="only trusted accounts" if rights else "no such account")
    who = list(dict.fromkeys(right.who for right in untrusted))
    return failed(
        f"{plural(len(who), 'account')} can become root through the engine: {', '.join(who)}",
        effective=", ".join(who),
        evidence=tuple(Evidence(right.where, f"{right.who} {right.why}") for right in untrusted),
        commands=tuple(dict.fromkeys(_command(right) for right in untrusted)),
    )


def _command(right: RootRight) -> str:
    if right.way == "sudo":
        return (
            f"visudo -f {right.where}   # remove the rule for {right.who}, or allow one fixed "
            "command"
        )
    if right.way == "socket":
        return "systemctl edit podman.socket   # [Socket] SocketMode=0600, then restart it"
    return f"podman system connection list   # as {right.who}; replace the root connection"


_UNIT = "/etc/systemd/system/podman.service.d/tcp.conf"


@Check(
    gives=Gain.HOST.after(0, Origin.NETWORK),  # whoever reaches the port is root
    summary="Turn off the TCP socket and reach the unix socket over ssh",
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        host(tcp_services=()),
        host(tcp_services=(ApiService(_UNIT, "tcp://0.0.0.0:2376", True),)),
    ),
    fails=lambda: (
        host(tcp_services=(ApiService(_UNIT, "tcp://0.0.0.0:2375", False),)),
        host(tcp_services=(ApiService("process 812", "tcp:127.0.0.1:8888", False),)),
    ),
    references=("CIS Docker 1.6 2.7", "OWASP Docker rule 1", "NIST SP 800-190 4.3.2"),
)
def tcp_api_without_tls(facts: HostFacts) -> Verdict:
    """Engine API on TCP without client certificates.

    What it checks:
    Unit files, their drop-ins and running processes: whether `podman system service` listens on TCP
    without requiring client certificates (`--tls-client-ca`), and whether a Podman socket unit
    opens a TCP port.

    Why it matters:
    The API has no password. Everyone who can reach the port can start a privileged container and is
    root on this host. The whole internet is searched for such ports, and they are found within
    hours. Even on
    127.0.0.1, the port is open to every account, to every container on the host's network, and to
    web pages that talk to local ports.

    What may break:
    Clients that use the TCP address. Forward the unix socket over SSH instead (`podman system
    connection add`), which adds a login, encryption and a trace; or, from Podman 5.7 on, use TLS
    with client certificates.
    """
    services = facts.tcp_services
    unprotected = [service for service in services if not service.client_certificates]
    if not unprotected and (hidden := facts.tcp_unread or facts.tcp_unseen):
        return unknown(hidden)
    if not unprotected:
        return passed(
            f"{len(services)} on TCP, all with client certificates"
            if services
            else "nothing on TCP"
        )
    return failed(
        f"the API at {unprotected[0].address} accepts anyone",
        effective=", ".join(service.address for service in unprotected),
        evidence=tuple(
            Evidence(
                service.where,
                f"{service.address} without client certificates",
            )
            for service in unprotected
        ),
        commands=(
            "systemctl revert podman.socket podman.service && systemctl restart podman.socket",
            "podman system connection add HOST ssh://USER@HOST   # on the client",
        ),
    )
