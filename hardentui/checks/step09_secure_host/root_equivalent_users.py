"""Accounts that are root in all but name.

What it checks:
sudo and doas rules that allow everything, a shell or an engine's program without a password: with aliases,
patterns, included files, `Defaults !authenticate` and exempt groups. A command with fixed arguments that
only shows, starts or stops something (`podman ps`, `podman restart web`) is fine. Also accounts that can
write to a socket of the rootful engine, and stored Podman connections that log in as root over SSH. List
accounts that are meant to have this power in the parameter `trusted_users`.

Why it matters:
`sudo podman` without a password is the same as `sudo` without a password: one command starts a container with
the host's root directory in it. Such accounts are rarely on the list of administrators, rarely use a second
factor, and are a favourite of attackers for that reason. A stored connection as root means that whoever takes
over this account is root on the other host, too.

What may break:
Scripts and people who use that access. Give them their own engine (rootless needs no sudo), or a sudo rule
for one fixed command, such as `systemctl restart web.service`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import RootRight


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
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
        return f"visudo -f {right.where}   # remove the rule for {right.who}, or allow one fixed command"
    if right.way == "doas":
        return f"# {right.where}: remove `nopass` from the rule for {right.who}, or allow one fixed command"
    if right.way == "socket":
        return "systemctl edit podman.socket   # [Socket] SocketMode=0600, then restart it"
    return f"podman system connection list   # as {right.who}; replace the root connection"


CHECK = Check(
    title="Accounts with root access through the engine",
    severity=Severity.HIGH,  # one account from root
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
