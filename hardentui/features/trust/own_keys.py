"""Signing your own images: a key pair, a signature in the registry, and a proof of both."""

from __future__ import annotations

import json
import os
import tempfile
import threading

from hardentui.account import home
from hardentui.errors import InputError, UsageError
from hardentui.features.trust.policy import with_rules
from hardentui.features.trust.registries_file import needed, section_of, text_of
from hardentui.features.trust.rule_keys import kind_of
from hardentui.features.trust.sandbox import sandbox
from hardentui.features.trust.signing import make_key, public_key_of, sign
from hardentui.host.asker import asker
from hardentui.host.podman.trust import auth_paths
from hardentui.model.trust import full_reference
from hardentui.model.trust_change import Pull, RuleKind, ScopeRule
from hardentui.visible import visible


def refuse_key_name(name: str) -> None:
    """Raises UsageError for what is no file name."""
    if "/" in name or name[:1] in ("", ".", "-"):
        raise UsageError("The name of a key is a file name, such as release.")


def new_key(
    directory: str,
    name: str,
    passphrase_file: str,
    *,
    stop: threading.Event,
) -> tuple[str, str]:
    """Create a sigstore key pair in a directory; returns the paths of the private and the public
    key.

    Raises:
        UsageError: that is no file name.
        WriteError: it could not be created, or it already exists.
    """
    refuse_key_name(name)
    with tempfile.NamedTemporaryFile("w", prefix="hardentui-") as nothing:
        nothing.write("\n")
        nothing.flush()
        return make_key(
            directory,
            name,
            passphrase_file or nothing.name,
            asker(stop),
        )


def sign_and_prove(
    reference: str,
    private: str,
    passphrase_file: str,
    public: str,
    *,
    stop: threading.Event,
) -> Pull:
    """Sign an image in its registry, then pull it with a policy that requires exactly this key.

    Args:
        public: the public key; empty = the one beside the private key.

    Raises:
        InputError: a file or name that cannot be used.
        SigningFailed: nothing was signed.
        ToolMissing: skopeo is not here.
    """
    full = _full(reference)
    key = os.path.abspath(public or public_key_of(private))
    kind_of(key)
    rule = ScopeRule(section_of(full), RuleKind.SIGSTORE, key)
    policy = with_rules(
        json.dumps({"default": [{"type": "reject"}]}),
        [rule],
        reject=True,
    )
    sections = {"50-hardentui.yaml": text_of(needed([rule]), (), ()) or ""}
    with sandbox(home(), auth_paths(home(), os.geteuid()), stop) as box:
        passphrase = os.path.abspath(passphrase_file) if passphrase_file else ""
        sign(
            full,
            os.path.abspath(private),
            passphrase,
            box.directory,
            box.ask,
        )
        return box.pull(full, policy, sections)


def _full(reference: str) -> str:
    try:
        return full_reference(reference)
    except ValueError:
        raise InputError(f"{visible(reference, 100)!r} is not an image of a registry.") from None
