"""Masking of secrets in saved plans and saved facts.

When in doubt, text is masked. Masked text keeps its shape if a check recognises the secret by its
shape, so that saved facts give the same findings as the live host.
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from hardentui.options.argv import read_flags
from hardentui.reading.secret_shapes import without_shapes
from hardentui.reading.secret_words import (
    ends_command,
    glued_password,
    is_password_after,
    split_script,
    steps_of,
)
from hardentui.reading.secrets import (
    engine_secret,
    random_pair,
    secret_name,
    secret_pair,
    secret_value,
)
from hardentui.visible import MASK

WITHHELD = "(withheld)"
"""Used in saved facts: asterisks would look like a secret that Podman itself hides."""

_CREDENTIAL = re.compile(
    r"pass(?!ive|enger|age|through|_through)|(?<!old)pwd|secret|token|cred(?:s|ential)|api_?key|private_?key"
    r"|access_?key|[_-]key$|^key$|dsn$",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_ASSIGNMENT = re.compile(
    r"(-{0,2}(?:[a-z-]+=)?)([A-Za-z_][A-Za-z0-9_.-]*)=(.*)",
    re.DOTALL,
)
_ASSIGNMENT_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)")
_LONGEST_SCRIPT = 20_000
_MOST_NESTED = 16
"""Assignments within one another that are looked at one by one; what has more is withheld."""
_NOBODYS_KEY = "q7Zk2Vw9Lr4Tn8Xc5Bm1Hd6Pg3Yf0Js"
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z-]*")
_PODMAN_SECRET_FLAG = "--secret"  # noqa: S105 - it is followed by the name of a secret
_OF_PODMAN_SECRET = re.compile(
    r"(?:,(?:source|target|type|mode|uid|gid)=[^\s,;&\"']*)+(?![^\s;&\"'])"
)
"""What follows the name in `--secret=NAME,type=mount`."""
_ENGINES = ("podman", "docker")
_VERBS = ("run", "create")
_NEAR = 1_000  # characters, or words, before `--secret` in which its command begins
_BETWEEN_WORDS = "\\ \t\r\n"
_COMMANDS = (
    ("Entrypoint", "Cmd"),
    ("Path", "Args"),
    ("entrypoint", "arguments"),
)
"""Fields of a program and of its arguments: images, containers, their processes, exec sessions."""
_NAMED_TEXTS = ("Labels", "Annotations", "labels", "annotations")


def is_credential(name: str) -> bool:
    """Whether a variable of this name probably holds a secret (`DB_PASSWORD`, `API_KEY`)."""
    return name != "PWD" and (_CREDENTIAL.search(name) is not None or secret_name(name))


def names_file(name: str, value: str) -> bool:
    """Whether it only names the file of a secret: `POSTGRES_PASSWORD_FILE=/run/secrets/db`."""
    return (
        name.upper().endswith(("_FILE", "_PATH"))
        and re.fullmatch(r"(/[\w.@+-]+)+/?", value) is not None
    )


def without_url_password(text: str, mask: str = MASK) -> str:
    """`https://user:secret@host` with the secret masked."""
    return _PASSWORD_IN_URL.sub(rf"\g<1>{mask}@", text)


def mask_argument(option: str, argument: str) -> str:
    """An argument of an option (`env`, `label`…) with any secret masked."""
    name, equals, value = argument.partition("=")
    if option == "env" and equals and names_file(name, value):
        return argument
    if option == "env" and equals and (is_credential(name) or secret_pair(name, value)):
        return f"{name}={MASK}"
    return without_url_password(argument)


def mask_document(value: Any, key: str = "") -> Any:
    """A JSON document with all credentials masked, at any depth.

    Covers text of the form `NAME=value` (variables, create commands, build history), arguments of
    flags like `--password`, labels and annotations with such names, passwords in URLs, keys and
    tokens.
    """
    if isinstance(value, dict):
        return {name: _mask_item(name, item, key) for name, item in value.items()} | _arguments(
            value
        )
    if isinstance(value, list):
        if _are_words(value):
            return _mask_words(value)
        return [
            WITHHELD
            if at and isinstance(item, str) and _announces(value[at - 1])
            else mask_document(item)
            for at, item in enumerate(value)
        ]
    return mask_text(value) if isinstance(value, str) else value


def _arguments(document: dict[str, Any]) -> dict[str, list[str]]:
    """The masked arguments of a command whose program stands in another field: `mysql`, `-psecret`."""
    masked = {}
    for program, arguments in _COMMANDS:
        lead, words = document.get(program), document.get(arguments)
        before = [lead] if isinstance(lead, str) else lead
        if _are_words(before) and _are_words(words):
            masked[arguments] = _mask_words([*before, *words])[len(before) :]
    return masked


def _are_words(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _mask_words(words: list[str]) -> list[str]:
    """A list of words, which may be a command line with passwords in its flags."""
    return [
        WITHHELD
        if _announces(before)
        else _mask_word(words, at, program, before) or mask_text(word)
        for at, (program, before, word) in enumerate(steps_of(words))
    ]


def _mask_word(
    words: list[str],
    at: int,
    program: str,
    before: str,
) -> str:
    """A word masked, if the program or the word before it makes it a password; else empty."""
    word = words[at]
    if before == _PODMAN_SECRET_FLAG:
        return "" if _is_podmans(words, at - 1) else WITHHELD
    if word.startswith(f"{_PODMAN_SECRET_FLAG}="):
        return "" if _is_podmans(words, at) else f"{_PODMAN_SECRET_FLAG}={WITHHELD}"
    if word and is_password_after(program, before, word):
        login, mark, _ = word.partition(":")
        return f"{login}:{WITHHELD}" if mark else WITHHELD
    glued = glued_password(program, word)
    return f"{glued}{WITHHELD}" if glued else ""


def _mask_item(name: str, item: Any, parent: str) -> Any:
    if (
        parent in _NAMED_TEXTS
        and isinstance(item, str)
        and (is_credential(name) or random_pair(name, item))
    ):
        return _masked(item, name)
    return mask_document(item, name)


def _announces(word: Any) -> bool:
    """Whether the next word is a secret."""
    if not isinstance(word, str) or word == _PODMAN_SECRET_FLAG:
        return False
    return _FLAG.fullmatch(word) is not None and is_credential(word)


def mask_text(text: str) -> str:
    """A text with all recognisable secrets masked."""
    if text.startswith(f"{_PODMAN_SECRET_FLAG}="):
        return text
    whole = _ASSIGNMENT.fullmatch(text)
    if whole and "\n" not in text and (is_credential(whole[2]) or random_pair(whole[2], whole[3])):
        return f"{whole[1]}{whole[2]}={_masked(whole[3], whole[2])}"
    if "=" in text:
        text = _ASSIGNMENT_INSIDE.sub(_mask_inside, text)
    text = without_shapes(without_url_password(text, WITHHELD))
    if len(text) > _LONGEST_SCRIPT or not any(map(str.isspace, text)):
        return text
    return _mask_flags(text)


def _mask_flags(script: str) -> str:
    """A script, with passwords masked that only the flags of a program reveal."""
    parts = list(split_script(script))
    words: list[str] = []
    separators: list[str] = []
    for word, separator in parts:
        words.append(word)
        separators.append(separator)
        if ends_command(separator):
            words.append(";")
            separators.append("")
    masked: list[str] = []
    for at, (program, before, word) in enumerate(steps_of(words)):
        if at and word == ";" and not separators[at] and ends_command(separators[at - 1]):
            continue  # stands for the end of the command, and is no part of the text
        masked.append((_mask_word(words, at, program, before) or word) + separators[at])
    return "".join(masked)


def _masked(value: str, name: str = "") -> str:
    """The masked value. Podman's own asterisks and names of files are kept.

    A value that is a credential only because it looks random is replaced by another random one, and
    of one that is known by its format the secret part is crossed out.
    """
    if engine_secret(value) or value.startswith("/"):
        return value
    if name and not secret_name(name) and secret_value(value):
        return without_shapes(value)
    if name and not secret_name(name) and random_pair(name, value):
        return (_NOBODYS_KEY * (len(value) // len(_NOBODYS_KEY) + 1))[: len(value)]
    return WITHHELD


def _names_podmans(secret: re.Match[str]) -> bool:
    """Whether `--secret=NAME` in a text is Podman's option, and no password of another program."""
    text = secret.string
    before = text[max(0, secret.start() - _NEAR) : secret.start()]
    if not before.endswith("--"):
        return False
    return _OF_PODMAN_SECRET.match(text, secret.end()) is not None or _begins_with_run(
        before.removesuffix("--").replace("\\\n", " ").split()
    )


def _is_podmans(words: list[str], at: int) -> bool:
    """Whether `--secret` at this place names a secret of the engine's: in a list of options, too, that
    no program stands before."""
    first = next((word for word in words if word.strip(_BETWEEN_WORDS)), "")
    before = [word for word in words[max(0, at - _NEAR) : at] if word.strip(_BETWEEN_WORDS)]
    return first.startswith("-") or _begins_with_run(before)


def _begins_with_run(words: list[str]) -> bool:
    """Whether these words are `podman run` and options of it. What stands behind the image belongs to
    its program."""
    programs = [at for at, word in enumerate(words) if word.rpartition("/")[2] in _ENGINES]
    verbs = (
        [at for at in range(programs[-1], len(words)) if words[at] in _VERBS] if programs else []
    )
    return bool(verbs) and read_flags(words, verbs[0] + 1)[1] >= len(words)


def _mask_inside(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    if name == "secret" and _names_podmans(match):
        return match[0]
    if secret_value(match[0]):
        return without_shapes(match[0])
    if is_credential(name):
        return f"{name}={_masked(value)}"
    if value.count("=") > _MOST_NESTED:
        return f"{name}={WITHHELD}"
    if value[0] in "\"'":
        return f"{name}={value[0]}{mask_text(value[1:-1])}{value[0]}"
    return f"{name}={_ASSIGNMENT_INSIDE.sub(_mask_inside, value)}"  # Environment=DB_PASSWORD=…
