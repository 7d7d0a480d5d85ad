"""Which paths in a container's command are programs, and which are only arguments.

An entrypoint may start any of its arguments (`docker-entrypoint.sh /opt/app/run`), so every absolute path
counts. A shell script is more precise: `mkdir -p /data/x && exec /opt/app/run` starts one of its two paths.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
_BETWEEN = frozenset(";&|()\n")
"""Characters that end a command in a script."""
_REDIRECTS = frozenset("<>")
_BEFORE_COMMANDS = frozenset(
    {"!", "{", "}", "do", "done", "elif", "else", "fi", "if", "then", "until", "while"}
)
_HANDLES_FILES = frozenset(
    "[ [[ basename cat cd chgrp chmod chown cp cut date dd df dirname du echo export false grep head id "
    "install ln ls mkdir mkfifo mknod mktemp mount mv printf pwd read readlink realpath rm rmdir sed set "
    "sleep sort stat sync tail tar tee test touch tr true umask umount uniq unset wait wc".split()
)  # fmt: skip
"""Commands that do not start their arguments."""
_ASSIGNMENT = r"[A-Za-z_][A-Za-z0-9_]*\+?="


def program_paths(words: Sequence[str]) -> tuple[str, ...]:
    """The absolute paths among the words of a command that may be programs or scripts that it runs."""
    script = _script_of(words)
    paths = [word for word in words[: len(words) if script is None else script] if word.startswith("/")]
    if script is not None:
        paths += _paths_of_script(words[script])
        paths += [word for word in words[script + 1 :] if word.startswith("/")]
    return tuple(dict.fromkeys(posixpath.normpath(path) for path in paths))


def _script_of(words: Sequence[str]) -> int | None:
    """The index of the script in `sh -c SCRIPT`; None if there is none."""
    for at, word in enumerate(words):
        if posixpath.basename(word) in _SHELLS:
            script = False
            place = at + 1
            while place < len(words) and words[place].startswith(("-", "+")):
                letters = words[place][1:]
                script = script or (words[place].startswith("-") and letters[:1] != "-" and "c" in letters)
                place += 2 if letters.endswith("o") else 1  # -o takes an argument
            if script and place < len(words):
                return place
    return None


def _paths_of_script(script: str) -> Iterator[str]:
    """The paths that a script may start; every path in it if it cannot be parsed."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # an unclosed quote
        yield from (part for part in script.split() if part.startswith("/"))
        return
    command, target = "", False
    for token in tokens:
        if set(token) <= _BETWEEN or token.endswith("("):
            command, target = "", False
        elif set(token) <= _BETWEEN | _REDIRECTS:
            target = True
        elif target:  # a file that is read or written
            target = False
        elif not command and (token in _BEFORE_COMMANDS or re.match(_ASSIGNMENT, token)):
            continue
        else:
            first = not command
            command = command or token
            if not first and command in _HANDLES_FILES:
                continue
            if not first and " " in token:  # `su app -c "/opt/app/run -x"`
                yield from _paths_of_script(token)
            elif token.startswith("/"):
                yield token
