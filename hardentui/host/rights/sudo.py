"""Accounts that sudo makes root without a password: sudoers(5), with aliases, includes, tags and Defaults."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.host.files.reader import Files, names, text, there
from hardentui.model.configuration import Missing
from hardentui.model.host import RootRight
from hardentui.model.known import Known, Unread

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


_MAIN = ("/etc/sudoers", "/usr/etc/sudoers")
_DOAS = ("/etc/doas.conf", "/etc/doas.d", "/usr/local/etc/doas.conf")
_MOST_FILES = 200
_DEEPEST = 20
_INCLUDE = r"^[@#](?P<kind>include|includedir)\s+(?P<path>.+)$"
_ALIAS = r"^(?P<kind>User|Runas|Host|Cmnd|Cmd)_Alias\s+(?P<rest>.+)$"
_DEFAULTS = r"^Defaults(?P<scope>[@:!>]\S+)?\s+(?P<rest>.+)$"
_TAGS = "(?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT)"
_OPTIONS = "ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|NOTBEFORE|NOTAFTER|TIMEOUT|CWD|CHROOT"
_OPTION = rf"^(?:{_OPTIONS})=\S+\s*"
_USERS = r'^(?P<users>(?:"[^"]*"|[^\s,"]+)(?:\s*,\s*(?:"[^"]*"|[^\s,"]+))*)\s+(?P<rest>.+)$'
_NUMBER = r"(?:^|[%:,(\s!])#-?\d"  # `#0`, `%#20`: an id, not a comment

_GUARDED = {":": "\x01", ",": "\x02", "=": "\x03"}
"""Placeholder for an escaped or bracketed separator while a line is split."""
_TAG_END = "\x04"


class SudoLine(Struct, frozen=True):
    """One line of sudoers, continued lines joined, with its file."""

    path: str
    text: str


def read_sudo_rights(files: Files, hostname: str) -> Known[list[RootRight]]:
    """Accounts that sudo makes root without a password; none if sudo has no configuration."""
    if any(there(files, path) for path in _DOAS):
        return Unread("whom doas makes root is not read: see doas.conf(5)")
    for main in _MAIN:
        content = text(files, main)
        if isinstance(content, Unread):
            return content
        if isinstance(content, str):
            lines = _lines(files, main, content, hostname.partition(".")[0], 0)
            return lines if isinstance(lines, Unread) else sudo_rights(lines, hostname)
    return []


def _lines(files: Files, path: str, content: str, host: str, depth: int) -> Known[list[SudoLine]]:
    """The lines of a file and its includes, in order."""
    lines: list[SudoLine] = []
    for line in re.sub(r"\\\n", " ", content).splitlines():
        include = re.match(_INCLUDE, line.strip())
        if include is None:
            stripped = line.strip() if re.search(_NUMBER, line) else line.partition("#")[0].strip()
            lines += [SudoLine(path, stripped)] if stripped else []
            continue
        included = _included(files, path, include["kind"], include["path"], host)
        if isinstance(included, Unread):
            return included
        for path in included[:_MOST_FILES] if depth < _DEEPEST else ():
            more = text(files, path)
            if isinstance(more, Unread):
                return more
            inside = [] if isinstance(more, Missing) else _lines(files, path, more, host, depth + 1)
            if isinstance(inside, Unread):
                return inside
            lines += inside
    return lines


def _included(files: Files, path: str, kind: str, target: str, host: str) -> Known[tuple[str, ...]]:
    """The files that a line includes; a relative name is relative to the including file's directory."""
    target = target.strip().strip('"').replace("%h", host).replace("\\ ", " ")
    target = posixpath.join(posixpath.dirname(path), target)
    if kind == "include":
        return (target,)
    listed = names(files, target)
    if isinstance(listed, Unread):
        return listed
    return tuple(
        f"{target.rstrip('/')}/{name}" for name in listed if "." not in name and not name.endswith("~")
    )


def sudo_rights(lines: Iterable[SudoLine], hostname: str = "") -> list[RootRight]:
    """Accounts that these lines make root without a password."""
    lines = tuple(lines)
    aliases = _Aliases(lines)
    defaults = _Defaults(lines, aliases, hostname)
    rights = []
    for line in lines:
        if line.text.startswith("Defaults") or re.match(_ALIAS, line.text) or "=" not in line.text:
            continue
        for who, allowed in _rule(line.text, aliases, defaults, hostname):
            if allowed:
                rights.append(RootRight(who, f"may run {allowed} through sudo without a password", line.path))
    rights += [
        RootRight(f"%{group}", "needs no sudo password (exempt_group)", path)
        for group, path in defaults.exempt
    ]
    return list(dict.fromkeys(rights))


def _guard(line: str) -> str:
    """The line with placeholders for non-separators: escaped, within brackets, or after a tag."""
    line = re.sub(r"\\([:,=])", lambda match: _GUARDED[match[1]], line)
    line = re.sub(r"\b(sha\d+):", lambda match: f"{match[1]}{_GUARDED[':']}", line)
    line = re.sub(
        r"\([^()]*\)", lambda match: re.sub("[:,=]", lambda sign: _GUARDED[sign[0]], match[0]), line
    )
    return re.sub(rf"\b({_TAGS})\s*:\s*", rf"\1{_TAG_END}", line)


def _bare(guarded: str) -> str:
    for sign, mark in _GUARDED.items():
        guarded = guarded.replace(mark, sign)
    return guarded.strip()


def _split(guarded: str, separator: str = ",") -> list[str]:
    return [part.strip() for part in guarded.split(separator) if part.strip()]


class _Aliases:
    def __init__(self, lines: Iterable[SudoLine]) -> None:
        self._known: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            match = re.match(_ALIAS, line.text)
            for definition in _split(_guard(match["rest"]), ":") if match else ():
                name, equals, members = definition.partition("=")
                if match and equals:
                    kind = "Cmnd" if match["kind"] == "Cmd" else match["kind"]
                    self._known.setdefault((kind, name.strip()), []).extend(map(_bare, _split(members)))

    def open(self, kind: str, words: Iterable[str], depth: int = 0) -> list[str]:
        """The words with aliases expanded; `!` is kept (two of them cancel out)."""
        opened: list[str] = []
        for word in words:
            bare = word.lstrip("!").strip()
            no = (len(word) - len(word.lstrip("!"))) % 2 == 1
            if depth < _DEEPEST and (kind, bare) in self._known:
                members = self.open(kind, self._known[kind, bare], depth + 1)
                opened += [_negated(member) for member in members] if no else members
            else:
                opened.append(f"!{bare}" if no else bare)
        return opened


def _negated(word: str) -> str:
    return word[1:] if word.startswith("!") else f"!{word}"


class _Defaults:
    """Where `!authenticate` applies, and the groups that need no password."""

    def __init__(self, lines: Iterable[SudoLine], aliases: _Aliases, hostname: str) -> None:
        self._aliases = aliases
        self.everybody = False
        self.users: set[str] = set()
        self.commands: list[str] = []
        self.exempt: list[tuple[str, str]] = []
        for line in lines:
            match = re.match(_DEFAULTS, line.text)
            for setting in _split(match["rest"]) if match else ():
                scope = (match["scope"] or "") if match else ""
                name, equals, value = setting.partition("=")
                if equals and name.strip() == "exempt_group":
                    self.exempt.append((value.strip().strip('"'), line.path))
                elif setting.lstrip("!").strip() == "authenticate":
                    self._set(scope, (len(setting) - len(setting.lstrip("!"))) % 2 == 1, hostname)

    def _set(self, scope: str, off: bool, hostname: str) -> None:
        words = _split(scope[1:])
        if not scope or (scope[0] == "@" and _host_fits(self._aliases.open("Host", words), hostname)):
            self.everybody = off
        elif scope[0] == ":":
            users = {user for user in self._aliases.open("User", words) if not user.startswith("!")}
            self.users = self.users | users if off else self.users - users
        elif scope[0] == "!":
            self.commands = [*self.commands, *self._aliases.open("Cmnd", words)] if off else self.commands
        elif scope[0] == ">" and _leads_to_root(self._aliases.open("Runas", words)):
            self.everybody = off

    def off_for(self, who: str) -> bool:
        return self.everybody or who in self.users or "ALL" in self.users


def _host_fits(hosts: Iterable[str], hostname: str) -> bool:
    """Whether a host list names this machine; addresses and netgroups might, so they count."""
    short = hostname.partition(".")[0]
    fits = False
    for host in hosts:
        bare = host.lstrip("!")
        looks_like_address = re.match(
            r"\d+\.[\d./]+$|[\da-fA-F]*:[\da-fA-F:./]*$", bare
        ) is not None or bare.startswith("+")
        same = (
            not hostname
            or bare == "ALL"
            or fnmatch.fnmatchcase(hostname, bare)
            or fnmatch.fnmatchcase(short, bare)
        )
        if same or looks_like_address:
            fits = not host.startswith("!")
    return fits


def _leads_to_root(runas: Iterable[str]) -> bool:
    """Whether a list of run-as users includes root; the last mention counts."""
    fits = False
    for user in runas:
        if user.lstrip("!") in ("ALL", "root", "#0"):
            fits = not user.startswith("!")
    return fits


def _rule(line: str, aliases: _Aliases, defaults: _Defaults, hostname: str) -> Iterator[tuple[str, str]]:
    """(who, command) of a user specification: `USERS HOSTS = (RUNAS) TAG: COMMANDS : HOSTS = …`."""
    head = re.match(_USERS, _guard(line))
    if head is None:
        return
    users = aliases.open("User", (_bare(user).strip('"') for user in _split(head["users"])))
    for section in _split(head["rest"], ":"):
        hosts, equals, commands = section.partition("=")
        if not equals or not _host_fits(aliases.open("Host", map(_bare, _split(hosts))), hostname):
            continue
        for who in users:
            if who.startswith("!") or who in ("root", "#0"):
                continue
            if allowed := _allowed(_split(commands), aliases, defaults, who):
                yield who, allowed


def _allowed(commands: Iterable[str], aliases: _Aliases, defaults: _Defaults, who: str) -> str:
    """The commands in a list that give root without a password; may be empty.

    The prefix of a command (run-as users, tags) also applies to those after it.
    """
    as_root, free, lent = True, defaults.off_for(who), ""
    for command in commands:
        if match := re.match(r"^\(([^()]*)\)\s*", command):
            users, colon, _ = _bare(match[1]).partition(":")
            only_a_group = bool(colon) and not users.strip()
            as_root = not only_a_group and _leads_to_root(aliases.open("Runas", _split(users)))
            command = command[match.end() :]
        while (match := re.match(rf"^({_TAGS}){_TAG_END}\s*", command)) or (
            match := re.match(_OPTION, command)
        ):
            tag = match[0].strip().removesuffix(_TAG_END)
            free = {"NOPASSWD": True, "PASSWD": False}.get(tag, free)
            command = command[match.end() :]
        for word in aliases.open("Cmnd", [_bare(command)]):
            if as_root and not word.startswith("!") and (free or word in defaults.commands):
                what = root_command(word)
                lent = what if what and lent != "everything" else lent
    return lent
