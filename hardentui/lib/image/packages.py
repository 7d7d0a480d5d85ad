"""Installed packages from the databases of dpkg, apk and rpm, in bounded memory even if they are
hostile."""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from hardentui.lib.image import Package

# A tar reader for archives that may be hostile.
#
# It reads a stream once, from front to back, and never holds more than one block, one bounded
# header or what the caller requests. The standard library's reader trusts the length of a long name
# or an extended header and reads it whole, so a forged length of gigabytes would take as much
# memory. Where the format is ambiguous, it behaves like Go's reader, which Podman uses.

BLOCK = 512
LONGEST_HEADER = 1 << 20
_TAR_CHUNK = 1 << 16
_MOST_SPARSE_BLOCKS = 4096
_CAPABILITY = "SCHILY.xattr.security.capability"
_READ = frozenset({"path", "linkpath", "size"})
"""Fields read from an extended header, besides whether it has a capability; the rest is ignored."""
_LONGEST_NAME = 4096
"""PATH_MAX: nothing can be unpacked under a longer path."""
_MOST_HEADERS = 64
"""Most extended headers before one entry; an honest archive has three."""

_KINDS = {
    **dict.fromkeys(("0", "\0", "7", "S"), "file"),
    "1": "hard link",
    "2": "symbolic link",
    "3": "device",
    "4": "device",
    "5": "folder",
    "6": "pipe",
}


class Damaged(Exception):
    """The archive is truncated or invalid; earlier results are still valid."""


class ByteSource(Protocol):
    """Any source of bytes: up to `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes: ...


class ArchiveEntry(NamedTuple):
    path: str  # absolute and without `..`, whatever the archive contains
    kind: str  # file, hard link, symbolic link, device, folder, pipe or other
    mode: int
    uid: int
    size: int  # bytes of the body in the archive
    target: str = ""  # of a link, as in the archive; never followed
    capability: bool = False


class Body:
    """The bytes of one entry, bounded by its size in the archive."""

    def __init__(
        self,
        source: ByteSource,
        size: int,
    ) -> None:
        self._source = source
        self._left = size
        self._padding = -size % BLOCK

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; raises Damaged if the archive ends too soon."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = _up_to(self._source, wanted)
        if len(data) < wanted:
            raise Damaged("the archive is truncated")
        self._left -= wanted
        return data

    def skip(self) -> None:
        """Leave out the rest and the padding."""
        while self.read(_TAR_CHUNK):
            pass
        padding, self._padding = self._padding, 0
        if len(_up_to(self._source, padding)) < padding:
            raise Damaged("the archive is truncated")


def _up_to(source: ByteSource, size: int) -> bytes:
    """`size` bytes, fewer only at the end: sockets hand over what has come so far."""
    parts = []
    while size > 0 and (part := source.read(min(size, _TAR_CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def entries(source: ByteSource) -> Iterator[tuple[ArchiveEntry, Body]]:
    """Each entry with its body, which is only valid until the next one is requested.

    Raises:
        Damaged: at the place where the archive breaks.
    """
    everywhere: dict[str, bytes] = {}
    extended: dict[str, bytes] = {}
    headers = 0
    while (block := _block(source)) is not None:
        kind = chr(block[156])
        size = _number(block[124:136])
        if kind in "xgLK":
            headers += 1
            if headers > _MOST_HEADERS:
                raise Damaged("it has more extended headers than is plausible")
            data = _header(source, size)
            if kind == "g":
                everywhere.update(_records(data))
            elif kind == "x":
                extended.update(_records(data))
            else:
                extended["path" if kind == "L" else "linkpath"] = _name(data.rstrip(b"\0"))
            continue
        if kind == "S":
            _skip_sparse_map(source, block)
        entry = _entry(
            block,
            kind,
            size,
            {**everywhere, **extended},
        )
        extended, headers = {}, 0
        body = Body(source, entry.size)
        yield entry, body
        body.skip()


def _block(source: ByteSource) -> bytes | None:
    """The next header block; None at the end of the archive."""
    block = _up_to(source, BLOCK)
    if not block or not any(block):
        return None
    if len(block) < BLOCK:
        raise Damaged("the archive is truncated")
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if total != _number(block[148:156]):
        raise Damaged("a header does not add up")
    return block


def _number(field: bytes) -> int:
    """Octal digits, or a big-endian number when the first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise Damaged("a header holds a negative number")
        return int.from_bytes(bytes([field[0] & 0x3F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        raise Damaged("a header has an invalid number") from None


def _header(source: ByteSource, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise Damaged("a header is longer than is plausible")
    body = Body(source, size)
    data = body.read(size)
    body.skip()
    return data


def _records(data: bytes) -> dict[str, bytes]:
    """`length name=value` lines of an extended header, as far as they are needed here."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 0:
        space = data.find(b" ", at, at + 10)
        digits = data[at:space] if space > 0 else b""
        length = int(digits) if digits.isdigit() else 0
        end = at + length
        if length <= len(digits) + 2 or end > len(data):
            raise Damaged("an extended header does not add up")
        name, equals, value = data[space + 1 : end - 1].partition(b"=")
        key = name.decode("utf-8", "replace") if len(name) <= len(_CAPABILITY) else ""
        if equals and key in _READ:
            records[key] = _name(value)
        elif equals and key == _CAPABILITY:
            records[key] = b""
        at = end
    return records


def _name(value: bytes) -> bytes:
    if len(value) > _LONGEST_NAME:
        raise Damaged("a name is longer than is plausible")
    return value


def _skip_sparse_map(source: ByteSource, block: bytes) -> None:
    more, seen = block[482], 0
    while more:
        seen += 1
        following = _up_to(source, BLOCK)
        if len(following) < BLOCK or seen > _MOST_SPARSE_BLOCKS:
            raise Damaged("the map of a sparse file has no end")
        more = following[504]


def _entry(
    block: bytes,
    kind: str,
    size: int,
    extended: Mapping[str, bytes],
) -> ArchiveEntry:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    raw = extended.get("path", prefix + b"/" + name if prefix else name)
    target = extended.get("linkpath", block[157:257].partition(b"\0")[0])
    if "size" in extended:
        digits = extended["size"]
        if not digits.isdigit() or len(digits) > 19:
            raise Damaged("an extended header has an invalid size")
        size = int(digits)
    what = _KINDS.get(kind, "other")
    if kind == "\0" and raw.endswith(b"/"):
        what = "folder"
    return ArchiveEntry(
        path=posixpath.normpath("/" + _text(raw).lstrip("/")),
        kind=what,
        mode=_number(block[100:108]) & 0o7777,
        uid=_number(block[108:116]),
        size=0
        if what in ("symbolic link", "hard link", "device", "folder", "pipe") and kind != "1"
        else size,
        target=_text(target),
        capability=_CAPABILITY in extended,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


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


# --- rpm: SQLite (Fedora, RHEL 9) and ndb (SUSE); Berkeley DB is not read -------------------------


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
