"""containers.conf and storage.conf: which files apply, in which order, and their combined settings.

Podman 5 reads every main file, later ones overriding earlier ones. Podman 6 reads only the first
existing main file, and drop-ins of several directories sorted by file name. The service's
environment is not covered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.host.files import Files, names, parsed, text
from hardentui.model.configuration import Configuration, Missing, Value
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.toml_document import TomlFault

_TABLES_OF_NAMES = frozenset(
    {"engine.runtimes", "engine.volume_plugins", "engine.service_destinations"}
)
FIRST_FILE_ONLY_SINCE = Version(6)


def read_configuration(
    files: Files,
    *,
    home: str,
    uid: int,
    version: Version,
) -> Configuration:
    """The effective containers.conf of an engine running as `uid` with this home directory."""
    if version >= FIRST_FILE_ONLY_SINCE:
        paths = paths_of_podman_6(
            files,
            "containers",
            home,
            uid,
        )
    else:
        paths = _paths_of_podman_5(files, home)
    return merge(files, paths)


def read_storage(
    files: Files,
    *,
    home: str,
    uid: int,
    version: Version,
) -> Configuration:
    """The effective storage.conf; before Podman 6 the first existing file, without drop-ins."""
    if version >= FIRST_FILE_ONLY_SINCE:
        return merge(
            files,
            paths_of_podman_6(
                files,
                "storage",
                home,
                uid,
            ),
        )
    own = [f"{home}/.config/containers/storage.conf"] if uid else []
    candidates = [*own, "/etc/containers/storage.conf", "/usr/share/containers/storage.conf"]
    return merge(files, first_of(files, candidates))


def merge(files: Files, paths: list[str]) -> Configuration:
    """The merged settings of TOML files: a later file overrides, and a list with `{append=true}`
    appends."""
    values: dict[str, Value] = {}
    read: list[str] = []
    faults: dict[str, str] = {}
    for path in paths:
        content = known(text, files, path)
        if isinstance(content, Unread):
            faults[path] = content.reason
        if not isinstance(content, str):
            continue
        read.append(path)
        try:
            document = parsed(content)
        except TomlFault as error:
            faults[path] = f"{path} is not valid TOML ({error})"
            continue
        for name, value in _flat(document):
            values[name] = _over(values.get(name), value, path)
    return Configuration(values, tuple(read), faults)


def _over(
    before: Value | None,
    value: Any,
    path: str,
) -> Value:
    if not isinstance(value, list):
        return Value(value, path)
    plain = [item for item in value if not isinstance(item, dict) or set(item) != {"append"}]
    appends = any(isinstance(item, dict) and item.get("append") is True for item in value)
    if appends and before is not None and isinstance(before.value, list):
        return Value([*before.value, *plain], path)
    return Value(plain, path)


def _flat(
    table: Mapping[str, Any],
    prefix: str = "",
) -> list[tuple[str, Any]]:
    """Dotted names. A table of names (`engine.runtimes`) yields one name per entry too."""
    flat: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in _TABLES_OF_NAMES:
            flat += _flat(value, f"{name}.")
        elif isinstance(value, dict):
            flat += [(f"{name}.{entry}", what) for entry, what in value.items()]
        else:
            flat.append((name, value))
    return flat


def _paths_of_podman_5(files: Files, home: str) -> list[str]:
    paths = ["/usr/share/containers/containers.conf"]
    for main in (
        "/etc/containers/containers.conf",
        f"{home}/.config/containers/containers.conf",
    ):
        paths += [main, *drop_in_files(files, f"{main}.d")]
    return paths


def paths_of_podman_6(
    files: Files,
    name: str,
    home: str,
    uid: int,
) -> list[str]:
    directories = [
        "/usr/share/containers",
        "/etc/containers",
        f"{home}/.config/containers",
    ]
    main = first_of(
        files,
        [f"{directory}/{name}.conf" for directory in reversed(directories)],
    )
    kind = f"{name}.rootless.conf.d" if uid else f"{name}.rootful.conf.d"
    by_file_name: dict[str, str] = {}
    for directory in directories:
        kinds = [
            f"{name}.conf.d",
            kind,
            *([f"{kind}/{uid}"] if uid else []),
        ]
        for drop_ins in kinds:
            for path in drop_in_files(files, f"{directory}/{drop_ins}"):
                by_file_name[path.rpartition("/")[2]] = path
    return [
        *main,
        *(by_file_name[file_name] for file_name in sorted(by_file_name)),
    ]


def drop_in_files(files: Files, directory: str) -> list[str]:
    """The *.conf files of a directory; if it cannot be listed, the directory itself, to become a
    fault."""
    inside = known(
        names,
        files,
        directory,
        else_=None,
    )
    if inside is None:
        return [directory]
    return [f"{directory}/{name}" for name in inside if name.endswith(".conf")]


def first_of(files: Files, candidates: list[str]) -> list[str]:
    """The first one that is not known to be missing."""
    for path in candidates:
        if not isinstance(known(text, files, path), Missing):
            return [path]
    return []
