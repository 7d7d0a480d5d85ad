"""The engine itself has a known hole.

What it checks:
Whether the installed versions of the engine's programs (podman, buildah, skopeo, crun, runc, conmon,
netavark, aardvark-dns, passt, containers-common) are older than the versions that repair known
vulnerabilities, by a table that HardenTUI brings along (its date is shown). Distributions often repair an old
version without changing its number: then the change log of the installed package decides. A vulnerability
whose repair it names is closed. One that it does not name counts as open, at a lower severity: it may have
been repaired under another name, or the distribution may have found that its version does not have it; its
security tracker knows. Where the change log cannot be read, the answer is unknown. Change logs of rpm are
read with `--deep`.

Why it matters:
Every wall between a container and the host is built by these programs. Several of their vulnerabilities let
a prepared image, or a process in a container, write to the host or run as root there, whatever else was
hardened: a symbolic link in place of `/dev/null` was enough for one of them.

What may break:
An update of the runtime takes effect when a container is started the next time; running ones keep the old
one. Read the notes of larger version jumps first, and restart containers one after the other.
"""

from __future__ import annotations

from hardentui.model.check import Check
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.host import Advisory, Hole, HostFacts
from hardentui.model.known import Unreadable
from hardentui.words import plural


def evaluate(facts: HostFacts) -> Verdict:
    if isinstance(facts.holes, Unreadable):
        return unknown(f"the versions of the engine's programs are not known: {facts.holes.reason}")
    table = (
        f"table of {facts.advisories_dated}" if facts.advisories_dated else "table of known vulnerabilities"
    )
    sure = [hole for hole in facts.holes if not hole.distribution]
    if sure:
        found = ", ".join(sorted({hole.advisory.component for hole in sure}))
        return failed(
            f"known vulnerabilities in {found}",
            table,
            evidence=tuple(map(_evidence, sure)),
            severity=worst_of(sure),
        )
    unnamed = [hole for hole in facts.holes if hole.repair == ""]
    unread = [hole for hole in facts.holes if isinstance(hole.repair, Unreadable)]
    evidence = tuple(map(_evidence, (*unnamed, *unread, *(one for one in facts.holes if _is_named(one)))))
    if unnamed:
        named = len(facts.holes) - len(unnamed) - len(unread)
        closed = f" ({plural(named, 'other is', 'others are')} named as repaired)" if named else ""
        return failed(
            f"the versions are older than the repairs of {_ids(unnamed)}, and the change logs of the "
            f"packages do not name them{closed}",
            table,
            evidence=evidence,
            severity=min(Severity.MEDIUM, worst_of(unnamed)),
            commands=("# ask the security tracker of the distribution about them, and update the packages",),
        )
    if unread:
        why = unread[0].repair.reason if isinstance(unread[0].repair, Unreadable) else ""
        return unknown(
            f"the versions are older than the repairs of {_ids(unread)}; the distribution may have repaired "
            f"its packages without a new number, and {why}",
            table,
            evidence,
        )
    repaired = plural(len(facts.holes), "repair")
    reason = f"the change logs of the packages name {repaired} that the versions do not show"
    return passed(table, evidence=evidence, reason=reason if facts.holes else "")


def _is_named(hole: Hole) -> bool:
    return isinstance(hole.repair, str) and hole.repair != ""


def worst_of(holes: list[Hole]) -> Severity:
    """The severity of the worst of these holes."""
    return max(Severity.parse(hole.advisory.severity) for hole in holes)


def _ids(holes: list[Hole]) -> str:
    ids = sorted({hole.advisory.cve for hole in holes})
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"{', '.join(ids[:5])}{more}"


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
    title="Known vulnerability in the engine",
    severity=Severity.HIGH,
    kind=Kind.HOST,
    summary="Update the engine's packages, then restart the containers",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        HostFacts(holes=(), advisories_dated="2026-01-01"),
        HostFacts(holes=(Hole(_RUNC, "1.1.5+ds1-1+deb12u2", True, "Fix CVE-2025-31133"),)),
    ),
    fails=lambda: (
        HostFacts(holes=(Hole(_RUNC, "1.2.6", distribution=False),)),
        HostFacts(holes=(Hole(_RUNC, "1.1.5+ds1-1+deb12u2", True, ""),)),
    ),
    references=("CIS Docker 1.6 1.2.2", "NIST SP 800-190 4.4.1", "OWASP Docker rule 0"),
    catalogue="S2-10",
)
