"""The device filter allows whole classes of devices.

What it checks:
Rules set with `--device-cgroup-rule` that open every device, every device of a type, or every disk of a
driver for reading or writing, and privileged mode, which turns the filter off. A rule that only allows
creating nodes (`m`) is what Podman grants anyway. Rootless containers have no device filter: there, the
permissions of the device files decide.

Why it matters:
The filter is what makes MKNOD harmless: a device file can be created, but not opened. With a rule such as
`b *:* rwm`, a process creates a file for the host's disk and reads or writes it block by block, past all
permissions.

What may break:
Devices plugged in later that the rule was meant for (USB serial ports, cameras). Use the major number of that
one driver instead of `*`.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext
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
from hardentui.model.spec import Spec
from hardentui.options import DEVICE_CGROUP_RULE, PRIVILEGED
from hardentui.reading.containers import listed, without_cgroup


def evaluate(facts: ContainerFacts) -> Verdict:
    if facts.engine.rootless is True:
        return not_applicable("rootless containers have no device filter")
    if without_cgroup(facts):
        return not_applicable("no cgroup, and so no device filter (see disabled-cgroups)")
    if facts.spec[PRIVILEGED]:
        shown = (Evidence("HostConfig.Privileged", "true"),)
        return failed("privileged mode turns the device filter off", "privileged", evidence=shown)
    rules = facts.spec[DEVICE_CGROUP_RULE]
    bad = tuple(rule for rule in rules if _is_open(rule))
    if bad:
        evidence = tuple(Evidence("--device-cgroup-rule", rule) for rule in bad)
        return failed(f"whole classes of devices are open: {listed(bad)}", listed(rules), "", evidence)
    if DEVICE_CGROUP_RULE in facts.spec.unknowable:
        return unknown("the engine does not show device rules, and the create command is not known")
    return passed(listed(rules) or "no added rules")


def _is_open(rule: str) -> bool:
    """`b *:* rwm`, `a`, `b 8:* rw`: more than one driver, or all disks of one."""
    words = rule.split()
    if not words:
        return False
    kind = words[0]
    major, _, minor = (words[1] if len(words) > 1 else "*:*").partition(":")
    access = words[2] if len(words) > 2 else "rwm"
    if not set(access) & {"r", "w"}:
        return False
    return major == "*" or kind == "a" or (kind == "b" and minor == "*")


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED]:
        raise CannotFix(
            "privileged mode turns the device filter off",
            "Fix both at once (add --check privileged).",
        )
    return spec.with_(
        DEVICE_CGROUP_RULE, tuple(rule for rule in spec[DEVICE_CGROUP_RULE] if not _is_open(rule))
    )


CHECK = Check(
    title="Device cgroup allows whole device classes",
    severity=Severity.HIGH,
    summary="Remove the rules that allow whole device classes",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((DEVICE_CGROUP_RULE, ("c *:* m", "c 188:* rw", "b 8:1 r"))),
        container((PRIVILEGED, True), engine=rootless()),
    ),
    fails=lambda: (
        container((DEVICE_CGROUP_RULE, ("b *:* rwm", "c 188:* rw"))),
        container((DEVICE_CGROUP_RULE, ("a",))),
        container((DEVICE_CGROUP_RULE, ("b 8:* r",))),
        container((PRIVILEGED, True)),
    ),
    references=("CIS Docker 1.6 5.18",),
    catalogue="S8-09",
)
