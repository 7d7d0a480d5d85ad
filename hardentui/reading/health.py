"""Whether a health check can fail at all.

Shell command lines are parsed far enough to predict their exit status: lists with `;`, `&&`, `||` and `|`,
and programs whose status does not depend on the service. Anything that cannot be parsed may fail.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from enum import Enum

_LONGEST = 4096
_DEEPEST = 5
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "busybox"})
_SUCCEED = frozenset(
    {"true", ":", "echo", "printf", "sleep", "pwd", "date", "id", "whoami", "hostname", "uname", "env", "ps"}
    | {"printenv", "uptime", "free", "df", "sync", "yes", "tty", "umask", "logger", "set", "export"}
)
"""Programs that succeed regardless of the service."""
_PASS_ON = frozenset({"cat", "tee", "head", "tail", "sort", "uniq", "wc", "tr", "cut", "sed", "less", "more"})
"""Programs that, at the end of a pipe, succeed regardless of their input."""
_WRAPPERS = frozenset({"exec", "command", "nice", "nohup", "CMD", "CMD-SHELL"})
_ALWAYS_THERE = frozenset(
    {"/", "/bin", "/etc", "/proc", "/dev", "/sys", "/usr", "/bin/sh", "/proc/uptime", "/proc/stat"}
    | {"/dev/null", "/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/version"}
    | {"/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/os-release"}
)
_READERS = frozenset({"cat", "head", "tail", "ls", "stat", "wc", "du", "file"})
_SEPARATORS = frozenset({";", "&&", "||", "|", "&", "\n"})


class _Status(Enum):
    SUCCESS = "always 0"
    FAILURE = "never 0"
    OPEN = "it depends"


def always_passes(command: str) -> bool:
    """Whether the health check passes regardless of the service.

    Args:
        command: as Podman shows it: a shell command line, or the words of a command.
    """
    return _status(command, 0) is _Status.SUCCESS


def _status(command: str, depth: int) -> _Status:
    text = command.strip()
    if not text or len(text) > _LONGEST or depth > _DEEPEST:
        return _Status.OPEN
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|\n()<>")
        lexer.whitespace = " \t\r"
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return _Status.OPEN
    if any(set(word) <= set("()") for word in words) or any(word in ("if", "case", "for") for word in words):
        return _Status.OPEN
    return _status_of_list(words, depth)


def _status_of_list(words: Sequence[str], depth: int) -> _Status:
    """The status of the last pipeline that runs; `exit` ends the list."""
    status, joined = _Status.SUCCESS, ""
    current: list[str] = []
    pipe: list[list[str]] = []
    for word in (*words, ";"):
        if word not in _SEPARATORS and not set(word) <= {"\n", ";"}:
            current.append(word)
            continue
        pipe.append(current)
        current = []
        if word == "|":
            continue
        if any(pipe):
            step = _Status.SUCCESS if word == "&" else _status_of_pipe(pipe, depth)
            status = _joined(status, joined, step)
            if joined not in ("&&", "||") and pipe[-1][:1] == ["exit"]:
                return status
        pipe, joined = [], word
    return status


def _joined(before: _Status, operator: str, step: _Status) -> _Status:
    if operator == "&&":
        if before is _Status.SUCCESS:
            return step
        return _Status.FAILURE if _Status.FAILURE in (before, step) else _Status.OPEN
    if operator == "||":
        if before is _Status.FAILURE:
            return step
        return _Status.SUCCESS if _Status.SUCCESS in (before, step) else _Status.OPEN
    return step


def _status_of_pipe(pipe: Sequence[Sequence[str]], depth: int) -> _Status:
    last = [word for word in pipe[-1] if word]
    if len(pipe) > 1 and last and last[0].rsplit("/", 1)[-1] in _PASS_ON:
        return _Status.SUCCESS
    return _status_of_command(last, depth)


def _status_of_command(words: list[str], depth: int) -> _Status:
    while words and (words[0] in _WRAPPERS or _is_assignment(words[0])):
        words = words[1:]
    words = _without_redirections(words)
    if not words:
        return _Status.OPEN
    if words[0] == "!":
        inner = _status_of_command(words[1:], depth)
        swapped = {_Status.SUCCESS: _Status.FAILURE, _Status.FAILURE: _Status.SUCCESS}
        return swapped.get(inner, _Status.OPEN)
    program = words[0].rsplit("/", 1)[-1]
    if program in _SHELLS and len(words) > 1:
        return _status_of_shell(words, depth)
    if program in ("exit", "return"):
        given = words[1] if len(words) > 1 else "$?"
        return {"0": _Status.SUCCESS, "$?": _Status.OPEN}.get(given, _exit_of(given))
    if program == "false":
        return _Status.FAILURE
    if program in ("test", "["):
        return _status_of_test([word for word in words[1:] if word != "]"])
    if program in _READERS:
        named = [word for word in words[1:] if word[0] != "-" and not word.isdecimal()]
        reads = bool(named) or program == "ls"
        return _Status.SUCCESS if reads and all(map(_is_always_there, named)) else _Status.OPEN
    return _Status.SUCCESS if program in _SUCCEED else _Status.OPEN


def _exit_of(given: str) -> _Status:
    if not given.isdecimal():
        return _Status.OPEN
    return _Status.FAILURE if int(given) % 256 else _Status.SUCCESS


def _status_of_shell(words: list[str], depth: int) -> _Status:
    """`sh -c TEXT`; `busybox true`."""
    if words[1].startswith("-") and words[1].endswith("c") and len(words) > 2:
        return _status(words[2], depth + 1) if len(words) == 3 else _status(" ".join(words[2:]), depth + 1)
    if words[0].rsplit("/", 1)[-1] == "busybox":
        return _status_of_command(words[1:], depth + 1)
    return _Status.OPEN


def _status_of_test(words: list[str]) -> _Status:
    """A comparison of constants."""
    if any("$" in word or "`" in word for word in words):
        return _Status.OPEN
    if len(words) == 1:
        return _Status.SUCCESS
    if len(words) == 3 and words[1] in ("=", "==", "-eq"):
        return _Status.SUCCESS if words[0] == words[2] else _Status.FAILURE
    if len(words) == 2 and words[0] in ("-d", "-e", "-f", "-r", "-s", "-x") and _is_always_there(words[1]):
        return _Status.SUCCESS
    return _Status.OPEN


def _is_always_there(path: str) -> bool:
    return (
        path == "."
        or path in _ALWAYS_THERE
        or path in ("/proc/1", "/proc/self")
        or path.startswith(("/proc/1/", "/proc/self/"))
    )


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif set(word) <= set("<>&") and word:
            skip = True
            if kept and kept[-1].isdecimal():
                kept.pop()
        else:
            kept.append(word)
    return kept
