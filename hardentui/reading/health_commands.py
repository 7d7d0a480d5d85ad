"""Whether a health check can fail at all. What cannot be parsed may fail."""

from __future__ import annotations

import shlex

_SHELLS = frozenset("sh bash ash dash".split())


_WRAPPERS = frozenset("exec command nice nohup CMD CMD-SHELL busybox".split())


_SUCCEED = frozenset(
    "true : echo printf sleep pwd date id whoami hostname uname env ps uptime df".split()
)


_PASS_ON = frozenset("cat tee head tail sort uniq wc tr cut sed".split())
"""Programs that, at the end of a pipe, succeed regardless of their input."""


_LONGEST, _DEEPEST = 4096, 5
"""Characters of a health check, and shells in shells, beyond which it is taken as one that can
fail."""


_READERS = frozenset("cat head tail ls stat wc".split())


_ALWAYS_THERE = frozenset(
    "/ /bin /dev /etc /proc /sys /usr /bin/sh /dev/null /etc/group /etc/hostname /etc/hosts /etc/os-release "
    "/etc/passwd /etc/resolv.conf".split()
)


def always_passes(command: str) -> bool:
    """Whether a health check passes regardless of the service. `command`: as Podman shows it: a
    shell command line, or the words of a command.
    """
    if len(command) > _LONGEST or command.count("-c") > _DEEPEST:
        return False
    lexer = shlex.shlex(
        command.strip(),
        posix=True,
        punctuation_chars=";&|\n()<>",
    )
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    if any(sign in command for sign in "$`(") or {"if", "case", "for", "!"}.intersection(words):
        return False
    return _list_passes(words)


def _list_passes(words: list[str]) -> bool:
    """The status of a list is that of its last command that runs."""
    while True:
        at = next(
            (at for at in range(len(words) - 1, -1, -1) if set(words[at]) <= set(";&|\n")), -1
        )
        operator, last = words[at] if at >= 0 else "", words[at + 1 :]
        passes = _succeeds(last)
        if operator == "|":
            return passes or (bool(last) and last[0].rpartition("/")[2] in _PASS_ON)
        if operator == "&" and not last:
            return True
        undecided = {"&&": passes, "||": not passes, "": False}.get(operator, not last)
        if not undecided:
            return passes
        words = words[:at]


def _succeeds(words: list[str]) -> bool:
    words = [word for word in words if not (set(word) <= set("<>&"))]
    while words and (
        words[0] in _WRAPPERS or (words[0].partition("=")[0].isidentifier() and "=" in words[0])
    ):
        words = words[1:]
    program = words[0].rpartition("/")[2] if words else ""
    if program in _SHELLS and words[1:2] == ["-c"]:
        return always_passes(" ".join(words[2:]))
    if program == "exit":
        return words[1:] == ["0"]
    if program in ("test", "["):
        match [word for word in words[1:] if word != "]"]:
            case ["-d" | "-e" | "-f" | "-r" | "-s" | "-x", path]:
                return _is_always_there(path)
            case [before, "=" | "==" | "-eq", after]:
                return before == after
        return False
    if program in _READERS:
        paths = [word for word in words[1:] if not word.startswith("-") and not word.isdecimal()]
        return bool(paths) and all(map(_is_always_there, paths))
    return program in _SUCCEED


def _is_always_there(path: str) -> bool:
    return path in _ALWAYS_THERE or f"{path}/".startswith(("/proc/1/", "/proc/self/"))
