"""A detailed inspection of one container: data too expensive to read for all of them."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.host.files.config import ROOT_ONLY, examine, names, text, there
from hardentui.host.files.layers import bytes_of_image, directory_of_image, uid_of_name
from hardentui.host.files.reader import Files, reason
from hardentui.host.process.activity import effective_uid, read_activity
from hardentui.host.process.cgroups import CgroupTree
from hardentui.host.process.denials import denials_of
from hardentui.host.process.log_limit import read_log_limit
from hardentui.host.process.rlimits import read_rlimits
from hardentui.host.units.writable import hook_program
from hardentui.model.activity import Denial, FileChange, WrittenDirectory
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import ContainerFacts, Kernel, NotRunning
from hardentui.model.known import Known, Unreadable
from hardentui.model.trust import TrustFacts
from hardentui.options import MOUNTS, SECCOMP_PROFILE, SECRETS
from hardentui.reading.containers import declared_user, is_infra, section
from hardentui.reading.logs import engine_limits_log
from hardentui.reading.mounts import is_place_of_secrets, mounted_words, shown_from_host
from hardentui.reading.networks import internal_networks, uses_network_of_pod
from hardentui.reading.written import working_directories, written_directories
from hardentui.workbench.looking.added_facts import Added

if TYPE_CHECKING:
    from hardentui.workbench.looking.once_per_engine import OncePerEngine

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
AUTO_UPDATE_LABEL = "io.containers.autoupdate"
_KINDS = {0: "modified", 1: "added", 2: "deleted"}
_PROFILE_LIMIT = 4 << 20
_MOST_ASKED = 2000
_MOST_SECRETS = 256
_ENV_FILE, _HOOKS_DIR = "--env-file", "--hooks-dir"
_FILE_FLAGS = {_ENV_FILE, _HOOKS_DIR, "--runtime", "--init-path", "--conmon", "--network-cmd-path"}
"""Options of podman(1) and podman-create(1): all but the first name what the engine starts."""


def inspect_in_detail(
    facts: ContainerFacts,
    engine: Engine,
    files: Files,
    cgroups: Known[CgroupTree] | None,
    once: OncePerEngine,
) -> Added:
    """Processes, listening sockets, changed files, and the exec sessions and denials of the last day.

    Processes and sockets take about 10 ms, changed files one request. Sessions and denials take one request
    and one read of the log for all containers of the engine.
    """
    kernel = facts.kernel
    if isinstance(kernel, Kernel):
        state = facts.inspect.get("State") or {}
        activity = read_activity(
            files,
            kernel.pid,
            str(state.get("CgroupPath") or ""),
            cgroups,
            shared_network=is_infra(facts) or uses_network_of_pod(facts) or _on_host_network(kernel),
        )
        kernel = replace(activity.added_to(kernel), rlimits=read_rlimits(files, kernel.pid))
    engine_facts = facts.engine
    if isinstance(engine_facts.auto_update_timer, Unreadable):
        engine_facts = replace(engine_facts, auto_update_timer=once.auto_update_timer())
    changes = read_changes(facts, engine, files)
    return Added(
        engine=engine_facts,
        kernel=kernel,
        changes=changes,
        written_directories=_written_directories(replace(facts, changes=changes, kernel=kernel), files)
        if facts.engine.local
        else {},
        owners=_owners(facts, files) if facts.engine.local else {},
        exec_events=once.exec_events(facts.id),
        denials=_denials(facts, kernel, files, once),
    )


def _denials(
    facts: ContainerFacts, kernel: Known[Kernel | NotRunning], files: Files, once: OncePerEngine
) -> Known[tuple[Denial, ...]]:
    if isinstance(kernel, Unreadable):
        return kernel
    if isinstance(kernel, NotRunning):
        return Unreadable("it is not running, so denials of its processes cannot be identified")
    refusals = once.refusals()
    if isinstance(refusals, Unreadable):
        return refusals

    return denials_of(refusals, files, kernel, str(facts.inspect.get("ProcessLabel") or ""))


def small_things(facts: ContainerFacts, engine: Engine, files: Files, once: OncePerEngine) -> Added:
    """Data that costs nothing for most containers: exec sessions, its seccomp profile and env files, its
    unit, where its engine stores its secrets, and whether the timer updates it.
    """
    file, rules = _seccomp(facts, files)
    service = facts.labels.get(UNIT_LABEL)
    unit = once.unit(facts, service) if service else None
    sessions = _exec_sessions(facts, engine)
    added = Added(exec_sessions=sessions, seccomp_file=file, seccomp_rules=rules, unit=unit)
    if service:
        added["unit_exists"] = once.unit_exists(service)
    if facts.engine.local and isinstance(facts.kernel, Kernel) and engine_limits_log(facts):
        added["log_limit_in_force"] = read_log_limit(files, _conmon(facts))
    if facts.engine.local and not isinstance(sessions, Unreadable):
        added["exec_uids"] = _uids_of(sessions, files)
    user = declared_user(facts).partition(":")[0]
    if facts.engine.local and not facts.running and user and not user.isdecimal() and user != "root":
        added["named_uid"] = uid_of_name(files, facts.inspect, user)
    if facts.engine.local and facts.engine.rootless is False and internal_networks(facts):
        added["host_listening"] = once.listening(_conmon(facts) or 1)
    sandbox = str(section(facts.inspect, "NetworkSettings").get("SandboxKey") or "")
    if facts.engine.local and facts.engine.rootless is True and facts.running and sandbox:
        added["network_helper"] = once.network_helper(sandbox)
    if facts.spec[SECRETS]:
        added["secret_drivers"] = once.secret_drivers()
    if AUTO_UPDATE_LABEL in facts.labels:
        added["engine"] = replace(facts.engine, auto_update_timer=once.auto_update_timer())
    named = _named_files(facts) if facts.engine.local else {}
    if _ENV_FILE in named:
        added["env_files"] = {path: examine(files, path) for path in named[_ENV_FILE]}
    if facts.engine.local and (secret_files := _secret_files(facts, files)):
        added["secret_files"] = secret_files
    if facts.engine.local and (repositories := _repositories(facts, files)):
        added["repositories"] = repositories
    if facts.engine.local and (mounted := tuple(mounted_words(facts))):
        owners = _rightful_owners(facts)
        added["mounted_programs"] = {path: examine(files, path, owners) for path in mounted}
    if facts.engine.local and (programs := _programs(facts, named, files)):
        owners = _rightful_owners(facts)
        added["programs"] = {
            path: file for program in programs for path, file in once.program(program, owners).items()
        }
    return added


def _repositories(facts: ContainerFacts, files: Files) -> tuple[str, ...]:
    """Git's directories directly in what it mounts."""
    paths = (posixpath.join(source, ".git") for source in shown_from_host(facts).values())
    return tuple(path for path in dict.fromkeys(paths) if there(files, path))


def _secret_files(facts: ContainerFacts, files: Files) -> dict[str, Known[FileFact | Missing]]:
    """The host files that are bind-mounted as secrets, also those in a directory of them."""
    given: dict[str, Known[FileFact | Missing]] = {}
    for destination, source in shown_from_host(facts).items():
        if is_place_of_secrets(destination):
            inside = names(files, source)
            if isinstance(inside, Unreadable):
                given[source] = inside
                continue
            paths = [posixpath.join(source, name) for name in inside[:_MOST_SECRETS]] or [source]
            given |= {path: examine(files, path) for path in paths}
    return given


def _conmon(facts: ContainerFacts) -> int:
    return int(section(facts.inspect, "State").get("ConmonPid") or 0)


def _named_files(facts: ContainerFacts) -> dict[str, list[str]]:
    """Flag -> absolute paths after it in its create command; others depend on the working directory."""
    words = [str(word) for word in (facts.inspect.get("Config") or {}).get("CreateCommand") or ()]
    named: dict[str, list[str]] = {}
    for word, after in pairwise((*words, "")):
        flag, equals, value = word.partition("=")
        path = value if equals else after
        if flag in _FILE_FLAGS and path.startswith("/"):
            named.setdefault(flag, []).append(path)
    return named


def _hooks_in(directories: Iterable[str], files: Files) -> Iterator[str]:
    """The hook files of its own directories, and their programs. Podman itself runs those of the stages
    precreate and poststop, so the runtime's configuration does not name them."""
    for directory in directories:
        inside = names(files, directory)
        for name in () if isinstance(inside, Unreadable) else inside:
            if name.endswith(".json"):
                path = posixpath.join(directory, name)
                yield path
                yield hook_program(text(files, path))


def _programs(facts: ContainerFacts, named: Mapping[str, list[str]], files: Files) -> tuple[str, ...]:
    """What the engine starts for this container. Its configuration says where a runtime without a path is.

    Args:
        named: the files that its create command names, by flag.
    """
    configured = () if isinstance(facts.runtime, Unreadable) else facts.runtime.programs
    programs = [str(facts.inspect.get("OCIRuntime") or ""), *configured]
    for flag, paths in named.items():
        programs += paths if flag != _ENV_FILE else ()
    programs += _hooks_in(named.get(_HOOKS_DIR, ()), files)
    return tuple(dict.fromkeys(path for path in programs if path.startswith("/")))


def _rightful_owners(facts: ContainerFacts) -> frozenset[int]:
    """Root, and the account that runs a rootless engine."""
    trust = facts.engine.trust
    rootless = facts.engine.rootless is True and isinstance(trust, TrustFacts)
    return ROOT_ONLY | {trust.uid} if rootless and isinstance(trust, TrustFacts) else ROOT_ONLY


def _owners(facts: ContainerFacts, files: Files) -> dict[str, tuple[int, int]]:
    """The owners of the host directories behind its volumes and bind mounts."""
    owners = {}
    for mount in facts.spec[MOUNTS]:
        volume = facts.volumes.get(mount.source) if mount.type == "volume" else None
        path = str(volume.inspect.get("Mountpoint") or "") if volume else mount.source
        if not path.startswith("/"):
            continue
        try:
            seen = files.stat(posixpath.join(path, mount.subpath.lstrip("/")))
        except OSError:
            continue
        owners[mount.destination] = (seen.uid, seen.gid)
    return owners


def _on_host_network(kernel: Kernel) -> bool:
    shared = kernel.shared_namespaces
    return not isinstance(shared, Unreadable) and "net" in shared


def read_changes(facts: ContainerFacts, engine: Engine, files: Files) -> Known[tuple[FileChange, ...]]:
    """What it has changed in its writable layer."""
    try:
        changes = engine.changes(facts.id)
    except EngineError as error:
        return Unreadable(f"Podman does not return its changed files: {error.title}")
    files_changed = [
        FileChange(str(change["Path"]), _KINDS.get(change.get("Kind", 0), "modified")) for change in changes
    ]
    layer = _writable_layer(facts)
    if facts.engine.local and layer:
        files_changed = _with_directories(files_changed, layer, files)
    return tuple(files_changed)


def _writable_layer(facts: ContainerFacts) -> str:
    """The host directory of the container's writable layer; empty if the driver has none."""
    driver = facts.inspect.get("GraphDriver")
    data = driver.get("Data") if isinstance(driver, dict) else None
    layer = data.get("UpperDir") if isinstance(data, dict) else None
    return layer if isinstance(layer, str) and layer.startswith("/") else ""


def _with_directories(changes: list[FileChange], layer: str, files: Files) -> list[FileChange]:
    """Whether a changed path is a directory, for those in which nothing else changed: a directory in which a
    file was created and removed again looks like a changed file. The container's writable layer shows it.
    """
    above = {parent for change in changes for parent in _parents(change.path)}
    asked = 0
    inspected = []
    for change in changes:
        if change.kind != "deleted" and change.path not in above and asked < _MOST_ASKED:
            asked += 1
            change = _inspected(change, layer, files)
        inspected.append(change)
    return inspected


def _inspected(change: FileChange, layer: str, files: Files) -> FileChange:
    try:
        seen = files.stat(layer + posixpath.normpath("/" + change.path), follow=False)
    except OSError:
        return change
    if not stat.S_ISREG(seen.mode):
        return replace(change, directory=stat.S_ISDIR(seen.mode))
    return replace(change, directory=False, size=seen.size, executable=bool(seen.mode & 0o111))


def _written_directories(facts: ContainerFacts, files: Files) -> dict[str, WrittenDirectory]:
    """The size and owner that a tmpfs on a directory written by the container would need."""
    directories = {}
    for path in dict.fromkeys((*written_directories(facts), *working_directories(facts))):
        seen = directory_of_image(files, facts.inspect, path)
        if seen is not None:
            count = bytes_of_image(files, facts.inspect, path, _MOST_ASKED)
            directories[path] = WrittenDirectory(count, seen.uid, seen.gid, stat.S_IMODE(seen.mode))
    return directories


def _parents(path: str) -> list[str]:
    parents = []
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        parents.append(path)
    return parents


def _exec_sessions(facts: ContainerFacts, engine: Engine) -> Known[tuple[Mapping[str, Any], ...]]:
    ids = facts.inspect.get("ExecIDs") or ()
    try:
        return tuple(engine.exec_session(str(identity)) for identity in ids)
    except EngineError as error:
        return Unreadable(f"Podman does not return its exec sessions: {error.title}")


def _uids_of(sessions: tuple[Mapping[str, Any], ...], files: Files) -> dict[str, int]:
    uids = {str(s.get("ID")): effective_uid(files, int(s.get("Pid") or 0)) for s in sessions}
    return {identity: uid for identity, uid in uids.items() if uid is not None}


def _seccomp(
    facts: ContainerFacts, files: Files
) -> tuple[Known[FileFact | Missing], Known[Mapping[str, Any]]]:
    path = facts.spec[SECCOMP_PROFILE]
    if not facts.engine.local:
        far = Unreadable(facts.engine.unseen)
        return far, far
    if not path.startswith("/"):
        none = Unreadable("it names no profile file")
        return none, none
    return examine(files, path, _rightful_owners(facts)), _rules(files, path)


def _rules(files: Files, path: str) -> Known[Mapping[str, Any]]:
    import json

    try:
        rules = json.loads(files.read_text(path, _PROFILE_LIMIT))
    except OSError as error:
        return Unreadable(f"{path}: {reason(error)}")
    except (ValueError, RecursionError):
        return Unreadable(f"{path} is not JSON")
    return rules if isinstance(rules, dict) else Unreadable(f"{path} is not a seccomp profile")
