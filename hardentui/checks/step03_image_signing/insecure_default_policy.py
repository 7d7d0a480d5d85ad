"""Any image from anywhere is accepted when no other rule fits.

What it checks:
The default rule of the signature policy that holds for this engine: the user's own
`~/.config/containers/policy.json` when there is one, else `/etc/containers/policy.json`, and from Podman
6 on also the one in `/usr/share/containers`. It fails when that rule accepts everything
(`insecureAcceptAnything`), and when the rule for all images of a transport does: the scope `""`, or a
pattern that holds a whole top-level domain (`*.io`). For registries that counts as much as the default; for
image files (archives, folders) less, because somebody on the host has to load them. What comes from
another store of the same machine (`docker-daemon`, `containers-storage`) may be accepted.

Why it matters:
The policy is what Podman asks before it stores an image. With a default that accepts everything, whoever
can put an image under a name that you pull (a stolen registry account, a hijacked name, a compromised
mirror) has code running on your host at the next update, and nothing on the host will notice. With
`reject` as the default only what you have listed comes in, and a typing error in a name ends with a
refusal instead of somebody else's program.

What may break:
Every pull from a registry that has no rule of its own is refused, including base images of builds and
the pause image of pods on old versions. So first add rules for the registries that you use, then change
the default. Containers that exist already go on running; only pulls are affected.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.checks.examples import ACCEPT, POLICY_FILE, REJECT, SIGSTORE, accepting, engine, rejecting
from hardentui.model.check import Check
from hardentui.model.configuration import Missing
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.trust import Policy, TrustFacts

_REGISTRIES = frozenset({"docker", "atomic"})
_SAME_MACHINE = frozenset({"docker-daemon", "containers-storage"})


def evaluate(facts: EngineFacts) -> Verdict:
    if isinstance(facts.trust, Unreadable):
        return unknown(facts.trust.reason)
    policy = facts.trust.policy
    if isinstance(policy, Unreadable):
        return unknown(policy.reason)
    if isinstance(policy, Missing):
        return not_applicable(f"there is no {policy.path}, and without a policy Podman refuses every pull")
    declared = " and ".join(one.type for one in policy.default)
    evidence = (Evidence(policy.file, f"default: {declared}"),)
    if all(one.type == "insecureAcceptAnything" for one in policy.default):
        return failed(
            f"the default rule in {policy.file} accepts every image",
            declared,
            evidence=evidence,
            commands=(
                "podman image trust set -t accept YOUR.REGISTRY/NAMESPACE   # for each source that you use",
                "podman image trust set -t reject default",
                "podman image trust show",
            ),
        )
    wide = tuple(_accepting_scopes(policy))
    if not wide:
        return passed(declared, evidence=evidence)
    from_registries = [one for one in wide if one[0] in _REGISTRIES]
    transport, scope = (from_registries or wide)[0]
    return failed(
        f'the rule for "{scope}" of {transport} in {policy.file} accepts every image',
        declared,
        evidence=(
            *evidence,
            *(Evidence(policy.file, f'{one}, scope "{name}": {ACCEPT.type}') for one, name in wide),
        ),
        severity=None if from_registries else Severity.LOW,
        commands=(f"# {policy.file}: remove the scopes, or demand a signature (signedBy, sigstoreSigned)",),
    )


def _accepting_scopes(policy: Policy) -> Iterator[tuple[str, str]]:
    """(transport, scope) of each rule that accepts all images of a transport or of a top-level domain."""
    for transport, scopes in policy.transports.items():
        for scope, requirements in scopes.items():
            everything = scope == "" or (scope.startswith("*.") and scope.count(".") == 1)
            accepted = all(one.type == ACCEPT.type for one in requirements)
            if everything and accepted and transport not in _SAME_MACHINE:
                yield transport, scope


CHECK = Check(
    title="Unsigned images accepted from anywhere",
    severity=Severity.HIGH,
    kind=Kind.ENGINE,
    summary="List the sources you trust, then make `reject` the default of the signature policy",
    fix=FixKind.HOST_FILE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        engine(rejecting({"quay.io/team": (SIGSTORE,)})),
        engine(TrustFacts(policy=Policy(POLICY_FILE, (REJECT,), {"docker-daemon": {"": (ACCEPT,)}}))),
        engine(TrustFacts(policy=Missing("/etc/containers/policy.json"))),
    ),
    fails=lambda: (
        engine(accepting()),
        engine(rejecting({"": (ACCEPT,), "quay.io/team": (SIGSTORE,)})),
        engine(rejecting({"*.io": (ACCEPT,)})),
        engine(TrustFacts(policy=Policy(POLICY_FILE, (REJECT,), {"docker-archive": {"": (ACCEPT,)}}))),
        engine(TrustFacts(policy=Policy("/root/.config/containers/policy.json", (ACCEPT,)))),
    ),
    references=(
        "CIS Docker 1.6 4.5",
        "CIS Docker 1.6 4.12",
        "NIST SP 800-190 4.1.5",
        "OWASP Docker rule 13",
    ),
    catalogue="S3-01",
)
