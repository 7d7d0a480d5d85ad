"""The engine itself has a known hole.

What it checks:
Whether the installed versions of podman, crun, runc, conmon, netavark and passt are older than the versions
that repair known holes, by a table that HardenTUI brings along (its date is shown). Distributions often
repair an old version without changing its number. Then the change log of the installed package decides, as
far as it can: a hole whose repair it names is closed. A hole that it does not name stays unknown: it may be
open, it may have been repaired under another name or in a library that the package is built from, or the
distribution may have found that its version does not have it. Change logs of rpm are read with `--deep`.

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
from hardentui.model.known import Unreadable
from hardentui.words import plural


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.holes, Unreadable):
        return unknown(f"the versions of the engine's programs are not known: {facts.holes.reason}")
    table = f"table of {facts.advisories_dated}" if facts.advisories_dated else "table of known holes"
    sure = [hole for hole in facts.holes if not hole.distribution]
    if sure:
        found = ", ".join(sorted({hole.advisory.component for hole in sure}))
        return failed(f"known holes in {found}", table, evidence=tuple(map(_evidence, sure)))
    evidence = tuple(map(_evidence, facts.holes))
    doubtful = [hole for hole in facts.holes if not hole.repair or isinstance(hole.repair, Unreadable)]
    if doubtful:
        return unknown(_doubt(doubtful, len(facts.holes)), table, evidence)
    repaired = plural(len(facts.holes), "repair")
    reason = f"the change logs of the packages name {repaired} that the versions do not show"
    return passed(table, evidence=evidence, reason=reason if facts.holes else "")


def _doubt(doubtful: list[Hole], all_of_them: int) -> str:
    ids = ", ".join(sorted({hole.advisory.cve for hole in doubtful})[:5])
    more = f" and {len(doubtful) - 5} more" if len(doubtful) > 5 else ""
    unread = [hole.repair.reason for hole in doubtful if isinstance(hole.repair, Unreadable)]
    if unread:
        why = f"the distribution may have repaired its packages without a new number, and {unread[0]}"
    else:
        why = (
            "the change logs of the packages do not name them: they are open, or were repaired under "
            "another name; the security tracker of the distribution knows"
        )
    rest = all_of_them - len(doubtful)
    closed = f" ({plural(rest, 'other is', 'others are')} named as repaired)" if rest else ""
    return f"the versions are older than the repairs of {ids}{more}, and {why}{closed}"


def _evidence(hole: Hole) -> Evidence:
    advisory = hole.advisory
    fixed = " or ".join(advisory.fixed)
    log = f"; its change log: {hole.repair}" if hole.repair and isinstance(hole.repair, str) else ""
    return Evidence(f"{advisory.component} {hole.installed}", f"{advisory.cve}, repaired in {fixed}{log}")


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
    passes=lambda: (
        HostFacts(holes=(), advisories_dated="2026-01-01"),
        HostFacts(holes=(Hole(_RUNC, "1.1.5+ds1-1+deb12u2", True, "Fix CVE-2025-31133"),)),
    ),
    fails=lambda: (HostFacts(holes=(Hole(_RUNC, "1.2.6", distribution=False),)),),
    references=("CIS Docker 1.6 1.2.2", "NIST SP 800-190 4.4.1", "OWASP Docker 0"),
    catalogue="S2-10",
)
