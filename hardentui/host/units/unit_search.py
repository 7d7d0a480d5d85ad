"""Where the files of a unit lie."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from hardentui.host.files import Files, names, reason, tree, unreadable
from hardentui.model.known import Known, Unread, known, need
from hardentui.systemd.search_paths import (
    ServiceManager,
    drop_in_directories,
    is_service_name,
    names_with_template,
)
from hardentui.visible import visible

LONGEST_FILE = 256 << 10


_MOST_LINKS = 10


_COMPANION = re.compile(
    r"[A-Za-z0-9_.@:-]+\.(?:volume|network|image|build|pod|container|artifact|kube)\b"
)


_SERVICE_NAME = re.compile(r"^\s*ServiceName\s*=\s*(\S+)\s*$", re.MULTILINE)


class FoundUnitFile(Struct, frozen=True):
    """A file of a unit."""

    path: str
    text: str
    mode: int = 0o644
    modified: float = 0.0  # seconds since the epoch
    link: str = ""  # its target if it is a symbolic link, else empty


class FoundUnit(Struct, frozen=True):
    """A unit with all files that affect it."""

    name: str
    quadlet: bool  # its file is a `.container`, not a unit file
    file: FoundUnitFile
    drop_ins: tuple[FoundUnitFile, ...] = ()  # of that file, in the order in which they are read
    service_drop_ins: tuple[FoundUnitFile, ...] = ()  # of the generated service, for a Quadlet
    # file name -> text of the Quadlet units that it refers to
    companions: Mapping[str, str] = field(default_factory=dict)


def find_unit(
    files: Files,
    name: str,
    manager: ServiceManager,
) -> Known[FoundUnit | None]:
    """The files behind one service; see `UnitSearch.find`."""
    return UnitSearch(files, manager).find(name)


class UnitSearch:
    """Finds the files of services. Directories are listed once for all services."""

    def __init__(
        self,
        files: Files,
        manager: ServiceManager,
    ) -> None:
        self._files = files
        self._manager = manager
        self._directories: dict[str, tuple[str, ...]] = {}
        self._quadlets: tuple[str, ...] | None = None
        self._faults: list[Unread] = []
        self._by_name: dict[str, str] = {}
        self._by_service: dict[str, str] | None = None
        self._quadlet_tree: tuple[str, ...] = ()

    def find(self, name: str) -> Known[FoundUnit | None]:
        """The files behind a service; None if there are none.

        Unread if one of them cannot be read, or is in an inaccessible directory.
        """
        if not is_service_name(name):
            return Unread(f"{visible(name, 60)!r} is not a service name")
        faults: list[Unread] = []
        if path := self._unit_path(
            name,
            self._manager.unit_directories,
            faults,
        ):
            return known(self._found, name, path)
        if path := self._quadlet_path(name):
            return known(lambda: self._found(name, path, quadlet=True))
        if path := self._unit_path(
            name,
            self._manager.late_unit_directories,
            faults,
        ):
            return known(self._found, name, path)
        faults += self._faults
        return faults[0] if faults else None

    def _unit_path(
        self,
        name: str,
        directories: Iterable[str],
        faults: list[Unread],
    ) -> str:
        for directory in directories:
            for candidate in names_with_template(name):
                path = f"{directory}/{candidate}"
                try:
                    if self._files.exists(path):
                        return path
                except OSError as error:
                    faults.append(Unread(f"{path} cannot be inspected: {reason(error)}"))
        return ""

    def _quadlet_path(self, name: str) -> str:
        paths = self._quadlet_files()
        stem = name.removesuffix(".service")
        for candidate in names_with_template(f"{stem}.container"):
            if path := self._by_name.get(candidate):
                return path
        if self._by_service is None:
            self._by_service = {}
            for path in paths:
                if path.endswith(".container") and (service := _service_name(self._files, path)):
                    self._by_service.setdefault(service, path)
        return self._by_service.get(stem, "")

    def _quadlet_files(self) -> tuple[str, ...]:
        """Everything in the directories of Quadlet, in order of precedence."""
        if self._quadlets is None:
            self._quadlets = tuple(_quadlet_files(self._files, self._manager, self._faults))
            self._quadlet_tree = tuple(
                path for path in self._quadlets if _is_directory(self._files, path)
            )
            for path in self._quadlets:
                self._by_name.setdefault(posixpath.basename(path), path)
        return self._quadlets

    def _found(
        self,
        name: str,
        path: str,
        quadlet: bool = False,
    ) -> FoundUnit:
        file = _file(self._files, path)
        unit_directories = (
            *self._manager.unit_directories,
            *self._manager.late_unit_directories,
        )
        service_drop_ins = self._drop_ins(unit_directories, name, "service")
        if not quadlet:
            return FoundUnit(
                name,
                False,
                file,
                service_drop_ins,
            )
        drop_ins = self._drop_ins(
            self._quadlet_tree,
            posixpath.basename(path),
            "container",
        )
        texts = [file.text, *(drop_in.text for drop_in in drop_ins)]
        return FoundUnit(
            name,
            True,
            file,
            drop_ins,
            service_drop_ins,
            self._companions(texts),
        )

    def _drop_ins(
        self,
        directories: Iterable[str],
        name: str,
        kind: str,
    ) -> tuple[FoundUnitFile, ...]:
        """Every drop-in of a unit, by file name; for equal names the first directory wins."""
        paths: dict[str, str] = {}
        for directory in directories:
            for place in drop_in_directories(name, kind):
                path = f"{directory}/{place}"
                if path not in self._directories:
                    self._directories[path] = names(self._files, path)
                for file_name in self._directories[path]:
                    if file_name.endswith(".conf"):
                        paths.setdefault(file_name, f"{directory}/{place}/{file_name}")
        read = ((paths[name], known(_file, self._files, paths[name])) for name in sorted(paths))
        return tuple(
            need(file)
            for path, file in read
            if isinstance(file, FoundUnitFile) or not _is_masked(self._files, path)
        )

    def _companions(self, texts: list[str]) -> dict[str, str]:
        """The units that a Quadlet refers to, directly or indirectly."""
        companions: dict[str, str] = {}
        waiting = list(texts)
        while waiting and len(companions) < 50:
            text = waiting.pop()
            for name in _COMPANION.findall(text):
                if name in self._by_name and name not in companions:
                    file = known(
                        _file,
                        self._files,
                        self._by_name[name],
                        else_=None,
                    )
                    if file is not None:
                        companions[name] = file.text
                        waiting.append(file.text)
        return companions


def _quadlet_files(
    files: Files,
    manager: ServiceManager,
    faults: list[Unread],
) -> Iterator[str]:
    users = "/etc/containers/systemd/users"
    for directory in manager.quadlet_directories:
        for path, fault in tree(files, directory):
            if not manager.rootless and (path == users or path.startswith(f"{users}/")):
                continue
            if fault is not None:
                faults.append(fault)
            else:
                yield path


def _service_name(files: Files, path: str) -> str:
    try:
        service_names = _SERVICE_NAME.findall(files.read_text(path, LONGEST_FILE))
    except OSError:
        return ""
    return str(service_names[-1]).removesuffix(".service") if service_names else ""


def _is_directory(files: Files, path: str) -> bool:
    try:
        return stat.S_ISDIR(files.stat(path).mode)
    except OSError:
        return False


def _file(files: Files, path: str) -> FoundUnitFile:
    try:
        text = files.read_text(path, LONGEST_FILE)
        what = files.stat(path)
        return FoundUnitFile(
            path, text, stat.S_IMODE(what.mode) & 0o777, what.mtime, _link(files, path)
        )
    except OSError as error:
        raise unreadable(path, error) from None


def _link(files: Files, path: str) -> str:
    """The target of a symbolic link; empty if it is not one."""
    target = ""
    for _ in range(_MOST_LINKS):
        if not stat.S_ISLNK(files.stat(path, follow=False).mode):
            return target
        target = path = posixpath.normpath(
            posixpath.join(posixpath.dirname(path), files.read_link(path))
        )
    return target


def _is_masked(files: Files, path: str) -> bool:
    try:
        return files.read_link(path) == "/dev/null"
    except OSError:
        return False
