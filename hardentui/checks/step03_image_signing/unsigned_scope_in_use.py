"""The next pull of the image would not verify a signature.

What it checks:
Which rule of the signature policy applies to a pull of this container's image: the most specific one of
exact reference, repository, namespaces, registry, `*.domain`, all registries, and the default. The check
fails if that rule does not require a signature (`signedBy`, `sigstoreSigned`). A rule that rejects the image
passes: nothing unsigned gets in. Images built on this host are left out, because they are not pulled.

Why it matters:
A tag is a promise by the registry, not by the author. Whoever can write to the repository, or get between
you and it, can put another image under the same tag; the next pull fetches it and runs it with all rights of
this container. A signature verified on your host ties the image to a key that the registry does not have.

What may break:
Pulls fail until the image is signed and the key is in place, and again when the signing key changes. Many
public images are not signed: mirror them to your own registry and sign them there. Running containers are
not affected.
"""

from __future__ import annotations

from hardentui.checks.examples import ACCEPT, SIGSTORE, rejecting
from hardentui.checks.prelude import *
from hardentui.model.trust import rule_for
from hardentui.options import IMAGE
from hardentui.reading.images import image_name, is_image_id, reference, without_image


def evaluate(facts: ContainerFacts) -> Verdict:
    name = facts.image_name or image_name(facts)
    if why := without_image(facts):
        return not_applicable(why)
    if not name or is_image_id(name):
        return not_applicable("the image has no name, so it cannot be pulled again")
    if reference(name).local:
        return not_applicable("the image has a local name, so it is never pulled")
    rule = rule_for(facts.engine.trust, name)
    if isinstance(rule, Unread):
        return unknown(rule.reason)
    declared = " and ".join(requirement.type for requirement in rule.requirements)
    if rule.verifies or rule.rejects:
        return passed(declared, evidence=(Evidence(rule.file, rule.explanation),))
    repository = rule.reference.partition("@")[0].rpartition(":")[0] or rule.reference.partition("@")[0]
    return failed(
        rule.explanation.removesuffix("."),
        declared,
        evidence=(Evidence(rule.file, f"{rule.scope or 'docker'}: {declared}"),),
        commands=(
            f"podman image trust set -t sigstoreSigned -f /etc/pki/containers/KEY.pub '{repository}'",
            "podman image trust show",
        ),
    )


CHECK = Check(
    title="Image signature not verified",
    severity=Severity.MEDIUM,  # a layer is missing: the registry or the line must be taken over first
    scope=Kind.SITE,
    summary="Require a signature for the image's repository in the policy",
    fix=FixKind.HOST_FILE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        container((IMAGE, "quay.io/team/shop:1.4"), engine=engine(rejecting({"quay.io/team": (SIGSTORE,)}))),
        container((IMAGE, "localhost/shop:1.4"), engine=engine(accepting())),
    ),
    fails=lambda: (
        container((IMAGE, "quay.io/team/shop:1.4"), engine=engine(accepting())),
        container(
            (IMAGE, "docker.io/library/nginx:1.27"), engine=engine(rejecting({"docker.io": (ACCEPT,)}))
        ),
    ),
    references=("CIS Docker 1.6 4.2", "CIS Docker 1.6 4.12", "NIST SP 800-190 4.1.5"),
    catalogue="S3-02",
)
