"""Any image from anywhere is accepted when no other rule fits.

What it checks:
The default rule of the signature policy that holds for this engine: the user's own
`~/.config/containers/policy.json` when there is one, else `/etc/containers/policy.json`, and from Podman
6 on also the one in `/usr/share/containers`. It fails when that rule accepts everything
(`insecureAcceptAnything`).

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

from hardentui.checks.examples import ACCEPT, SIGSTORE, accepting, engine, rejecting
from hardentui.model.check import Check, Parameters
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


def evaluate(facts: EngineFacts, parameters: Parameters) -> Verdict:
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
    return passed(declared, evidence=evidence)


CHECK = Check(
    id="insecure-default-policy",
    title="Images from anywhere are accepted without a signature",
    step=3,
    severity=Severity.HIGH,
    kind=Kind.ENGINE,
    doc=__doc__ or "",
    summary="List the sources that you trust, then make `reject` the default of the signature policy",
    fix=FixKind.HOST_FILE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        engine(rejecting({"quay.io/team": (SIGSTORE,)})),
        engine(TrustFacts(policy=Missing("/etc/containers/policy.json"))),
    ),
    fails=lambda: (
        engine(accepting()),
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
