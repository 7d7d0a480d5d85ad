"""Reports of every scanner in one shape; what they could not judge is never clean."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks.prelude import container
from hardentui.errors import InputError
from hardentui.lib.image import ImageInventory, Package
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Status
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.model.known import Unread
from hardentui.scanners import trivy
from hardentui.scanners.stored import parse_report, subject_of
from tests.support.judging import PASS, UNKNOWN, judge, status_of
from tests.unit.scanners.recorded import (
    CLAIR,
    DIGEST,
    GRYPE,
    ID,
    QUAY,
    TRIVY,
    TRIVY_BARE,
    TRIVY_VERSION,
    grype_alert,
    trivy_about,
    trivy_of,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOTHING = "compared nothing in the image: it"
NO_DATA = f"Trivy {NOTHING} has no data on"
UNKNOWN_SYSTEM = f"Trivy {NOTHING} recognised no distribution"
NO_PACKAGES = f"{NOTHING} found no packages that it knows"
UNRELEASED = "which is not released yet"
ONLY_LANGUAGES = (
    "no distribution was recognised, so only packages of programming languages were compared"
)


def report(document: Any) -> ScanReport:
    result = parse_report(document, NOW)
    assert isinstance(result, ScanReport)
    return result


def test_trivy_tells_versions_and_what_it_could_not_judge() -> None:
    result = report(TRIVY)
    assert result.vulnerabilities == (
        Vulnerability(
            "CVE-2019-14697",
            "musl",
            "critical",
            "1.1.20-r5",
            installed="1.1.20-r4",
        ),
        Vulnerability(
            "CVE-2019-14697", "musl-utils", "critical", "1.1.20-r5", installed="1.1.20-r4"
        ),
    )
    assert result.gaps == (
        "alpine 3.9.4 is past its end of support, so its vulnerabilities are no longer published",
    )
    unknown_system = deepcopy(TRIVY)
    unknown_system["Metadata"]["OS"] = {"Family": "openEuler", "Name": "24.03"}
    unknown_system["Results"] = trivy_about("gentoo with python")["Results"]
    assert report(unknown_system).gaps == ("the packages of openEuler 24.03 were not compared",)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (TRIVY_BARE, UNKNOWN_SYSTEM),
        ({**TRIVY_BARE, "Results": None}, UNKNOWN_SYSTEM),
        (
            {**TRIVY, "Results": []},
            f"Trivy {NO_PACKAGES} in alpine 3.9.4",
        ),
        (
            trivy_of("debian", "forky/sid"),
            f"{NO_DATA} debian forky/sid, {UNRELEASED}",
        ),
        (
            trivy_of("alpine", "3.25.0_alpha"),
            f"{NO_DATA} alpine 3.25.0_alpha, {UNRELEASED}",
        ),
        (
            {
                **GRYPE,
                "matches": [],
                "distro": {"name": "", "version": "", "idLike": None},
            },
            f"Grype {NOTHING} recognised no distribution and no vulnerable package",
        ),
        (
            {**CLAIR, "packages": {}, "package_vulnerabilities": {}},
            f"Clair {NO_PACKAGES}",
        ),
        (
            {
                "status": "scanned",
                "data": {"Layer": {"Name": DIGEST, "Features": None}},
            },
            f"Quay {NO_PACKAGES}",
        ),
    ],
)
def test_a_report_of_a_scanner_that_compared_nothing_is_no_scan(
    document: Any,
    why: str,
) -> None:
    assert parse_report(document, NOW) == Unread(why)


def test_a_debian_in_which_nothing_is_found_at_all_was_not_compared() -> None:
    with pytest.raises(
        InputError,
        match="no data on debian 15: even libc6, which always has some",
    ):
        trivy.parse(trivy_of("debian", "15"), NOW, listed=True)
    assert (
        trivy.parse(trivy_of("debian", "15"), NOW).gaps == ()
    )  # one of another may leave out what has no fix


@pytest.mark.parametrize(
    ("document", "gaps"),
    [
        (trivy_about("debian"), ()),
        (trivy_about("gentoo with python"), (ONLY_LANGUAGES,)),
        ({**GRYPE, "matches": []}, ()),
        (
            {**GRYPE, "alertsByPackage": grype_alert("distro-eol")},
            ("debian is past its end of support, so its vulnerabilities are no longer published",),
        ),
        (
            {
                **GRYPE,
                "alertsByPackage": grype_alert("distro-unknown"),
            },
            ("Grype has no data on this release of debian",),
        ),
        (
            {**GRYPE, "distro": {"name": "", "version": ""}},
            (ONLY_LANGUAGES,),
        ),
        (
            {
                **GRYPE,
                "matches": [],
                "distro": {"name": "gentoo", "version": "2.15"},
            },
            (
                (
                    "the packages of gentoo were perhaps not compared: Grype is not known to have "
                    "data on them"
                ),
            ),
        ),
        ({**CLAIR, "distributions": {}}, (ONLY_LANGUAGES,)),
    ],
)
def test_what_a_scanner_did_not_compare_is_a_gap(
    document: Any,
    gaps: tuple[str, ...],
) -> None:
    assert report(document).gaps == gaps


def test_a_list_of_packages_that_is_empty_is_told_from_one_that_is_not_there() -> None:
    empty = trivy_about("debian without packages")
    answers = {
        "image": json.dumps(empty),
        "version": json.dumps(TRIVY_VERSION),
    }
    scanned = trivy.scan(
        "x.tar",
        lambda arguments, *_: answers[arguments[1]],
        offline=True,
    )
    assert scanned == Unread(f"Trivy {NO_PACKAGES} in debian 12.1")
    assert report(empty).gaps == ()  # a report made without --list-all-pkgs does not tell


def test_grype_tells_what_is_exploited_and_the_date_of_its_database() -> None:
    result = report(GRYPE)
    assert result.database == result.exploited_list == datetime(2026, 11, 22, tzinfo=UTC)
    assert result.vulnerabilities == (
        Vulnerability(
            "CVE-1999-0002",
            "package-2",
            "critical",
            "1.2.1, 2.1.3",
            True,
            "2.2.2",
        ),
    )


def test_reports_of_clair_and_quay_are_read() -> None:
    assert report(CLAIR) == ScanReport(
        "clair",
        NOW,
        None,
        (
            Vulnerability(
                "CVE-2009-5155",
                "libapt-pkg5.0",
                "medium",
                "1.6.12",
                installed="1.6.11",
            ),
            Vulnerability(
                "CVE-2018-1",
                "libapt-pkg5.0",
                "high",
                "",
                installed="1.6.11",
            ),
        ),
    )
    assert report(QUAY).vulnerabilities == (
        Vulnerability(
            "RHSA-2022:1065",
            "openssl-libs",
            "high",
            "1:1.1.1k-6.el8_5",
            installed="1:1.1.1k-5.el8_5",
        ),
    )
    queued = parse_report({"status": "queued", "data": None}, NOW)
    assert queued == Unread("Quay has no result for this image yet: its status is 'queued'.")


@pytest.mark.parametrize(
    ("document", "about"),
    [
        (TRIVY, f"sha256:{ID}"),
        (GRYPE, f"sha256:{ID}"),
        (CLAIR, DIGEST),
        (QUAY, DIGEST),
    ],
)
def test_a_report_says_which_image_it_is_about(
    document: Any,
    about: str,
) -> None:
    assert subject_of(document) == (about,)


@pytest.mark.parametrize(
    "damaged",
    [
        {**CLAIR, "packages": {"11": {"name": "tar"}}},
        {**CLAIR, "package_vulnerabilities": {"10": ["1"]}},
        {"status": "scanned", "data": {}},
        {"schema": "hardentui/scan/1", "scanner": 1},
    ],
)
def test_a_damaged_report_is_unknown(damaged: Any) -> None:
    assert parse_report(damaged, NOW) == Unread("the stored scan result is damaged")


DAY = datetime(2025, 12, 31, tzinfo=UTC)
CLEAN = ScanReport("grype", DAY, DAY, (), DAY)


@pytest.mark.parametrize(
    "check",
    ["fixable-vulnerabilities", "exploited-vulnerabilities"],
)
@pytest.mark.parametrize(
    ("scan", "status"),
    [
        (CLEAN, PASS),
        (
            replace(CLEAN, scanned=datetime(2025, 12, 1, tzinfo=UTC)),
            UNKNOWN,
        ),
        (
            replace(CLEAN, database=datetime(2025, 12, 1, tzinfo=UTC)),
            UNKNOWN,
        ),
        (
            replace(CLEAN, gaps=("the packages of x were not compared",)),
            UNKNOWN,
        ),
        (replace(CLEAN, lists_packages=False), UNKNOWN),
    ],
)
def test_an_old_or_partial_report_without_findings_is_not_clean(
    check: str,
    scan: ScanReport,
    status: Status,
) -> None:
    verdict = judge(check, container(image=ImageFacts("1" * 64, scan=scan)))
    assert verdict.status is status, verdict.reason


@pytest.mark.parametrize(
    ("installed", "status"), [((Package("deb", "bash", "5"),), PASS), ((), UNKNOWN)]
)
def test_grype_which_lists_no_packages_is_believed_if_the_image_has_some(
    installed: tuple[Package, ...],
    status: Status,
) -> None:
    """An image with /etc/os-release and nothing else looks clean to it."""
    nothing = report({**GRYPE, "matches": []})
    scan = replace(CLEAN, lists_packages=nothing.lists_packages)
    image = ImageFacts(
        "1" * 64,
        scan=scan,
        inventory=ImageInventory(installed=installed),
    )
    assert status_of("exploited-vulnerabilities", container(image=image)) is status
