"""A report from which something was left out says so, and is never a clean image.

Shapes: Trivy 0.74 with `--show-suppressed`; Grype's `descriptor.configuration` and
`ignoredMatches` of 0.9x to 0.11x, with its own rules about kernel headers.
"""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from hardentui.checks.prelude import container
from hardentui.features.images.page import scan_word
from hardentui.lib.image import ImageInventory, Package
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Status
from hardentui.model.image import FilterKind, ScanReport
from hardentui.model.known import Unread
from hardentui.scanners.stored import as_document, parse_report
from tests.support.judging import judge
from tests.unit.scanners.recorded import DIGEST, GRYPE, QUAY, TRIVY, trivy_about

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KERNEL_HEADERS = {
    "vulnerability": "",
    "fix-state": "",
    "package": {"name": "linux-libc-dev", "type": "deb", "upstream-name": "linux"},
    "vex-status": "",
    "match-type": "exact-indirect-match",
}
OUR_RULE = {"vulnerability": "CVE-2019-14697", "reason": "not reachable", "match-type": ""}
VEX_RULE = {"vulnerability": "", "vex-status": "not_affected", "match-type": ""}


def _report(document: Any) -> ScanReport:
    report = parse_report(document, NOW)
    assert isinstance(report, ScanReport), report
    return report


def _kinds(document: Any) -> list[FilterKind]:
    return [each.kind for each in _report(document).filters]


def _trivy(*lines: dict[str, Any], suppressed: tuple[dict[str, Any], ...] = ()) -> Any:
    """Trivy's report of a Debian with libc6 and these vulnerabilities."""
    document = deepcopy(trivy_about("debian"))
    (system,) = (each for each in document["Results"] if each["Class"] == "os-pkgs")
    assert "libc6" in {package["Name"] for package in system["Packages"]}
    system["Vulnerabilities"] = list(lines)
    system["ExperimentalModifiedFindings"] = list(suppressed)
    return document


def _hole(severity: str, fixed: str = "", number: int = 1) -> dict[str, Any]:
    return {
        "VulnerabilityID": f"CVE-2026-{number:04}",
        "PkgName": "libc6",
        "InstalledVersion": "2.41-12",
        "FixedVersion": fixed,
        "Severity": severity,
    }


def _suppressed(status: str, source: str) -> dict[str, Any]:
    return {
        "Type": "vulnerability",
        "Status": status,
        "Source": source,
        "Finding": _hole("CRITICAL", "2.42"),
    }


def _grype(configuration: dict[str, Any], *applied: list[dict[str, Any]]) -> Any:
    document = deepcopy(GRYPE)
    document["descriptor"]["configuration"] = {"ignore": [KERNEL_HEADERS], **configuration}
    document["matches"] = []
    document["ignoredMatches"] = [
        {**GRYPE["matches"][0], "appliedIgnoreRules": rules} for rules in applied
    ]
    return document


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        (_trivy(_hole("LOW"), _hole("HIGH", "2.42", 2)), []),
        (_trivy(_hole("HIGH"), _hole("CRITICAL", "2.42", 2)), [FilterKind.SEVERITY]),
        (_trivy(_hole("LOW", "2.42"), _hole("HIGH", "2.42", 2)), [FilterKind.UNFIXED]),
        (_trivy(_hole("HIGH", "2.42")), [FilterKind.UNFIXED, FilterKind.SEVERITY]),
        (_trivy(), [FilterKind.SEVERITY]),
        (
            _trivy(_hole("LOW"), suppressed=(_suppressed("ignored", ".trivyignore"),)),
            [FilterKind.RULES],
        ),
        (
            _trivy(_hole("LOW"), suppressed=(_suppressed("not_affected", "my.vex"),)),
            [FilterKind.RULES],
        ),
        (TRIVY, []),
        (_grype({}), []),
        (_grype({}, [KERNEL_HEADERS]), []),
        (_grype({}, [{"reason": "Explicit APK NAK", "vulnerability": "CVE-1"}]), []),
        (_grype({"only-fixed": True}), [FilterKind.UNFIXED]),
        (_grype({"only-fixed": True}, [{"fix-state": "wont-fix"}]), [FilterKind.UNFIXED]),
        (_grype({"ignore-wontfix": "wont-fix"}), [FilterKind.UNFIXED]),
        (_grype({"only-notfixed": True}), [FilterKind.SEVERITY]),
        (_grype({"exclude": ["/usr/**"]}), [FilterKind.RULES]),
        (_grype({"ignore": [KERNEL_HEADERS, OUR_RULE]}, [OUR_RULE]), [FilterKind.RULES]),
        (_grype({}, [VEX_RULE], [KERNEL_HEADERS]), [FilterKind.RULES]),
        (GRYPE, []),
    ],
)
def test_a_report_says_what_was_left_out(document: Any, kinds: list[FilterKind]) -> None:
    assert _kinds(document) == kinds
    assert _report(as_document(_report(document))) == _report(document), "stored and read again"


def _facts(document: Any) -> Any:
    inside = ImageInventory(installed=(Package("libc6", "2.41-12", "deb"),))
    return container(image=ImageFacts("1" * 64, scan=_report(document), inventory=inside), now=NOW)


@pytest.mark.parametrize(
    "document",
    [
        _trivy(),
        _trivy(suppressed=(_suppressed("ignored", ".trivyignore"),)),
        _grype({}, [VEX_RULE]),
        _grype({"exclude": ["/usr/**"]}),
    ],
)
def test_a_filtered_report_without_findings_is_no_clean_image(document: Any) -> None:
    facts = _facts(document)
    for check in ("fixable-vulnerabilities", "exploited-vulnerabilities"):
        verdict = judge(check, facts)
        assert verdict.status is Status.UNKNOWN, check
    assert "the report is filtered: " in judge("fixable-vulnerabilities", facts).reason
    assert "filtered" in judge("missing-vulnerability-scan", facts).reason
    assert scan_word(facts.image).startswith("filtered")


def test_what_has_no_fix_does_not_matter_to_what_can_be_fixed() -> None:
    facts = _facts(_grype({"only-fixed": True}))
    assert judge("fixable-vulnerabilities", facts).status is Status.PASS
    assert judge("exploited-vulnerabilities", facts).status is Status.UNKNOWN


def test_a_finding_of_a_filtered_report_says_that_there_may_be_more() -> None:
    verdict = judge("fixable-vulnerabilities", _facts(_trivy(_hole("HIGH", "2.42"))))
    assert verdict.status is Status.FAIL
    assert "(the report is filtered: what has no fix is left out" in verdict.reason
    assert any("filtered" in item.where for item in verdict.evidence)


@pytest.mark.parametrize("kind", ["secret", "config", "license", "license-file", "custom", ""])
@pytest.mark.parametrize("listed", [True, False])
def test_a_result_that_compares_no_packages_is_no_scan(kind: str, listed: bool) -> None:
    document = trivy_about("debian")
    packages = {"Packages": [{"Name": "libc6"}]} if listed else {}
    bare = {**document, "Results": [{"Target": "x", "Class": kind, **packages}]}
    answer = parse_report(bare, NOW)
    assert isinstance(answer, Unread)
    assert "compared nothing in the image" in answer.reason


def test_an_answer_of_quay_without_its_vulnerabilities_is_no_scan() -> None:
    document = deepcopy(QUAY)
    for feature in document["data"]["Layer"]["Features"]:
        feature.pop("Vulnerabilities", None)
    answer = parse_report(document, NOW)
    assert isinstance(answer, Unread)
    assert "vulnerabilities=true" in answer.reason
    assert DIGEST in str(document)
