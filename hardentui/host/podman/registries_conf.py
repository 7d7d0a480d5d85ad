"""registries.conf and registries.d: how names resolve, and which registries are used without TLS."""

from __future__ import annotations

import re
from typing import Any

from hardentui.host.files import Files, names, parsed, text, there
from hardentui.host.podman.containers_conf import (
    FIRST_FILE_ONLY_SINCE,
    drop_in_files,
    first_of,
    paths_of_podman_6,
)
from hardentui.model.configuration import Missing
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version
from hardentui.model.trust import Attachments, Mirror, Registries, Registry
from hardentui.toml_document import TomlFault

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
            paths_of_podman_6(
                files,
                "registries",
                home,
                uid,
            ),
        )
    own, of_all = f"{home}/.config/containers/registries.conf", "/etc/containers/registries.conf"
    paths = first_of(files, [own, of_all])
    # a user's own main file disables the system's drop-ins
    drop_ins = [] if paths == [own] else drop_in_files(files, f"{of_all}.d")
    return _merged(files, [*paths, *drop_ins, *drop_in_files(files, f"{own}.d")])


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
