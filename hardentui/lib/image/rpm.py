"""Packages of rpm: SQLite (Fedora, RHEL 9) and ndb (SUSE); Berkeley DB is not read."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from hardentui.lib.image import Package
from hardentui.lib.image.packages import _LONGEST_VALUE, MOST_PACKAGES, Database

LARGEST_RPM = 128 << 20


_SQLITE = b"SQLite format 3\0"


_NDB = b"RpmP"


_LARGEST_HEADER = 32 << 20


_MOST_TAGS = 20_000


_MOST_STEPS = 200_000  # in thousands of instructions


_STRINGS = {
    1000: "name",
    1001: "version",
    1002: "release",
    1014: "license",
    1022: "architecture",
    1044: "source",
}


_EPOCH = 1003


_INT32, _STRING_TYPES = 4, (6, 8, 9)


_SOURCE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:no)?src\.rpm")


class NotReadable(Exception):
    """It is not a supported rpm database."""


def read_rpm(content: bytes) -> Database:
    """The packages of a database file, without the keys that rpm stores as packages.

    Raises:
        NotReadable
    """
    database = Database()
    for header in _headers(content):
        package = _rpm_package(header)
        if package is not None and package.name == "gpg-pubkey":
            continue
        database.count += 1
        if package is not None and len(database.packages) < MOST_PACKAGES:
            database.packages.append(package)
    return database


def _headers(content: bytes) -> Iterator[bytes]:
    if content.startswith(_SQLITE):
        yield from _of_sqlite(content)
    elif content.startswith(_NDB):
        yield from _of_ndb(content)
    else:
        raise NotReadable("it is neither SQLite nor ndb")


def _of_sqlite(content: bytes) -> list[bytes]:
    import sqlite3  # few images have one

    plain = bytearray(content)
    plain[18:20] = b"\1\1"  # a journal beside the file is never used
    connection = sqlite3.connect(":memory:")
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        connection.deserialize(plain)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_HEADER)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        steps = iter(range(_MOST_STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
        schema = "SELECT sql FROM sqlite_master WHERE name = 'Packages' AND type = 'table'"
        made = str((connection.execute(schema).fetchone() or ("",))[0])
        if not re.match(r"CREATE TABLE\b", made) or "GENERATED" in made.upper():
            raise NotReadable("it has no table of packages")
        rows = connection.execute(
            "SELECT blob FROM Packages LIMIT ?",
            (MOST_PACKAGES,),
        ).fetchall()
        return [row[0] for row in rows if isinstance(row[0], bytes)]
    except (
        sqlite3.Error,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:  # a message may not be UTF-8
        raise NotReadable(str(error)) from error
    finally:
        connection.close()


def _of_ndb(content: bytes) -> Iterator[bytes]:
    """Slot pages at the front give the 16-byte blocks of each package's header."""
    if len(content) < 4096:
        raise NotReadable("it is truncated")
    _, version, _, pages = struct.unpack_from("<4sIII", content)
    if version != 0 or not 0 < pages <= len(content) // 4096:
        raise NotReadable("it is of another version")
    total = 0
    for at in range(32, pages * 4096, 16):  # the first two slots are the file's own header
        magic, index, block, _ = struct.unpack_from("<4sIII", content, at)
        if magic != b"Slot":
            raise NotReadable("a slot is damaged")
        if not index:
            continue
        start = block * 16
        if start + 16 > len(content):
            raise NotReadable("a package lies outside of it")
        blob, owner, _, length = struct.unpack_from("<4sIII", content, start)
        total += length
        if (
            blob != b"BlbS"
            or owner != index
            or start + 16 + length > len(content)
            or total > len(content)
        ):
            raise NotReadable("a package is damaged")
        yield content[start + 16 : start + 16 + length]


def _rpm_package(header: bytes) -> Package | None:
    """A package from its header: an index of tags, then their values; None if it is damaged."""
    try:
        fields, epoch = _fields(header)
    except (struct.error, ValueError):
        return None
    name, version, release = (fields.get(field, "") for field in ("name", "version", "release"))
    if not (name and version and release):
        return None
    own = f"{version}-{release}"
    source = _SOURCE.fullmatch(fields.get("source", ""))
    return Package(
        "rpm",
        name,
        f"{epoch}:{own}" if epoch else own,
        fields.get("architecture", ""),
        source["name"] if source and source["name"] != name else "",
        source["version"] if source and source["version"] != own else "",
        fields.get("license", ""),
    )


def _fields(header: bytes) -> tuple[dict[str, str], int]:
    tags, size = struct.unpack_from(">II", header)
    store = 8 + tags * 16
    if tags > _MOST_TAGS or store + size > len(header):
        raise ValueError("it is truncated")
    fields: dict[str, str] = {}
    epoch = 0
    for at in range(8, store, 16):
        tag, kind, offset, count = struct.unpack_from(">IIII", header, at)
        if offset >= size or not count:
            continue
        if tag == _EPOCH and kind == _INT32:
            epoch = struct.unpack_from(">I", header, store + offset)[0]
        elif tag in _STRINGS and kind in _STRING_TYPES:
            start = store + offset
            end = header.find(b"\0", start, start + _LONGEST_VALUE)
            if end >= 0:
                fields[_STRINGS[tag]] = header[start:end].decode("utf-8", "replace")
    return fields, epoch
