"""Accounts that sudo makes root without a password, by sudoers(5).

What few rules have (aliases, exceptions, regular expressions, switched-off passwords) is not evaluated: then
the answer is unknown.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable

from msgspec import Struct

from hardentui.host.files.reader import Files, names, text, there
from hardentui.model.host import RootRight
from hardentui.model.known import Unread

# Commands that give root: everything, a shell, or an engine's program with freely chosen arguments.

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
        command: as in a rule: a path (or a name) with patterns, a directory that ends with /, or ALL, with or
            without arguments.
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


_MAIN = ("/etc/sudoers", "/usr/etc/sudoers")
_DOAS = ("/etc/doas.conf", "/etc/doas.d", "/usr/local/etc/doas.conf")
_MOST_FILES = 200
_DEEPEST = 20
_INCLUDE = r"^[@#](?P<kind>include|includedir)\s+(?P<path>.+)$"
_ALIAS = r"^(?:User|Runas|Host|Cmnd|Cmd)_Alias\s+(?P<rest>.+)$"
_TAG = r"^(?P<tag>(?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT))\s*:\s*"
_RULE = r"^(?P<users>[^\s,]+(?:\s*,\s*[^\s,]+)*)\s+(?P<hosts>[^=(]+?)\s*=\s*(?P<commands>.+)$"
_RUN_AS = r"^\((?P<users>[^:()]*)(?P<group>:[^()]*)?\)\s*"
_NUMBER = r"(?:^|[%:,(\s!])#-?\d"  # `#0`, `%#20`: an id, not a comment
_NOT_PLAIN = r"""[!"\\^=]"""


class SudoLine(Struct, frozen=True):
    """One line of sudoers, continued lines joined, with its file."""

    path: str
    text: str


def read_sudo_rights(files: Files, hostname: str) -> list[RootRight]:
    """Accounts that sudo makes root without a password; none if sudo has no configuration."""
    if any(there(files, path) for path in _DOAS):
        raise Unread("whom doas makes root is not read: see doas.conf(5)")
    for main in _MAIN:
        content = text(files, main)
        if isinstance(content, str):
            return sudo_rights(_lines(files, main, content, hostname.partition(".")[0], 0), hostname)
    return []


def _lines(files: Files, path: str, content: str, host: str, depth: int) -> list[SudoLine]:
    """The lines of a file and its includes, in order."""
    lines: list[SudoLine] = []
    for line in re.sub(r"\\\n", " ", content).splitlines():
        include = re.match(_INCLUDE, line.strip())
        if include is None:
            stripped = line.strip() if re.search(_NUMBER, line) else line.partition("#")[0].strip()
            lines += [SudoLine(path, stripped)] if stripped else []
            continue
        included = _included(files, path, include["kind"], include["path"], host)
        for path in included[:_MOST_FILES] if depth < _DEEPEST else ():
            more = text(files, path)
            lines += _lines(files, path, more, host, depth + 1) if isinstance(more, str) else []
    return lines


def _included(files: Files, path: str, kind: str, target: str, host: str) -> tuple[str, ...]:
    """The files that a line includes; a relative name is relative to the including file's directory."""
    target = target.strip().strip('"').replace("%h", host).replace("\\ ", " ")
    target = posixpath.join(posixpath.dirname(path), target)
    if kind == "include":
        return (target,)
    listed = names(files, target)
    return tuple(
        f"{target.rstrip('/')}/{name}" for name in listed if "." not in name and not name.endswith("~")
    )


def sudo_rights(lines: Iterable[SudoLine], hostname: str = "") -> list[RootRight]:
    """Accounts that these lines make root without a password.

    Raises:
        Unread: a rule cannot be evaluated here.
    """
    lines = tuple(lines)
    aliases = {
        definition.partition("=")[0].strip()
        for line in lines
        if (match := re.match(_ALIAS, line.text))
        for definition in match["rest"].split(":")
    }
    rights: dict[RootRight, None] = {}
    for line in lines:
        if line.text.startswith("Defaults") and re.search(r"!\s*authenticate|exempt_group", line.text):
            raise Unread(f"{line.path} switches passwords off by Defaults, which is not evaluated")
        if line.text.startswith("Defaults") or re.match(_ALIAS, line.text) or "NOPASSWD" not in line.text:
            continue
        rule = re.match(_RULE, line.text)
        used = set(re.split(r"[\s,:()=!]+", line.text))
        if rule is None or re.search(_NOT_PLAIN, rule["commands"] + rule["users"]) or used & aliases:
            raise Unread(f"{line.path} has a rule without password that is not evaluated")
        hosts = re.split(r"[\s,]+", rule["hosts"])
        if not any(_may_be(host, hostname) for host in hosts):
            continue
        allowed = _allowed(rule["commands"])
        for who in re.split(r"\s*,\s*", rule["users"]) if allowed else ():
            if who not in ("root", "#0"):
                why = f"may run {allowed} through sudo without a password"
                rights[RootRight(who, why, line.path)] = None
    return list(rights)


def _may_be(host: str, hostname: str) -> bool:
    """Whether a word of a rule names this machine. Addresses, patterns and netgroups may, so they count."""
    named = re.fullmatch(r"[A-Za-z][\w.-]*", host) and hostname
    return not named or host in ("ALL", hostname, hostname.partition(".")[0])


def _allowed(commands: str) -> str:
    """The commands in a list that give root without a password; may be empty.

    The prefix of a command (run-as users, tags) also applies to those after it.
    """
    as_root, free, lent = True, False, ""
    for command in re.split(r",(?![^()]*\))", commands):
        command = command.strip()
        if match := re.match(_RUN_AS, command):
            users = re.split(r"[\s,]+", match["users"])
            as_root = any(user in ("ALL", "root", "#0") for user in users)
            command = command[match.end() :]
        while match := re.match(_TAG, command):
            free = {"NOPASSWD": True, "PASSWD": False}.get(match["tag"], free)
            command = command[match.end() :]
        if as_root and free and lent != "everything":
            lent = root_command(command) or lent
    return lent
