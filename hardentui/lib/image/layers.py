"""What one layer of an image holds."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from hardentui.lib.image import ImageFile, Package, languages
from hardentui.lib.image.accounts import matters
from hardentui.lib.image.notable import (
    credential,
    may_hold_credentials,
    notable_program,
    open_to_all,
    privilege,
)
from hardentui.lib.image.packages import (
    MOST_PACKAGES,
    Database,
    read_apk,
    read_dpkg,
    read_dpkg_part,
)
from hardentui.lib.image.rpm import LARGEST_RPM, NotReadable, read_rpm
from hardentui.lib.image.tar import ArchiveEntry, Body, ByteSource, Damaged, entries

MOST_ENTRIES = 1_000_000
"""Most entries of a whole image; hashes of their paths are kept, about 100 bytes each."""


MOST_FOUND = 2_000


_LONGEST_TEXT = 1 << 20


_FIRST_BYTES = 1 << 16


_WHITEOUT = ".wh."


_OPAQUE = ".wh..wh..opq"


_LAYER_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


_DPKG = "/var/lib/dpkg/status"


_DPKG_PARTS = "/var/lib/dpkg/status.d/"


_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")


_RPM = (
    *(f"/var/lib/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
    *(f"/usr/lib/sysimage/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
    *(f"/usr/share/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
)


_RPM_JOURNALS = tuple(f"{path}-wal" for path in _RPM if path.endswith(".sqlite"))


class Budget(Struct):
    """How much of an image may still be read; shared by its layers."""

    entries: int = MOST_ENTRIES
    cancelled: Callable[[], bool] = lambda: False


class Layer(Struct):
    """What one layer adds and hides."""

    size: int = 0
    count: int = 0
    # (category, file) of notable files; categories as in ImageInventory, and `shell`
    notable: list[tuple[str, ImageFile]] = field(default_factory=list)
    # path -> contents of the few files whose text matters
    texts: dict[str, str] = field(default_factory=dict)
    # package database file -> the packages in it
    databases: dict[str, Database] = field(default_factory=dict)
    # file -> the packages of a programming language that it tells of
    languages: dict[str, list[Package]] = field(default_factory=dict)
    # files, directories: hashes of the paths that it adds
    files: set[int] = field(default_factory=set)
    directories: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)  # paths that it deletes from the layers below
    emptied: set[int] = field(
        default_factory=set
    )  # directories whose contents of lower layers it hides
    gap: str = ""  # why it could not be read completely; empty if it was

    def hides(self, path: str) -> bool:
        """Whether this layer hides the file at `path` of a lower layer."""
        here = hash(path)
        if here in self.files or here in self.directories or here in self.removed:
            return True
        directory = path.rpartition("/")[0]
        while True:
            above = hash(directory or "/")
            if (
                above in self.removed
                or above in self.emptied
                or (directory and above in self.files)
            ):
                return True
            if not directory:
                return False
            directory = directory.rpartition("/")[0]


def read_layer(source: ByteSource, budget: Budget) -> Layer:
    """Read one layer's archive; an error is reported in `gap`, and earlier results are kept."""
    layer = Layer()
    try:
        for entry, body in entries(source):
            if budget.entries <= 0:
                layer.gap = "there are too many files to inspect"
                break
            if budget.cancelled():
                layer.gap = "it was cancelled"
                break
            budget.entries -= 1
            _take(layer, entry, body)
    except Damaged as error:
        layer.gap = str(error)
    return layer


def _take(
    layer: Layer,
    entry: ArchiveEntry,
    body: Body,
) -> None:
    layer.count += 1
    layer.size += entry.size
    directory, _, name = entry.path.rpartition("/")
    if name == _OPAQUE:
        layer.emptied.add(hash(directory or "/"))
        return
    if name.startswith(_WHITEOUT):
        layer.removed.add(hash(f"{directory}/{name.removeprefix(_WHITEOUT)}"))
        return
    (layer.directories if entry.kind == "folder" else layer.files).add(hash(entry.path))
    _look_at_entry(layer, entry)
    if entry.kind == "file":
        _look_inside(layer, entry, body)


def _look_at_entry(layer: Layer, entry: ArchiveEntry) -> None:
    program = notable_program(entry)
    if program:
        category, what, kind = program
        _add(
            layer,
            category,
            ImageFile(entry.path, what, kind=kind),
        )
    rights = privilege(entry)
    if rights:
        _add(layer, "privileged", ImageFile(entry.path, rights))
    open_kind = open_to_all(entry)
    if open_kind:
        _add(
            layer,
            "writable",
            ImageFile(entry.path, open_kind),
        )


def _add(
    layer: Layer,
    category: str,
    file: ImageFile,
) -> None:
    if len(layer.notable) < MOST_FOUND:
        layer.notable.append((category, file))
    else:
        layer.gap = layer.gap or f"it has more than {MOST_FOUND} notable files"


def _look_inside(
    layer: Layer,
    entry: ArchiveEntry,
    body: Body,
) -> None:
    path = entry.path
    if path in _LAYER_OS_RELEASE or matters(path):
        if entry.size > _LONGEST_TEXT:
            layer.gap = layer.gap or f"{path} is too long to be inspected"
        else:
            layer.texts[path] = body.read(entry.size).decode("utf-8", "replace")
    elif path == _DPKG:
        layer.databases[path] = read_dpkg(body)
    elif path in _APK:
        layer.databases[path] = read_apk(body)
    elif path.startswith(_DPKG_PARTS) and not path.endswith(".md5sums"):
        layer.databases[path] = read_dpkg_part(body)
    elif path in _RPM:
        layer.databases[path] = _rpm(body, entry.size)
    elif path in _RPM_JOURNALS and entry.size:
        layer.databases[path] = Database(readable=False)  # packages not yet in the database
    elif may_hold_credentials(entry):
        what = credential(path, body.read(_FIRST_BYTES))
        if what:
            _add(layer, "credential", ImageFile(path, what))
    elif languages.may_be_package(entry) and len(layer.languages) < MOST_PACKAGES:
        told = languages.packages_of(path, body)
        layer.languages.update({path: told} if told else {})


def _rpm(body: Body, size: int) -> Database:
    """An rpm database, read as a whole; an unreadable one is reported."""
    if size > LARGEST_RPM:
        return Database(readable=False)
    try:
        return read_rpm(body.read(size))
    except NotReadable:
        return Database(readable=False)
