"""Images from anywhere are accepted if no other rule matches.

What it checks:
The default rule of this engine's signature policy: the user's own `~/.config/containers/policy.json` if
there is one, otherwise `/etc/containers/policy.json`, and from Podman 6 on also the one in
`/usr/share/containers`. The check fails if that rule accepts everything (`insecureAcceptAnything`), or if a
rule for all images of a transport does: the scope `""`, or a pattern for a whole top-level domain (`*.io`).
For registries, that counts as much as the default; for image files (archives, directories) it counts less,
because somebody on the host has to load them. Images from another store on the same machine
(`docker-daemon`, `containers-storage`) may be accepted.

Why it matters:
Podman consults the policy before it stores an image. With a default that accepts everything, whoever can put
an image under a name that you pull (a stolen registry account, a hijacked name, a compromised mirror) has
code running on your host at the next update, and nothing on the host will notice. With `reject` as the
default, only what you have listed gets in, and a typo in a name ends with a refusal instead of a stranger's
program.

What may break:
Every pull from a registry without a rule of its own is refused, including base images for builds and, on old
versions, the pause image of pods. So first add rules for the registries that you use, then change the
default. Existing containers keep running; only pulls are affected.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.checks.examples import ACCEPT, POLICY_FILE, REJECT, SIGSTORE, rejecting
from hardentui.checks.prelude import *
from hardentui.model.configuration import Missing
from hardentui.model.trust import Policy, TrustFacts
from hardentui.reading.own_command import own_command

_REGISTRIES = frozenset({"docker", "atomic"})
_SAME_MACHINE = frozenset({"docker-daemon", "containers-storage"})


def evaluate(facts: EngineFacts) -> Verdict:
    policy = facts.trust.policy
    if isinstance(policy, Unread):
        return unknown(policy.reason)
    if isinstance(policy, Missing):
        return not_applicable(f"{policy.path} does not exist, and without a policy Podman refuses every pull")
    declared = " and ".join(requirement.type for requirement in policy.default)
    evidence = (Evidence(policy.file, f"default: {declared}"),)
    if all(requirement.type == "insecureAcceptAnything" for requirement in policy.default):
        return failed(
            f"the default rule in {policy.file} accepts every image",
            declared,
            evidence=evidence,
            commands=(
                own_command(facts.found_with, "trust", "plan", "--accept-in-use")
                + "   # rules for what runs, then reject; proven by pulls",
                own_command(facts.found_with, "trust", "apply", "--accept-in-use"),
                "podman image trust show",
            ),
        )
    wide = tuple(_accepting_scopes(policy))
    if not wide:
        return passed(declared, evidence=evidence)
    from_registries = [(transport, scope) for transport, scope in wide if transport in _REGISTRIES]
    transport, scope = (from_registries or wide)[0]
    return failed(
        f'the rule for "{scope}" of {transport} in {policy.file} accepts every image',
        declared,
        evidence=(
            *evidence,
            *(Evidence(policy.file, f'{kind}, scope "{name}": {ACCEPT.type}') for kind, name in wide),
        ),
        severity=None if from_registries else Severity.LOW,
        commands=(f"# {policy.file}: remove these scopes, or require signedBy or sigstoreSigned",),
    )


def _accepting_scopes(policy: Policy) -> Iterator[tuple[str, str]]:
    """(transport, scope) of each rule that accepts all images from a transport or a top-level domain."""
    for transport, scopes in policy.transports.items():
        for scope, requirements in scopes.items():
            everything = scope == "" or (scope.startswith("*.") and scope.count(".") == 1)
            accepted = all(requirement.type == ACCEPT.type for requirement in requirements)
            if everything and accepted and transport not in _SAME_MACHINE:
                yield transport, scope


CHECK = Check(
    title="Unsigned images accepted from anywhere",
    severity=Severity.MEDIUM,  # a layer is missing: the registry or the line must be taken over first
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
