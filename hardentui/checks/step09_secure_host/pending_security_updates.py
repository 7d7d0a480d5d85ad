"""Fixes are waiting: security updates, or a newer kernel that needs a reboot.

What it checks:
Whether a reboot is pending: a flag file of the distribution, or an installed kernel newer than the running
one. And whether the package manager knows of security updates that are not installed; that takes seconds, so
it is only checked with `hardentui check host --deep`. Package indexes are not refreshed: an old index gives
an old answer.

Why it matters:
All containers on a host share its kernel. A known kernel vulnerability is a way out of every container,
whatever its own settings, and exploits are public soon after the fix. An update that waits for a reboot
protects nobody.

What may break:
A reboot stops every container; those without a unit or restart policy do not come back by themselves. Podman
updates restart its service and may change defaults: read the release notes before a new major version.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import Unread, known

_COMMANDS = {
    "debian": ("apt-get update && apt-get upgrade --with-new-pkgs",),
    "ubuntu": ("apt-get update && apt-get upgrade --with-new-pkgs",),
    "fedora": ("dnf upgrade --security",),
    "rhel": ("dnf upgrade --security",),
    "suse": ("zypper patch --category security",),
    "opensuse": ("zypper patch --category security",),
}


def evaluate(facts: HostFacts) -> Verdict:
    updates, reboot = known(lambda: facts.security_updates), known(lambda: facts.reboot_required)
    reasons: list[str] = []
    commands: list[str] = []
    evidence: list[Evidence] = []
    if not isinstance(updates, Unread) and updates:
        reasons.append(f"{plural(len(updates), 'security update')} pending")
        evidence.append(Evidence("package manager", ", ".join(updates[:10])))
        commands += _update(facts)
    if not isinstance(reboot, Unread) and reboot:
        reasons.append(reboot)
        evidence.append(Evidence("kernel", reboot))
        commands.append("systemctl reboot")
    if reasons:
        return failed(
            "; ".join(reasons), effective=facts.kernel, evidence=tuple(evidence), commands=tuple(commands)
        )
    hidden = [answer.reason for answer in (updates, reboot) if isinstance(answer, Unread)]
    if hidden:
        return unknown("; ".join(dict.fromkeys(hidden)))
    return passed(effective=facts.kernel)


def _update(facts: HostFacts) -> tuple[str, ...]:
    families = [facts.os_release.get("ID", ""), *facts.os_release.get("ID_LIKE", "").split()]
    return next((_COMMANDS[family] for family in families if family in _COMMANDS), ())


CHECK = Check(
    title="Security updates or reboot pending",
    severity=Severity.HIGH,  # known holes of the host stay open
    kind=Kind.HOST,
    summary="Install the security updates and boot the newest kernel",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (host(kernel="6.12.48-amd64", security_updates=(), reboot_required=""),),
    fails=lambda: (
        host(security_updates=("openssl",), reboot_required="", os_release={"ID": "debian"}),
        host(reboot_required="kernel 6.12.41-amd64 runs and 6.12.48-amd64 is installed"),
    ),
    references=("CIS Docker 1.6 1.2.1", "NIST SP 800-190 4.5.3", "OWASP Docker rule 0"),
    catalogue="S9-01",
)
