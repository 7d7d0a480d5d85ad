"""The readers of a container's facts: each reads one when a check first asks for it."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct, json
from msgspec.structs import replace

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.host.files import ROOT_ONLY, Files, examine, names, reason, text_or, there
from hardentui.host.files.layers import bytes_of_image, directory_of_image, uid_of_name
from hardentui.host.process.activity import Activity, effective_uid, read_activity
from hardentui.host.process.cgroups import CgroupTree
from hardentui.host.process.denials import denials_of
from hardentui.host.process.proc import read_log_limit, read_rlimits, refuse_another
from hardentui.host.units.writable import hook_program
from hardentui.lib.seccomp import NoFilter, SeccompProfile, parse_profile
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import (
    ContainerFacts,
    Denial,
    FileChange,
    Kernel,
    NotRunning,
    Rlimit,
    RuntimeConfig,
    SocketEndpoint,
    UnitFacts,
    VolumeFacts,
    WrittenDirectory,
)
from hardentui.model.known import Known, Later, Together, Unread, known, later, need
from hardentui.options import MOUNTS, NETWORK, SECCOMP_PROFILE
from hardentui.reading.confinement import RAW_FILTER
from hardentui.reading.containers import ask_or, declared_user, image_config, is_infra, section
from hardentui.reading.logs import engine_limits_log
from hardentui.reading.mounts import is_place_of_secrets, mounted_words, parents, shown_from_host
from hardentui.reading.networks import internal_networks, mode_of, uses_network_of_pod
from hardentui.reading.scratch import working_directories, written_directories

if TYPE_CHECKING:
    from hardentui.features.looking.once_per_engine import OncePerEngine

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
_KINDS = {0: "modified", 1: "added", 2: "deleted"}
_PROFILE_LIMIT = 4 << 20
_MOST_ASKED = 2000
_MOST_SECRETS = 256
_ENV_FILE, _HOOKS_DIR = "--env-file", "--hooks-dir"
_FILE_FLAGS = {
    _ENV_FILE,
    _HOOKS_DIR,
    "--runtime",
    "--init-path",
    "--conmon",
    "--network-cmd-path",
}
"""Options of podman(1) and podman-create(1): all but the first name what the engine starts."""


class Place(Struct, frozen=True):
    """Where the facts of a container are read."""

    engine: Engine
    files: Files  # the host, as far as this engine may name its paths
    once: OncePerEngine  # what is read once for all containers of the engine
    runtimes: RuntimeConfigs


def readers_of_process(
    facts: ContainerFacts,
    place: Place,
    cgroups: Known[CgroupTree] | None,
) -> dict[str, Later[Any]]:
    """Readers of what its processes do."""

    def activity(kernel: Kernel) -> Activity:
        path = str(section(facts.inspect, "State").get("CgroupPath") or "")
        shared = is_infra(facts) or uses_network_of_pod(facts)
        shared = shared or "net" in known(lambda: kernel.shared_namespaces, else_=())
        seen = read_activity(
            place.files,
            kernel.pid,
            path,
            cgroups,
            shared_network=shared,
        )
        refuse_another(place.files, kernel)
        return seen

    def rlimits(kernel: Kernel) -> tuple[Rlimit, ...]:
        limits = read_rlimits(place.files, kernel.pid)
        refuse_another(place.files, kernel)
        return limits

    seen = Together(activity)
    parts: dict[str, Later[Any]] = {
        name: later(seen.part, name) for name in ("processes", "listening", "clients")
    }
    return {**parts, "rlimits": later(rlimits)}


def _denials(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[Denial, ...]]:
    """The actions of the last day that the kernel denied it."""
    kernel = facts.kernel
    if isinstance(kernel, NotRunning):
        return Unread("it is not running, so denials of its processes cannot be identified")
    label = str(facts.inspect.get("ProcessLabel") or "")
    return denials_of(
        need(place.once.refusals()),
        place.files,
        kernel,
        label,
    )


def _exec_events(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[datetime, ...]]:
    return place.once.exec_events(facts.id)


def _secret_drivers(
    facts: ContainerFacts,
    place: Place,
) -> Known[Mapping[str, str]]:
    return place.once.secret_drivers()


def _unit(
    facts: ContainerFacts,
    place: Place,
) -> Known[UnitFacts | None]:
    service = facts.labels.get(UNIT_LABEL)
    return place.once.unit(facts, service) if service else None


def _unit_exists(facts: ContainerFacts, place: Place) -> Known[bool]:
    service = facts.labels.get(UNIT_LABEL)
    if not service:
        return Unread("it names no unit")
    by_image = section(image_config(facts), "Labels").get(UNIT_LABEL) == service
    return place.once.unit_exists(service, by_image=by_image)


def _log_limit(facts: ContainerFacts, place: Place) -> int:
    if not isinstance(facts.kernel, Kernel) or not engine_limits_log(facts):
        raise Unread("the limit that its log is written with was not read")
    return read_log_limit(place.files, _conmon(facts))


def _exec_uids(facts: ContainerFacts, place: Place) -> dict[str, int]:
    sessions = known(lambda: facts.exec_sessions, else_=())
    uids = {str(s.get("ID")): effective_uid(place.files, int(s.get("Pid") or 0)) for s in sessions}
    return {identity: uid for identity, uid in uids.items() if uid is not None}


def _named_uid(facts: ContainerFacts, place: Place) -> Known[int]:
    user = declared_user(facts).partition(":")[0]
    if facts.running or not user or user.isdecimal() or user == "root":
        return Unread("its /etc/passwd was not read")
    return uid_of_name(place.files, facts.inspect, user)


def _host_listening(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[SocketEndpoint, ...]]:
    if facts.engine.rootless is not False or not internal_networks(facts):
        return Unread("the host's listening ports were not read")
    return place.once.listening(_conmon(facts) or 1)


def _network_helper(
    facts: ContainerFacts,
    place: Place,
) -> tuple[str, ...]:
    sandbox = str(section(facts.inspect, "NetworkSettings").get("SandboxKey") or "")
    rootless = facts.engine.rootless is True and facts.running
    return place.once.network_helper(sandbox) if rootless and sandbox else ()


def _env_files(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    return {path: examine(place.files, path) for path in _named_files(facts).get(_ENV_FILE, ())}


def _mounted_programs(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    owners = _rightful_owners(facts)
    return {path: examine(place.files, path, owners) for path in mounted_words(facts)}


def _programs(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    owners = _rightful_owners(facts)
    return {
        path: file
        for program in _named_programs(facts, place.files)
        for path, file in place.once.program(program, owners).items()
    }


def _repositories(
    facts: ContainerFacts,
    place: Place,
) -> tuple[str, ...]:
    """Git's directories directly in what it mounts."""
    paths = (posixpath.join(source, ".git") for source in shown_from_host(facts).values())
    return tuple(path for path in dict.fromkeys(paths) if there(place.files, path))


def _secret_files(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, Known[FileFact | Missing]]:
    """The host files that are bind-mounted as secrets, also those in a directory of them."""
    given: dict[str, Known[FileFact | Missing]] = {}
    for destination, source in shown_from_host(facts).items():
        if is_place_of_secrets(destination):
            inside = known(names, place.files, source)
            if isinstance(inside, Unread):
                given[source] = inside
                continue
            paths = [posixpath.join(source, name) for name in inside[:_MOST_SECRETS]] or [source]
            given |= {path: examine(place.files, path) for path in paths}
    return given


def _conmon(facts: ContainerFacts) -> int:
    return int(section(facts.inspect, "State").get("ConmonPid") or 0)


def _named_files(facts: ContainerFacts) -> dict[str, list[str]]:
    """Flag -> absolute paths after it in its create command; others depend on the working
    directory."""
    words = [str(word) for word in (facts.inspect.get("Config") or {}).get("CreateCommand") or ()]
    named: dict[str, list[str]] = {}
    for word, after in pairwise((*words, "")):
        flag, equals, value = word.partition("=")
        path = value if equals else after
        if flag in _FILE_FLAGS and path.startswith("/"):
            named.setdefault(flag, []).append(path)
    return named


def _hooks_in(directories: Iterable[str], files: Files) -> Iterator[str]:
    """The hook files of its own directories, and their programs. Podman itself runs those of the
    stages precreate and poststop, so the runtime's configuration does not name them."""
    for directory in directories:
        for name in known(names, files, directory, else_=()):
            if name.endswith(".json"):
                path = posixpath.join(directory, name)
                yield path
                yield hook_program(text_or(files, path))


def _named_programs(
    facts: ContainerFacts,
    files: Files,
) -> tuple[str, ...]:
    """What the engine starts for this container. Its configuration says where a runtime without a
    path is."""
    named = _named_files(facts)
    configured = known(lambda: facts.runtime.programs, else_=())
    programs = [
        str(facts.inspect.get("OCIRuntime") or ""),
        *configured,
    ]
    for flag, paths in named.items():
        programs += paths if flag != _ENV_FILE else ()
    programs += _hooks_in(named.get(_HOOKS_DIR, ()), files)
    return tuple(dict.fromkeys(path for path in programs if path.startswith("/")))


def _rightful_owners(facts: ContainerFacts) -> frozenset[int]:
    """Root, and the account that runs a rootless engine."""
    if facts.engine.rootless is not True:
        return ROOT_ONLY
    return known(lambda: ROOT_ONLY | {facts.engine.trust.uid}, else_=ROOT_ONLY)


def _owners(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, tuple[int, int]]:
    """The owners of the host directories behind its volumes and bind mounts."""
    owners = {}
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        path = str(volume.inspect.get("Mountpoint") or "") if volume else mount.source
        if not path.startswith("/"):
            continue
        try:
            seen = place.files.stat(posixpath.join(path, mount.subpath.lstrip("/")))
        except OSError:
            continue
        owners[mount.destination] = (seen.uid, seen.gid)
    return owners


def read_changes(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[FileChange, ...]]:
    """What it has changed in its writable layer."""
    try:
        changes = place.engine.changes(facts.id)
    except EngineError as error:
        return Unread(f"Podman does not return its changed files: {error.title}")
    files_changed = [
        FileChange(
            str(change["Path"]),
            _KINDS.get(change.get("Kind", 0), "modified"),
        )
        for change in changes
    ]
    layer = _writable_layer(facts)
    if facts.engine.local and layer:
        files_changed = _with_directories(files_changed, layer, place.files)
    return tuple(files_changed)


def _writable_layer(facts: ContainerFacts) -> str:
    """The host directory of the container's writable layer; empty if the driver has none."""
    driver = facts.inspect.get("GraphDriver")
    data = driver.get("Data") if isinstance(driver, dict) else None
    layer = data.get("UpperDir") if isinstance(data, dict) else None
    return layer if isinstance(layer, str) and layer.startswith("/") else ""


def _with_directories(
    changes: list[FileChange],
    layer: str,
    files: Files,
) -> list[FileChange]:
    """Whether a changed path is a directory, for those in which nothing else changed: a directory
    in which a file was created and removed again looks like a changed file. The container's
    writable layer shows it.
    """
    above = {parent for change in changes for parent in parents(change.path)}
    asked = 0
    inspected = []
    for change in changes:
        if change.kind != "deleted" and change.path not in above and asked < _MOST_ASKED:
            asked += 1
            change = _inspected(change, layer, files)
        inspected.append(change)
    return inspected


def _inspected(
    change: FileChange,
    layer: str,
    files: Files,
) -> FileChange:
    try:
        seen = files.stat(layer + posixpath.normpath("/" + change.path), follow=False)
    except OSError:
        return change
    if not stat.S_ISREG(seen.mode):
        return replace(change, directory=stat.S_ISDIR(seen.mode))
    return replace(
        change,
        directory=False,
        size=seen.size,
        executable=bool(seen.mode & 0o111),
    )


def _written_directories(
    facts: ContainerFacts,
    place: Place,
) -> dict[str, WrittenDirectory]:
    """The size and owner that a tmpfs on a directory written by the container would need."""
    files = place.files
    directories = {}
    for path in dict.fromkeys(
        (
            *written_directories(facts),
            *working_directories(facts),
        )
    ):
        seen = directory_of_image(files, facts.inspect, path)
        if seen is not None:
            count = bytes_of_image(
                files,
                facts.inspect,
                path,
                _MOST_ASKED,
            )
            directories[path] = WrittenDirectory(
                count,
                seen.uid,
                seen.gid,
                stat.S_IMODE(seen.mode),
            )
    return directories


def _exec_sessions(
    facts: ContainerFacts,
    place: Place,
) -> Known[tuple[Mapping[str, Any], ...]]:
    ids = facts.inspect.get("ExecIDs") or ()
    try:
        return tuple(place.engine.exec_session(str(identity)) for identity in ids)
    except EngineError as error:
        return Unread(f"Podman does not return its exec sessions: {error.title}")


def _seccomp_file(
    facts: ContainerFacts,
    place: Place,
) -> Known[FileFact | Missing]:
    return examine(
        place.files,
        _profile_path(facts),
        _rightful_owners(facts),
    )


def _profile_path(facts: ContainerFacts) -> str:
    """The file that holds its seccomp profile; Unread if there is none, or none that can be read
    here."""
    path: str = facts.spec[SECCOMP_PROFILE]
    if not facts.engine.local:
        raise Unread(facts.engine.unseen)
    if not path.startswith("/"):
        raise Unread("it names no profile file")
    return path


def _seccomp_rules(
    facts: ContainerFacts,
    place: Place,
) -> Known[Mapping[str, Any]]:
    path = _profile_path(facts)
    try:
        rules = json.decode(place.files.read_text(path, _PROFILE_LIMIT))
    except OSError as error:
        return Unread(f"{path}: {reason(error)}")
    except (ValueError, RecursionError):
        return Unread(f"{path} is not JSON")
    return rules if isinstance(rules, dict) else Unread(f"{path} is not a seccomp profile")


_INIT = "/run/podman-init"
"""Where Podman mounts the program of `--init`."""


class RuntimeConfigs:
    """Builds them; most containers have the same filter, which is parsed once."""

    def __init__(self) -> None:
        self._profiles: dict[bytes, SeccompProfile | None] = {}

    def read(
        self,
        document: Mapping[str, Any] | None,
    ) -> Known[RuntimeConfig]:
        """`document` is None if it could not be read."""
        if document is None:
            return Unread("the configuration of the runtime (config.json) cannot be read")
        annotations = _texts(document.get("annotations"))
        linux = _section(document, "linux")
        devices = _section(linux, "resources").get("devices")
        return RuntimeConfig(
            seccomp=self._filter(linux, annotations),
            sysctl=_texts(linux.get("sysctl")),
            masks=frozenset(_paths(linux, "maskedPaths"))
            | frozenset(_paths(linux, "readonlyPaths")),
            device_rules=frozenset(_device_rules(devices)),
            device_filter=bool(devices),
            programs=tuple(dict.fromkeys((*_hooks(document), *_init(document)))),
        )

    def _filter(
        self,
        linux: Mapping[str, Any],
        annotations: Mapping[str, str],
    ) -> SeccompProfile | NoFilter | None:
        if RAW_FILTER in annotations:
            return None  # a compiled one replaces the profile
        section = linux.get("seccomp")
        if not section:
            return NoFilter("no linux.seccomp in the runtime's configuration")
        text = json.encode(section)
        if text not in self._profiles:
            try:
                self._profiles[text] = parse_profile(section)
            except (AttributeError, TypeError, ValueError):
                self._profiles[text] = None
        return self._profiles[text]


def _hooks(document: Mapping[str, Any]) -> Iterator[str]:
    for stage in _section(document, "hooks").values():
        for hook in stage if isinstance(stage, list) else ():
            if isinstance(hook, dict) and "path" in hook:
                yield str(hook["path"])


def _init(document: Mapping[str, Any]) -> Iterator[str]:
    mounts = document.get("mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        if isinstance(mount, dict) and mount.get("destination") == _INIT:
            yield str(mount.get("source"))


def _section(
    document: Mapping[str, Any],
    name: str,
) -> Mapping[str, Any]:
    section = document.get(name)
    return section if isinstance(section, dict) else {}


def _paths(linux: Mapping[str, Any], name: str) -> Iterator[str]:
    listed = linux.get(name)
    yield from (str(path) for path in (listed if isinstance(listed, list) else ()))


def _device_rules(listed: object) -> Iterator[str]:
    """The rules that allow something, as cgroup v1 lists them."""
    for rule in listed if isinstance(listed, list) else ():
        if isinstance(rule, dict) and rule.get("allow") is True:
            major, minor = (_number(rule.get(name)) for name in ("major", "minor"))
            yield f"{rule.get('type') or 'a'} {major}:{minor} {rule.get('access') or 'rwm'}"


def _number(given: object) -> str:
    return str(given) if isinstance(given, int) and given >= 0 else "*"


def _texts(given: object) -> dict[str, str]:
    return (
        {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    )


_MOST_LINKS = 40  # as many as the kernel follows


def links_of(
    files: Files,
    document: Mapping[str, Any],
    volumes: Mapping[str, VolumeFacts],
) -> dict[str, str]:
    """Host path of a mount -> its target, for the mounts of a container that go through links.

    A path that cannot be read (no permission, not recorded) is left out; the typed one is used.
    """
    links = {}
    for path in _host_paths(document, volumes):
        try:
            real = real_path(files, path)
        except OSError:
            continue
        if real != posixpath.normpath(path):
            links[path] = real
    return links


def real_path(files: Files, path: str) -> str:
    """The path without symbolic links.

    Raises:
        OSError: part of it cannot be read, or its links form a loop.
    """
    left = [part for part in path.split("/") if part][::-1]
    real, links = "/", 0
    while left:
        part = left.pop()
        if part in (".", ".."):
            real = posixpath.dirname(real) if part == ".." else real
            continue
        here = posixpath.join(real, part)
        if not stat.S_ISLNK(files.stat(here, follow=False).mode):
            real = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError("too many links")
        target = files.read_link(here)
        real = "/" if target.startswith("/") else real
        left += [part for part in target.split("/") if part][::-1]
    return real


def _host_paths(
    document: Mapping[str, Any],
    volumes: Mapping[str, VolumeFacts],
) -> Iterable[str]:
    for mount in document.get("Mounts") or ():
        source = (
            mount.get("Source")
            if isinstance(mount, Mapping) and mount.get("Type") == "bind"
            else None
        )
        if isinstance(source, str) and source.startswith("/"):
            yield source
    for volume in volumes.values():
        device = (volume.inspect.get("Options") or {}).get("device")
        if isinstance(device, str) and device.startswith("/"):
            yield device


_OF_HOST = "/proc/1/ns/net"
_MOST_LENDERS = 8

Ask = Callable[[str], Known[Mapping[str, Any]]]


def lender_on_host(facts: ContainerFacts, ask: Ask) -> Known[bool]:
    """Whether the network that a container borrows is the host's own; False for one that borrows
    none.

    For a running container, the kernel knows. Otherwise the lender decides, or the lender of that
    one.

    Args:
        ask: for the inspect document of a container by its name or ID.
    """
    mode = next(
        (value for value in facts.spec[NETWORK] if mode_of(value) in ("container", "ns")), ""
    )
    if not mode:
        return False
    shared = ask_or(
        facts,
        lambda kernel: kernel.shared_namespaces,
        None,
    )
    if shared is not None:
        return "net" in shared
    return _leads_to_host(mode, ask)


def _leads_to_host(mode: str, ask: Ask) -> Known[bool]:
    for _ in range(_MOST_LENDERS):
        kind, _, lender = mode.partition(":")
        if kind == "ns":
            same = lender == _OF_HOST
            return True if same else Unread(f"which network it joins at {lender} is not known")
        if kind != "container":
            return kind == "host"
        document = ask(lender)
        if isinstance(document, Unread):
            return Unread(f"the network of container {lender}, which it borrows: {document.reason}")
        mode = str(section(document, "HostConfig").get("NetworkMode") or "")
    return Unread("the network that it borrows is passed on too often")


READERS: Mapping[str, Callable[[ContainerFacts, Place], Any]] = {
    "changes": read_changes,
    "exec_sessions": _exec_sessions,
    "secret_drivers": _secret_drivers,
    "exec_events": _exec_events,
    "unit": _unit,
    "unit_exists": _unit_exists,
    "seccomp_file": _seccomp_file,
    "seccomp_rules": _seccomp_rules,
    "denials": _denials,
    "exec_uids": _exec_uids,
    "env_files": _env_files,
    "secret_files": _secret_files,
    "repositories": _repositories,
    "mounted_programs": _mounted_programs,
    "programs": _programs,
    "named_uid": _named_uid,
    "host_listening": _host_listening,
    "network_helper": _network_helper,
    "log_limit_in_force": _log_limit,
    "written_directories": _written_directories,
    "owners": _owners,
}
"""Fact of a container -> its reader."""
