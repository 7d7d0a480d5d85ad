"""Accounts that are root in all but name.

What it checks:
Rules of sudo and doas that give everything, a shell or an engine's program without a password: with aliases,
patterns, included files, `Defaults !authenticate` and exempt groups. A command with fixed arguments that
only looks, starts or stops (`podman ps`, `podman restart web`) is fine. Then accounts that may write to a
socket of the rootful engine, and stored Podman connections that log in as root over ssh. Accounts that
are meant to have this power go into the parameter `trusted_users`.

Why it matters:
`sudo podman` without a password is the same as `sudo` without a password: one command starts a container
with the host's root folder in it. Such accounts are seldom on the list of administrators, seldom use a
second factor, and are a favourite of attackers for that. A stored connection as root means that whoever
takes over this account has root on the other host as well.

What may break:
Scripts and people who use that way. Give them an engine of their own (rootless needs no sudo at all), or
a sudo rule for one fixed command, such as `systemctl restart web.service`.
"""

from __future__ import annotations

from hardentui.checks.examples import host
from hardentui.model.check import Check, Parameters
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.host import HostFacts, RootRight
from hardentui.model.known import Unreadable
from hardentui.words import plural


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    rights = facts.root_rights
    if isinstance(rights, Unreadable):
        return unknown(rights.reason)
    trusted = set(parameters.texts("trusted_users"))
    found = [one for one in rights if one.who not in trusted]
    if not found:
        return passed(effective="only trusted accounts" if rights else "no such account")
    who = list(dict.fromkeys(one.who for one in found))
    return failed(
        f"{plural(len(who), 'account')} can become root through the engine: {', '.join(who)}",
        effective=", ".join(who),
        evidence=tuple(Evidence(one.where, f"{one.who} {one.why}") for one in found),
        commands=tuple(dict.fromkeys(_command(one) for one in found)),
    )


def _command(right: RootRight) -> str:
    if right.way == "sudo":
        return f"visudo -f {right.where}   # take out the rule of {right.who}, or name one fixed command"
    if right.way == "doas":
        return f"# {right.where}: take `nopass` from the rule of {right.who}, or name one fixed command"
    if right.way == "socket":
        return "systemctl edit podman.socket   # [Socket] SocketMode=0600, then restart it"
    return f"podman system connection list   # as {right.who}; replace the connection as root"


CHECK = Check(
    title="Accounts with root access through the engine",
    severity=Severity.HIGH,
    kind=Kind.HOST,
    summary="Remove the permission, or replace it with one fixed command",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (host(root_rights=()),),
    fails=lambda: (
        host(
            root_rights=(RootRight("anna", "may run podman through sudo without a password", "/etc/sudoers"),)
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
    catalogue="S9-10",
    parameters={"trusted_users": ()},
)
