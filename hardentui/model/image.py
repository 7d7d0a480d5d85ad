"""The contents of an image, and scanner results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field


class ImageFile(Struct, frozen=True):
    """A security-relevant file of an image.

    Attributes:
        path: absolute in the image.
        what: a few words: `compiler gcc`, `setuid root`, `private key`.
        layer: number of its layer, 1 = the lowest; 0 = unknown.
        deleted: a higher layer hides it, but it can still be extracted from its own layer.
        kind: of a tool: `compiler`, `debugger`, `package manager`; empty for other files.
    """

    path: str
    what: str
    layer: int = 0
    deleted: bool = False
    kind: str = ""


class LayerSize(Struct, frozen=True):
    """A layer, lowest first: its digest, total file size in bytes, and number of entries."""

    digest: str
    size: int
    entries: int = 0


class Package(Struct, frozen=True):
    """An installed package of a distribution or a programming language.

    Attributes:
        kind: `deb`, `apk`, `rpm`, `pypi`, `npm`, `gem` or `golang`, as in a package URL.
        version: in the package manager's notation, for rpm with release and explicit epoch (`1:2.3-4`).
        source: its source package, if the name differs.
        license: as declared by the package; empty if its database does not have it.
    """

    kind: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    license: str = ""


class ImageInventory(Struct, frozen=True):
    """The contents of an image's filesystem, read without running it.

    Attributes:
        release: fields of os-release (`ID`, `VERSION_ID`, `PRETTY_NAME`…); empty if there is none.
        packages: package database (`dpkg`, `apk`, `rpm`) -> number of packages.
        uncounted: existing package databases that cannot be read (`rpm` as Berkeley DB).
        installed: the packages themselves, from readable databases, and those of programming languages.
        tools: package managers, compilers, debuggers, network clients; `what` names the kind.
        privileged_files: files with setuid or setgid bits or file capabilities.
        world_writable: files, and directories without the sticky bit, except the usual ones.
        credentials: files that look like credentials, including deleted ones.
        weak_accounts: sentences about accounts (`daemon has an empty password`).
        gaps: what could not be read; a result that depends on it is unknown.
    """

    release: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, int] = field(default_factory=dict)
    uncounted: tuple[str, ...] = ()
    installed: tuple[Package, ...] = ()
    tools: tuple[ImageFile, ...] = ()
    shells: tuple[ImageFile, ...] = ()
    remote_logins: tuple[ImageFile, ...] = ()
    privileged_files: tuple[ImageFile, ...] = ()
    world_writable: tuple[ImageFile, ...] = ()
    credentials: tuple[ImageFile, ...] = ()
    weak_accounts: tuple[str, ...] = ()
    layers: tuple[LayerSize, ...] = ()
    gaps: tuple[str, ...] = ()


class Vulnerability(Struct, frozen=True):
    """One vulnerability in a scanner's report.

    Attributes:
        severity: `critical`, `high`, `medium`, `low` or `unknown`.
        fixed_in: fixed versions; empty if there is no fix yet.
        exploited: it is on a list of actively exploited vulnerabilities.
        installed: the version in the image; empty if unknown.
    """

    id: str
    package: str
    severity: str
    fixed_in: str = ""
    exploited: bool = False
    installed: str = ""


class ScanReport(Struct, frozen=True):
    """A stored result of a vulnerability scanner for one image ID.

    Attributes:
        scanned, database: time of the scan, and of the scanner's database; timezone-aware.
        exploited_list: date of the list of exploited vulnerabilities it was compared with; None = it was not.
        gaps: what the scanner could not assess; without findings, the result is then unknown, not clean.
        lists_packages: it lists what it compared; else whether it compared anything shows only in the image.
    """

    scanner: str
    scanned: datetime
    database: datetime | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    exploited_list: datetime | None = None
    gaps: tuple[str, ...] = ()
    lists_packages: bool = True


class NeverScanned(Struct, frozen=True):
    """There is no report for this image ID."""


class ScanSettings(Struct, frozen=True):
    """How to scan."""

    offline: bool = False


class RegistryDigest(Struct, frozen=True):
    """A registry's digest for a name at the last query."""

    digest: str
    asked: datetime
    first_seen: datetime
