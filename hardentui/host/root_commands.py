"""Commands that give root: everything, a shell, or an engine's program with freely chosen arguments."""

from __future__ import annotations

import fnmatch
import posixpath

_ENGINES = (
    "podman",
    "podman-remote",
    "docker",
    "nerdctl",
    "buildah",
    "crun",
    "runc",
    "ctr",
    "crictl",
)


_SHELLS = tuple("sh bash dash zsh ksh su sudo env chroot nsenter unshare systemd-run".split())


_PLACES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin")


_LOOKING = (
    "ps",
    "images",
    "logs",
    "inspect",
    "stats",
    "info",
    "version",
    "top",
    "port",
    "events",
    "history",
)


_SWITCHING = (
    "start",
    "stop",
    "restart",
    "pause",
    "unpause",
    "kill",
    "wait",
    "healthcheck",
    "pull",
    "diff",
)


_HARMLESS = frozenset((*_LOOKING, *_SWITCHING))
"""Engine commands that are safe to allow with fixed arguments."""


def root_command(command: str) -> str:
    """`everything`, `podman`, … if such a command gives root; else empty. `command`: as in a rule:
    a path (or a name) with patterns, a directory that ends with /, or ALL, with or without
    arguments.
    """
    if command == "ALL":
        return "everything"
    program, _, arguments = command.partition(" ")
    matches = _programs(program)
    dangerous = [name for name in matches if not (name in _ENGINES and _only_looks(arguments))]
    if not dangerous:
        return ""
    return dangerous[0] if len(matches) == 1 else program


def _programs(pattern: str) -> list[str]:
    """The engines and shells that a path, pattern or directory matches."""
    pattern = f"{pattern}*" if pattern.endswith("/") else pattern
    return [
        name
        for name in (*_ENGINES, *_SHELLS)
        if posixpath.basename(pattern) == name
        or any(fnmatch.fnmatchcase(f"{place}/{name}", pattern) for place in _PLACES)
    ]


def _only_looks(arguments: str) -> bool:
    """Fixed arguments, without a pattern, of a command that cannot start arbitrary programs."""
    words = arguments.split()
    return bool(words) and words[0] in _HARMLESS and not any(mark in arguments for mark in "*?[")
