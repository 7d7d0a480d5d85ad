"""Signing your own images: a key pair, a signature in the registry, and the pull that proves it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from hardentui.account import home, is_ours
from hardentui.errors import InputError
from hardentui.features.trust.policy import needed, section_of, text_of, with_rules
from hardentui.features.trust.sandbox import sandbox
from hardentui.features.trust.signing import SigningKey, export_gpg, kind_of, make_key, public_key_of, sign
from hardentui.host.asker import asker
from hardentui.host.podman.trust import auth_paths
from hardentui.model.trust import full_reference
from hardentui.model.trust_change import Pull, RuleKind, ScopeRule
from hardentui.regular_files import refuse_strangers
from hardentui.visible import visible


@contextmanager
def passphrase_file(passphrase: str) -> Iterator[str]:
    """A file with a typed passphrase while it is needed, readable by this account only; no file for none."""
    if not passphrase:
        yield ""
        return
    directory = os.environ.get("XDG_RUNTIME_DIR", "")  # in memory
    private = (
        directory
        if directory.startswith("/") and is_ours(directory) and os.access(directory, os.W_OK)
        else None
    )
    with tempfile.NamedTemporaryFile("w", prefix="hardentui-", dir=private) as file:
        file.write(f"{passphrase}\n")
        file.flush()
        yield file.name


def new_key(directory: str, name: str, passphrase_file: str, *, stop: threading.Event) -> tuple[str, str]:
    """Create a sigstore key pair in a directory; returns the paths of the private and the public key.

    Raises:
        UsageError: the session is somebody else's, in a browser.
        WriteError: it could not be created, or it already exists.
    """
    refuse_strangers()
    with tempfile.NamedTemporaryFile("w", prefix="hardentui-") as nothing:
        nothing.write("\n")
        nothing.flush()
        return make_key(directory, name, passphrase_file or nothing.name, asker(stop))


def sign_and_prove(
    reference: str, private: str, passphrase_file: str, public: str, *, stop: threading.Event
) -> Pull:
    """Sign an image in its registry, then pull it with a policy that requires exactly this key.

    Args:
        public: the public key; empty = the one beside the private key.

    Raises:
        InputError: a file or name that cannot be used.
        SigningFailed: nothing was signed.
        ToolMissing: skopeo is not here.
    """
    refuse_strangers()
    full = _full(reference)
    key = os.path.abspath(public or public_key_of(private))
    kind_of(key)
    rule = ScopeRule(section_of(full), RuleKind.SIGSTORE, key)
    policy = with_rules(json.dumps({"default": [{"type": "reject"}]}), [rule], reject=True)
    sections = {"50-hardentui.yaml": text_of(needed([rule]), (), ()) or ""}
    with sandbox(home(), auth_paths(home(), os.geteuid()), stop) as box:
        given = SigningKey(
            os.path.abspath(private), os.path.abspath(passphrase_file) if passphrase_file else ""
        )
        sign(full, given, box.directory, box.ask)
        return box.pull(full, policy, sections)


def sign_with_gpg(
    reference: str, key: str, passphrase_file: str, lookaside: str, *, stop: threading.Event
) -> Pull:
    """Sign an image with a GPG key of this account, then pull it with a policy that requires exactly this
    key.

    Args:
        key: ID, fingerprint or mail address.
        lookaside: directory for the signature; hosts that pull must be able to reach it.

    Raises:
        InputError: a key, directory or name that cannot be used.
        SigningFailed: nothing was signed.
        ToolMissing: skopeo is not here.
    """
    refuse_strangers()
    full = _full(reference)
    if key.startswith("-"):
        raise InputError(f"{visible(key, 80)!r} is not a GPG key.")
    directory = os.path.abspath(lookaside)
    where = f"file://{quote(directory)}"
    with sandbox(home(), auth_paths(home(), os.geteuid()), stop) as box:
        public = os.path.join(box.directory, "signer.gpg")
        export_gpg(key, public, box.ask)
        rule = ScopeRule(section_of(full), RuleKind.GPG, public, lookaside=where)
        passphrase = os.path.abspath(passphrase_file) if passphrase_file else ""
        given = SigningKey(passphrase_file=passphrase, gpg=key, lookaside=where)
        sign(full, given, box.directory, box.ask)
        policy = with_rules(json.dumps({"default": [{"type": "reject"}]}), [rule], reject=True)
        return box.pull(full, policy, {"50-hardentui.yaml": text_of(needed([rule]), (), ()) or ""})


def _full(reference: str) -> str:
    try:
        return full_reference(reference)
    except ValueError:
        raise InputError(f"{visible(reference, 100)!r} is not an image of a registry.") from None
