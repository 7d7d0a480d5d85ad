"""Accounts that doas makes root without a password: doas.conf(5)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from hardentui.host.files.config import names, text
from hardentui.host.files.reader import Files
from hardentui.host.rights.programs import root_command
from hardentui.model.host import RootRight
from hardentui.model.known import Known, Unreadable

_FILES = ("/etc/doas.conf", "/usr/local/etc/doas.conf")
_DIRECTORY = "/etc/doas.d"


def read_doas_rights(files: Files) -> Known[list[RootRight]]:
    """Accounts that doas makes root without a password. The last matching rule decides."""
    rules: list[tuple[str, tuple[str, ...]]] = []
    inside = names(files, _DIRECTORY)
    if isinstance(inside, Unreadable):
        return inside
    for path in (*_FILES, *(f"{_DIRECTORY}/{name}" for name in inside if name.endswith(".conf"))):
        content = text(files, path)
        if isinstance(content, Unreadable):
            return content
        if isinstance(content, str):
            rules += [(path, words) for words in _doas_rules(content)]
    rights: dict[tuple[str, str], RootRight | None] = {}
    for path, words in rules:
        rule = _doas_rule(words)
        if rule is None:
            continue
        who, command, free = rule
        if not command:  # a rule for every command overrides all earlier ones of the same identity
            for key in [key for key in rights if key[0] == who]:
                rights[key] = None
        what = root_command(command) if command else "everything"
        if what:
            why = f"may run {what} through doas without a password"
            rights[who, command] = RootRight(who, why, path, "doas") if free else None
    return [right for right in rights.values() if right is not None]


def _doas_rules(content: str) -> Iterator[tuple[str, ...]]:
    for line in re.sub(r"\\\n", " ", content).splitlines():
        try:
            words = tuple(shlex.split(line, comments=True))
        except ValueError:
            continue
        if words and words[0] in ("permit", "deny"):
            yield words


def _doas_rule(words: tuple[str, ...]) -> tuple[str, str, bool] | None:
    """(who, command, without a password) of a rule that can give root; `:group` is written `%group`."""
    rest = list(words[1:])
    options: set[str] = set()
    while rest and rest[0] in ("nopass", "persist", "keepenv", "nolog", "setenv"):
        options.add(rest.pop(0))
        if "setenv" in options and rest and rest[0].startswith("{"):
            while rest and not rest.pop(0).endswith("}"):
                pass
    if not rest:
        return None
    who = rest.pop(0)
    if rest[:1] == ["as"]:
        if rest[1:2] not in (["root"], ["0"]):
            return None
        rest = rest[2:]
    command = " ".join(word for word in rest[1:] if word != "args") if rest[:1] == ["cmd"] else ""
    who = f"%{who[1:]}" if who.startswith(":") else who
    return None if who in ("root", "0") else (who, command, words[0] == "permit" and "nopass" in options)
