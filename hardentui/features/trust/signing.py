"""Keys and signatures of images: told apart, made, listed, and a pull that proves one. With skopeo."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from hardentui.account import is_ours
from hardentui.directories import write_error
from hardentui.do import Flag
from hardentui.errors import HardenError, InputError, WriteError
from hardentui.features.trust.registries_file import section_of
from hardentui.host.asking import Ask
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_SECONDS = 600.0
_ASK_SECONDS = 60.0


class Signatures(Struct, frozen=True):
    """The kinds of signatures of an image in its registry."""

    digest: str  # of the image for this machine's architecture, which is what Podman verifies
    attachments: bool  # as tag `sha256-DIGEST.sig`: what Podman reads
    bundles: bool  # as referrers (cosign 3 by default): not read by any Podman yet
    only_list: bool = False  # the manifest list has an attachment, but the image itself has none


class SigningFailed(HardenError):
    """Signing failed because of the registry or the key; nothing is signed."""

    exit_code = 2


def sign(
    reference: str,
    private: str,
    passphrase_file: str,
    directory: str,
    ask: Ask,
) -> None:
    """Add a sigstore signature to an image, for all its architectures; the image itself is
    unchanged.

    Args:
        reference: in the registry, with its tag: the signature is for this name.
        private: the private key; passphrase_file: with its passphrase, empty = it has none.
        directory: for temporary files of skopeo.

    Raises:
        SigningFailed
    """
    sections = os.path.join(directory, "sign.d")
    os.makedirs(
        sections,
        mode=0o700,
        exist_ok=True,
    )
    with open(
        os.path.join(sections, "sign.yaml"),
        "w",
        encoding="utf-8",
    ) as file:
        name = json.dumps(section_of(reference))
        file.write(f"docker:\n  {name}:\n    use-sigstore-attachments: true\n")
    passphrase = passphrase_file or os.path.join(directory, "no-passphrase")
    if not passphrase_file:
        with open(passphrase, "w", encoding="ascii") as file:
            file.write("\n")
    where = f"docker://{reference}"
    command = (
        "skopeo",
        "--insecure-policy",
        "--registries.d",
        sections,
        "copy",
        "-q",
        "--all",
        "--sign-by-sigstore-private-key",
        private,
        "--sign-passphrase-file",
        passphrase,
        where,
        where,
    )
    answer = ask(command, _SECONDS)
    if isinstance(answer, Unread):
        raise SigningFailed(f"{visible(reference, 100)} was not signed: {answer.reason}.")


def make_key(
    directory: str,
    name: str,
    passphrase_file: str,
    ask: Ask,
) -> tuple[str, str]:
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
        raise InputError(
            f"There is no {visible(public)} beside the private key.",
            ("Give its path", Flag("--public FILE"), "."),
        )
    return public


def signatures_of(reference: str, ask: Ask) -> Known[Signatures]:
    """Query the registry; nothing is pulled."""
    where = f"docker://{reference}"
    digest = ask(
        ("skopeo", "inspect", "--format", "{{.Digest}}", where),
        _ASK_SECONDS,
    )
    manifest = ask(("skopeo", "inspect", "--raw", where), _ASK_SECONDS)
    if isinstance(digest, Unread):
        return digest
    if isinstance(manifest, Unread):
        return manifest
    listed = ask(
        (
            "skopeo",
            "list-tags",
            f"docker://{section_of(reference)}",
        ),
        _ASK_SECONDS,
    )
    if isinstance(listed, Unread):
        return listed
    try:
        tags = set(json.loads(listed)["Tags"])
        own = _of_this_machine(json.loads(manifest)) or digest.strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unread("the registry's answer cannot be understood")
    name, of_list = own.replace(":", "-"), digest.strip().replace(":", "-")
    attached = f"{name}.sig" in tags
    return Signatures(
        own, attached, bool({name, of_list} & tags), not attached and f"{of_list}.sig" in tags
    )


def _of_this_machine(manifest: Any) -> str:
    """The digest of this architecture's image in a manifest list; empty if there is no list."""
    for entry in manifest.get("manifests") or ():
        platform = entry.get("platform") or {}
        if platform.get("architecture") == _ARCHITECTURES.get(os.uname().machine):
            return str(entry["digest"])
    return ""


@contextmanager
def passphrase_file(passphrase: str) -> Iterator[str]:
    """A file with a typed passphrase while it is needed, readable by this account only; no file for
    none."""
    if not passphrase:
        yield ""
        return
    directory = os.environ.get("XDG_RUNTIME_DIR", "")  # in memory
    private = (
        directory
        if directory.startswith("/") and is_ours(directory) and os.access(directory, os.W_OK)
        else None
    )
    with tempfile.NamedTemporaryFile(
        "w",
        prefix="hardentui-",
        dir=private,
    ) as file:
        file.write(f"{passphrase}\n")
        file.flush()
        yield file.name
