"""The engine itself has a known vulnerability.

What it checks:
Whether the installed versions of the engine's programs (podman, buildah, skopeo, crun, runc, conmon,
netavark, aardvark-dns, passt, containers-common) are older than the versions that fix known vulnerabilities,
according to a table that ships with HardenTUI (its date is shown). Distributions often fix an old version
without changing its number; then the change log of the installed package decides. A vulnerability that the
change log names as fixed is closed. One that it does not name counts as open, at a lower severity: the fix
may go by another name, or the distribution's version may not be affected, which its security tracker says.
If the change log cannot be read, the answer is unknown. Change logs of RPM packages are read with `--deep`.

Why it matters:
These programs build every wall between a container and the host. Several of their vulnerabilities let a
crafted image, or a process in a container, write to the host or run as root there, no matter what else was
hardened: for one of them, a symbolic link in place of `/dev/null` was enough.

What may break:
An updated runtime takes effect the next time a container starts; running containers keep the old one. Read
the release notes before larger version jumps, and restart containers one after another.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import Advisory, OutdatedComponent


def evaluate(facts: HostFacts) -> Verdict:
    table = (
        f"table of {facts.advisories_dated}" if facts.advisories_dated else "table of known vulnerabilities"
    )
    sure = [component for component in facts.outdated if not component.distribution]
    if sure:
        components = ", ".join(sorted({component.advisory.component for component in sure}))
        return failed(
            f"known vulnerabilities in {components}",
            table,
            evidence=tuple(map(_evidence, sure)),
            severity=worst_of(sure),
        )
    unnamed = [component for component in facts.outdated if component.repair == ""]
    unread = [component for component in facts.outdated if isinstance(component.repair, Unread)]
    evidence = tuple(
        map(
            _evidence,
            (
                *unnamed,
                *unread,
                *(component for component in facts.outdated if _is_named(component)),
            ),
        )
    )
    if unnamed:
        named = len(facts.outdated) - len(unnamed) - len(unread)
        closed = f" ({plural(named, 'other is', 'others are')} named as fixed)" if named else ""
        return failed(
            f"the versions are older than the fixes for {_ids(unnamed)}, and the package change logs do "
            f"not name them{closed}",
            table,
            evidence=evidence,
            severity=min(Severity.MEDIUM, worst_of(unnamed)),
            commands=("# look them up in the distribution's security tracker, and update the packages",),
        )
    if unread:
        why = unread[0].repair.reason if isinstance(unread[0].repair, Unread) else ""
        return unknown(
            f"the versions are older than the fixes for {_ids(unread)}; the distribution may have fixed its "
            f"packages without a new version number, and {why}",
            table,
            evidence,
        )
    fixes = plural(len(facts.outdated), "fix", "fixes")
    reason = f"the package change logs name {fixes} that the version numbers do not show"
    return passed(table, evidence=evidence, reason=reason if facts.outdated else "")


def _is_named(component: OutdatedComponent) -> bool:
    return isinstance(component.repair, str) and component.repair != ""


def worst_of(outdated: list[OutdatedComponent]) -> Severity:
    """The severity of the worst of these outdated."""
    return max(Severity.parse(component.advisory.severity) for component in outdated)


def _ids(outdated: list[OutdatedComponent]) -> str:
    ids = sorted({component.advisory.cve for component in outdated})
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"{', '.join(ids[:5])}{more}"


def _evidence(component: OutdatedComponent) -> Evidence:
    advisory = component.advisory
    fixed = " or ".join(advisory.fixed)
    log = (
        f"; its change log: {component.repair}"
        if component.repair and isinstance(component.repair, str)
        else ""
    )
    return Evidence(f"{advisory.component} {component.installed}", f"{advisory.cve}, fixed in {fixed}{log}")


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
    severity=Severity.HIGH,  # a known hole of the engine leads out of every container
    kind=Kind.HOST,
    summary="Update the engine's packages, then restart the containers",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        HostFacts(outdated=(), advisories_dated="2026-01-01"),
        HostFacts(outdated=(OutdatedComponent(_RUNC, "1.1.5+ds1-1+deb12u2", True, "Fix CVE-2025-31133"),)),
    ),
    fails=lambda: (
        HostFacts(outdated=(OutdatedComponent(_RUNC, "1.2.6", distribution=False),)),
        HostFacts(outdated=(OutdatedComponent(_RUNC, "1.1.5+ds1-1+deb12u2", True, ""),)),
    ),
    references=("CIS Docker 1.6 1.2.2", "NIST SP 800-190 4.4.1", "OWASP Docker rule 0"),
    catalogue="S2-10",
)
