"""Accounts and rules of sudo and doas in an image that let anyone become root."""

from __future__ import annotations

import re
from collections.abc import Mapping

PASSWD, SHADOW = "/etc/passwd", "/etc/shadow"


_SUDOERS, _SUDOERS_DIRECTORY = "/etc/sudoers", "/etc/sudoers.d/"


_DOAS, _DOAS_DIRECTORY = "/etc/doas.conf", "/etc/doas.d/"


_MOST = 100


_HASH = r"\$[0-9a-z]+\$.+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}"
"""A password hash; crypt(5). `x`, `*` and `!` are none."""


def matters(path: str) -> bool:
    """Whether this file is relevant to accounts."""
    return path in (PASSWD, SHADOW, _SUDOERS, _DOAS) or path.startswith(
        (_SUDOERS_DIRECTORY, _DOAS_DIRECTORY)
    )


def weak(texts: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each weak account or rule. `texts`: path -> contents of the files that
    `matters` names, as seen in the finished image.
    """
    weak_accounts = [
        *_passwd(texts.get(PASSWD, "")),
        *_shadow(texts.get(SHADOW, "")),
    ]
    for path in sorted(texts):
        if path == _SUDOERS or path.startswith(_SUDOERS_DIRECTORY):
            weak_accounts += _sudo(path, texts[path])
        elif path == _DOAS or path.startswith(_DOAS_DIRECTORY):
            weak_accounts += _doas(path, texts[path])
    return tuple(weak_accounts[:_MOST])


def _passwd(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        if line.startswith("#") or len(fields) < 4:
            continue
        name, password, uid = fields[0], fields[1], fields[2]
        if password == "":
            lines.append(f"{name} has an empty password in {PASSWD}")
        elif re.fullmatch(_HASH, password):
            lines.append(f"{name} has its password hash in {PASSWD}, which every process may read")
        if uid.isdigit() and int(uid) == 0 and name != "root":
            lines.append(f"{name} has UID 0, like root")
    return lines


def _shadow(text: str) -> list[str]:
    fields = [line.split(":") for line in text.splitlines() if not line.startswith("#")]
    return [
        f"{f[0]} has an empty password in {SHADOW}"
        for f in fields
        if len(f) > 1 and f[0] and f[1] == ""
    ]


def _sudo(path: str, text: str) -> list[str]:
    rules = (line.partition("#")[0].strip() for line in text.splitlines())
    return [
        f"{path} lets {rule.split()[0]} use sudo without a password"
        for rule in rules
        if _free(rule)
    ]


def _free(rule: str) -> bool:
    return "NOPASSWD" in rule or rule.replace(" ", "").startswith("Defaults!authenticate")


def _doas(path: str, text: str) -> list[str]:
    """`permit [nopass] … IDENTITY`, where the identity stands before `as` and `cmd`; see
    doas.conf(5)."""
    free = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "permit" or "nopass" not in words:
            continue
        ends = [words.index(word) for word in ("as", "cmd") if word in words]
        free.append(
            f"{path} lets {words[min(ends, default=len(words)) - 1]} use doas without a password"
        )
    return free
