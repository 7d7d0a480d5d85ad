"""Known vulnerabilities in Podman and its helpers: a small table, not a scanner.

A row of it names the upstream version of each release line with the fix. Distributions often
backport a fix to an older version, so for packages a row is a question, not an answer. Each row was
compared with the release notes or the CVE record; unconfirmed data is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from hardentui.model.host import Advisory, OutdatedComponent
from hardentui.model.podman_version import Version

DATED = "2026-11-25"


_ADVISORIES = Path(__file__).with_name("advisories.txt")
"""Component, CVE, the first fixed version of each release line, first vulnerable version, severity,
text."""


def _advisory(row: str) -> Advisory:
    versions, since, severity, _ = row.split(", ", 3)
    component, cve, *fixed = versions.split()
    since = since.replace("all", "")
    return Advisory(
        component,
        cve,
        tuple(fixed),
        since,
        severity,
    )


TABLE = tuple(
    _advisory(row)
    for row in _ADVISORIES.read_text(encoding="utf-8").splitlines()
    if not row.startswith("#")
)
"""conmon, passt and containers-common (configuration only): no vulnerability was known on that
date."""


def outdated_in(
    component: str,
    version: str,
    distribution: bool,
) -> tuple[OutdatedComponent, ...]:
    """The advisories that apply to a version; none for a version that cannot be parsed.

    Args:
        version: as upstream or as a distribution spells it (`5.4.2+ds1-2+b2`, `2:1.2.8-1.el9`).
        distribution: the fix may have been backported.
    """
    try:
        installed = upstream(version)
    except ValueError:
        return ()
    return tuple(
        OutdatedComponent(row, version, distribution)
        for row in TABLE
        if row.component == component and _open(row, installed)
    )


def upstream(version: str) -> Version:
    """The upstream part of a package version; raises ValueError if there is none."""
    return Version.parse(re.sub(r"^\d+:", "", version))


def _open(row: Advisory, installed: Version) -> bool:
    fixed = [Version.parse(text) for text in row.fixed]
    if row.since and installed < Version.parse(row.since):
        return False
    if installed >= max(fixed):
        return False
    lines = [
        version
        for version in fixed
        if (version.major, version.minor) == (installed.major, installed.minor)
    ]
    return not any(installed >= version for version in lines)
