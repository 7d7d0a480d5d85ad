"""Reports in the formats that scanners really write, shortened; the scanners themselves cannot be had here.

Trivy and Grype: the shapes of their own golden files (trivy integration/testdata/alpine-39.json.golden of
release 0.5x and 0.6x; grype grype/presenter/json/testdata). Clair: the VulnerabilityReport of Clair 4 that
Quay's secscan model reads. Quay: what its API answers for a manifest. `TRIVY_BARE`, `TRIVY_RESULTS`: what
Trivy 0.59.1 really printed about images made for it, with `--list-all-pkgs`, without their configuration.
"""

from typing import Any

ID = "055936d3920576da37aa9bc460d70c5f212028bda1c08c0879aedf03d7a66ea1"
DIGEST = "sha256:7746df395af22f04212cd25a92c1d6dbc5a06a0ca9579a229ef43008d4d1302a"

TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-23T08:15:00.123456789Z",
    "ArtifactName": "/root/.cache/hardentui/scan-x.tar",
    "ArtifactType": "container_image",
    "Metadata": {
        "OS": {"Family": "alpine", "Name": "3.9.4", "EOSL": True},
        "ImageID": f"sha256:{ID}",
        "DiffIDs": ["sha256:f1b5933fe4b5f49bbe8258745cf396afe07e625bdab3168e364daf7c956b6b81"],
    },
    "Results": [
        {
            "Target": "scan-x.tar (alpine 3.9.4)",
            "Class": "os-pkgs",
            "Type": "alpine",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2019-14697",
                    "PkgName": name,
                    "InstalledVersion": "1.1.20-r4",
                    "FixedVersion": "1.1.20-r5",
                    "SeveritySource": "nvd",
                    "DataSource": {"ID": "alpine", "Name": "Alpine Secdb"},
                    "Severity": "CRITICAL",
                }
                for name in ("musl", "musl-utils")
            ],
        }
    ],
}
TRIVY_VERSION = {
    "Version": "0.57.1",
    "VulnerabilityDB": {
        "Version": 2,
        "NextUpdate": "2026-11-23T06:15:17.212233445Z",
        "UpdatedAt": "2026-11-22T06:15:17.212233745Z",
        "DownloadedAt": "2026-11-22T09:08:05.102030405Z",
    },
}
GRYPE: dict[str, Any] = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-1999-0002",
                "dataSource": "",
                "severity": "Critical",
                "urls": [],
                "knownExploited": [{"cve": "CVE-1999-0002", "knownRansomwareCampaignUse": "Known"}],
                "fix": {"versions": ["1.2.1", "2.1.3"], "state": "fixed"},
                "advisories": [],
                "risk": 96.25,
            },
            "relatedVulnerabilities": [],
            "matchDetails": [{"type": "exact-direct-match", "matcher": "dpkg-matcher"}],
            "artifact": {
                "name": "package-2",
                "version": "2.2.2",
                "type": "deb",
                "purl": "pkg:deb/package-2@2.2.2",
            },
        }
    ],
    "source": {
        "type": "image",
        "target": {"userInput": "docker-archive:x.tar", "imageID": f"sha256:{ID}", "repoDigests": []},
    },
    "distro": {"name": "debian", "version": "13", "idLike": []},
    "descriptor": {
        "name": "grype",
        "version": "0.87.0",
        "timestamp": "2026-11-23T08:15:00Z",
        "db": {"status": {"schemaVersion": "v6.0.2", "built": "2026-11-22T00:00:00Z", "valid": True}},
    },
}
CLAIR: dict[str, Any] = {
    "manifest_hash": DIGEST,
    "packages": {
        "10": {"id": "10", "name": "libapt-pkg5.0", "version": "1.6.11", "kind": "binary"},
        "11": {"id": "11", "name": "tar", "version": "1.29b-2", "kind": "binary"},
    },
    "distributions": {"1": {"id": "1", "did": "ubuntu", "version_id": "18.04"}},
    "environments": {"10": [{"package_db": "var/lib/dpkg/status", "introduced_in": DIGEST}]},
    "vulnerabilities": {
        "356835": {
            "id": "356835",
            "name": "CVE-2009-5155",
            "normalized_severity": "Medium",
            "fixed_in_version": "1.6.12",
            "links": "http://people.ubuntu.com/~ubuntu-security/cve/CVE-2009-5155",
        },
        "356836": {
            "id": "356836",
            "name": "CVE-2018-1",
            "normalized_severity": "High",
            "fixed_in_version": "0",
        },
    },
    "package_vulnerabilities": {"10": ["356835", "356836"]},
    "enrichments": {},
}
QUAY: dict[str, Any] = {
    "status": "scanned",
    "data": {
        "Layer": {
            "Name": DIGEST,
            "ParentName": "",
            "NamespaceName": "",
            "IndexedByVersion": 4,
            "Features": [
                {
                    "Name": "openssl-libs",
                    "VersionFormat": "",
                    "NamespaceName": "",
                    "AddedBy": DIGEST,
                    "Version": "1:1.1.1k-5.el8_5",
                    "Vulnerabilities": [
                        {
                            "Severity": "High",
                            "NamespaceName": "RHEL8-rhel-8-including-unpatched",
                            "Link": "https://access.redhat.com/security/cve/CVE-2022-0778",
                            "FixedBy": "1:1.1.1k-6.el8_5",
                            "Description": "",
                            "Name": "RHSA-2022:1065",
                            "Metadata": {"UpdatedBy": "RHEL8"},
                        }
                    ],
                },
                {"Name": "zlib", "Version": "1.2.11", "Vulnerabilities": []},
            ],
        }
    },
}
TRIVY_BARE: dict[str, Any] = {  # busybox alone, and Arch, Gentoo, openEuler: no OS, and no Results at all
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-29T04:45:24.323938731Z",
    "ArtifactName": "bb.tar",
    "ArtifactType": "container_image",
    "Metadata": {
        "ImageID": f"sha256:{ID}",
        "DiffIDs": ["sha256:7fea457d12bfdbdc140a3e33e67483bb73ca24da36ffb488c84f89c113b26408"],
    },
}
TRIVY_RESULTS: dict[str, dict[str, Any]] = {
    "debian without packages": {
        "OS": {"Family": "debian", "Name": "12.1"},
        "Results": [{"Target": "x.tar (debian 12.1)", "Class": "os-pkgs", "Type": "debian"}],
    },
    "debian": {
        "OS": {"Family": "debian", "Name": "12.1"},
        "Results": [
            {
                "Target": "x.tar (debian 12.1)",
                "Class": "os-pkgs",
                "Type": "debian",
                "Packages": [{"ID": "libc6@2.36-9", "Name": "libc6", "Version": "2.36", "Release": "9"}],
            }
        ],
    },
    "gentoo with python": {
        "OS": None,
        "Results": [
            {
                "Target": "Python",
                "Class": "lang-pkgs",
                "Type": "python-pkg",
                "Packages": [{"Name": "requests", "Version": "2.6.0"}],
            }
        ],
    },
}


def trivy_about(image: str) -> dict[str, Any]:
    """Trivy's report about one of the images of `TRIVY_RESULTS`."""
    recorded = TRIVY_RESULTS[image]
    metadata = {**TRIVY_BARE["Metadata"], **({"OS": recorded["OS"]} if recorded["OS"] else {})}
    return {**TRIVY_BARE, "Metadata": metadata, "Results": recorded["Results"]}


def trivy_of(family: str, version: str) -> dict[str, Any]:
    """Trivy's report, without a vulnerability, about an image of this release."""
    document = trivy_about("debian")
    return {**document, "Metadata": {**document["Metadata"], "OS": {"Family": family, "Name": version}}}


def grype_alert(kind: str) -> list[dict[str, Any]]:
    """What Grype adds to its report when it has no good data for a package."""
    return [{"package": {"name": "libc6"}, "alerts": [{"type": kind, "message": "…"}]}]
