"""Directories and programs that extend the rootful engine: what lies there runs as root, or decides what
does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from hardentui.host.files.config import examine, names
from hardentui.host.files.reader import Files
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.host import Program

_DIRECTORIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("engine.helper_binaries_dir", "helper directory", ()),
    (
        "engine.hooks_dir",
        "hook directory",
        ("/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"),
    ),
    ("engine.cdi_spec_dirs", "CDI directory", ("/etc/cdi", "/run/cdi")),
    (
        "network.netavark_plugin_dirs",
        "network plug-in directory",
        ("/usr/local/lib/netavark", "/usr/libexec/netavark", "/usr/lib/netavark"),
    ),
)
"""Setting, role and Podman's own directories: containers.conf(5). Built-in helper directories hold the
helpers that are checked one by one; a configured one is searched first, for every helper."""
_PROGRAMS = (
    ("containers.init_path", "init program"),
    ("engine.init_path", "init program"),
    ("engine.network_cmd_path", "network program"),
)
_MOUNT_PROGRAMS = ("storage.options.overlay.mount_program", "storage.options.mount_program")
_STORES = (
    ("storage.options.additionalimagestores", "image store"),
    ("storage.options.additionallayerstores", "layer store"),
)
"""Images and layers that Podman uses without copying them: containers-storage.conf(5)."""
_SECRET_PROGRAMS = ("lookup", "list", "store", "delete")
_PLACES = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_ROOT = "/"


def read_plugins(files: Files, configuration: Configuration, storage: Configuration) -> Iterator[Program]:
    """Directories from which the engine runs whatever it finds, and further programs that it runs.

    Where they lie is the admin's choice; who can change them is examined. A directory that does not exist yet
    counts as the directory in which it would be created.
    """
    for setting, role, built_in in _DIRECTORIES:
        for directory in _strings(configuration.get(setting)) or built_in:
            yield from _directory(files, role, directory, configuration.file_of(setting))
    for setting, role in _PROGRAMS:
        for path in _strings(configuration.get(setting)):
            yield from _program(files, role, path, configuration.file_of(setting))
    for setting in _MOUNT_PROGRAMS:
        for path in _strings(storage.get(setting)):
            yield from _program(files, "mount program", path, storage.file_of(setting))
    for setting, role in _STORES:
        for path in _strings(storage.get(setting)):
            yield from _directory(files, role, path.partition(":")[0], storage.file_of(setting))
    if configuration.get("secrets.driver") == "shell":
        for name in _SECRET_PROGRAMS:
            setting = f"secrets.opts.{name}"
            words = str(configuration.get(setting) or "").split()
            yield from _program(
                files, "secret program", words[0] if words else "", configuration.file_of(setting)
            )
    yield from _credential_helpers(files)


def _credential_helpers(files: Files) -> Iterator[Program]:
    """containers-registries.conf(5) and login files name them; any of them runs as whoever pulls."""
    for place in _PLACES:
        inside = names(files, place)
        for name in inside if isinstance(inside, tuple) else ():
            if name.startswith("docker-credential-"):
                yield from _program(files, "credential helper", f"{place}/{name}")


def _program(files: Files, role: str, path: str, named_by: str = "") -> Iterator[Program]:
    fact = examine(files, path) if path.startswith(_ROOT) else None
    if isinstance(fact, FileFact):
        yield Program(role, fact, True, named_by)


def _directory(files: Files, role: str, directory: str, named_by: str) -> Iterator[Program]:
    path = directory
    while path.startswith(_ROOT):
        fact = examine(files, path)
        if isinstance(fact, FileFact):
            yield Program(role, fact, True, named_by)
        if not isinstance(fact, Missing) or path == _ROOT:
            return
        path = posixpath.dirname(path.rstrip("/"))


def _strings(value: object) -> Iterable[str]:
    return (
        [str(item) for item in value]
        if isinstance(value, list)
        else [value]
        if isinstance(value, str)
        else []
    )
