"""policy.json with additional rules. Pure: text in, text out.

Nothing existing is lost: other transports, other scopes and unknown fields stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.errors import InputError
from hardentui.model.trust_change import RuleKind, ScopeRule

ACCEPT, REJECT = {"type": "insecureAcceptAnything"}, {"type": "reject"}
LOCAL = (
    "containers-storage",
    "dir",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "tarball",
)
"""Transports of images that do not come from a registry: their users already have the files."""


def with_rules(
    before: str | None,
    rules: Iterable[ScopeRule],
    *,
    reject: bool,
) -> str:
    """The text of the policy with these rules.

    Args:
        before: the current text; None = there is no policy, so nothing can be pulled.
        reject: reject images without a rule. Images from local files stay accepted as before.

    Raises:
        InputError: the current policy is not a JSON object; Podman also rejects every pull with it.
    """
    document = _parsed(before)
    transports = document.setdefault("transports", {})
    registries = transports.setdefault("docker", {})
    if reject:
        _keep_local(document, transports)
        document["default"] = [dict(REJECT)]
        registries.pop("", None)  # it would decide for all registries before the default applies
    for rule in rules:
        registries[rule.scope] = [requirement(rule)]
    return _text(document)


def _text(document: Mapping[str, Any]) -> str:
    """One scope per line, as people write it, for a readable diff."""
    rest = {
        name: value for name, value in document.items() if name not in ("default", "transports")
    }
    parts = [f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in rest.items()]
    parts.append(f'    "default": {json.dumps(document["default"])}')
    transports = []
    for name, scopes in document["transports"].items():
        lines = ",\n".join(
            f"            {json.dumps(scope)}: {json.dumps(many)}" for scope, many in scopes.items()
        )
        transports.append(
            f"        {json.dumps(name)}: {{\n{lines}\n        }}"
            if lines
            else f"        {json.dumps(name)}: {{}}"
        )
    parts.append('    "transports": {\n' + ",\n".join(transports) + "\n    }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def requirement(rule: ScopeRule) -> dict[str, Any]:
    """A rule in the format of policy.json."""
    if rule.kind is RuleKind.ACCEPT:
        return dict(ACCEPT)
    if rule.kind is RuleKind.REJECT:
        return dict(REJECT)
    if rule.kind is RuleKind.GPG:
        entry: dict[str, Any] = {
            "type": "signedBy",
            "keyType": "GPGKeys",
            "keyPath": rule.key,
        }
    elif rule.kind is RuleKind.SIGSTORE:
        entry = {"type": "sigstoreSigned", "keyPath": rule.key}
        if rule.rekor:
            entry["rekorPublicKeyPath"] = rule.rekor
    else:
        fulcio = {
            "caPath": rule.ca,
            "oidcIssuer": rule.issuer,
            "subjectEmail": rule.email,
        }
        entry = {
            "type": "sigstoreSigned",
            "fulcio": fulcio,
            "rekorPublicKeyPath": rule.rekor,
        }
    if rule.any_tag:
        entry["signedIdentity"] = {"type": "matchRepository"}
    return entry


def rejects_by_default(text: str) -> bool:
    """Whether registry images without a rule are rejected."""
    document = _parsed(text)
    docker = (document.get("transports") or {}).get("docker") or {}
    decides = docker.get("", document.get("default"))
    return isinstance(decides, list) and any(rule.get("type") == "reject" for rule in decides)


def _parsed(text: str | None) -> dict[str, Any]:
    if text is None:
        return {"default": [dict(REJECT)]}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The current policy is not JSON ({error}).", "Fix or move the file first."
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("default"), list):
        raise InputError(
            "The current policy has no default, so Podman refuses it.", "Fix the file first."
        )
    transports = document.get("transports") or {}
    if not isinstance(transports, dict) or not all(
        isinstance(transport, dict) for transport in transports.values()
    ):
        raise InputError("The current policy is malformed.", "Fix the file first.")
    return document


def _keep_local(
    document: Mapping[str, Any],
    transports: dict[str, Any],
) -> None:
    """What the default accepts from local files, made explicit per transport before it changes."""
    if any(rule.get("type") == "insecureAcceptAnything" for rule in document["default"]):
        for name in LOCAL:
            transports.setdefault(name, {}).setdefault("", [dict(ACCEPT)])
