"""The image is named by a tag that moves.

What it checks:
Whether the image is named without a digest, and without a tag or with a floating one (parameter `floating`:
`latest` and similar).

Why it matters:
`latest` is whatever was pushed last. The same unit file starts one program today and another one after the
next pull, so nobody can say what runs, go back to yesterday's version, or tell whether somebody replaced the
image. An attacker who takes over a maintainer's account needs a single push to reach everyone who follows a
floating tag.

What may break:
Nothing right away: the digest names exactly the image that runs now. After that, updates no longer arrive
by themselves, and automatic updates from the registry find nothing new: somebody has to update the digest
(see no-update-path). To keep receiving small updates, use a version tag instead.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import IMAGE
from hardentui.reading.images import (
    Reference,
    image_name,
    is_image_id,
    reference,
    refuse_where_updated,
    without_image,
)

_FLOATING = ("latest", "stable", "main", "master", "edge", "nightly", "rolling")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if why := without_image(facts):
        return not_applicable(why)
    if facts.inspect.get("IsInfra"):
        return not_applicable("Podman chooses the image of a pod's infra container")
    name = image_name(facts)
    if not name:
        return unknown("the name of the image is not known")
    parts = reference(name)
    if parts.digest or is_image_id(name):
        return passed(name, reason="a digest identifies exactly one image")
    if not parts.tag:
        return failed("no tag means latest", name)
    if parts.tag in parameters.texts("floating"):
        return failed(f"the tag {parts.tag} moves with every push", name)
    return passed(name)


def remediate(spec: Spec, context: FixContext) -> Spec:
    if evaluate(context.facts.planned(spec), context.parameters).status is not Status.FAIL:
        return spec
    refuse_where_updated(spec)
    name = spec[IMAGE] or context.facts.image_name
    full = reference(context.facts.image_name or name)
    return spec.with_(IMAGE, f"{full.name}@{_digest(context.facts, full)}")


def _digest(facts: ContainerFacts, full: Reference) -> str:
    """The digest of the running image in its registry."""
    if full.local or not full.host:
        raise CannotFix(
            "the image was built or loaded on this machine, so no registry knows its digest",
            "Push it to a registry, or give it a version tag.",
        )
    recorded = known(lambda: facts.image.inspect.get("RepoDigests"), else_=()) or ()
    names = [str(name).partition("@") for name in recorded]
    digests = [digest for name, _, digest in names if name == full.name]
    pulled = str(facts.inspect.get("ImageDigest") or "")
    if pulled in digests:
        return pulled
    if not digests:
        raise CannotFix(
            "the image's digest in the registry is not known", "Pull the image again, or use a version tag."
        )
    return digests[0]


_DIGEST = "sha256:" + "d" * 64
_IMAGE = image(inspect={"RepoDigests": [f"docker.io/library/nginx@{_DIGEST}"]})
_FULL = {"ImageName": "docker.io/library/nginx:latest", "ImageDigest": _DIGEST}

CHECK = Check(
    title="Image uses a moving tag",
    severity=Severity.LOW,  # the name may mean another image tomorrow; signatures and digests are the defence
    scope=Kind.IMAGE,
    summary="Refer to the image by digest",
    fix=FixKind.RECREATE,
    risk=Risk.DECISION,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"floating": _FLOATING},
    passes=lambda: (
        container((IMAGE, "docker.io/library/nginx:1.29.3")),
        container((IMAGE, f"docker.io/library/nginx@{_DIGEST}")),
    ),
    fails=lambda: (
        container((IMAGE, "nginx"), inspect=_FULL, image=_IMAGE),
        container((IMAGE, "docker.io/library/nginx:latest"), inspect=_FULL, image=_IMAGE),
    ),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.2.2", "Dockle DKL-DI-0006"),
    catalogue="S2-07",
)
