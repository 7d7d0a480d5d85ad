"""Nothing on the host watches for attacks while they happen.

What it checks:
Whether a program is installed that sees what processes do and can raise an alarm: Falco, Tetragon, Tracee,
or auditd with rules of its own.

Why it matters:
Everything else on this list makes an attack harder. This one tells you that it is happening: a shell in a
web server, a program that was not in the image, a connection to an address that the service never calls.
Without a sensor, the first sign is often a letter from somebody else.

What may break:
A sensor costs processor time and sees everything on the host, so it is a target itself: keep it up to date.
Rules that cry wolf are switched off after a week; begin with few.
"""

from __future__ import annotations

from hardentui.model.check import Check, Parameters
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.host import HostFacts
from hardentui.model.known import Unreadable
from hardentui.words import plural


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.detectors, Unreadable):
        return unknown(f"whether a sensor is installed is not known: {facts.detectors.reason}")
    sensors = [name for name in facts.detectors if name != "auditd"]
    if sensors:
        return passed(", ".join(sensors), evidence=(Evidence("installed programs", ", ".join(sensors)),))
    if "auditd" not in facts.detectors:
        return failed(
            "no runtime sensor is installed", "none", commands=("# for example: apt install auditd",)
        )
    if isinstance(facts.audit_rules, Unreadable):
        return unknown(f"auditd is installed, but its rules are not known: {facts.audit_rules.reason}")
    rules = [rule for rule in facts.audit_rules if _watches(rule)]
    evidence = (Evidence("/etc/audit/rules.d", f"{plural(len(rules), 'rule')} to record something"),)
    if rules:
        return passed("auditd with rules", evidence=evidence)
    return failed("auditd is installed, but no rule records anything", "auditd", evidence=evidence)


def _watches(rule: str) -> bool:
    """A line that records something; settings and comments do not."""
    return rule.strip().startswith(("-w ", "-a "))


CHECK = Check(
    id="no-runtime-sensor",
    title="Nothing watches for attacks while they happen",
    step=7,
    severity=Severity.LOW,
    kind=Kind.HOST,
    doc=__doc__ or "",
    summary="Install a runtime sensor, or give auditd rules of its own",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        HostFacts(detectors=("falco",)),
        HostFacts(detectors=("auditd",), audit_rules=("-w /etc/containers -p wa -k containers",)),
    ),
    fails=lambda: (
        HostFacts(detectors=()),
        HostFacts(detectors=("auditd",), audit_rules=("-D", "-b 8192", "# -w /etc/passwd -p wa")),
    ),
    references=("NIST SP 800-190 4.4.4", "OWASP Docker 6"),
    catalogue="S7-13",
)
