"""Who can change the files that engines use: units, configuration, hooks, runtimes and helpers."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable

from hardentui.host.files.config import ROOT_ONLY, examine, names, text, tree
from hardentui.host.files.reader import Files
from hardentui.host.units.plugins import read_plugins
from hardentui.model.access import Accounts
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.host import Program, User
from hardentui.model.known import Known, Unread

_ENGINE_CONFIGURATION = ("/etc/containers", "/usr/share/containers", "/etc/docker/certs.d")
_ROOT_UNITS = ("/etc/systemd/system", "/run/containers/systemd")
_SYSTEM_PLACES = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/")
_HOOK_DIRECTORIES = ("/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d")
_HELPER_DIRECTORIES = tuple(
    "/usr/local/libexec/podman /usr/local/lib/podman /usr/libexec/podman /usr/lib/podman".split()
)
_HELPERS = frozenset(
    ("netavark", "aardvark-dns", "catatonit", "conmon", "rootlessport", "quadlet", "pasta", "gvproxy")
)
_RUNTIMES = frozenset(("crun", "crun-wasm", "runc", "kata", "runj", "runsc", "krun", "youki", "ocijail"))
_PROGRAM_PLACES = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")


def read_engine_configuration(
    files: Files, accounts: Accounts | None = None, users: Known[tuple[User, ...]] = ()
) -> dict[str, Known[FileFact]]:
    """Every configuration file and directory of the engines, except Quadlet directories: the system's, and
    those of users with containers, which may belong to that user."""
    facts = _below(files, _ENGINE_CONFIGURATION, ROOT_ONLY, accounts)
    for user in () if isinstance(users, Unread) else users:
        if user.rootless:
            own = (f"{user.home}/.config/containers",)
            facts |= _below(files, own, ROOT_ONLY | {user.uid}, accounts)
    return {path: fact for path, fact in facts.items() if not _is_quadlet_directory(path)}


def _is_quadlet_directory(path: str) -> bool:
    return path.endswith("/containers/systemd") or "/containers/systemd/" in path


def read_units(
    files: Files, users: Known[tuple[User, ...]], accounts: Accounts | None = None
) -> dict[str, Known[FileFact]]:
    """Quadlets, unit files and drop-ins with their directories: root's, and those of users with containers.

    A user's own Quadlets may belong to that user only.
    """
    quadlets = ("/etc/containers/systemd", "/usr/share/containers/systemd")
    facts = _below(files, (*_ROOT_UNITS, *quadlets), ROOT_ONLY, accounts)
    for user in () if isinstance(users, Unread) else users:
        if user.rootless:
            own = (f"{user.home}/.config/containers/systemd", f"{user.home}/.config/systemd/user")
            facts |= _below(files, own, ROOT_ONLY | {user.uid}, accounts)
    return facts


def _below(
    files: Files, directories: Iterable[str], owners: frozenset[int], accounts: Accounts | None
) -> dict[str, Known[FileFact]]:
    facts: dict[str, Known[FileFact]] = {}
    for directory in directories:
        for path, fault in tree(files, directory):
            fact = fault or examine(files, path, owners, accounts=accounts)
            if not isinstance(fact, Missing):
                facts[path] = fact
    return facts


def read_programs(
    files: Files, configuration: Configuration, storage: Configuration | None = None
) -> Known[tuple[Program, ...]]:
    """The OCI runtimes, conmon, the helpers, hooks and plug-ins that the rootful engine would run."""
    programs = [*_runtimes(files, configuration), *_conmon(files, configuration)]
    programs += _helpers(files, configuration)
    hooks = _hooks(files, configuration)
    if isinstance(hooks, Unread):
        return hooks
    programs += [*hooks, *read_plugins(files, configuration, storage or Configuration())]
    return tuple({(program.role, program.file.path): program for program in programs}.values())


def _program(files: Files, role: str, path: str, named_by: str = "", expected: bool = True) -> list[Program]:
    fact = examine(files, path)
    if not isinstance(fact, FileFact):
        return []  # not installed, or in a directory that only root can enter
    return [Program(role, fact, expected and path.startswith(_SYSTEM_PLACES), named_by)]


def _runtimes(files: Files, configuration: Configuration) -> list[Program]:
    programs = []
    configured = {
        name.removeprefix("engine.runtimes."): value
        for name, value in configuration.values.items()
        if name.startswith("engine.runtimes.")
    }
    for name, value in configured.items():
        for path in value.value if isinstance(value.value, list) else ():
            programs += _program(files, "runtime", str(path), value.file, name in _RUNTIMES)
    chosen = configuration.get("engine.runtime")
    if isinstance(chosen, str) and chosen.startswith("/"):
        expected = posixpath.basename(chosen) in _RUNTIMES
        programs += _program(files, "runtime", chosen, configuration.file_of("engine.runtime"), expected)
    for name in ("crun", "runc"):
        if name not in configured:
            programs += _first_program(files, "runtime", [f"{place}/{name}" for place in _PROGRAM_PLACES])
    return programs


def _first_program(files: Files, role: str, candidates: Iterable[str], named_by: str = "") -> list[Program]:
    for path in candidates:
        programs = _program(files, role, path, named_by)
        if programs:
            return programs
    return []


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _conmon(files: Files, configuration: Configuration) -> list[Program]:
    configured = _strings(configuration.get("engine.conmon_path"))
    built_in = [
        "/usr/libexec/podman/conmon",
        "/usr/local/libexec/podman/conmon",
        "/usr/local/lib/podman/conmon",
    ]
    built_in += ["/usr/bin/conmon", "/usr/sbin/conmon", "/usr/local/bin/conmon", "/usr/local/sbin/conmon"]
    named_by = configuration.file_of("engine.conmon_path")
    return _first_program(files, "conmon", configured or built_in, named_by)


def _helpers(files: Files, configuration: Configuration) -> list[Program]:
    programs = []
    configured = _strings(configuration.get("engine.helper_binaries_dir"))
    named_by = configuration.file_of("engine.helper_binaries_dir") if configured else ""
    for directory in configured or _HELPER_DIRECTORIES:
        for name in sorted(_HELPERS):
            programs += _program(files, "helper", f"{directory}/{name}", named_by)
    programs += _first_program(files, "helper", [f"{place}/pasta" for place in _PROGRAM_PLACES])
    return programs


def _hooks(files: Files, configuration: Configuration) -> Known[list[Program]]:
    """Hook files and their programs. The check decides whether one is known."""
    programs: list[Program] = []
    directories = _strings(configuration.get("engine.hooks_dir")) or list(_HOOK_DIRECTORIES)
    named_by = configuration.file_of("engine.hooks_dir")
    for directory in directories:
        inside = names(files, directory)
        if isinstance(inside, Unread):
            return inside
        for name in inside:
            path = f"{directory}/{name}"
            fact = examine(files, path)
            if not name.endswith(".json") or isinstance(fact, Missing):
                continue
            if isinstance(fact, Unread):
                return fact
            programs.append(Program("hook", fact, False, named_by))
            target = hook_program(text(files, path))
            programs += _program(files, "hook program", target, path) if target else []
    return programs


def hook_program(content: Known[str | Missing]) -> str:
    """The program that a hook file names, oci-hooks(5); empty if it cannot be read."""
    try:
        document = json.loads(content) if isinstance(content, str) else {}
        hook = document.get("hook")
        return str(hook.get("path", "")) if isinstance(hook, dict) else str(hook or "")
    except (ValueError, AttributeError, RecursionError):
        return ""
