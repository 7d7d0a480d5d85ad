"""Rules of a trust policy, as typed by users."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from hardentui.errors import UsageError
from hardentui.features.trust.rule_keys import kind_of as kind_of
from hardentui.model.trust_change import RuleKind, ScopeRule
from hardentui.visible import visible

HELP = "SCOPE=KEYFILE, SCOPE accept or SCOPE reject"
KEYLESS_HELP = "SCOPE keyless EMAIL ISSUER CA-FILE REKOR-FILE"
_SCOPE = re.compile(
    r"(?:\*\.[a-z0-9][a-z0-9.-]*"  # a wildcard for hosts
    r"|[a-z0-9][a-z0-9.-]*(?::[0-9]+)?"  # or a host with the rest of a name
    r"(?:/[a-z0-9][a-z0-9._-]*)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})?)"
)
_EMAIL = re.compile(r"[^\s@<>\"]+@[A-Za-z0-9][A-Za-z0-9.-]*")
_BARE = {"accept": RuleKind.ACCEPT, "reject": RuleKind.REJECT}
_GPG_ENDINGS = (".asc", ".gpg")


def scope_of(text: str) -> str:
    """The text, if it is a scope of a policy.

    Raises:
        UsageError: it has no registry, or is not a scope.
    """
    host = text.partition("/")[0]
    full = "." in host or ":" in host or host == "localhost"
    if not full:
        raise UsageError(
            f"{visible(text, 80)!r} has no registry.",
            "Give the full name, such as docker.io/library/nginx.",
        )
    if not _SCOPE.fullmatch(text):
        raise UsageError(f"{visible(text, 80)!r} is not a scope of a policy.")
    return text


def kind_by_name(path: str) -> RuleKind:
    """The kind of a key file by its extension; the file is not read."""
    return RuleKind.GPG if path.endswith(_GPG_ENDINGS) else RuleKind.SIGSTORE


def rule_of(
    text: str,
    key_kind: Callable[[str], RuleKind] = kind_of,
) -> ScopeRule:
    """A typed rule: `quay.io/team=~/team.pub`, `docker.io/library/nginx accept`.

    A GPG key may be followed by the address of its signatures.

    Args:
        key_kind: returns the kind of a key file.

    Raises:
        UsageError: it is malformed.
        InputError: the file cannot be read or is not a key.
    """
    scope, equals, rest = text.strip().partition("=")
    if not equals:
        words = scope.split()
        if len(words) == 2 and words[1] in _BARE:
            return ScopeRule(scope_of(words[0]), _BARE[words[1]])
        if words[1:2] == ["keyless"]:
            if len(words) != 6:
                raise UsageError("A keyless rule has six words.", f"Write {KEYLESS_HELP}.")
            return keyless_rule(scope_of(words[0]), *words[2:])
        raise UsageError(
            f"{visible(text, 80)!r} is not a rule.", f"Write {HELP}; or {KEYLESS_HELP}."
        )
    words = rest.split()
    if not words:
        raise UsageError(f"{visible(text, 80)!r} has no key.", f"Write {HELP}.")
    key = os.path.abspath(os.path.expanduser(words[0]))
    kind = key_kind(key)
    if len(words) > 1 and (kind is not RuleKind.GPG or len(words) > 2):
        raise UsageError(
            f"{visible(' '.join(words[1:]), 80)!r} does not belong here.",
            "Only a GPG key can be followed by the address of its signatures.",
        )
    return ScopeRule(
        scope_of(scope.strip()), kind, key, lookaside=words[1] if len(words) > 1 else ""
    )


def rules_of(
    texts: Iterable[str],
    *,
    any_tag: bool,
    key_kind: Callable[[str], RuleKind] = kind_of,
) -> tuple[ScopeRule, ...]:
    """Typed rules. Those with a key accept signatures without a tag, or do not.

    Raises:
        UsageError, InputError: as `rule_of`, or two rules name the same scope.
    """
    rules = [rule_of(text, key_kind) for text in texts]
    scopes = [rule.scope for rule in rules]
    if twice := next((scope for scope in scopes if scopes.count(scope) > 1), ""):
        raise UsageError(f"Two rules name {visible(twice, 80)}.")
    return tuple(
        replace(rule, any_tag=any_tag) if rule.kind in (RuleKind.SIGSTORE, RuleKind.GPG) else rule
        for rule in rules
    )


def keyless_rule(
    scope: str,
    email: str,
    issuer: str,
    ca: str,
    rekor: str,
) -> ScopeRule:
    """Signed by an account of an OpenID provider, with a certificate of Fulcio and an entry in
    Rekor.

    Any tag: cosign is what makes such signatures, and it signs without the tag.

    Raises:
        UsageError: the signer is not an e-mail address, the only kind that Podman supports.
    """
    if not _EMAIL.fullmatch(email):
        raise UsageError(
            f"{visible(email, 80)!r} is not an e-mail address.",
            "Podman compares e-mail addresses only, so it cannot identify an image signed by a CI "
            "workflow.",
        )
    if not issuer.startswith("https://"):
        raise UsageError(f"{visible(issuer, 80)!r} is not an issuer: it must begin with https://.")
    return ScopeRule(
        scope,
        RuleKind.KEYLESS,
        any_tag=True,
        issuer=issuer,
        email=email,
        ca=_path(ca),
        rekor=_path(rekor),
    )


def _path(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))


def rule_text(rule: ScopeRule) -> str:
    """A rule in plain words."""
    if rule.kind is RuleKind.ACCEPT:
        return "accepted without a signature"
    if rule.kind is RuleKind.REJECT:
        return "refused"
    where = f", signatures at {rule.lookaside}" if rule.lookaside else ""
    tags = ", for any tag" if rule.any_tag else ""
    if rule.kind is RuleKind.KEYLESS:
        return f"must be signed (keyless) by {rule.email} of {rule.issuer}{tags}"
    return f"must be signed ({rule.kind.value}) with {rule.key}{tags}{where}"
