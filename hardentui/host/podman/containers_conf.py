"""containers.conf and storage.conf: which files apply, in which order, and their combined settings.

Podman 5 reads every main file, later ones overriding earlier ones. Podman 6 reads only the first
existing main file, and drop-ins of several directories sorted by file name. The service's
environment is not covered here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hardentui.host.files import Files, names, parsed, text, there
from hardentui.model.configuration import Configuration, Missing, Value
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.model.trust import Attachments, Mirror, Registries, Registry
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
        paths = _paths_of_podman_6(
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
            _paths_of_podman_6(
                files,
                "storage",
                home,
                uid,
            ),
        )
    own = [f"{home}/.config/containers/storage.conf"] if uid else []
    candidates = [*own, "/etc/containers/storage.conf", "/usr/share/containers/storage.conf"]
    return merge(files, _first(files, candidates))


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
        paths += [main, *_drop_ins(files, f"{main}.d")]
    return paths


def _paths_of_podman_6(
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
    main = _first(
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
            for path in _drop_ins(files, f"{directory}/{drop_ins}"):
                by_file_name[path.rpartition("/")[2]] = path
    return [
        *main,
        *(by_file_name[file_name] for file_name in sorted(by_file_name)),
    ]


def _drop_ins(files: Files, directory: str) -> list[str]:
    """The *.conf files of a directory; if it cannot be listed, the directory itself, to become a
    fault."""
    inside = known(names, files, directory, else_=None)
    if inside is None:
        return [directory]
    return [f"{directory}/{name}" for name in inside if name.endswith(".conf")]


def _first(files: Files, candidates: list[str]) -> list[str]:
    """The first one that is not known to be missing."""
    for path in candidates:
        if not isinstance(known(text, files, path), Missing):
            return [path]
    return []


# registries.conf and registries.d: how names resolve, and which registries are used without TLS.

_KEY = (
    r"""^(?P<indent> *)(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s#"'][^#]*?)):"""
    r"""(?:\s+(?P<value>.*?))?\s*$"""
)


def read_registries(
    files: Files,
    *,
    home: str,
    uid: int,
    version: Version,
) -> Registries:
    """The effective registries.conf: the main file, then its drop-ins, later ones overriding."""
    if version >= FIRST_FILE_ONLY_SINCE:
        return _merged(
            files,
            _paths_of_podman_6(
                files,
                "registries",
                home,
                uid,
            ),
        )
    own, of_all = f"{home}/.config/containers/registries.conf", "/etc/containers/registries.conf"
    paths = _first(files, [own, of_all])
    # a user's own main file disables the system's drop-ins
    drop_ins = [] if paths == [own] else _drop_ins(files, f"{of_all}.d")
    return _merged(files, [*paths, *drop_ins, *_drop_ins(files, f"{own}.d")])


def _merged(files: Files, paths: list[str]) -> Registries:
    search: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    mode, search_file, mode_file = "permissive", "", ""
    by_prefix: dict[str, Registry] = {}
    read = []
    for path in paths:
        content = text(files, path)
        if isinstance(content, Missing):
            continue
        try:
            document = parsed(content)
            entries = [_registry(table, path) for table in document.get("registry", ())]
        except TomlFault as error:
            raise Unread(f"{path} is not valid TOML ({error})") from None
        except (AttributeError, TypeError):
            raise Unread(f"{path} is not a registries.conf") from None
        if "registries" in document:
            raise Unread(f"{path} has the format of before 2019: see containers-registries.conf(5)")
        read.append(path)
        listed = document.get("unqualified-search-registries")
        if isinstance(listed, list):
            search, search_file = tuple(map(str, listed)), path
        if document.get("short-name-mode"):
            mode, mode_file = str(document["short-name-mode"]), path
        if isinstance(document.get("credential-helpers"), list):
            helpers = tuple(map(str, document["credential-helpers"]))
        by_prefix.update({entry.prefix: entry for entry in entries})
    return Registries(
        search, mode, search_file, mode_file, tuple(by_prefix.values()), helpers, tuple(read)
    )


def _registry(table: dict[str, Any], path: str) -> Registry:
    location = str(table.get("location") or "")
    return Registry(
        str(table.get("prefix") or location),
        location or str(table.get("prefix") or ""),
        table.get("insecure") is True,
        table.get("blocked") is True,
        tuple(
            Mirror(
                str(mirror.get("location") or ""),
                mirror.get("insecure") is True,
            )
            for mirror in table.get("mirror", ())
        ),
        path,
    )


def read_attachments(
    files: Files,
    *,
    home: str,
    version: Version,
) -> tuple[Attachments, ...]:
    """The sections of registries.d. A user's own directory replaces the system's."""
    own = f"{home}/.config/containers/registries.d"
    directories = [own] if there(files, own) else ["/etc/containers/registries.d"]
    if version >= FIRST_FILE_ONLY_SINCE:
        directories.insert(0, "/usr/share/containers/registries.d")
    attachments: dict[str, Attachments] = {}
    for directory in directories:
        for name in names(files, directory):
            content = text(files, f"{directory}/{name}") if name.endswith(".yaml") else None
            if isinstance(content, str):
                sections = parse_sections(content, f"{directory}/{name}")
                attachments.update({section.scope: section for section in sections})
    return tuple(attachments.values())


def parse_sections(content: str, path: str) -> tuple[Attachments, ...]:
    """Read the plain nested mappings that registries.d is made of.

    Any other YAML (anchors, flow style, block scalars, tabs) is Unread: guessing about a trust file
    would be worse.
    """
    enabled: dict[str, bool] = {}
    lookaside: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or line.strip() in ("---", "..."):
            continue
        match = re.match(_KEY, line)
        value = (match["value"] or "").partition(" #")[0].strip() if match else ""
        if (
            not match
            or value[:1] in ("&", "*", "!", "|", ">", "[")
            or (value[:1] == "{" and value != "{}")
        ):
            raise Unread(f"{path} line {number} uses YAML features that are not supported here")
        indent = len(match["indent"])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append(
            (
                indent,
                match["double"] or match["single"] or match["plain"] or "",
            )
        )
        keys = [key for _, key in stack]
        scope = "" if keys[0] == "default-docker" else keys[1] if len(keys) > 1 else None
        if keys[0] not in ("default-docker", "docker") or scope is None:
            continue
        enabled.setdefault(scope, False)
        if keys[-1] == "use-sigstore-attachments":
            enabled[scope] = value.strip("\"'").lower() in ("true", "yes", "on")
        elif keys[-1] in ("lookaside", "sigstore"):  # the second is the older name
            lookaside[scope] = value.strip("\"'")
    return tuple(
        Attachments(
            scope,
            on,
            path,
            lookaside.get(scope, ""),
        )
        for scope, on in enabled.items()
    )
