"""Nothing on the host detects attacks while they happen.

What it checks:
Whether a program is running that sees what processes do and can raise an alarm: Falco, Tetragon, Tracee,
osquery, KubeArmor and others, on the host or in a container, or auditd with rules loaded in the kernel. One
that is installed but not running sees nothing.

Why it matters:
Everything else in this list makes an attack harder. This one tells you that it is happening: a shell in a web
server, a program that was not in the image, a connection to an address that the service never calls. Without
a sensor, the first sign is often a letter from somebody else.

What may break:
A sensor costs CPU time and sees everything on the host, so it is a target itself: keep it up to date. Rules
that cry wolf are turned off after a week; start with a few.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known


def evaluate(facts: HostFacts) -> Verdict:
    installed, running = facts.detectors, known(lambda: facts.running_sensors)
    if isinstance(running, Unread):
        if installed:
            return unknown(
                f"{', '.join(installed)} is installed; whether it runs is not known: {running.reason}"
            )
        running = ()
    sensors = [name for name in running if name != "auditd"]
    if sensors:
        return passed(", ".join(sensors), evidence=(Evidence("processes", f"{', '.join(sensors)} running"),))
    if "auditd" in running:
        return _auditd(facts)
    if installed:
        return failed(
            f"{', '.join(installed)} is installed but not running",
            ", ".join(installed),
            "not running",
            commands=tuple(f"systemctl enable --now {name}" for name in installed),
        )
    return failed("no runtime sensor is installed", "none", commands=("# for example: apt install auditd",))


def _auditd(facts: HostFacts) -> Verdict:
    loaded = known(lambda: facts.audit_loaded, else_=None)
    loaded = facts.audit_rules if loaded is None else loaded
    rules = [rule for rule in loaded if _watches(rule)]
    evidence = (Evidence("audit rules", f"{plural(len(rules), 'rule')} that record something"),)
    if rules:
        return passed("auditd with rules", "running", evidence)
    return failed("auditd is running, but no rule records anything", "auditd", "running", evidence)


def _watches(rule: str) -> bool:
    """Whether a line records something; settings and comments do not."""
    return rule.strip().startswith(("-w ", "-a "))


CHECK = Check(
    title="No runtime threat detection",
    severity=Severity.LOW,  # a layer of watching more
    kind=Kind.HOST,
    summary="Install and start a runtime sensor, or give auditd rules of its own",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        HostFacts(detectors=("falco",), running_sensors=("falco",)),
        HostFacts(detectors=(), running_sensors=("tetragon",)),
        HostFacts(
            detectors=("auditd",),
            running_sensors=("auditd",),
            audit_loaded=("-w /etc/containers -p wa -k containers",),
        ),
    ),
    fails=lambda: (
        HostFacts(detectors=(), running_sensors=()),
        HostFacts(detectors=("falco",), running_sensors=()),
        HostFacts(
            detectors=("auditd",),
            running_sensors=("auditd",),
            audit_rules=("-D", "-b 8192", "# -w /etc/passwd"),
        ),
    ),
    references=("NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
    catalogue="S7-13",
)
