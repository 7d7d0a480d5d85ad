"""The OCI runtime's configuration at a container's last start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import json

from hardentui.lib.seccomp import NoFilter, SeccompProfile, parse_profile
from hardentui.model.facts import (
    RuntimeConfig,
)
from hardentui.model.known import Known, Unread
from hardentui.reading.confinement import RAW_FILTER

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
