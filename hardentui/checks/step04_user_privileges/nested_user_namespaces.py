"""It can make itself root of a user namespace, with every capability in it.

What it checks:
Whether a process of the container can make a user namespace: the filter in force lets `unshare`, `clone` or
`clone3` with CLONE_NEWUSER through, and the kernel has such namespaces to give (`user.max_user_namespaces`).
`--cap-drop=all` and `no-new-privileges` do not prevent it.

Why it matters:
In a user namespace of its own a process without any capability has all of them, as far as that namespace
goes. That opens parts of the kernel that were written for root: packet filters, traffic control, mounting.
Most vulnerabilities by which ordinary users became root in the last years began there.

What may break:
Programs that build their own sandbox: browsers, Flatpak, nested container engines, some build tools. All
others never make a user namespace. The fix is a seccomp profile of its own that refuses these calls with
CLONE_NEWUSER (and `clone3` as a whole, whose flags no filter can read), or `user.max_user_namespaces = 0`
where no container of the host needs one, which also ends rootless Podman and `--userns=auto`.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.host import HostFacts
from hardentui.model.known import Unreadable
from hardentui.model.runtime import RuntimeConfig
from hardentui.model.seccomp import Condition, EngineDefault, NoFilter, SeccompProfile, SeccompRule
from hardentui.options import SECCOMP_PROFILE
from hardentui.reading.containers import OF_PODMAN, is_infra
from hardentui.reading.system_calls import filter_of, open_ways_to_user_namespaces

_MOST = "user.max_user_namespaces"


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    found = filter_of(facts)
    declared = facts.spec[SECCOMP_PROFILE] or "the engine's profile"
    most = "" if isinstance(facts.host, Unreadable) else facts.host.sysctls.get(_MOST, "")
    if most == "0":
        return passed(declared, f"{_MOST} = 0", (Evidence("sysctl", f"{_MOST} = 0"),))
    if isinstance(found, Unreadable):
        return unknown(found.reason, declared)
    if isinstance(found.filter, EngineDefault):
        return not_applicable("it has the engine's default profile, and has not been started with it yet")
    ways = ("unshare",) if isinstance(found.filter, NoFilter) else open_ways_to_user_namespaces(found.filter)
    if isinstance(ways, Unreadable):
        return unknown(ways.reason, declared)
    if not ways and not found.in_force:
        return unknown("its profile is good, but which filter was installed cannot be read", declared)
    if not ways:
        return passed(declared, "refused by its filter", (Evidence(found.source, "looked at"),))
    evidence = (Evidence(found.source, f"lets CLONE_NEWUSER through: {', '.join(ways)}"),)
    return failed("it can get every capability in a user namespace of its own", declared, "", evidence)


_WITH_FLAG = SeccompRule("ERRNO", (Condition(0, "MASKED_EQ", 0x10000000, 0x10000000),), 1)
_PLAIN = SeccompRule("ALLOW", (Condition(0, "MASKED_EQ", 0x10000000, 0),))


def _runs(**rules: SeccompRule) -> RuntimeConfig:
    return RuntimeConfig(seccomp=SeccompProfile("ERRNO", rules={name: (one,) for name, one in rules.items()}))


CHECK = Check(
    title="Can create user namespaces",
    severity=Severity.LOW,
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
