"""Where the unit of a container comes from: its file, its drop-ins, and what systemd says of it."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime

from hardentui.host.commands import Run
from hardentui.host.config import names, there, tree
from hardentui.host.files import Files, reason
from hardentui.model.activity import UnitFacts
from hardentui.model.facts import Known, Unreadable
from hardentui.record import record
from hardentui.visible import visible

LONGEST_FILE = 256 << 10
_MOST_LINKS = 10
_SECONDS = 5.0
_NAME = re.compile(r"(?![-.])[A-Za-z0-9:_.\\@-]{1,240}\.service")
_SERVICE_NAME = re.compile(r"^\s*ServiceName\s*=\s*(\S+)\s*$", re.MULTILINE)
_PROPERTIES = "Id,NRestarts,NeedDaemonReload,LoadState"


@record
class Manager:
    """A service manager: the system's, or that of a user.

    Attributes:
        home: of the user; root's own for the system.
        config: $XDG_CONFIG_HOME of the user; empty = `.config` in the home.
    """

    rootless: bool
    home: str = "/root"
    uid: int = 0
    config: str = ""

    @property
    def runtime(self) -> str:
        return f"/run/user/{self.uid}" if self.rootless else "/run"

    @property
    def _config(self) -> str:
        return self.config or f"{self.home}/.config"

    @property
    def quadlet_folders(self) -> tuple[str, ...]:
        """Search path of Quadlet, the first place wins."""
        if not self.rootless:
            return ("/run/containers/systemd", "/etc/containers/systemd", "/usr/share/containers/systemd")
        everybody = [
            f"{place}/containers/systemd/users{own}"
            for place in ("/etc", "/usr/share")
            for own in (f"/{self.uid}", "")
        ]
        return (
            f"{self.runtime}/containers/systemd",
            f"{self._config}/containers/systemd",
            *everybody,
        )

    @property
    def unit_folders(self) -> tuple[str, ...]:
        """Search path of unit files that win over generated ones."""
        if self.rootless:
            return (f"{self._config}/systemd/user", "/etc/systemd/user", f"{self.runtime}/systemd/user")
        return ("/etc/systemd/system", "/run/systemd/system")

    @property
    def late_unit_folders(self) -> tuple[str, ...]:
        """Search path of unit files that generated ones win over."""
        if self.rootless:
            return (
                f"{self.home}/.local/share/systemd/user",
                "/usr/local/lib/systemd/user",
                "/usr/lib/systemd/user",
            )
        return ("/usr/local/lib/systemd/system", "/usr/lib/systemd/system")

    def generated(self, name: str) -> str:
        """Where the generator puts a service."""
        return f"{self.runtime}/systemd/generator/{name}"


@record
class FoundFile:
    """A file that makes up a unit.

    Attributes:
        modified: seconds since the epoch.
        link: where it leads when it is a symbolic link, else empty.
    """

    path: str
    text: str
    mode: int = 0o644
    modified: float = 0.0
    link: str = ""


@record
class FoundUnit:
    """A unit with everything that has a say in it.

    Attributes:
        quadlet: its file is a `.container`; else it is a unit file.
        drop_ins: of that file, in the order in which they are read.
        service_drop_ins: of the generated service, for a Quadlet.
        companions: file name -> text of the Quadlet units that it refers to.
    """

    name: str
    quadlet: bool
    file: FoundFile
    drop_ins: tuple[FoundFile, ...] = ()
    service_drop_ins: tuple[FoundFile, ...] = ()
    companions: Mapping[str, str] = field(default_factory=dict)


def is_service_name(name: str) -> bool:
    """Whether a label can be the name of a service. It comes from the container, so it may be anything."""
    return _NAME.fullmatch(name) is not None


def find_unit(files: Files, name: str, manager: Manager) -> Known[FoundUnit | None]:
    """The files behind a service; None when there are none.

    Unreadable when it has a file that cannot be read, or lies where we may not look.
    """
    if not is_service_name(name):
        return Unreadable(f"{visible(name, 60)!r} is no name of a service")
    faults: list[Unreadable] = []
    for place in (manager.unit_folders, None, manager.late_unit_folders):
        if place is None:
            path = _quadlet_path(files, name, manager, faults)
        else:
            path = _unit_path(files, name, place, faults)
        if path:
            return _found(files, name, path, manager, quadlet=place is None)
    return faults[0] if faults else None


def _unit_path(files: Files, name: str, folders: Iterable[str], faults: list[Unreadable]) -> str:
    for folder in folders:
        for candidate in _with_template(name):
            path = f"{folder}/{candidate}"
            try:
                if files.exists(path):
                    return path
            except OSError as error:
                faults.append(Unreadable(f"{path} cannot be looked at: {reason(error)}"))
    return ""


def _with_template(name: str) -> tuple[str, ...]:
    """`web@1.service`, then `web@.service`."""
    stem, _, suffix = name.rpartition(".")
    prefix, at, _ = stem.partition("@")
    return (name, f"{prefix}@.{suffix}") if at else (name,)


def _quadlet_path(files: Files, name: str, manager: Manager, faults: list[Unreadable]) -> str:
    stem = name.removesuffix(".service")
    wanted = _with_template(f"{stem}.container")
    paths = list(_quadlet_files(files, manager, faults))
    for candidate in wanted:
        for path in paths:
            if posixpath.basename(path) == candidate:
                return path
    for path in paths:
        if path.endswith(".container") and _service_name(files, path) == stem:
            return path
    return ""


def _quadlet_files(files: Files, manager: Manager, faults: list[Unreadable]) -> Iterator[str]:
    users = "/etc/containers/systemd/users"
    for folder in manager.quadlet_folders:
        for path, fault in tree(files, folder):
            if not manager.rootless and (path == users or path.startswith(f"{users}/")):
                continue
            if fault is not None:
                faults.append(fault)
            else:
                yield path


def _service_name(files: Files, path: str) -> str:
    try:
        found = _SERVICE_NAME.findall(files.read_text(path, LONGEST_FILE))
    except OSError:
        return ""
    return str(found[-1]).removesuffix(".service") if found else ""


def _found(files: Files, name: str, path: str, manager: Manager, *, quadlet: bool) -> Known[FoundUnit | None]:
    file = _file(files, path)
    if isinstance(file, Unreadable):
        return file
    unit_folders = (*manager.unit_folders, *manager.late_unit_folders)
    service_drop_ins = _drop_ins(files, unit_folders, name, "service")
    if isinstance(service_drop_ins, Unreadable):
        return service_drop_ins
    if not quadlet:
        return FoundUnit(name, False, file, service_drop_ins)
    everything = list(_quadlet_files(files, manager, []))
    folders = [folder for folder in everything if _is_folder(files, folder)]
    drop_ins = _drop_ins(files, folders, posixpath.basename(path), "container")
    if isinstance(drop_ins, Unreadable):
        return drop_ins
    texts = [file.text, *(one.text for one in drop_ins)]
    return FoundUnit(name, True, file, drop_ins, service_drop_ins, _companions(files, everything, texts))


def _is_folder(files: Files, path: str) -> bool:
    try:
        return stat.S_ISDIR(files.stat(path).mode)
    except OSError:
        return False


def _file(files: Files, path: str) -> Known[FoundFile]:
    try:
        text = files.read_text(path, LONGEST_FILE)
        what = files.stat(path)
        return FoundFile(path, text, stat.S_IMODE(what.mode) & 0o777, what.mtime, _link(files, path))
    except OSError as error:
        return Unreadable(f"{path} cannot be read: {reason(error)}")


def _link(files: Files, path: str) -> str:
    """Where a symbolic link leads; empty when it is none."""
    found = ""
    for _ in range(_MOST_LINKS):
        if not stat.S_ISLNK(files.stat(path, follow=False).mode):
            return found
        found = path = posixpath.normpath(posixpath.join(posixpath.dirname(path), files.read_link(path)))
    return found


def _drop_ins(
    files: Files, folders: Iterable[str], name: str, kind: str
) -> Known[tuple[FoundFile, ...]]:  # fmt: skip
    """Every drop-in of a unit, by file name; of two with the same name the first folder's counts."""
    found: dict[str, str] = {}
    for folder in folders:
        for place in _drop_in_folders(name, kind):
            inside = names(files, f"{folder}/{place}")
            if isinstance(inside, Unreadable):
                return inside
            for one in inside:
                if one.endswith(".conf"):
                    found.setdefault(one, f"{folder}/{place}/{one}")
    read: list[FoundFile] = []
    for one in sorted(found):
        file = _file(files, found[one])
        if isinstance(file, Unreadable):
            if _is_masked(files, found[one]):
                continue
            return file
        read.append(file)
    return tuple(read)


def _drop_in_folders(name: str, kind: str) -> Iterator[str]:
    """`web-1.container` -> `web-1.container.d`, `web-.container.d`, `container.d`."""
    for candidate in _with_template(name):
        yield f"{candidate}.d"
    stem = name.removesuffix(f".{kind}").partition("@")[0]
    parts = stem.split("-")
    for count in range(len(parts) - 1, 0, -1):
        yield f"{'-'.join(parts[:count])}-.{kind}.d"
    yield f"{kind}.d"


def _is_masked(files: Files, path: str) -> bool:
    try:
        return files.read_link(path) == "/dev/null"
    except OSError:
        return False


def _companions(files: Files, paths: list[str], texts: list[str]) -> dict[str, str]:
    """The units that a Quadlet refers to, and those that they refer to."""
    at: dict[str, str] = {}
    for path in paths:
        at.setdefault(posixpath.basename(path), path)
    found: dict[str, str] = {}
    waiting = list(texts)
    while waiting and len(found) < 50:
        text = waiting.pop()
        for name in re.findall(r"[A-Za-z0-9_.@:-]+\.(?:volume|network|image|build|pod)\b", text):
            if name in at and name not in found:
                file = _file(files, at[name])
                if isinstance(file, FoundFile):
                    found[name] = file.text
                    waiting.append(file.text)
    return found


# --- what systemd says -----------------------------------------------------------------------------


def read_unit(
    files: Files, run: Run, name: str, *, rootless: bool, home: str, uid: int
) -> Known[UnitFacts | None]:
    """One unit; see `read_units`."""
    return read_units(files, run, (name,), rootless=rootless, home=home, uid=uid)[name]


def read_units(
    files: Files, run: Run, services: Iterable[str], *, rootless: bool, home: str, uid: int
) -> dict[str, Known[UnitFacts | None]]:
    """The units of many containers, with one question to systemd for all of them.

    Where systemd does not answer, whether a reload is due is told from the times of the files, and the
    number of restarts is not known.

    Args:
        home, uid: of the user whose service manager it is.
    """
    manager = Manager(rootless, home, uid)
    wanted = tuple(dict.fromkeys(services))
    found = {name: find_unit(files, name, manager) for name in wanted}
    known = [name for name, unit in found.items() if isinstance(unit, FoundUnit)]
    said = _ask(files, run, known, manager) if known else {}
    return {name: _facts(files, unit, manager, said) for name, unit in found.items()}


def _facts(
    files: Files,
    unit: Known[FoundUnit | None],
    manager: Manager,
    said: Known[Mapping[str, Mapping[str, str]]],
) -> Known[UnitFacts | None]:
    if unit is None or isinstance(unit, Unreadable):
        return unit
    newest = max(one.modified for one in (unit.file, *unit.drop_ins, *unit.service_drop_ins))
    properties = {} if isinstance(said, Unreadable) else said.get(unit.name, {})
    reload = properties.get("NeedDaemonReload")
    restarts = properties.get("NRestarts", "")
    return UnitFacts(
        name=unit.name,
        file=unit.file.path,
        modified=datetime.fromtimestamp(newest, UTC),
        needs_reload=reload == "yes" if reload else _is_stale(files, unit, manager, newest),
        restarts=int(restarts) if restarts.isdigit() else None,
        drop_ins=tuple(one.path for one in (*unit.drop_ins, *unit.service_drop_ins)),
        quadlet=unit.quadlet,
    )


def _is_stale(files: Files, unit: FoundUnit, manager: Manager, newest: float) -> bool:
    """Whether the generated service is older than what it was generated from."""
    if not unit.quadlet:
        return False
    try:
        return files.stat(manager.generated(unit.name)).mtime < newest
    except OSError:
        return False


def _ask(
    files: Files, run: Run, services: Iterable[str], manager: Manager
) -> Known[dict[str, dict[str, str]]]:
    if not there(files, "/run/systemd/system"):
        return Unreadable("systemd does not run here")
    if manager.rootless and manager.uid != os.geteuid():
        return Unreadable("the service manager of another user was not asked")
    scope = ("--user",) if manager.rootless else ()
    command = ("systemctl", *scope, "show", "--no-pager", f"--property={_PROPERTIES}", "--", *services)
    answer = run(command, _SECONDS)
    return answer if isinstance(answer, Unreadable) else _blocks(answer)


def _blocks(answer: str) -> dict[str, dict[str, str]]:
    """`KEY=VALUE` lines, one block for each unit."""
    found: dict[str, dict[str, str]] = {}
    for block in answer.split("\n\n"):
        pairs = dict(line.partition("=")[::2] for line in block.split("\n") if "=" in line)
        if "Id" in pairs:
            found[pairs["Id"]] = pairs
    return found
