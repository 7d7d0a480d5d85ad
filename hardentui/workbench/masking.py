"""Secrets that must not be kept: in saved plans and in saved facts."""

from __future__ import annotations

import re
from typing import Any

from hardentui.visible import MASK

_CREDENTIAL = re.compile(
    r"pass(?!ive|enger|age)|pwd|secret|token|cred(?:s|ential)|api_?key|private_?key|access_?key"
    r"|[_-]key$|^key$|dsn$",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_ASSIGNMENT = re.compile(r"(-{0,2}(?:[a-z-]+=)?)([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_ASSIGNMENT_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)")
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z-]*")
_NAMED_TEXTS = ("Labels", "Annotations", "labels", "annotations")


def is_credential(name: str) -> bool:
    """Whether a variable of this name probably holds a secret (`DB_PASSWORD`, `API_KEY`)."""
    return _CREDENTIAL.search(name) is not None


def without_url_password(text: str) -> str:
    """`https://user:secret@host` with the secret masked."""
    return _PASSWORD_IN_URL.sub(rf"\g<1>{MASK}@", text)


def mask_argument(option: str, argument: str) -> str:
    """An argument of an option (`env`, `label`…) without the secret that it may hold."""
    if option == "env":
        name, equals, _ = argument.partition("=")
        if equals and is_credential(name):
            return f"{name}={MASK}"
    return without_url_password(argument)


def mask_document(value: Any, key: str = "") -> Any:
    """A JSON document with the values of what is named like a credential masked, wherever it stands.

    Texts of the form `NAME=value` (variables, create commands, build history), what follows a flag like
    `--password`, labels and annotations of such names, and passwords in addresses.
    """
    if isinstance(value, dict):
        return {name: _mask_item(name, item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [
            MASK if at and isinstance(item, str) and _announces(value[at - 1]) else mask_document(item)
            for at, item in enumerate(value)
        ]
    return _mask_text(value) if isinstance(value, str) else value


def _mask_item(name: str, item: Any, parent: str) -> Any:
    if parent in _NAMED_TEXTS and isinstance(item, str) and is_credential(name):
        return MASK
    return mask_document(item, name)


def _announces(word: Any) -> bool:
    """A flag whose next word is a secret; `--secret` of Podman itself is followed by a mere name."""
    if not isinstance(word, str) or word == "--secret":
        return False
    return _FLAG.fullmatch(word) is not None and is_credential(word)


def _mask_text(text: str) -> str:
    whole = _ASSIGNMENT.fullmatch(text)
    if whole and is_credential(whole[2]) and not whole[0].startswith("--secret="):
        return f"{whole[1]}{whole[2]}={MASK}"
    if "=" in text:
        text = _ASSIGNMENT_INSIDE.sub(_mask_inside, text)
    return without_url_password(text)


def _mask_inside(found: re.Match[str]) -> str:
    return f"{found[1]}={MASK}" if is_credential(found[1]) else found[0]
