"""The rules of `hardentui trust plan` and `apply`, from their options."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable

from hardentui.errors import UsageError
from hardentui.model.trust_change import RuleKind, ScopeRule
from hardentui.visible import visible
from hardentui.workbench.changing.trust_rules import authority_rule, keyless_rule, kind_of, scope_of


def rules_of(options: Namespace) -> tuple[ScopeRule, ...]:
    """Every rule that the options define.

    Raises:
        UsageError: an option is malformed, or two rules name the same scope.
    """
    lookaside = dict(_pairs(options.lookaside, "--lookaside"))
    rules = []
    for kind, given in ((RuleKind.SIGSTORE, options.sigstore), (RuleKind.GPG, options.gpg)):
        for scope, path in _pairs(given, f"--{kind.value}"):
            key = os.path.abspath(path)
            if (is_kind := kind_of(key)) is not kind:
                raise UsageError(f"{visible(path, 100)} is a key for {is_kind.value}: use --{is_kind.value}.")
            side = lookaside.pop(scope, "") if kind is RuleKind.GPG else ""
            rules.append(ScopeRule(scope, kind, key, options.any_tag, lookaside=side))
    if options.keyless and options.pki:
        raise UsageError("--keyless and --pki use different certificates: add the rules one at a time.")
    for scope, email in _pairs(options.keyless, "--keyless"):
        if not (options.issuer and options.ca and options.rekor):
            raise UsageError("--keyless needs --issuer, --ca and --rekor: Podman needs all three.")
        rules.append(keyless_rule(scope, email, options.issuer, options.ca, options.rekor))
    for scope, who in _pairs(options.pki, "--pki"):
        if not options.ca:
            raise UsageError("--pki needs --ca, the root certificates of your authority.")
        rules.append(authority_rule(scope, who, options.ca, options.intermediates))
    rules += [ScopeRule(scope_of(scope), RuleKind.ACCEPT) for scope in options.accept]
    rules += [ScopeRule(scope_of(scope), RuleKind.REJECT) for scope in options.reject]
    if lookaside:
        raise UsageError(f"--lookaside {visible(min(lookaside), 80)}: there is no --gpg rule for that scope.")
    scopes = [rule.scope for rule in rules]
    twice = next((scope for scope in scopes if scopes.count(scope) > 1), "")
    if twice:
        raise UsageError(f"Two rules name {visible(twice, 80)}.")
    return tuple(rules)


def _pairs(given: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    for text in given:
        scope, equals, value = text.partition("=")
        if not equals or not value:
            raise UsageError(f"{option} {visible(text, 80)!r}: it must be SCOPE=VALUE.")
        yield scope_of(scope), value
