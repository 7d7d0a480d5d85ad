"""The supported scanners, those on this host, and how to install one."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hardentui.account import find_program
from hardentui.host.asking import Ask
from hardentui.host.files import LocalFiles
from hardentui.host.release import release_of
from hardentui.model.image import ScanReport, ScanSettings
from hardentui.model.known import Known
from hardentui.reading.host_words import families, to_install
from hardentui.scanners import grype, trivy


class Scanner(Struct, frozen=True):
    """A scanner that reads an image archive."""

    name: str  # also of the program
    # (archive, ask, settings) -> report
    scan: Callable[[str, Ask, ScanSettings], Known[ScanReport]]
    get: tuple[str, ...]


SCANNERS = (
    Scanner(
        trivy.NAME,
        lambda archive, ask, how: trivy.scan(archive, ask, offline=how.offline),
        ("# Trivy: https://trivy.dev/latest/getting-started/installation/",),
    ),
    Scanner(
        grype.NAME,
        lambda archive, ask, how: grype.scan(archive, ask, offline=how.offline),
        ("# Grype: https://github.com/anchore/grype/releases",),
    ),
)
"""The default scanner comes first."""


def present() -> tuple[Scanner, ...]:
    """Those whose program is on this host's path."""
    return tuple(scanner for scanner in SCANNERS if find_program(scanner.name))


def commands_to_install() -> tuple[str, ...]:
    """The commands that install a scanner, if this host has none. Only openSUSE has a package."""
    if present():
        return ()
    release = release_of(LocalFiles())
    packaged = (to_install(release, trivy.NAME),) if "opensuse" in families(release) else ()
    return (
        *packaged,
        *(command for scanner in SCANNERS for command in scanner.get),
    )
