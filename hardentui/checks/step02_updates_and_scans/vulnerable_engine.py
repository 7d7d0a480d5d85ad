"""The engine itself has a known hole.

What it checks:
Whether the installed versions of podman, crun, runc, conmon, netavark and passt are older than the versions
that repair known holes, by a table that HardenTUI brings along (its date is shown). Distributions often
repair an old version without changing its number. Then the number proves nothing, and the answer is unknown
until you have looked into the change log of the package.

Why it matters:
Every wall between a container and the host is built by these programs. Several of their holes let a
prepared image, or a process in a container, write to the host or run as root there, whatever else was
hardened: a symbolic link in place of `/dev/null` was enough for one of them.

What may break:
An update of the runtime takes effect when a container is started the next time; running ones keep the old
one. Read the notes of larger version jumps first, and restart containers one after the other.
"""

from __future__ import annotations

from hardentui.model.check import Check, Parameters
from hardentui.model.facts import Unreadable
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    passed,
    unknown,
)
from hardentui.model.host import Advisory, Hole, HostFacts


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.holes, Unreadable):
        return unknown(f"the versions of the engine's programs are not known: {facts.holes.reason}")
    table = f"table of {facts.advisories_dated}" if facts.advisories_dated else "table of known holes"
    sure = [hole for hole in facts.holes if not hole.distribution]
    evidence = tuple(_evidence(hole) for hole in (sure or facts.holes))
    if sure:
        found = ", ".join(sorted({hole.advisory.component for hole in sure}))
        return failed(f"known holes in {found}", table, evidence=evidence)
    if facts.holes:
        ids = ", ".join(sorted({hole.advisory.cve for hole in facts.holes})[:5])
        return unknown(
            f"the versions are older than the repairs of {ids}, but the distribution may have repaired "
            "its packages without a new number: look for these in the change logs",
            table,
            evidence,
        )
    return passed(table)


def _evidence(hole: Hole) -> Evidence:
    advisory = hole.advisory
    fixed = " or ".join(advisory.fixed)
    return Evidence(f"{advisory.component} {hole.installed}", f"{advisory.cve}, repaired in {fixed}")


_RUNC = Advisory(
    component="runc",
    cve="CVE-2025-31133",
    fixed=("1.2.8", "1.3.3"),
    summary="a replaced /dev/null lets a container write to the host's /proc",
    source="project's own advisory",
    published="2025-11-05",
)

CHECK = Check(
    id="vulnerable-engine",
    title="The engine has a known hole",
    step=2,
    severity=Severity.HIGH,
    kind=Kind.HOST,
    doc=__doc__ or "",
    summary="Update the packages of the engine, then restart the containers",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=(HostFacts(holes=(), advisories_dated="2026-01-01"),),
    fails=(HostFacts(holes=(Hole(_RUNC, "1.2.6", distribution=False),)),),
    references=("CIS Docker 1.6 1.2.2", "NIST SP 800-190 4.4.1", "OWASP Docker 0"),
    catalogue="S2-10",
)
