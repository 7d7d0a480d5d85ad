"""What is inside an image, and what a scanner said about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field


class ImageFile(Struct, frozen=True):
    """A file of an image that matters.

    Attributes:
        path: absolute in the image.
        what: a few words: `compiler gcc`, `setuid root`, `private key`.
        layer: number of the layer that brought it, 1 = the lowest; 0 = not known.
        deleted: a higher layer hides it, but it can still be pulled out of its own layer.
        kind: of a tool: `compiler`, `debugger`, `package manager`; empty for other files.
    """

    path: str
    what: str
    layer: int = 0
    deleted: bool = False
    kind: str = ""


class LayerSize(Struct, frozen=True):
    """A layer, lowest first: its digest, the bytes of its files, and how many entries it has."""

    digest: str
    size: int
    entries: int = 0


class Package(Struct, frozen=True):
    """An installed package of a distribution.

    Attributes:
        kind: `deb`, `apk` or `rpm`, as in a package URL.
        version: as its own tools write it, for rpm with the release and a given epoch (`1:2.3-4`).
        source: the source package that it was built from, where that has another name.
        source_version: of the source package, where it is another one.
        license: as the package says it; empty where its database does not.
    """

    kind: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    license: str = ""


class ImageInventory(Struct, frozen=True):
    """What the file system of an image holds, read without running it.

    Attributes:
        release: fields of os-release (`ID`, `VERSION_ID`, `PRETTY_NAME`…); empty when there is none.
        packages: package database (`dpkg`, `apk`, `rpm`) -> number of packages.
        uncounted: package databases that are there and cannot be read (`rpm` as Berkeley DB).
        installed: the packages themselves, as far as their databases could be read.
        tools: package managers, compilers, debuggers, network clients; `what` says which kind.
        shells: shells.
        remote_logins: servers that let somebody log in over the network.
        privileged_files: set-id bits and file capabilities.
        world_writable: files, and folders without the sticky bit, outside the usual ones.
        credentials: files that look like credentials, the deleted ones too.
        weak_accounts: sentences about accounts (`daemon has an empty password`).
        layers: sizes by layer.
        gaps: what could not be read; an answer that rests on a gap is unknown.
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
    """One line of a scanner's report.

    Attributes:
        severity: `critical`, `high`, `medium`, `low` or `unknown`.
        fixed_in: versions that repair it; empty when there is no repair yet.
        exploited: it is on a list of holes that attackers are known to use.
        installed: the version in the image; empty when the report does not say.
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
        scanned, database: when it was made, and how old the scanner's knowledge was then; timezone-aware.
        exploited_list: date of the list of exploited holes it was compared with; None = it was not.
        gaps: what the scanner could not judge; where nothing was found, that is unknown and not clean.
    """

    scanner: str
    scanned: datetime
    database: datetime | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    exploited_list: datetime | None = None
    gaps: tuple[str, ...] = ()


class NeverScanned(Struct, frozen=True):
    """It was looked for, and there is no report for this image ID."""


class ScanSettings(Struct, frozen=True):
    """How to scan.

    Attributes:
        offline: do not use the network.
        data: debsecan's mirror of Debian's data, as a URL; empty = Debian's server.
    """

    offline: bool = False
    data: str = ""


class RegistryDigest(Struct, frozen=True):
    """What a registry had under a name when it was last asked.

    Attributes:
        first_seen: when this digest was first seen there by us.
    """

    digest: str
    asked: datetime
    first_seen: datetime
