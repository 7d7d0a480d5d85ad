"""SELinux is present but does not protect.

What it checks:
On a host with SELinux: whether it enforces now, whether its configuration makes it enforce after the next
boot, and whether the rootful engine's containers.conf leaves labels on. A host without SELinux in the kernel
and without an SELinux configuration is not judged here; AppArmor has its own check.

Why it matters:
SELinux is the barrier behind the barrier: a process that has escaped still carries the container's label and
can touch almost nothing on the host. It alone stopped several well-known escapes. In permissive mode it only
logs and stops nothing.

What may break:
What SELinux only logged before is denied now. First look at the recent log (`ausearch -m avc -ts recent`):
bind mounts without `:z` or `:Z` are the usual cause. After a time without SELinux, files need new labels
(`fixfiles onboot`, then reboot).
"""

from __future__ import annotations

from typing import Any

from hardentui.checks.examples import configuration
from hardentui.checks.prelude import *
from hardentui.model.host import SecurityModules

_CONFIG = "/etc/selinux/config"


def evaluate(facts: HostFacts) -> Verdict:
    modules = facts.security_modules
    live, configured = modules.selinux, modules.selinux_configured
    for part in (live, configured):
        if isinstance(part, Unread):
            return unknown(part.reason)
    if live == "absent" and not configured:
        return not_applicable("this host does not use SELinux")
    if live == "absent" and modules.apparmor is True:
        return not_applicable("this host uses AppArmor instead of SELinux")
    evidence = (
        Evidence("/sys/fs/selinux/enforce", str(live)),
        Evidence(_CONFIG, f"SELINUX={configured}" if configured else "not set"),
    )
    if live != "enforcing":
        state = "off" if live == "absent" else str(live)
        last = "setenforce 1" if live == "permissive" else "fixfiles onboot && systemctl reboot"
        commands = (f"# {_CONFIG}", "SELINUX=enforcing", last)
        return failed(f"SELinux is {state} now", str(configured), state, evidence, commands=commands)
    if configured and configured != "enforcing":
        reason = f"SELinux enforces now, but will be {configured} after the next boot"
        return failed(
            reason,
            str(configured),
            "enforcing",
            evidence,
            commands=(f"# {_CONFIG}", "SELINUX=enforcing"),
        )
    settings = facts.configuration
    if settings.get("containers.label") is False:
        where = settings.file_of("containers.label")
        return failed(
            f"SELinux enforces, but {where} turns off labels for all containers",
            "label = false",
            "enforcing",
            (*evidence, Evidence(where, "label = false")),
            commands=(f"# {where}", "label = true"),
        )
    if settings.fault is not None:
        return unknown(settings.fault.reason)
    return passed(str(configured), "enforcing", evidence)


def _host(live: str, configured: str, **over: Any) -> HostFacts:
    modules = SecurityModules(selinux=live, selinux_configured=configured, apparmor=False)
    return host(**{"security_modules": modules, "configuration": configuration(), **over})


CHECK = Check(
    title="SELinux not enforcing",
    severity=Severity.MEDIUM,  # a layer is missing for all
    kind=Kind.HOST,
    summary="Set SELinux to enforcing, now and at boot",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (_host("enforcing", "enforcing"), _host("absent", "")),
    fails=lambda: (
        _host("permissive", "enforcing"),
        _host("enforcing", "permissive"),
        _host("absent", "disabled"),
        _host("enforcing", "enforcing", configuration=configuration(containers__label=False)),
    ),
    references=(
        "CIS Docker 1.6 5.3",
        "NIST SP 800-190 4.5.1",
        "OWASP Docker rule 6",
        "CSVS 2.6",
    ),
    catalogue="S5-17",
)
