"""Serious vulnerabilities for which a fixed version exists.

What it checks:
Whether the newest scan report of the image lists critical or high vulnerabilities that a newer version of
the package fixes. Vulnerabilities without a fix are left out: there is nothing to install yet. If the
report lists none but is more than a week old, or could not assess all packages, the answer is unknown.

Why it matters:
The description of such a vulnerability is public, and often the exploit is too. Attackers compare the
version that a service reports with the list and go for the rest. The fix already exists: this is the
cheapest security there is.

What may break:
A newer image brings newer versions of more than this one package, so the service may behave differently.
Try it on a twin, and keep the old image until the new one has run for a while.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hardentui.checks.prelude import *
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.reading.scans import evidence, not_clean, report_of


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    report = report_of(facts)
    if isinstance(report, Verdict):
        return report
    serious = tuple(v for v in report.vulnerabilities if v.severity in ("critical", "high") and v.fixed_in)
    unrated = sum(v.severity == "unknown" and bool(v.fixed_in) for v in report.vulnerabilities)
    if not serious and unrated:
        count = plural(unrated, "vulnerability", "vulnerabilities")
        return unknown(f"{count} can be fixed, but {report.scanner} gives no severity", report.scanner)
    if not serious:
        return not_clean(report, facts.now) or passed(
            plural(len(report.vulnerabilities), "known vulnerability", "known vulnerabilities"),
            evidence=evidence(report, ()),
        )
    critical = sum(v.severity == "critical" for v in serious)
    many = len(serious) >= parameters.integer("critical_from")
    severity = Severity.HIGH if critical or many else Severity.MEDIUM
    reason = f"{critical} critical and {len(serious) - critical} high vulnerabilities have a fix"
    return failed(reason, report.scanner, evidence=evidence(report, serious), severity=severity)


_DAY = datetime(2025, 12, 31, tzinfo=UTC)


def _image(*vulnerabilities: Vulnerability) -> ImageFacts:
    return image(scan=ScanReport("trivy", _DAY, _DAY, vulnerabilities))


CHECK = Check(
    title="Serious vulnerabilities with a fix available",
    severity=Severity.HIGH,  # an exploit is one ordinary step away; an update closes it
    scope=Kind.IMAGE,
    summary="Pull or rebuild the fixed image and recreate the container",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"critical_from": 20},
    passes=lambda: (
        container(image=_image()),
        container(image=_image(Vulnerability("CVE-2025-0001", "zlib", "high"))),
        container(image=_image(Vulnerability("CVE-2025-0002", "zlib", "low", "1.3.2"))),
    ),
    fails=lambda: (
        container(image=_image(Vulnerability("CVE-2025-0003", "openssl", "high", "3.0.18"))),
        container(image=_image(Vulnerability("CVE-2025-0004", "openssl", "critical", "3.0.18"))),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
    catalogue="S2-02",
)
