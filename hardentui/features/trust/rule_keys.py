"""The kind of a key, and one that belongs to nobody."""

from __future__ import annotations

import os

from hardentui.errors import InputError
from hardentui.model.trust_change import RuleKind
from hardentui.visible import visible

_LARGEST = 1 << 20


_SIGSTORE = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcnAzydONQs5K/f+f12XYyN91dtHw
pGAatwFXKx5PZWndB6Y6fiDM/ITMOOX9c+h+7xAgnQM3Z68xm6vKf8p8KQ==
-----END PUBLIC KEY-----
"""


_GPG = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawfXfxYJKwYBBAHaRw8BAQdA+eXGbDmErq0t81sGKMqjVgDcdN0MoJGOGrqk
4lTQdTW0GG5vYm9keUBoYXJkZW50dWkuaW52YWxpZIiQBBMWCgA4FiEEeP9vA/sA
G0a+euDUDB10ehW5tggFAmsH138CGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AA
CgkQDB10ehW5tgjP4AD/YxS6tcRDoeVJDBos8R0x+XMS+7/5A870JMqNLPUpRtsA
/11motTimgduhuHOZjuigpbwBDnOSAGj8J9Sc6gZOVgK
=5hOE
-----END PGP PUBLIC KEY BLOCK-----
"""


_FIRST_BYTES_OF_BINARY_GPG = frozenset({0x98, 0x99, 0xC6})


def kind_of(path: str) -> RuleKind:
    """Whether a public key is for sigstore or GPG.

    Raises:
        InputError: it cannot be read, is a private key, or is not a key.
    """
    shown = visible(path, 200)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST)
    except OSError as error:
        raise InputError(f"The key {shown} cannot be read: {error.strerror}.") from error
    if b"PRIVATE KEY" in content:
        raise InputError(
            f"{shown} is a private key; a policy needs the public one.",
            "For sigstore that is the file NAME.pub beside NAME.private or NAME.key.",
        )
    if b"-----BEGIN PUBLIC KEY-----" in content:
        return RuleKind.SIGSTORE
    if b"BEGIN PGP PUBLIC KEY BLOCK" in content or content[:1] in [
        bytes([n]) for n in _FIRST_BYTES_OF_BINARY_GPG
    ]:
        return RuleKind.GPG
    raise InputError(f"{shown} is not a public key of sigstore (PEM) or GPG.")


def key_of_nobody(kind: RuleKind, directory: str) -> str:
    """Write a public key whose private half was discarded; returns its path."""
    path = os.path.join(directory, f"nobody-{kind.value}.pub")
    with open(path, "w", encoding="ascii") as file:
        file.write(_GPG if kind is RuleKind.GPG else _SIGSTORE)
    return path
