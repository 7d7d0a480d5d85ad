"""Sockets that bypass the network namespace: to the hypervisor, or to the kernel's crypto code.

What it checks:
Whether the seccomp filter in force lets the container create sockets of the families AF_VSOCK and AF_ALG, in
every way there is: `socket` with the plain family, `socket` with higher bits set (the kernel looks at the
lower 32 bits, a filter compares 64), and the 32-bit call `socketcall`, whose arguments a filter cannot read:
it is open for all families if a rule allows any, and if the profile covers the 32-bit architecture.

Why it matters:
Network namespaces do not apply to these families. AF_VSOCK leads from a virtual machine to its hypervisor and
to agents that listen there, past every firewall. AF_ALG passes data to the kernel's crypto code, in which
vulnerabilities are found again and again, and which an ordinary service never uses by itself.

What may break:
Programs that use the kernel's crypto (some VPN and disk tools) or talk to the hypervisor (guest agents). The
fix is a custom profile that allows the families that the service needs, with a masked comparison of the lower
32 bits, and leaves out the 32-bit architecture, which ends 32-bit programs.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.seccomp import Condition, RuntimeConfig, SeccompProfile, SeccompRule
from hardentui.reading.seccomp import FAMILIES
from hardentui.reading.system_calls import filter_rules, good_but_not_seen, open_ways_to_family

_RULE = (
    '{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967295, '
    '"valueTwo": FAMILY, "op": "SCMP_CMP_MASKED_EQ"}]}'
)


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    seccomp = filter_rules(facts)
    if isinstance(seccomp, Verdict):
        return seccomp
    ways: dict[str, tuple[str, ...]] = {}
    for name, family in FAMILIES.items():
        answer = open_ways_to_family(seccomp.rules, family)
        if isinstance(answer, Unread):
            return unknown(answer.reason, seccomp.declared)
        if answer:
            ways[name] = answer
    if not ways and not seccomp.in_force:
        return good_but_not_seen(seccomp.declared)
    if not ways:
        return passed(seccomp.declared, "neither AF_ALG nor AF_VSOCK", (Evidence(seccomp.source, "checked"),))
    evidence = tuple(Evidence(seccomp.source, f"{name}: {', '.join(each)}") for name, each in ways.items())
    names = listed(list(ways))
    reason = f"can create sockets of {names}"
    return failed(reason, seccomp.declared, f"the filter allows {names}", evidence, commands=_commands())


def _commands() -> tuple[str, ...]:
    return (
        f"# in the seccomp profile, for each family that is needed (1, 2, 10, 16): {_RULE}",
        "# and without SCMP_ARCH_X86 in its architectures, or with a rule that denies socketcall",
    )


def _runs(*rules: tuple[str, SeccompRule], architectures: tuple[str, ...] = ("X86_64",)) -> RuntimeConfig:
    by_name: dict[str, tuple[SeccompRule, ...]] = {}
    for name, rule in rules:
        by_name[name] = (*by_name.get(name, ()), rule)
    return RuntimeConfig(seccomp=SeccompProfile("ERRNO", None, architectures, by_name))


def _allowed(*conditions: Condition) -> SeccompRule:
    return SeccompRule("ALLOW", conditions)


_INTERNET = ("socket", _allowed(Condition(0, "MASKED_EQ", 0xFFFFFFFF, 2)))
_BOTH = ("X86_64", "X86")
_ALL_BUT_VSOCK = ("socket", _allowed(Condition(0, "NE", 40)))

CHECK = Check(
    title="Unrestricted socket families",
    severity=Severity.LOW,  # kernel code more within reach, by the engine's default
    scope=Kind.SITE,
    summary="Give it a seccomp profile that allows only the socket families it needs",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container(),
        container(runtime=_runs(_INTERNET)),
        container(runtime=_runs(_INTERNET, ("socketcall", SeccompRule("ERRNO", (), 1)), architectures=_BOTH)),
    ),
    fails=lambda: (
        container(runtime=_runs(("socket", _allowed()))),
        container(runtime=_runs(_ALL_BUT_VSOCK)),
        container(runtime=_runs(_INTERNET, architectures=_BOTH)),
        container(runtime=_runs(_INTERNET, ("socketcall", _allowed()), architectures=_BOTH)),
    ),
    references=("CVE-2026-123876", "NIST SP 800-190 4.4.4"),
)
