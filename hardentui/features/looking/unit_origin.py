"""The unit that a container runs from: its files, what they request, and whether the container
matches."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.harden.drift import UnitDrift, drift
from hardentui.host.files import Files, home_of
from hardentui.host.units.systemd import ReadUnit
from hardentui.host.units.unit_search import FoundUnit, FoundUnitFile, find_unit
from hardentui.model.facts import ContainerFacts, EngineFacts, UnitFacts
from hardentui.model.known import Known, Unread
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Source, Spec
from hardentui.model.vendor import CommentedValue
from hardentui.options import NAME
from hardentui.options.argv import spec_from_argv
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.object_names import DROP_IN, LAST_DROP_IN, default_name, object_names
from hardentui.quadlet.read.service import ServiceFiles, outdated
from hardentui.reading.comments import comment_about
from hardentui.reading.unit_comments import commented, commented_flags
from hardentui.systemd.search_paths import ServiceManager
from hardentui.systemd.unit_text import check_unit_text
from hardentui.visible import visible

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"

_OPTIONAL_DEVICE = re.compile(
    r"""^\s*AddDevice\s*=(?:.*["'\s])?["']?-(/[^\s:"']+)""",
    re.MULTILINE,
)


class OriginKind(StrEnum):
    """The format of the unit."""

    QUADLET = "quadlet"
    SERVICE = "service"


class Origin(Struct, frozen=True):
    """The unit that a container runs from."""

    kind: OriginKind
    unit: str  # name of the service
    # path, text, mode: of its file
    path: str
    text: str
    manager: ServiceManager
    mode: int = 0o644
    # (path, text) of its drop-ins, in the order in which they are read
    drop_ins: tuple[tuple[str, str], ...] = ()
    # file name -> text of the Quadlet units that it refers to
    companions: Mapping[str, str] | None = None
    link: str = ""  # the target if the file is a symbolic link; such a file is never written
    # paths of drop-ins of the service generated from a Quadlet
    service_drop_ins: tuple[tuple[str, str], ...] = ()
    version: Version = NEWEST_KNOWN  # of the Podman that reads it
    absent: frozenset[str] = frozenset()  # optional devices that it names but the host lacks

    @property
    def file_name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def optional_devices(self) -> frozenset[str]:
        """Optional devices that it names but the host lacks."""
        texts = (self.text, *(text for _, text in self.drop_ins))
        return frozenset(path for text in texts for path in _OPTIONAL_DEVICE.findall(text))

    @property
    def drop_in_directory(self) -> str:
        """The path of our drop-in: beside the file; for a file of a package, in /etc."""
        if self.kind is OriginKind.QUADLET:
            return f"{self._writable(self.directory, '/etc/containers/systemd')}/{self.file_name}.d"
        place = f"{self.manager.home}/.config/systemd/user" if self.manager.rootless else (
            "/etc/systemd/system"
        )  # fmt: skip
        return f"{place}/{self.unit}.d"

    def _writable(self, directory: str, other: str) -> str:
        return other if directory.startswith("/usr/") and not self.manager.rootless else directory

    @property
    def specifiers(self) -> dict[str, str]:
        """Letter -> value that systemd substitutes for `%n`, `%h` and so on, as far as known."""
        return self.manager.specifiers(self.unit)

    def quadlet(self, *, without: str = "") -> QuadletFiles:
        """The files as Quadlet reads them, without the drop-in at that path."""
        texts = [text for path, text in self.drop_ins if path != without]
        names = object_names(self.companions or {}, self.version)
        return QuadletFiles(
            (self.text, *texts), self.specifiers, names, self.directory, self.version, self.absent
        )

    def service(self, *, without: str = "") -> ServiceFiles:
        """The files as systemd reads them."""
        texts = [text for path, text in self.drop_ins if path != without]
        return ServiceFiles((self.text, *texts), self.specifiers)


def manager_of(files: Files, engine: EngineFacts) -> ServiceManager:
    """The service manager that starts this engine's containers."""
    if engine.rootless is not True:
        return ServiceManager(False)
    uid = os.geteuid()
    parts = engine.socket.split("/")
    if parts[:3] == ["", "run", "user"] and len(parts) > 3 and parts[3].isdigit():
        uid = int(parts[3])
    else:
        with contextlib.suppress(OSError):
            uid = files.stat(engine.socket).uid
    return ServiceManager(
        True,
        home_of(files, uid),
        uid,
        os.environ.get("XDG_CONFIG_HOME", "") if uid == os.geteuid() else "",
    )


def origin_of(files: Files, facts: ContainerFacts) -> Origin | None:
    """The unit named by the container's label; None without a label or a file.

    Raises:
        InputError: the file cannot be used: unreadable, not a unit, or of another container.
    """
    name = facts.labels.get(UNIT_LABEL, "")
    if not name or not facts.engine.local:
        return None
    manager = manager_of(files, facts.engine)
    unit = find_unit(files, name, manager)
    if unit is None:
        return None
    if isinstance(unit, Unread):
        raise InputError(f"The unit of {visible(facts.name, 60)} cannot be read: {unit.reason}.")
    origin = origin_from(
        unit,
        manager,
        facts.engine.version,
        files,
    )
    _check_name(origin, unit_spec(origin), facts.name)
    return origin


def origin_from(
    unit: FoundUnit,
    manager: ServiceManager,
    version: Version,
    files: Files,
) -> Origin:
    """The same from files already read.

    Args:
        version: of the Podman that reads them.
        files: the host, read for optional devices only.

    Raises:
        InputError: one of them cannot be a unit.
    """
    for file in (unit.file, *unit.drop_ins):
        check_unit_text(file.text, file.path)
    return Origin(
        OriginKind.QUADLET if unit.quadlet else OriginKind.SERVICE,
        unit.name,
        unit.file.path,
        unit.file.text,
        manager,
        unit.file.mode,
        _pairs(unit.drop_ins),
        dict(unit.companions),
        unit.file.link,
        _pairs(unit.service_drop_ins),
        version,
        _absent(files, (unit.file, *unit.drop_ins)),
    )


def _absent(
    files: Files,
    texts: Sequence[FoundUnitFile],
) -> frozenset[str]:
    """Optional devices that do not exist; one that cannot be read counts as existing."""
    named = {path for file in texts for path in _OPTIONAL_DEVICE.findall(file.text)}
    absent = set()
    for path in named:
        with contextlib.suppress(OSError):
            if not files.exists(path):
                absent.add(path)
    return frozenset(absent)


def _pairs(files: Sequence[FoundUnitFile]) -> tuple[tuple[str, str], ...]:
    return tuple((file.path, file.text) for file in files)


def _check_name(
    origin: Origin,
    spec: Spec,
    name: str,
) -> None:
    """The label comes from the container: it may name another container's unit."""
    given = spec[NAME]
    if NAME not in spec.unknowable and given != name:
        raise InputError(
            f"{visible(name, 60)} is labelled with the unit {visible(origin.unit, 80)}, which creates a"
            f" container called {visible(given, 60) or 'something else'}.",
            "Its own unit is unknown; new units can be written.",
        )


def unit_spec(origin: Origin) -> Spec:
    """The spec that the unit requests.

    Raises:
        InputError: it is not the Quadlet of a container, or does not run podman.
    """
    if origin.kind is OriginKind.SERVICE:
        return origin.service().spec()
    spec = origin.quadlet().spec()
    if spec[NAME] or NAME in spec.unknowable:
        return spec
    return spec.with_(
        NAME, default_name(origin.unit.removesuffix(".service"), origin.version), Source.UNIT
    )


def outdated_copy(origin: Origin) -> str:
    """The path of our drop-in that repeats a command the unit has since changed; empty = none."""
    if origin.kind is not OriginKind.SERVICE:
        return ""
    ours = [
        drop_in
        for drop_in in origin.drop_ins
        if posixpath.basename(drop_in[0]) in (DROP_IN, LAST_DROP_IN)
    ]
    if not ours:
        return ""
    return next(
        (path for path, text in ours if outdated(text, origin.service(without=path))),
        "",
    )


def drift_of(
    origin: Origin,
    facts: ContainerFacts,
) -> tuple[UnitDrift, ...]:
    """Differences between the unit's files and the running container."""
    return drift_between(unit_spec(origin), facts)


def drift_between(
    wanted: Spec,
    facts: ContainerFacts,
) -> tuple[UnitDrift, ...]:
    """Differences between what a file asks for and the running container."""
    command = (facts.inspect.get("Config") or {}).get("CreateCommand")
    created: Spec | None = None
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        try:
            created = spec_from_argv(command)
        except InputError:
            created = None
    return drift(wanted, facts.spec, created)


def unit_facts(
    files: Files,
    read: Known[ReadUnit | None],
    facts: ContainerFacts,
) -> Known[UnitFacts | None]:
    """What is known about a container's unit, with the container's differences from it."""
    if read is None or isinstance(read, Unread):
        return read
    if read.files is None:
        return read.facts
    try:
        origin = origin_from(
            read.files, manager_of(files, facts.engine), facts.engine.version, files
        )
        wanted = unit_spec(origin)
        _check_name(origin, wanted, facts.name)
        different = drift_between(wanted, facts)
    except InputError as error:
        return Unread(error.title.rstrip("."))
    differences = tuple(difference.option for difference in different if difference.security)
    return replace(
        read.facts,
        differences=differences,
        outdated_copy=outdated_copy(origin),
        commented=tuple(_commented(origin)),
    )


def _commented(origin: Origin) -> Iterator[CommentedValue]:
    """The values of its files that have a comment."""
    if origin.kind is OriginKind.SERVICE:
        yield from commented_flags(origin.service())
        return
    files = origin.quadlet()
    for entry in files.entries():
        place = entry.places[0]
        comment = comment_about(files.texts[entry.file], place.start, place.end)
        yield from commented(entry.items if comment else (), comment)
