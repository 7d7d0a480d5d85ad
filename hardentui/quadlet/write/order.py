"""The lines of `[Container]` as people arrange them: the image and its name first, then groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hardentui.model.spec import Option
from hardentui.options import (
    ANNOTATIONS,
    ARCH,
    CAP_ADD,
    CAP_DROP,
    COMMAND,
    ENTRYPOINT,
    ENV,
    IMAGE,
    LABELS,
    NAME,
    OS,
    PLATFORM,
    POD,
    PULL,
    READ_ONLY,
    READ_ONLY_TMPFS,
    ROOTFS,
    SDNOTIFY,
    SECRETS,
    VARIANT,
)

Line = tuple[str, str]
BLANK: Line = ("", "")
_LONGEST = 100

_IMAGE, _NETWORK, _VOLUMES, _ENVIRONMENT, _LIMITS, _SECURITY, _HEALTH, _REST = range(8)
_OF_AREA = {
    "process": _IMAGE,
    "network": _NETWORK,
    "filesystem": _VOLUMES,
    "resources": _LIMITS,
    "security": _SECURITY,
    "identity": _SECURITY,
    "namespaces": _SECURITY,
    "health": _HEALTH,
    "logging": _REST,
    "lifecycle": _REST,
}
_FIRST: tuple[Option[Any], ...] = (
    IMAGE,
    ROOTFS,
    NAME,
    POD,
    PULL,
    PLATFORM,
    ARCH,
    OS,
    VARIANT,
    ENTRYPOINT,
    COMMAND,
)
_ORDER = (*_FIRST, CAP_DROP, CAP_ADD)
_OF_OPTION: dict[Option[Any], int] = {
    **dict.fromkeys(_FIRST, _IMAGE),
    ENV: _ENVIRONMENT,
    SECRETS: _ENVIRONMENT,
    READ_ONLY: _SECURITY,
    READ_ONLY_TMPFS: _SECURITY,
    SDNOTIFY: _HEALTH,
    LABELS: _REST,
    ANNOTATIONS: _REST,
}


def arranged(lines: Iterable[tuple[Option[Any], Line]]) -> list[Line]:
    """Groups with a blank line between them, each with its words of PodmanArgs= together at its end."""
    groups: dict[int, list[tuple[Option[Any], Line]]] = {}
    for option, line in lines:
        group = _IMAGE if line[0] == "AutoUpdate" else _OF_OPTION.get(option, _OF_AREA[option.area])
        groups.setdefault(group, []).append((option, line))
    blocks = []
    for _, group_lines in sorted(groups.items()):
        ordered = [line for _, line in sorted(group_lines, key=lambda of: _rank(of[0]))]
        keyed = [line for line in ordered if line[0] != "PodmanArgs"]
        words = [text for key, text in ordered if key == "PodmanArgs"]
        blocks.append([*keyed, *(("PodmanArgs", text) for text in _joined(words))])
    return [line for number, block in enumerate(blocks) for line in ([BLANK] if number else []) + block]


def _rank(option: Option[Any]) -> int:
    return _ORDER.index(option) if option in _ORDER else len(_ORDER)


def _joined(words: Iterable[str]) -> list[str]:
    texts: list[str] = []
    for word in words:
        if texts and len(texts[-1]) + len(word) < _LONGEST:
            texts[-1] += f" {word}"
        else:
            texts.append(word)
    return texts
