"""An image from a registry that is not on your approved list.

What it checks:
Whether the registry of the container's image is on the approved list: the parameter `approved` of the
checklist, for example `["quay.io/team", "*.example.com"]`. Without a list, the signature policy serves as
one if its default is `reject`: whatever it would refuse to pull today is not approved. If there is neither,
the check is not applicable.

Why it matters:
Most compromises through images involve no break-in: somebody pulls a convenient image by an unknown author.
A short list of sources (an internal mirror, the vendors you chose) is the cheapest filter there is, and it
makes every exception visible.

What may break:
The image must be pulled again from an approved place, and the content there may differ: compare the digests.
Blocking a registry in registries.conf also blocks base images that builds pull from it.
"""

from __future__ import annotations

from hardentui.checks.examples import ACCEPT, rejecting
from hardentui.checks.prelude import *
from hardentui.model.trust import full_reference, registry_of, rule_for, scopes_of
from hardentui.options import IMAGE
from hardentui.reading.images import image_name, is_image_id, reference, without_image


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    name = facts.image_name or image_name(facts)
    if why := without_image(facts):
        return not_applicable(why)
    if not name or is_image_id(name):
        return unknown("the image has no name, so its origin is not known")
    if reference(name).local:
        return not_applicable("the image has a local name and did not come from a registry")
    registry = registry_of(name)
    approved = parameters.texts("approved")
    if approved:
        if set(scopes_of(full_reference(name))) & set(approved):
            return passed(registry)
        return failed(
            f"{registry} is not on the list of approved registries", registry, commands=_block(registry)
        )
    rule = rule_for(facts.engine.trust, name)
    if isinstance(rule, Unread):
        return unknown(rule.reason)
    evidence = (Evidence(rule.file, rule.explanation),)
    if rule.rejects:
        reason = f"the signature policy would refuse to pull this image from {registry} today"
        return failed(reason, registry, evidence=evidence, commands=_block(registry))
    if rule.scope in ("default", ""):
        return not_applicable("there is no list of approved registries (parameter `approved`)")
    return passed(registry, evidence=evidence)


def _block(registry: str) -> tuple[str, ...]:
    return (
        "# /etc/containers/registries.conf.d/blocked.conf, once nothing needs this registry any more",
        "[[registry]]",
        f'prefix = "{registry}"',
        "blocked = true",
    )


CHECK = Check(
    title="Image from an unapproved registry",
    severity=Severity.MEDIUM,  # outside the rules of the site, not known to be bad
    scope=Kind.IMAGE,
    summary="Use an image from an approved registry, or approve this one deliberately",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        container((IMAGE, "quay.io/team/shop:1.4"), engine=engine(rejecting({"quay.io": (ACCEPT,)}))),
        container((IMAGE, "quay.io/team/shop:1.4"), engine=engine(accepting())),
    ),
    fails=lambda: (
        container((IMAGE, "docker.io/someone/shop:1"), engine=engine(rejecting({"quay.io": (ACCEPT,)}))),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
    catalogue="S3-06",
    parameters={"approved": ()},
)
