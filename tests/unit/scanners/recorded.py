"""Reports in the formats that scanners really write, shortened; the scanners themselves cannot be
had here.

Trivy and Grype: the shapes of their own golden files (trivy
integration/testdata/alpine-39.json.golden of release 0.5x and 0.6x; grype
grype/presenter/json/testdata). Clair: the VulnerabilityReport of Clair 4 that Quay's secscan model
reads. Quay: what its API answers for a manifest. `TRIVY_BARE`, `TRIVY_RESULTS`: what Trivy 0.59.1
really printed about images made for it, with `--list-all-pkgs`, without their configuration (bare:
busybox alone, and Arch, Gentoo,
openEuler: no OS, and no Results at all).
"""

import json
from pathlib import Path
from typing import Any

ID = "055936d3920576da37aa9bc460d70c5f212028bda1c08c0879aedf03d7a66ea1"
DIGEST = "sha256:7746df395af22f04212cd25a92c1d6dbc5a06a0ca9579a229ef43008d4d1302a"

_REPORTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "scanner-reports.json").read_text(encoding="utf-8")
)
TRIVY, TRIVY_VERSION, GRYPE = (_REPORTS[name] for name in ("trivy", "trivy_version", "grype"))
CLAIR, QUAY = _REPORTS["clair"], _REPORTS["quay"]
TRIVY_BARE, TRIVY_RESULTS = _REPORTS["trivy_bare"], _REPORTS["trivy_results"]


def trivy_about(image: str) -> dict[str, Any]:
    """Trivy's report about one of the images of `TRIVY_RESULTS`."""
    recorded = TRIVY_RESULTS[image]
    metadata = {
        **TRIVY_BARE["Metadata"],
        **({"OS": recorded["OS"]} if recorded["OS"] else {}),
    }
    return {
        **TRIVY_BARE,
        "Metadata": metadata,
        "Results": recorded["Results"],
    }


def trivy_of(family: str, version: str) -> dict[str, Any]:
    """Trivy's report, without a vulnerability, about an image of this release."""
    document = trivy_about("debian")
    return {
        **document,
        "Metadata": {
            **document["Metadata"],
            "OS": {"Family": family, "Name": version},
        },
    }


def grype_alert(kind: str) -> list[dict[str, Any]]:
    """What Grype adds to its report when it has no good data for a package."""
    return [
        {
            "package": {"name": "libc6"},
            "alerts": [{"type": kind, "message": "…"}],
        }
    ]
