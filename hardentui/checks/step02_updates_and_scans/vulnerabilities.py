"""Known vulnerabilities, as a scanner reports them."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

from hardentui.checks.prelude import *
from hardentui.model.image import NeverScanned, ScanReport, Vulnerability
from hardentui.reading.images import evidence as scan_evidence
from hardentui.reading.images import filtered, image_of, not_clean, report_of
from hardentui.words import own_command

_HOLE = Vulnerability(
    "CVE-2021-44228",
    "log4j-core",
    "critical",
    "2.17.1",
    exploited=True,
)


@Check(
    gives=Gain.ENTRY.at_once,  # attackers use it today: getting in needs no skill
    scope=Kind.IMAGE,
    summary="Stop or isolate the container, look for traces of an attack and move to a fixed image",
    passes=lambda: (
        container(image=_exploited()),
        container(
            image=_exploited(
                Vulnerability(
                    "CVE-2025-0001",
                    "zlib",
                    "critical",
                    "1.3.2",
                )
            )
        ),
    ),
    fails=lambda: (container(image=_exploited(_HOLE)),),
    references=("NIST SP 800-190 4.1.1",),
)
def exploited_vulnerabilities(facts: ContainerFacts) -> Verdict:
    """Actively exploited vulnerability in image.

    What it checks:
    Whether the newest scan report of the image lists a vulnerability that is on a list of exploited
    ones (such as CISA's KEV catalogue). If the report was not compared with such a list, or is
    empty and more than a week old, the answer is unknown.

    Why it matters:
    Only a small part of all published vulnerabilities is ever exploited, and these are the ones.
    Someone has a working exploit and uses it on everything within reach. The question is no longer
    whether it could be used against you, but whether it already was.

    What may break:
    The update may change the service. If there is no fix yet, take the container off the network
    until there is one, and look for traces of an attack before you start it again.
    """
    report = report_of(facts)
    exploited = tuple(v for v in report.vulnerabilities if v.exploited)
    if exploited:
        reason = (
            f"{plural(len(exploited), 'vulnerability', 'vulnerabilities')} known to be exploited"
            f"{_filter_words(report)}"
        )
        commands = (
            f"podman stop {shlex.quote(facts.name)}",
            "# get the fixed image, then start the container again",
        )
        return failed(
            reason, report.scanner, evidence=scan_evidence(report, exploited), commands=commands
        )
    if report.exploited_list is None:
        return unknown(
            "the report was not compared with a list of exploited vulnerabilities", report.scanner
        )
    doubt = not_clean(report, facts)
    return doubt or passed(
        f"compared with the list of {report.exploited_list:%Y-%m-%d}",
        evidence=scan_evidence(report, ()),
    )


_DAY = datetime(
    2025,
    12,
    31,
    tzinfo=UTC,
)


def _exploited(*vulnerabilities: Vulnerability) -> ImageFacts:
    return image(
        scan=ScanReport(
            "trivy",
            _DAY,
            _DAY,
            vulnerabilities,
            exploited_list=_DAY,
        )
    )


@Check(
    gives=Gain.ENTRY.after(1),  # an exploit is one ordinary step away; an update closes it
    scope=Kind.IMAGE,
    summary="Pull or rebuild the fixed image and recreate the container",
    parameters={"critical_from": 20},
    passes=lambda: (
        container(image=_vulnerable()),
        container(image=_vulnerable(Vulnerability("CVE-2025-0001", "zlib", "high"))),
        container(
            image=_vulnerable(
                Vulnerability(
                    "CVE-2025-0002",
                    "zlib",
                    "low",
                    "1.3.2",
                )
            )
        ),
    ),
    fails=lambda: (
        container(
            image=_vulnerable(
                Vulnerability(
                    "CVE-2025-0003",
                    "openssl",
                    "high",
                    "3.0.18",
                )
            )
        ),
        container(
            image=_vulnerable(
                Vulnerability(
                    "CVE-2025-0004",
                    "openssl",
                    "critical",
                    "3.0.18",
                )
            )
        ),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
)
def fixable_vulnerabilities(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Serious vulnerabilities with a fix available.

    What it checks:
    Whether the newest scan report of the image lists critical or high vulnerabilities that a newer
    version of the package fixes. Vulnerabilities without a fix are left out: there is nothing to
    install yet. If the report lists none but is more than a week old, or could not assess all
    packages, the answer is unknown.

    Why it matters:
    The description of such a vulnerability is public, and often the exploit is too. Attackers
    compare the version that a service reports with the list and go for the rest. The fix already
    exists: this is the cheapest security there is.

    What may break:
    A newer image brings newer versions of more than this one package, so the service may behave
    differently. Try it on a twin, and keep the old image until the new one has run for a while.
    """
    report = report_of(facts)
    serious = tuple(
        v for v in report.vulnerabilities if v.severity in ("critical", "high") and v.fixed_in
    )
    unrated = sum(v.severity == "unknown" and bool(v.fixed_in) for v in report.vulnerabilities)
    if not serious and unrated:
        count = plural(unrated, "vulnerability", "vulnerabilities")
        return unknown(
            f"{count} can be fixed, but {report.scanner} gives no severity", report.scanner
        )
    if not serious:
        return not_clean(report, facts, unfixed=False) or passed(
            plural(
                len(report.vulnerabilities),
                "known vulnerability",
                "known vulnerabilities",
            ),
            evidence=scan_evidence(report, ()),
        )
    critical = sum(v.severity == "critical" for v in serious)
    many = len(serious) >= parameters.integer("critical_from")
    counts = [f"{critical} critical"] * bool(critical) + [f"{len(serious) - critical} high"] * (
        len(serious) > critical
    )
    have = "vulnerability has" if len(serious) == 1 else "vulnerabilities have"
    reason = f"{' and '.join(counts)} {have} a fix{_filter_words(report)}"
    return failed(
        reason,
        report.scanner,
        evidence=scan_evidence(report, serious),
        gives=None if critical or many else Gain.ENTRY.after(2),
    )


def _vulnerable(*vulnerabilities: Vulnerability) -> ImageFacts:
    return image(
        scan=ScanReport(
            "trivy",
            _DAY,
            _DAY,
            vulnerabilities,
        )
    )


_OLD = datetime(
    2025,
    11,
    1,
    tzinfo=UTC,
)


@Check(
    gives=Gain.ENTRY.after(2),  # a layer of watching is missing; nothing is known to be open
    scope=Kind.SITE,
    summary="Scan the image now and every week",
    risk=Risk.SAFE,
    parameters={"days": 7},
    passes=lambda: (container(image=_scanned(ScanReport("trivy", _DAY, _DAY))),),
    fails=lambda: (
        container(image=_scanned(NeverScanned())),
        container(image=_scanned(ScanReport("trivy", _OLD, _OLD))),
        container(image=_scanned(ScanReport("trivy", _DAY, _OLD))),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1", "OWASP Docker rule 9"),
)
def missing_vulnerability_scan(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No vulnerability scan of the image.

    What it checks:
    Whether there is a stored scan report for exactly this image (by its ID, not by its name), and
    whether the report and the scanner's database are newer than the parameter `days`.

    Why it matters:
    Every image ages: the same bytes that were clean last month have a dozen known vulnerabilities
    today, because new ones are published every day. Attackers read the same lists and have exploits
    ready. A report for the name proves nothing, because the next pull can move the name to another
    image.

    `hardentui images NAME --scan` runs Trivy or Grype, if installed, and stores the report in
    `~/.local/state/hardentui/scans/IMAGE_ID.json`; `hardentui images --import FILE` imports a
    report from Trivy, Grype, Quay or Clair.

    What may break:
    Nothing. A scan reads the image and does not run it. It takes a minute, and network access to
    update the database.
    """
    image = image_of(facts)
    report = image.scan
    commands = _scan(image)
    if isinstance(report, NeverScanned):
        return failed(
            "the image was never scanned",
            "no report",
            commands=commands,
        )
    days = timedelta(days=parameters.integer("days"))
    evidence = scan_evidence(report, ())
    if facts.now - report.scanned > days:
        age = (facts.now - report.scanned).days
        return failed(
            f"the report is {age} days old", report.scanner, evidence=evidence, commands=commands
        )
    if report.database and facts.now - report.database > days:
        age = (facts.now - report.database).days
        return failed(
            f"the scanner's database was {age} days old", report.scanner, evidence=evidence
        )
    left_out = filtered(report)
    return passed(
        report.scanner,
        evidence=evidence,
        reason=f"the report is filtered: {left_out}" if left_out else "",
    )


def _filter_words(report: ScanReport) -> str:
    left_out = filtered(report)
    return f" (the report is filtered: {left_out})" if left_out else ""


def _scan(image: ImageFacts) -> tuple[str, ...]:
    """Scan the image here, or import a report that was made elsewhere."""
    name = shlex.quote(image.id.removeprefix("sha256:")[:12])
    found_with = image.engine.found_with
    importing = own_command(
        found_with,
        "images",
        "--import",
        "FILE",
    )
    return (
        own_command(
            found_with,
            "images",
            name,
            "--scan",
        ),
        f"# or import a report from Trivy, Grype, Quay or Clair: {importing}",
    )


def _scanned(scan: ScanReport | NeverScanned) -> ImageFacts:
    return image(scan=scan)
