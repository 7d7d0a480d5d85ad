"""Reports of Quay or Clair about an image in a registry: imported from a file, nothing is run.

Quay: `GET /api/v1/repository/NAMESPACE/NAME/manifest/DIGEST/security?vulnerabilities=true`. Clair
4: `GET /matcher/api/v1/vulnerability_report/DIGEST`, or `clairctl report --out json`. Both compare
at the time of the request, and neither reports the age of its data, so the date is that of the
file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hardentui.errors import InputError
from hardentui.model.image import ScanReport, Vulnerability
from hardentui.scanners.reports import nothing_compared, severity, unique

QUAY, CLAIR = "quay", "clair"


def recognises(document: Mapping[str, Any]) -> bool:
    """Whether this is an answer of Quay or a report of Clair 4."""
    return _is_clair(document) or ("status" in document and "data" in document)


def subject(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The manifest digest that the report is about."""
    if _is_clair(document):
        return (str(document["manifest_hash"]),)
    layer = (document.get("data") or {}).get("Layer") or {}
    name = str(layer.get("Name") or "")
    return (name,) if name.startswith("sha256:") else ()


def parse(document: Mapping[str, Any], modified: datetime) -> ScanReport:
    """A report of Clair, or Quay's answer.

    Raises:
        InputError: Quay has not scanned the image (yet), or cannot; or no package was compared.
    """
    if _is_clair(document):
        vulnerabilities = unique(_of_clair(document))
        if not document.get("packages"):
            raise nothing_compared("Clair", "it found no packages that it knows")
        return ScanReport(
            CLAIR, modified, None, vulnerabilities, gaps=tuple(_gaps_of_clair(document))
        )
    status = str(document.get("status"))
    if status != "scanned":
        raise InputError(f"Quay has no result for this image yet: its status is {status!r}.")
    layer = document["data"]["Layer"]
    if not layer.get("Features"):
        raise nothing_compared("Quay", "it found no packages that it knows")
    if not any("Vulnerabilities" in feature for feature in layer["Features"]):
        raise nothing_compared(
            "Quay", "the answer is without vulnerabilities (ask with vulnerabilities=true)"
        )
    return ScanReport(
        QUAY,
        modified,
        None,
        unique(_of_quay(layer)),
    )


def _is_clair(document: Mapping[str, Any]) -> bool:
    return "manifest_hash" in document and "package_vulnerabilities" in document


def _of_clair(document: Mapping[str, Any]) -> Iterator[Vulnerability]:
    packages, vulnerabilities = (
        document.get("packages") or {},
        document.get("vulnerabilities") or {},
    )
    for package, numbers in (document["package_vulnerabilities"] or {}).items():
        about = packages[package]
        for number in numbers or ():
            line = vulnerabilities[number]
            fixed = str(line.get("fixed_in_version") or "")
            yield Vulnerability(
                str(line["name"]),
                str(about["name"]),
                severity(line.get("normalized_severity")),
                "" if fixed == "0" else fixed,
                installed=str(about.get("version") or ""),
            )


def _gaps_of_clair(document: Mapping[str, Any]) -> Iterator[str]:
    if not document.get("distributions"):
        yield (
            "no distribution was recognised, so only packages of programming languages were "
            "compared"
        )


def _of_quay(layer: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for feature in layer.get("Features") or ():
        for line in feature.get("Vulnerabilities") or ():
            yield Vulnerability(
                str(line["Name"]),
                str(feature["Name"]),
                severity(line.get("Severity")),
                str(line.get("FixedBy") or ""),
                installed=str(feature.get("Version") or ""),
            )
