"""An image name that can refer to another image tomorrow.

What it checks:
Whether the container was created from an image reference with a digest (`name:tag@sha256:…`). Images with a
local name (`localhost/…`) and containers that run from a plain directory are left out.

Why it matters:
A tag is a label that its owner can move at any time. The container that you tested and the one that starts
after the next pull may be different programs, and neither Podman nor the log says so. A digest names the
content itself: the same bytes everywhere, or an error. It also makes a rollback exact, and it is what scan
results and signatures actually refer to.

What may break:
Updates no longer arrive by themselves: a new version needs a new digest, and `podman auto-update` with the
registry policy does not update a pinned container. Decide who changes the digest and when: a bot such as
Renovate, which reads Quadlet files, or your weekly update. The registry must still have the image with it.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import IMAGE
from hardentui.reading.images import image_name, is_image_id, reference, refuse_where_updated, without_image

_DIGEST = "sha256:" + "5f" * 32


def evaluate(facts: ContainerFacts) -> Verdict:
    name = image_name(facts)
    if why := without_image(facts):
        return not_applicable(why)
    if is_image_id(name) or reference(name).digest:
        return passed(name)
    if reference(name).local:
        return not_applicable("the image has a local name, so no registry can replace it")
    return failed("the image is named by a tag, which can move", name or "no name")


def remediate(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts
    name = facts.image_name or spec[IMAGE]
    if reference(spec[IMAGE]).digest or is_image_id(spec[IMAGE]):
        return spec
    refuse_where_updated(spec)
    digest = str(facts.inspect.get("ImageDigest") or "")
    if not digest.startswith("sha256:") or not name or is_image_id(name):
        raise CannotFix("Podman does not report the digest of the image", "Pull the image again first.")
    return spec.with_(IMAGE, f"{name.partition('@')[0]}@{digest}")


CHECK = Check(
    title="Image not pinned by digest",
    severity=Severity.LOW,  # a pin also stops updates: a decision
    scope=Kind.IMAGE,
    summary="Pin the image to the digest that runs now",
    fix=FixKind.RECREATE,
    risk=Risk.DECISION,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((IMAGE, f"docker.io/library/nginx:1.27@{_DIGEST}")),
        container((IMAGE, "localhost/shop:1.4")),
    ),
    fails=lambda: (
        container((IMAGE, "docker.io/library/nginx:1.27"), inspect={"ImageDigest": _DIGEST}),
        container((IMAGE, "quay.io/team/shop"), inspect={"ImageDigest": _DIGEST}),
    ),
    references=(
        "NIST SP 800-190 4.2.2",
        "NIST SP 800-190 4.1.5",
        "CSVS 3.6",
        "OWASP Docker rule 13",
    ),
    catalogue="S3-05",
)
