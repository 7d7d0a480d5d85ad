"""What is in an image."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class ImageFile(Struct, frozen=True):
    path: str  # absolute in the image
    what: str  # a few words: `compiler gcc`, `setuid root`, `private key`
    layer: int = 0  # number of its layer, 1 = the lowest; 0 = unknown
    # a higher layer hides it, but it can still be extracted from its own layer
    deleted: bool = False
    kind: str = ""  # of a tool: `compiler`, `debugger`, `package manager`; empty for other files


class LayerSize(Struct, frozen=True):
    """A layer, lowest first: its digest, total file size in bytes, and number of entries."""

    digest: str
    size: int
    entries: int = 0


class Package(Struct, frozen=True):
    """An installed package of a distribution or a programming language."""

    kind: str  # `deb`, `apk`, `rpm`, `pypi`, `npm`, `gem` or `golang`, as in a package URL
    name: str
    # in the package manager's notation, for rpm with release and explicit epoch (`1:2.3-4`)
    version: str
    architecture: str = ""
    source: str = ""  # its source package, if the name differs
    source_version: str = ""
    license: str = ""  # as declared by the package; empty if its database does not have it


class ImageInventory(Struct, frozen=True):
    """The contents of an image's filesystem, read without running it."""

    # fields of os-release (`ID`, `VERSION_ID`, `PRETTY_NAME`…); empty if there is none
    release: Mapping[str, str] = field(default_factory=dict)
    # package database (`dpkg`, `apk`, `rpm`) -> number of packages
    packages: Mapping[str, int] = field(default_factory=dict)
    # existing package databases that cannot be read (`rpm` as Berkeley DB)
    uncounted: tuple[str, ...] = ()
    # the packages themselves, from readable databases, and those of programming languages
    installed: tuple[Package, ...] = ()
    # package managers, compilers, debuggers, network clients; `what` names the kind
    tools: tuple[ImageFile, ...] = ()
    shells: tuple[ImageFile, ...] = ()
    remote_logins: tuple[ImageFile, ...] = ()
    # files with setuid or setgid bits or file capabilities
    privileged_files: tuple[ImageFile, ...] = ()
    # files, and directories without the sticky bit, except the usual ones
    world_writable: tuple[ImageFile, ...] = ()
    # files that look like credentials, including deleted ones
    credentials: tuple[ImageFile, ...] = ()
    weak_accounts: tuple[str, ...] = ()  # sentences about accounts (`daemon has an empty password`)
    layers: tuple[LayerSize, ...] = ()
    gaps: tuple[str, ...] = ()  # what could not be read; a result that depends on it is unknown
