"""Until when the distribution of an image is supported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

DATED = date(2026, 11, 25)


_ROLLING = frozenset(
    {
        "arch",
        "wolfi",
        "chainguard",
        "opensuse-tumbleweed",
        "gentoo",
        "void",
        "nixos",
    }
)


_MINOR = (
    "8.0=2019-11-05 8.1=2020-04-28 8.2=2020-11-03 8.3=2021-05-18 8.4=2021-11-09 8.5=2022-05-10 "
    "8.6=2022-11-09 8.7=2023-05-16 8.8=2023-11-14 8.9=2024-05-22 9.0=2022-11-15 9.1=2023-05-10 "
    "9.2=2023-11-07 9.3=2024-04-30 9.4=2024-11-12 9.5=2025-05-20 9.6=2025-11-30 10.0=2025-11-30"
)
"""A minor release ends when the next one appears; extended support of a minor release is bought, not
free. Red Hat's release dates; AlmaLinux and Rocky follow within weeks. For 9.7 and 10.1 on, the date
of the next one is not confirmed, so the major release counts."""


_ENDS: Mapping[str, str] = {
    # debian.csv of distro-info-data 0.66+deb13u2; the wiki's table by way of endoflife.date; for 13
    # also the life cycle page of OVHcloud (ovh/docs)
    "debian": (
        "7=2018-05-31 8=2020-06-30 9=2022-06-30 10=2024-06-30 11=2026-08-31 12=2028-06-30 "
        "13=2030-06-30"
    ),
    # ubuntu.csv of distro-info-data 0.66+deb13u2, kept by Ubuntu's developers; compared with
    # Ubuntu's wiki by way of endoflife.date. Where the two differ by a month (22.04, 26.04), the
    # csv
    "ubuntu": (
        "14.04=2019-04-25 16.04=2021-04-30 18.04=2023-05-31 20.04=2025-05-29 22.04=2027-06-01 "
        "22.10=2023-07-20 23.04=2024-01-25 23.10=2024-07-11 24.04=2029-05-31 24.10=2025-07-10 "
        "25.04=2026-01-15 25.10=2026-07-09 26.04=2031-05-29 26.10=2027-07-15"
    ),
    # Alpine's page of releases, by way of endoflife.date; 3.24 (June 2026) by its rule of two years
    "alpine": (
        "3.8=2020-05-01 3.9=2020-11-01 3.10=2021-05-01 3.11=2021-11-01 3.12=2022-05-01 3.13=2022-11-01 "
        "3.14=2023-05-01 3.15=2023-11-01 3.16=2024-05-23 3.17=2024-11-22 3.18=2025-05-09 3.19=2025-11-01 "
        "3.20=2026-04-01 3.21=2026-11-01 3.22=2027-05-01 3.23=2027-11-01 3.24=2028-05-01"
    ),
    # Fedora's schedule, by way of endoflife.date
    "fedora": (
        "36=2023-05-16 37=2023-12-05 38=2024-05-21 39=2024-11-26 40=2025-05-13 41=2025-12-15 42=2026-05-13 "
        "43=2026-12-09 44=2027-06-02"
    ),
    # the wiki of CentOS, by way of Adoptium's list of distributions; 10: a wiki of server admins
    # and a list of supported distributions agree
    "centos": "6=2020-11-30 7=2024-06-30 8=2021-12-31 9=2027-05-31 10=2030-01-01",
    # Red Hat's life cycles (maintenance support) and those of its kin, by way of endoflife.date.
    # For 10 of almalinux (its own wiki) and of ol (Oracle's lifetime support policy) there is no
    # second source
    "rhel": f"6=2020-11-30 7=2024-06-30 8=2029-05-31 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "rocky": f"8=2029-05-31 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "almalinux": f"8=2029-03-01 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "ol": "7=2024-12-31 8=2029-07-31 9=2032-06-30 10=2035-06-30",
    # the announcements of AWS, as the image libraries of Docker and GitLab quote them
    "amzn": "1=2023-12-31 2=2026-06-30 2023=2029-06-30",
    # Microsoft's release cadence, by way of endoflife.date. Photon 1 and 2: VMware's announcement
    # of the end of 1, by way of Trivy; 3 and 4: its maintainers' correction of endoflife.date
    # (9025). 5 has no date
    "azurelinux": "3.0=2027-08-31",
    "mariner": "1.0=2023-08-31 2.0=2025-07-31",
    "photon": "1.0=2022-02-28 2.0=2022-12-31 3.0=2025-10-02 4.0=2027-10-11",
    # SUSE's life cycles (general support), by way of endoflife.date; 15.6 by SUSE's own article
    # about its long term support, which says that December 2025 was the end; 15.7 by its pull
    # request 7816. 16.0 (two years of general support from November 2025, SUSE's life cycle page)
    # has no second source
    "sles": (
        "12.5=2024-10-31 15.3=2022-12-31 15.4=2023-12-31 15.5=2024-12-31 15.6=2025-12-31 15.7=2031-07-31 "
        "16.0=2027-11-30"
    ),
    # the wiki of openSUSE, by way of endoflife.date (its answer of 2026-04-16)
    "opensuse-leap": "15.4=2023-12-07 15.5=2024-12-31 15.6=2026-04-30 16.0=2027-10-31",
}
"""ID of os-release -> version=last day."""


def rolling(release: Mapping[str, str]) -> bool:
    """Whether it is a rolling release, which has no end of life."""
    identity, version = release.get("ID", ""), release.get("VERSION_ID", "")
    sid = identity == "debian" and not version and release.get("PRETTY_NAME", "").endswith("/sid")
    edge = identity == "alpine" and "_alpha" in version
    return identity in _ROLLING or sid or edge


def end_of(release: Mapping[str, str]) -> date | None:
    """Last day of support of the release named in os-release; None if it is not in the table."""
    ends = dict(entry.split("=") for entry in _ENDS.get(release.get("ID", ""), "").split())
    parts = release.get("VERSION_ID", "").split(".")
    for count in (2, 1):
        end = ends.get(".".join(parts[:count]))
        if end:
            return date.fromisoformat(end)
    return None
