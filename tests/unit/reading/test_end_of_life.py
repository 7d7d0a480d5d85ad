"""The bundled table of ends: dates that were confirmed by more than one source, and what it leaves
open."""

from datetime import date

import pytest

from hardentui.reading.support import end_of, rolling


@pytest.mark.parametrize(
    ("release", "version", "end"),
    [
        ("debian", "13", "2030-06-30"),
        ("ubuntu", "20.04", "2025-05-29"),
        ("ubuntu", "22.04", "2027-06-01"),
        ("ubuntu", "25.04", "2026-01-15"),
        ("ubuntu", "25.10", "2026-07-09"),
        ("ubuntu", "26.10", "2027-07-15"),
        ("sles", "15.6", "2025-12-31"),
        ("sles", "15.7", "2031-07-31"),
        ("fedora", "44", "2027-06-02"),
        ("rhel", "10.1", "2035-05-31"),
        ("rocky", "10", "2035-05-31"),
        ("rhel", "8.6", "2022-11-09"),
        ("rhel", "8.10", "2029-05-31"),
        ("almalinux", "9.3", "2024-04-30"),
        ("debian", "7", "2018-05-31"),
        ("alpine", "3.9.6", "2020-11-01"),
        ("alpine", "3.24.0", "2028-05-01"),
        ("fedora", "37", "2023-12-05"),
        ("azurelinux", "3.0", "2027-08-31"),
        ("photon", "1.0", "2022-02-28"),
        ("photon", "3.0", "2025-10-02"),
        ("photon", "4.0", "2027-10-11"),
        ("centos", "10", "2030-01-01"),
    ],
)
def test_ends_that_were_confirmed(
    release: str,
    version: str,
    end: str,
) -> None:
    assert end_of({"ID": release, "VERSION_ID": version}) == date.fromisoformat(end)


def test_what_is_ahead_of_every_release_rolls() -> None:
    assert rolling({"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux forky/sid"})
    assert rolling({"ID": "alpine", "VERSION_ID": "3.25.0_alpha20261001"})
    assert not rolling(
        {
            "ID": "debian",
            "VERSION_ID": "13",
            "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)",
        }
    )
