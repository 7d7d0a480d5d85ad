"""Commands that give root: everything, a shell, or an engine's program with freely chosen arguments."""

from __future__ import annotations

import fnmatch
import posixpath
import re

_ENGINES = ("podman", "podman-remote", "docker", "nerdctl", "buildah", "crun", "runc", "ctr", "crictl")
_SHELLS = (
    *("sh", "bash", "dash", "zsh", "ksh", "su", "sudo", "env", "chroot", "nsenter", "unshare", "systemd-run"),
)
_PLACES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin")
_LOOKING = ("ps", "images", "logs", "inspect", "stats", "info", "version", "top", "port", "events", "history")
_SWITCHING = ("start", "stop", "restart", "pause", "unpause", "kill", "wait", "healthcheck", "pull", "diff")
_HARMLESS = frozenset((*_LOOKING, *_SWITCHING))
"""Engine commands that are safe to allow with fixed arguments."""


def root_command(command: str) -> str:
    """`everything`, `podman`, … if such a command gives root; else empty.

    Args:
        command: as in a rule: a path (or a name) with patterns, a directory that ends with /, a regular
            expression, or ALL, with or without arguments.
    """
    command = re.sub(r"^sha\d+:\S+\s+", "", command.strip())
    if command == "ALL":
        return "everything"
    program, _, arguments = command.partition(" ")
    matches = _programs(program.replace("\\", "") if not program.startswith("^") else program)
    dangerous = [name for name in matches if not (name in _ENGINES and _only_looks(arguments))]
    if not dangerous:
        return ""
    return dangerous[0] if len(matches) == 1 else program


def _programs(pattern: str) -> list[str]:
    """The engines and shells that a path, pattern, directory or regular expression matches."""
    every = [(name, f"{place}/{name}") for name in (*_ENGINES, *_SHELLS) for place in _PLACES]
    if pattern.startswith("^"):
        try:
            wanted = re.compile(pattern.removeprefix("^").removesuffix("$"))
        except re.error:
            return list(_ENGINES)  # it cannot be evaluated here, so it may be any of them
        fitting = [name for name, path in every if wanted.fullmatch(path)]
    elif pattern.endswith("/"):
        fitting = [name for name, path in every if posixpath.dirname(path) == pattern.rstrip("/")]
    else:
        fitting = [name for name, path in every if fnmatch.fnmatchcase(path, pattern)]
        fitting += [name for name in (*_ENGINES, *_SHELLS) if posixpath.basename(pattern) == name]
    return list(dict.fromkeys(fitting))


def _only_looks(arguments: str) -> bool:
    """Fixed arguments, without a pattern, of a command that cannot start arbitrary programs."""
    words = arguments.split()
    return bool(words) and words[0] in _HARMLESS and not any(mark in arguments for mark in "*?[^")
