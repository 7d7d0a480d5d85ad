"""Limits of rootless containers cannot work on this host.

What it checks:
Whether the host uses cgroup v2, and whether systemd delegates the controllers `memory`, `pids` and `cpu` to
each account that runs rootless containers.

Why it matters:
A limit that cannot be enforced is worse than none, because somebody relies on it. On cgroup v1, rootless
containers have no limits at all, and Podman 6 no longer runs there. Without the right controllers, `--memory`
or `--pids-limit` of a rootless container fails or does nothing, and one container can take the whole machine
down.

What may break:
Changing the cgroup version needs a reboot, and very old programs (Java before 11, old Docker) do not
understand version 2. Delegation takes effect at the account's next login: its containers stop once.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import User
from hardentui.reading.hosts import hidden_users

_NEEDED = frozenset({"memory", "pids", "cpu"})
_DROP_IN = "/etc/systemd/system/user@.service.d/delegate.conf"


def evaluate(facts: HostFacts) -> Verdict:
    version = facts.cgroup_version
    if version == 1:
        return failed(
            "the host uses cgroup v1: rootless containers have no limits there, and Podman 6 no longer runs",
            effective="cgroup v1",
            evidence=(Evidence("/sys/fs/cgroup", "no cgroup.controllers file"),),
            commands=(
                "# add systemd.unified_cgroup_hierarchy=1 to the kernel command line, then: systemctl reboot",
            ),
        )
    users = facts.users
    rootless = [user for user in users if user.rootless]
    evidence = []
    hidden = []
    for user in rootless:
        if isinstance(user.controllers, Unread):
            hidden.append(f"{user.name}: {user.controllers.reason}")
        elif not user.controllers >= _NEEDED:
            missing = ", ".join(sorted(_NEEDED - user.controllers))
            evidence.append(Evidence(f"user@{user.uid}.service", f"{user.name} lacks {missing}"))
    if evidence:
        return failed(
            f"limits for rootless containers cannot work: {evidence[0].saw}",
            effective="cgroup v2",
            evidence=tuple(evidence),
            commands=(
                f"# {_DROP_IN}",
                "[Service]",
                "Delegate=cpu cpuset io memory pids",
                "# then: systemctl daemon-reload",
            ),
        )
    if hidden:
        return unknown("; ".join(hidden))
    closed = hidden_users(users)
    if closed:
        return closed
    return passed(
        effective="cgroup v2"
        + (f", controllers delegated to {plural(len(rootless), 'account')}" if rootless else "")
    )


def _anna(*controllers: str) -> User:
    return User("anna", 1000, rootless=True, controllers=frozenset(controllers))


CHECK = Check(
    title="Limits of rootless containers do not work",
    severity=Severity.MEDIUM,  # limits of rootless containers do not hold
    kind=Kind.HOST,
    summary="Use cgroup v2 and delegate cpu, memory and pids to accounts that run containers",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        host(cgroup_version=2, users=()),
        host(cgroup_version=2, users=(_anna("cpu", "memory", "pids"),)),
    ),
    fails=lambda: (host(cgroup_version=1), host(cgroup_version=2, users=(_anna("memory", "pids"),))),
    references=("CIS Docker 1.6 2.10", "NIST SP 800-190 4.5.1"),
    catalogue="S5-07",
)
