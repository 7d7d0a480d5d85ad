"""Processes can create a user namespace and have every capability in it.

What it checks:
Whether a process in the container can create a user namespace: the seccomp filter in force allows `unshare`,
`clone` or `clone3` with CLONE_NEWUSER, and the kernel allows user namespaces (`user.max_user_namespaces`).
`--cap-drop=all` and `no-new-privileges` do not prevent it.

Why it matters:
In its own user namespace, a process without any capability has all of them, within that namespace. This
opens parts of the kernel that were written for root: packet filters, traffic control, mounting. Most kernel
vulnerabilities of recent years that made ordinary users root started there.

What may break:
Programs that build their own sandbox: browsers, Flatpak, nested container engines, some build tools. Others
never create a user namespace. The fix is a custom seccomp profile that blocks these calls with CLONE_NEWUSER
(and all of `clone3`, whose flags a filter cannot read), or `user.max_user_namespaces = 0` if no container on
the host needs one; that also ends rootless Podman and `--userns=auto`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.model.seccomp import (
    Condition,
    EngineDefault,
    NoFilter,
    RuntimeConfig,
    SeccompProfile,
    SeccompRule,
)
from hardentui.reading.system_calls import (
    NEVER_STARTED_WITH_DEFAULT,
    declared_filter,
    filter_of,
    good_but_not_seen,
    open_ways_to_user_namespaces,
)

_MOST = "user.max_user_namespaces"


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    seccomp = filter_of(facts)
    declared = declared_filter(facts)
    most = known(lambda: facts.host.sysctls.get(_MOST, ""), else_="")
    if most == "0":
        return passed(declared, f"{_MOST} = 0", (Evidence("sysctl", f"{_MOST} = 0"),))
    if isinstance(seccomp, Unread):
        return unknown(seccomp.reason, declared)
    if isinstance(seccomp.filter, EngineDefault):
        return not_applicable(NEVER_STARTED_WITH_DEFAULT)
    ways = (
        ("unshare",) if isinstance(seccomp.filter, NoFilter) else open_ways_to_user_namespaces(seccomp.filter)
    )
    if isinstance(ways, Unread):
        return unknown(ways.reason, declared)
    if not ways and not seccomp.in_force:
        return good_but_not_seen(declared)
    if not ways:
        return passed(declared, "blocked by the filter", (Evidence(seccomp.source, "checked"),))
    evidence = (Evidence(seccomp.source, f"allows CLONE_NEWUSER through {', '.join(ways)}"),)
    return failed("a process can get every capability in a new user namespace", declared, "", evidence)


_WITH_FLAG = SeccompRule("ERRNO", (Condition(0, "MASKED_EQ", 0x10000000, 0x10000000),), 1)
_PLAIN = SeccompRule("ALLOW", (Condition(0, "MASKED_EQ", 0x10000000, 0),))


def _runs(**rules: SeccompRule) -> RuntimeConfig:
    return RuntimeConfig(
        seccomp=SeccompProfile("ERRNO", rules={name: (rule,) for name, rule in rules.items()})
    )


CHECK = Check(
    title="Can create user namespaces",
    severity=Severity.LOW,  # kernel code more within reach, by the engine's default
    scope=Kind.SITE,
    summary="Block user namespaces in the seccomp profile",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container(),
        container(runtime=_runs(unshare=_WITH_FLAG, clone=_PLAIN)),
        container(runtime=_runs(unshare=SeccompRule("ALLOW")), host=HostFacts(sysctls={_MOST: "0"})),
    ),
    fails=lambda: (
        container(runtime=_runs(unshare=SeccompRule("ALLOW"))),
        container(runtime=_runs(unshare=_WITH_FLAG, clone=SeccompRule("ALLOW"))),
        container(runtime=_runs(clone=_PLAIN, clone3=SeccompRule("ALLOW"))),
        container(runtime=RuntimeConfig(seccomp=NoFilter("no linux.seccomp"))),
    ),
    references=("NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
)
