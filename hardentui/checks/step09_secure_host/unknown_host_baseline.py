"""Nobody has scanned the host itself, or a host profile breaks rootless containers.

What it checks:
Whether there is a Lynis or OpenSCAP report in the places where these tools leave it, or an imported one
(`hardentui check host --import FILE`), not older than 90 days (parameter `days`). And whether
`user.max_user_namespaces` is 0 while accounts run rootless containers: some hardening profiles require it,
and it makes rootless Podman impossible.

Why it matters:
HardenTUI looks at what containers need from the host. Open services, weak logins and missing host updates are
found by tools made for that, and a container is never safer than the host below it. User namespaces keep root
in a container from being root outside: disabling them removes a layer of defence, so container hosts need a
recorded exception from such a rule.

What may break:
A scan only reads. With user namespaces allowed again, local accounts can reach more of the kernel: keep the
kernel up to date.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import BaselineReport, User
from hardentui.model.known import known

_DAY = 86_400
_REPORT = "/var/log/lynis-report.dat"
_JANUARY = 1_767_225_600.0  # 2026-01-01, the date of the example facts


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    off = facts.sysctls.get("user.max_user_namespaces") == "0"
    rootless = [user.name for user in facts.users if user.rootless] if off else []
    if rootless:
        return failed(
            f"user namespaces are disabled, although {', '.join(rootless)} run rootless containers",
            effective="user.max_user_namespaces=0",
            evidence=(Evidence("user.max_user_namespaces", "0"),),
            commands=(
                "# /etc/sysctl.d/91-user-namespaces.conf, with a recorded exception",
                "user.max_user_namespaces = 15000",
            ),
        )
    baselines = facts.baselines
    baselines = (*baselines, *_imported(facts))
    commands = ("lynis audit system",)
    if not baselines:
        return failed("no Lynis or OpenSCAP report found", "none", commands=commands)
    newest = max(baselines, key=lambda report: report.modified)
    age = int((facts.now.timestamp() - newest.modified) // _DAY)
    evidence = (Evidence(newest.path, f"{newest.tool}, {age} days old"),)
    if age > parameters.integer("days"):
        return failed(
            f"the newest report is {age} days old", newest.tool, evidence=evidence, commands=commands
        )
    return passed(f"{newest.tool}, {age} days old", evidence=evidence)


def _imported(facts: HostFacts) -> tuple[BaselineReport, ...]:
    """Imported results count as well, if any rule was evaluated."""
    scans = known(lambda: facts.host_scans, else_=())
    return tuple(
        BaselineReport(scan.tool, scan.source, scan.finished)
        for scan in scans
        if scan.finished is not None and not scan.checked_nothing
    )


CHECK = Check(
    title="No recent host security scan",
    severity=Severity.LOW,  # nothing is known to be wrong
    kind=Kind.HOST,
    summary="Scan the host with Lynis or OpenSCAP and keep the report",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (host(baselines=(BaselineReport("lynis", _REPORT, _JANUARY - 10 * _DAY),)),),
    fails=lambda: (
        host(baselines=()),
        host(baselines=(BaselineReport("lynis", _REPORT, _JANUARY - 200 * _DAY),)),
        host(
            baselines=(BaselineReport("lynis", _REPORT, _JANUARY),),
            users=(User("anna", 1000, rootless=True),),
            sysctls={"user.max_user_namespaces": "0"},
        ),
    ),
    references=(
        "CIS Docker 1.6 1.2.1",
        "NIST SP 800-190 4.5.1",
        "SSG sysctl_user_max_user_namespaces (OL08-00-040284)",
    ),
    catalogue="S9-13",
    parameters={"days": 90},
)
