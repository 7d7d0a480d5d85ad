"""Secrets in the words of a command or script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hardentui.reading.secrets import secret_name, secret_pair, secret_value
from hardentui.visible import MASK, visible

# program -> flags whose next word is a password, and flags with the password attached
_PASSWORD_FLAGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(
        ("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin"), ((), ("-p",))
    ),
    **dict.fromkeys(("redis-cli", "valkey-cli"), (("-a",), ())),
    **dict.fromkeys(("mongo", "mongosh", "mongodump"), (("-p",), ())),
    **dict.fromkeys(
        ("ldapsearch", "ldapwhoami", "ldapadd", "ldapmodify"),
        (("-w",), ("-w",)),
    ),
    **dict.fromkeys(("mosquitto_sub", "mosquitto_pub"), (("-P",), ())),
    **dict.fromkeys(("sshpass",), (("-p",), ("-p",))),
    **dict.fromkeys(("sqlcmd", "bcp"), (("-P",), ("-P",))),
    **dict.fromkeys(("openssl",), (("-k",), ())),
}


_LOGIN_FLAGS: Mapping[str, tuple[str, ...]] = {
    "curl": ("-u", "--user", "-U", "--proxy-user"),
    "smbclient": ("-U", "--user"),
    "etcdctl": ("--user",),
}
"""program -> flags whose next word is `user:password` or `user%password`."""


_CURL_LOGIN = r"-[fsSLkvIigGNOJZpRqn#0-46]*[uU]"
"""A login after further flags of curl(1) that take no value: `-fsSu`; also glued to it."""


_ENDS_COMMAND = frozenset({"|", "||", "&&", ";", "&"})


_WRAPPERS = frozenset(
    {
        "sh",
        "bash",
        "/bin/sh",
        "/bin/bash",
        "exec",
        "env",
        "timeout",
        "nice",
        "nohup",
        "setsid",
        "sudo",
    }
    | {
        "doas",
        "tini",
        "dumb-init",
        "/sbin/tini",
        "CMD-SHELL",
        "RUN",
        "CMD",
        "ENTRYPOINT",
        "HEALTHCHECK",
    }
)
"""Words that may precede the program, in a command or in the history of an image."""


_RESERVED = frozenset(
    {
        "if",
        "then",
        "elif",
        "else",
        "while",
        "until",
        "do",
        "!",
        "{",
        "(",
        ":",
        "time",
    }
) | {
    *(
        "eval",
        "command",
        "xargs",
        "watch",
        "stdbuf",
        "ionice",
        "busybox",
        "catatonit",
        "parallel",
    )
}
"""Words that a command follows: POSIX.1-2017, shell command language, 2.4, and programs that run
others."""


_OPENS_COMMAND = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*=)?['\"]?(?:\$?\(|`)+")
"""What is glued to the front of a command: `$(curl …)`, `X=$(curl …)`, a subshell, backquotes."""


_CONTINUED = re.compile(r"\\\r?\n")
_SEPARATORS = r"((?:\\\n|\s)+|(?:(?<!;);++|&&|\|\|?)(?=[A-Za-z_./-]+\s))"
"""Space, or an operator glued between two commands: `sleep 5;curl …`."""


_NO_PROGRAM = re.compile(r"-.*|\|?[0-9]+[smhd]?")
"""Flags and numbers before the program: `timeout 5s`, `nice -n 5`, `RUN |1` for one build argument.
"""


_ASSIGNMENT = r"[A-Za-z_][A-Za-z0-9_]*"


_LONGEST_SCRIPT = 20_000


def secrets_in_words(words: Iterable[str]) -> tuple[str, ...]:
    """Credentials on a command line, each as the word around it with the value masked.

    A word with spaces is itself a command line (`sh -c "…"`).
    """
    credentials: list[str] = []
    for program, before, word in steps_of(words):
        flag, equals, value = word.partition("=")
        kind = secret_value(word)
        glued = glued_password(program, word)
        login = bool(equals) and is_password_after(program, flag, value)
        if login or (equals and " " not in flag and secret_pair(flag.lstrip("-"), value)):
            credentials.append(f"{visible(flag, 40)}={MASK}")
        elif kind:
            credentials.append(f"{kind} ({MASK})")
        elif is_password_after(program, before, word):
            credentials.append(f"{visible(before, 40)} {MASK}")
        elif glued:
            credentials.append(f"{glued}{MASK}")
        elif " " in word.strip() and len(word) <= _LONGEST_SCRIPT:
            credentials.extend(secrets_in_words(_unquoted(word)))
    return tuple(credentials)


def steps_of(words: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(program, preceding word, word) for each argument of a command line."""
    before = program = ""
    for word in words:
        yield program, before, word
        bare = word.strip("'\"")
        if opening := _OPENS_COMMAND.match(bare):
            program, bare = "", bare[opening.end() :]
        name, equals, _ = bare.partition("=")
        if word in _ENDS_COMMAND or word.endswith(";") or (word.endswith(")") and "(" not in word):
            program = ""
        elif (
            not program
            and not (equals and re.fullmatch(_ASSIGNMENT, name))
            and not _is_before_program(bare)
        ):
            program = bare.rsplit("/", 1)[-1]
        before = word


def _is_before_program(word: str) -> bool:
    script = " " in word  # of `sh -c SCRIPT NAME ARGUMENT…`
    return (
        script
        or not word
        or word in _WRAPPERS | _RESERVED
        or _NO_PROGRAM.fullmatch(word) is not None
    )


def glued_password(program: str, word: str) -> str:
    """The flag with a password attached (`-p` of `mysql -psecret`); empty if there is none."""
    if program == "curl" and (
        login := re.match(rf"({_CURL_LOGIN}[^\s:$-][^\s:$]*:)[^$<{{\s]", word)
    ):
        return login[1]
    return next(
        (
            flag
            for flag in _flags_of(program)[1]
            if word.startswith(flag) and word[len(flag) :][:1] not in ("", "$")
        ),
        "",
    )


def split_script(script: str) -> Iterator[tuple[str, str]]:
    """The words of a script, each with what separates it from the next; joined, they are the
    script."""
    parts = [*re.split(_SEPARATORS, script), ""]
    yield from zip(parts[::2], parts[1::2], strict=True)


def ends_command(separator: str) -> bool:
    """Whether what follows a word ends the command: an operator, or a line's end (continued lines
    aside)."""
    return "\n" in _CONTINUED.sub("", separator) or separator[:1] in (";", "&", "|")


def _unquoted(script: str) -> list[str]:
    words: list[str] = []
    for word, separator in split_script(script):
        words += [word.strip("\"'")] if word else []
        words += [";"] if ends_command(separator) else []
    return words


def _flags_of(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _PASSWORD_FLAGS.get(program, ((), ()))


def is_password_after(
    program: str,
    flag: str,
    word: str,
) -> bool:
    """Whether the word after a flag is a password, by the flag's name or the program's syntax."""
    if not flag.startswith("-") or "=" in flag or word.startswith(("-", "$")):
        return False
    if flag in _LOGIN_FLAGS.get(program, ()) or (
        program == "curl" and re.fullmatch(_CURL_LOGIN, flag)
    ):
        login, mark, password = word.partition("%" if program == "smbclient" else ":")
        return bool(login and mark and password) and not password.startswith(("$", "<", "{"))
    if flag in _flags_of(program)[0]:
        return True
    return secret_name(flag.lstrip("-")) and bool(secret_pair(flag.lstrip("-"), word))
