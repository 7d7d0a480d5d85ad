"""registries.conf and registries.d: how names resolve, and which registries are used without TLS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hardentui.host.files.config import names, text, there
from hardentui.host.files.reader import Files
from hardentui.host.files.toml_text import parsed
from hardentui.host.podman.containers_conf import FIRST_FILE_ONLY_SINCE
from hardentui.model.configuration import Missing
from hardentui.model.known import Known, Unread
from hardentui.model.trust import Attachments, Mirror, Registries, Registry
from hardentui.model.version import Version
from hardentui.toml_document import TomlFault

_KEY = (
    r"""^(?P<indent> *)(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s#"'][^#]*?)):"""
    r"""(?:\s+(?P<value>.*?))?\s*$"""
)
_ALIAS = re.compile(r'\s*"[^"\\]*"\s*=\s*"[^"\\]*"\s*')


def read_registries(files: Files, *, home: str, uid: int, version: Version) -> Known[Registries]:
    """The effective registries.conf: the main file, then its drop-ins, later ones overriding."""
    paths: list[str] = []
    mains = [f"{home}/.config/containers/registries.conf", "/etc/containers/registries.conf"]
    directories = ["/etc/containers/registries.conf.d", f"{home}/.config/containers/registries.conf.d"]
    if version >= FIRST_FILE_ONLY_SINCE:
        mains.append("/usr/share/containers/registries.conf")
        kind = "rootless" if uid else "rootful"
        directories = [
            f"{base}/{name}"
            for base in ("/usr/share/containers", "/etc/containers", f"{home}/.config/containers")
            for name in ("registries.conf.d", f"registries.{kind}.conf.d")
        ]
    main = next((path for path in mains if not isinstance(text(files, path), Missing)), None)
    if main == mains[0] and version < FIRST_FILE_ONLY_SINCE:
        directories = directories[1:]  # a user's own main file disables the system's drop-ins
    if main is not None:
        paths.append(main)
    for directory in directories:
        inside = names(files, directory)
        if isinstance(inside, Unread):
            return inside
        paths += [f"{directory}/{name}" for name in inside if name.endswith(".conf")]
    if version >= FIRST_FILE_ONLY_SINCE:
        drop_ins = {path.rpartition("/")[2]: path for path in paths[main is not None :]}
        paths = [*paths[: main is not None], *(drop_ins[name] for name in sorted(drop_ins))]
    return _merged(files, paths)


def _merged(files: Files, paths: list[str]) -> Known[Registries]:
    search: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    mode, search_file, mode_file = "permissive", "", ""
    by_prefix: dict[str, Registry] = {}
    read = []
    for path in paths:
        content = text(files, path)
        if isinstance(content, Missing):
            continue
        if isinstance(content, Unread):
            return content
        try:
            document = parsed(_without_aliases(content))
            entries = [_registry(table, path) for table in document.get("registry", ())]
            entries += _old_format(document, path)
        except TomlFault as error:
            return Unread(f"{path} is not valid TOML ({error})")
        except (AttributeError, TypeError):
            return Unread(f"{path} is not a registries.conf")
        read.append(path)
        listed = document.get("unqualified-search-registries", _old_list(document, "search"))
        if isinstance(listed, list):
            search, search_file = tuple(map(str, listed)), path
        if document.get("short-name-mode"):
            mode, mode_file = str(document["short-name-mode"]), path
        if isinstance(document.get("credential-helpers"), list):
            helpers = tuple(map(str, document["credential-helpers"]))
        by_prefix.update({entry.prefix: entry for entry in entries})
    return Registries(search, mode, search_file, mode_file, tuple(by_prefix.values()), helpers, tuple(read))


def _without_aliases(content: str) -> str:
    """Blanks the lines of short-name aliases: distributions ship a hundred, they are not used here, and
    parsing them takes 3 ms."""
    kept = []
    among_aliases = False
    for line in content.split("\n"):
        if line.lstrip().startswith("["):
            among_aliases = line.strip() == "[aliases]"
        kept.append("" if among_aliases and _ALIAS.fullmatch(line) else line)
    return "\n".join(kept)


def _registry(table: dict[str, Any], path: str) -> Registry:
    location = str(table.get("location") or "")
    return Registry(
        str(table.get("prefix") or location),
        location or str(table.get("prefix") or ""),
        table.get("insecure") is True,
        table.get("blocked") is True,
        tuple(
            Mirror(str(mirror.get("location") or ""), mirror.get("insecure") is True)
            for mirror in table.get("mirror", ())
        ),
        path,
    )


def _old_list(document: Mapping[str, Any], name: str) -> list[Any] | None:
    """`[registries.search] registries = […]` of the old format."""
    tables = document.get("registries")
    table = tables.get(name) if isinstance(tables, dict) else None
    entries = table.get("registries") if isinstance(table, dict) else None
    return entries if isinstance(entries, list) else None


def _old_format(document: Mapping[str, Any], path: str) -> list[Registry]:
    insecure = _old_list(document, "insecure") or []
    blocked = _old_list(document, "block") or []
    return [
        Registry(str(location), str(location), location in insecure, location in blocked, (), path)
        for location in dict.fromkeys([*insecure, *blocked])
    ]


def read_attachments(files: Files, *, home: str, version: Version) -> Known[tuple[Attachments, ...]]:
    """The sections of registries.d. A user's own directory replaces the system's."""
    own = f"{home}/.config/containers/registries.d"
    directories = [own] if there(files, own) else ["/etc/containers/registries.d"]
    if version >= FIRST_FILE_ONLY_SINCE:
        directories.insert(0, "/usr/share/containers/registries.d")
    attachments: dict[str, Attachments] = {}
    for directory in directories:
        inside = names(files, directory)
        if isinstance(inside, Unread):
            return inside
        for name in inside:
            if not name.endswith(".yaml"):
                continue
            path = f"{directory}/{name}"
            content = text(files, path)
            if isinstance(content, Missing):
                continue
            sections = content if isinstance(content, Unread) else parse_sections(content, path)
            if isinstance(sections, Unread):
                return sections
            attachments.update({section.scope: section for section in sections})
    return tuple(attachments.values())


def parse_sections(content: str, path: str) -> Known[tuple[Attachments, ...]]:
    """Read the plain nested mappings that registries.d is made of.

    Any other YAML (anchors, flow style, block scalars, tabs) is Unread: guessing about a trust file would
    be worse.
    """
    enabled: dict[str, bool] = {}
    lookaside: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or line.strip() in ("---", "..."):
            continue
        match = re.match(_KEY, line)
        value = (match["value"] or "").partition(" #")[0].strip() if match else ""
        if not match or value[:1] in ("&", "*", "!", "|", ">", "[") or (value[:1] == "{" and value != "{}"):
            return Unread(f"{path} line {number} uses YAML features that are not supported here")
        indent = len(match["indent"])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, match["double"] or match["single"] or match["plain"] or ""))
        keys = [key for _, key in stack]
        scope = "" if keys[0] == "default-docker" else keys[1] if len(keys) > 1 else None
        if keys[0] not in ("default-docker", "docker") or scope is None:
            continue
        enabled.setdefault(scope, False)
        if keys[-1] == "use-sigstore-attachments":
            enabled[scope] = value.strip("\"'").lower() in ("true", "yes", "on")
        elif keys[-1] in ("lookaside", "sigstore"):  # the second is the older name
            lookaside[scope] = value.strip("\"'")
    return tuple(Attachments(scope, on, path, lookaside.get(scope, "")) for scope, on in enabled.items())
