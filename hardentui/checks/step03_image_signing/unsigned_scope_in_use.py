"""An image whose next pull would not be checked for a signature.

What it checks:
Which rule of the signature policy would catch a pull of this container's image: the most specific one of
exact reference, repository, namespaces, registry, `*.domain`, all registries, and the default. It fails
when that rule asks for no signature (`signedBy`, `sigstoreSigned`). A rule that refuses the image
passes: nothing unsigned comes in. Images that were built on this host are left out, because no pull is
involved.

Why it matters:
A tag is a promise of the registry, not of the author. Whoever can write to the repository, or sit
between you and it, can put another image under the same tag; the next pull brings it in and runs it with
all rights of this container. A signature that is checked on your host ties the image to a key that the
registry does not have.

What may break:
Pulls fail until the image is signed and the key is in place, and when the signing key changes. Many
public images are not signed at all: then mirror them to a registry of your own and sign them there.
Containers that run already are not touched.
"""

from __future__ import annotations

from hardentui.checks.examples import ACCEPT, SIGSTORE, accepting, container, engine, rejecting
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.trust import rule_for
from hardentui.options import IMAGE, ROOTFS
from hardentui.reading.images import image_name, is_image_id, reference


def evaluate(facts: ContainerFacts) -> Verdict:
    name = facts.image_name or image_name(facts)
    if facts.spec[ROOTFS]:
        return not_applicable("it runs from a folder of the host (--rootfs), so no image is pulled")
    if not name or is_image_id(name):
        return not_applicable("its image has no name, so it cannot be pulled again")
    if reference(name).local:
        return not_applicable("its image has a name of this host only, so it is never pulled")
    trust = facts.engine.trust
    rule = trust if isinstance(trust, Unreadable) else rule_for(trust, name)
    if isinstance(rule, Unreadable):
        return unknown(rule.reason)
    declared = " and ".join(one.type for one in rule.requirements)
    evidence = (Evidence(rule.file, rule.explanation),)
    if rule.verifies or rule.rejects:
        return passed(declared, evidence=evidence)
    repository = rule.reference.partition("@")[0].rpartition(":")[0] or rule.reference.partition("@")[0]
    return failed(
        rule.explanation.removesuffix("."),
        declared,
        evidence=evidence,
        commands=(
            f"podman image trust set -t sigstoreSigned -f /etc/pki/containers/KEY.pub '{repository}'",
            "podman image trust show",
        ),
    )


CHECK = Check(
    title="Image signature not verified",
    severity=Severity.HIGH,
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
