"""Installed packages from the databases of dpkg, apk and rpm, in bounded memory even if they are
hostile."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from hardentui.lib.image import Package
from hardentui.lib.image.tar import ByteSource

MOST_PACKAGES = 50_000
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 12
_LONGEST_VALUE = 512
_INSTALLED = b"install ok installed"
_DPKG_FIELDS = {
    b"Package": "name",
    b"Version": "version",
    b"Architecture": "architecture",
    b"Source": "source",
    b"Status": "status",
}
_APK_FIELDS = {
    b"P": "name",
    b"V": "version",
    b"A": "architecture",
    b"o": "source",
    b"L": "license",
}


class Database(Struct):
    count: int = 0
    packages: list[Package] = field(default_factory=list)
    readable: bool = True  # false for an unsupported kind of database


def read_dpkg(source: ByteSource) -> Database:
    """`/var/lib/dpkg/status`: only installed packages, not removed ones with leftover settings."""
    database = Database()
    for stanza in _stanzas(source, _DPKG_FIELDS):
        if stanza.get("status", "") == _INSTALLED.decode():
            database.count += 1
            _keep(database, _dpkg(stanza))
    return database


def read_dpkg_part(source: ByteSource) -> Database:
    """A file of `/var/lib/dpkg/status.d`, as in images without a package manager: one package."""
    database = Database(count=1)
    for stanza in _stanzas(source, _DPKG_FIELDS):
        _keep(database, _dpkg(stanza))
        break
    return database


def read_apk(source: ByteSource) -> Database:
    """`/lib/apk/db/installed`."""
    database = Database()
    for stanza in _stanzas(source, _APK_FIELDS):
        if "name" in stanza:
            database.count += 1
            _keep(database, _package("apk", stanza))
    return database


def _keep(database: Database, package: Package | None) -> None:
    if package is not None and len(database.packages) < MOST_PACKAGES:
        database.packages.append(package)


def _dpkg(stanza: dict[str, str]) -> Package | None:
    """`Source: name (version)` has the version only if it differs."""
    source, _, version = stanza.get("source", "").partition(" ")
    stanza = {
        **stanza,
        "source": source,
        "source_version": version.strip("()"),
    }
    return _package("deb", stanza)


def _package(kind: str, stanza: dict[str, str]) -> Package | None:
    name, version = stanza.get("name", ""), stanza.get("version", "")
    if not name or not version:
        return None
    source = stanza.get("source", "")
    return Package(
        kind,
        name,
        version,
        stanza.get("architecture", ""),
        "" if source == name else source,
        stanza.get("source_version", ""),
        stanza.get("license", ""),
    )


def _stanzas(
    source: ByteSource,
    fields: dict[bytes, str],
) -> Iterator[dict[str, str]]:
    """Blocks of `Name: value` lines between empty lines; only the known fields of each."""
    stanza: dict[str, str] = {}
    for line in _lines(source):
        if not line.strip():
            if stanza:
                yield stanza
            stanza = {}
            continue
        name, colon, value = line.partition(b":")
        known = fields.get(name)
        if colon and known and known not in stanza:
            stanza[known] = value.strip()[:_LONGEST_VALUE].decode("utf-8", "replace")
    if stanza:
        yield stanza


def _lines(source: ByteSource) -> Iterator[bytes]:
    """Lines without line ends; long ones are truncated."""
    rest, cut = b"", False  # `cut`: the beginning of this line was already yielded
    while part := source.read(_CHUNK):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if not cut:
                yield line[:_LONGEST_LINE]
            cut = False
        if len(rest) > _LONGEST_LINE:  # no honest line is that long
            if not cut:
                yield rest[:_LONGEST_LINE]
            rest, cut = b"", True
    if rest and not cut:
        yield rest
