"""Signing an image in a registry, and listing the signatures beside one. With skopeo."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from hardentui.account import is_ours
from hardentui.directories import write_error
from hardentui.errors import HardenError, InputError, WriteError
from hardentui.features.trust.policy import section_of
from hardentui.host.commands import Ask
from hardentui.model.known import Known, Unread
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


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_SECONDS = 600.0
_ASK_SECONDS = 60.0


class SigningKey(Struct, frozen=True):
    """What to sign with: a sigstore private key or a GPG key by its ID, with the file of its passphrase.

    Attributes:
        lookaside: directory as file:// URL into which GPG signatures are written.
    """

    private: str = ""
    passphrase_file: str = ""
    gpg: str = ""
    lookaside: str = ""


class Signatures(Struct, frozen=True):
    """The kinds of signatures of an image in its registry.

    Attributes:
        digest: of the image for this machine's architecture, which is what Podman verifies.
        attachments: as tag `sha256-DIGEST.sig`: what Podman reads.
        bundles: as referrers (cosign 3 by default): not read by any Podman yet.
        only_list: the manifest list has an attachment, but the image itself has none.
    """

    digest: str
    attachments: bool
    bundles: bool
    only_list: bool = False


class SigningFailed(HardenError):
    """Signing failed because of the registry or the key; nothing is signed."""

    exit_code = 2


def sign(reference: str, key: SigningKey, directory: str, ask: Ask) -> None:
    """Add a signature to an image, for all its architectures; the image itself is unchanged.

    Args:
        reference: in the registry, with its tag: the signature is for this name.
        directory: for temporary files of skopeo.

    Raises:
        SigningFailed
    """
    sections = os.path.join(directory, "sign.d")
    os.makedirs(sections, mode=0o700, exist_ok=True)
    lookaside = f"    lookaside-staging: {json.dumps(key.lookaside)}\n" if key.lookaside else ""
    with open(os.path.join(sections, "sign.yaml"), "w", encoding="utf-8") as file:
        name = json.dumps(section_of(reference))
        file.write(f"docker:\n  {name}:\n    use-sigstore-attachments: true\n{lookaside}")
    how: Sequence[str] = ("--sign-by", key.gpg)
    if key.gpg and key.passphrase_file:
        how = (*how, "--sign-passphrase-file", key.passphrase_file)
    if key.private:
        passphrase = key.passphrase_file or os.path.join(directory, "no-passphrase")
        if not key.passphrase_file:
            with open(passphrase, "w", encoding="ascii") as file:
                file.write("\n")
        how = ("--sign-by-sigstore-private-key", key.private, "--sign-passphrase-file", passphrase)
    where = f"docker://{reference}"
    command = (
        "skopeo",
        "--insecure-policy",
        "--registries.d",
        sections,
        "copy",
        "-q",
        "--all",
        *how,
        where,
        where,
    )
    answer = ask(command, _SECONDS)
    if isinstance(answer, Unread):
        raise SigningFailed(f"{visible(reference, 100)} was not signed: {answer.reason}.")


def export_gpg(key: str, path: str, ask: Ask) -> None:
    """Write the public half of a GPG key of this account into a file.

    Raises:
        InputError: gpg has no such key, or is not installed.
    """
    answer = ask(("gpg", "--batch", "--armor", "--output", path, "--export", "--", key), _ASK_SECONDS)
    if isinstance(answer, Unread) or not os.path.exists(path) or not os.path.getsize(path):
        why = f": {answer.reason}" if isinstance(answer, Unread) else ""
        raise InputError(
            f"gpg gives no public key for {visible(key, 80)!r}{why}.", "gpg --list-secret-keys lists yours."
        )


def make_key(directory: str, name: str, passphrase_file: str, ask: Ask) -> tuple[str, str]:
    """Create a sigstore key pair; returns the paths of the private and the public key.

    Raises:
        WriteError: it could not be created, or already exists.
    """
    place = os.path.abspath(directory)
    prefix = os.path.join(place, name)
    if not os.path.isdir(place):
        missing = errno.ENOTDIR if os.path.lexists(place) else errno.ENOENT
        raise write_error(OSError(missing, os.strerror(missing)), place)
    private, public = f"{prefix}.private", f"{prefix}.pub"
    if not is_ours(place):
        raise WriteError(
            f"{visible(place)} can be changed by another account, who could exchange the key.",
            "Choose a directory that only you can change.",
        )
    if os.path.lexists(private) or os.path.lexists(public):
        raise WriteError(f"{visible(private)} or its public key already exists and was left alone.")
    command = (
        "skopeo",
        "generate-sigstore-key",
        "--output-prefix",
        prefix,
        "--passphrase-file",
        passphrase_file,
    )
    answer = ask(command, _ASK_SECONDS)
    if isinstance(answer, Unread):
        raise WriteError(f"No key was created: {answer.reason}.")
    return private, public


def public_key_of(private: str) -> str:
    """The public key beside a private one, as skopeo, podman and cosign name them.

    Raises:
        InputError: there is no such file.
    """
    base = private.removesuffix(".private").removesuffix(".key")
    public = f"{base}.pub"
    if not os.path.isfile(public):
        raise InputError(f"There is no {visible(public)} beside the private key.", "Give it with --public.")
    return public


def signatures_of(reference: str, ask: Ask) -> Known[Signatures]:
    """Query the registry; nothing is pulled."""
    where = f"docker://{reference}"
    digest = ask(("skopeo", "inspect", "--format", "{{.Digest}}", where), _ASK_SECONDS)
    manifest = ask(("skopeo", "inspect", "--raw", where), _ASK_SECONDS)
    if isinstance(digest, Unread):
        return digest
    if isinstance(manifest, Unread):
        return manifest
    listed = ask(("skopeo", "list-tags", f"docker://{section_of(reference)}"), _ASK_SECONDS)
    if isinstance(listed, Unread):
        return listed
    try:
        tags = set(json.loads(listed)["Tags"])
        own = _of_this_machine(json.loads(manifest)) or digest.strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unread("the registry's answer cannot be understood")
    name, of_list = own.replace(":", "-"), digest.strip().replace(":", "-")
    attached = f"{name}.sig" in tags
    return Signatures(own, attached, bool({name, of_list} & tags), not attached and f"{of_list}.sig" in tags)


def _of_this_machine(manifest: Any) -> str:
    """The digest of this architecture's image in a manifest list; empty if there is no list."""
    for entry in manifest.get("manifests") or ():
        platform = entry.get("platform") or {}
        if platform.get("architecture") == _ARCHITECTURES.get(os.uname().machine):
            return str(entry["digest"])
    return ""
