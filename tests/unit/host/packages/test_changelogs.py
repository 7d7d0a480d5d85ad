"""Repairs that a distribution carries on an old version, by the change log of its package."""

import base64
import gzip
from collections.abc import Sequence

import pytest

from hardentui.host.change_logs import named_in, repairs_named
from hardentui.host.commands import run_nothing
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.packages import read_outdated
from hardentui.model.finding import Severity, Verdict
from hardentui.model.host import HostFacts, HostPackage
from hardentui.model.known import Known, Unread, known
from tests.support.judging import judge

CVE = "CVE-2025-9566"
PATH = "/usr/share/doc/podman/changelog.Debian.gz"
LOG = f"""podman (5.4.2+ds1-2+deb13u1) trixie-security; urgency=high

  * Team upload
  * Backport the check of volume
    paths in kube play: {CVE}
    (Closes: #1)

 -- Somebody <s@example.org>  Tue, 08 Sep 2025 07:15:12 +0000

podman (5.4.2+ds1-2) unstable; urgency=medium

  * New upstream version
"""


def files(content: bytes) -> RecordedFiles:
    return RecordedFiles({"bytes": {PATH: base64.b64encode(content).decode()}})


def logged(
    log: str,
    version: str = "5.4.2+ds1-2+deb13u1",
) -> Known[dict[str, str]]:
    packed, package = files(gzip.compress(log.encode())), HostPackage("podman", version)
    return known(
        lambda: dict(
            repairs_named(
                packed,
                run_nothing,
                package,
                [CVE],
                deep=False,
            )
        )
    )


def test_a_repair_is_named_with_its_whole_point() -> None:
    said = f"Backport the check of volume paths in kube play: {CVE} (Closes: #1)"
    assert logged(LOG) == {CVE: said}
    assert logged(LOG, "5.4.2+ds1-2+deb13u1+b3") == {CVE: said}, "a rebuild has the same change log"


@pytest.mark.parametrize(
    "point",
    [
        f"Revert the fix for {CVE}, it breaks builds",
        f"Drop patch of {CVE}",
        f"{CVE} is not fixed yet",
        f"still vulnerable to {CVE}",
        f"Fix {CVE}7",
        "Fix CVE-2025-1",
    ],
)
def test_what_names_no_repair(point: str) -> None:
    assert named_in(f"podman (1) x\n\n  * {point}\n  * Something else\n", [CVE]) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(LOG.encode())[:-9],
        gzip.compress(b"\0" * (33 << 20)),
    ],
)
def test_a_change_log_that_cannot_be_unpacked_is_unknown(content: bytes) -> None:
    with pytest.raises(Unread):
        repairs_named(
            files(content),
            run_nothing,
            HostPackage("podman", "1"),
            [CVE],
            deep=False,
        )


def test_the_change_log_of_another_version_says_nothing() -> None:
    assert isinstance(logged(LOG, "5.4.2+ds1-3"), Unread)
    with pytest.raises(Unread, match=f"there is no {PATH}"):
        repairs_named(
            RecordedFiles({}),
            run_nothing,
            HostPackage("podman", "1"),
            [CVE],
            deep=False,
        )


def test_rpm_is_asked_only_on_request() -> None:
    asked: list[Sequence[str]] = []

    def rpm(arguments: Sequence[str], seconds: float) -> Known[str]:
        asked.append(arguments)
        return f"* Tue Sep 09 2025 Somebody - 5.4.0-12\n- Resolves: {CVE}\n"

    package = HostPackage("podman", "5.4.0-12.el9", "rpm")
    assert isinstance(
        known(
            lambda: repairs_named(
                RecordedFiles({}),
                rpm,
                package,
                [CVE],
                deep=False,
            )
        ),
        Unread,
    )
    assert asked == []
    result = repairs_named(
        RecordedFiles({}),
        rpm,
        package,
        [CVE],
        deep=True,
    )
    assert result == {CVE: f"Resolves: {CVE}"}
    assert list(asked[0]) == ["rpm", "-q", "--changelog", "podman"]


def judged(log: str | None) -> Verdict:
    there = RecordedFiles({}) if log is None else files(gzip.compress(log.encode()))
    packages = {"podman": HostPackage("podman", "6.1.3+ds1-1")}
    outdated = read_outdated(
        there,
        run_nothing,
        packages,
        deep=False,
    )
    return judge("vulnerable-engine", HostFacts(outdated=outdated))


def test_only_what_is_named_counts_as_fixed() -> None:
    cves = ("CVE-2026-111361", "CVE-2026-121885", "CVE-2026-123876")
    heading = "podman (6.1.3+ds1-1) unstable; urgency=medium\n\n"
    all_of_them = judged(heading + "".join(f"  * Fix {cve}\n" for cve in cves))
    assert all_of_them.status == "pass"
    assert "3 fixes" in all_of_them.reason
    two = judged(heading + "".join(f"  * Fix {cve}\n" for cve in cves[:2]))
    assert two.status == "fail"
    assert two.severity == Severity.MEDIUM
    assert cves[2] in two.reason
    assert "do not name" in two.reason
    assert "2 others are named as fixed" in two.reason
    without = judged(None)
    assert without.status == "unknown"
    assert PATH in without.reason
