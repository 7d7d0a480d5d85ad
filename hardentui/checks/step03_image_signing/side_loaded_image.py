"""An image that was not pulled from a registry.

What it checks:
Whether a signature came with the image when it was pulled, according to the local image store, and whether
the image is known under a name with a digest (`RepoDigests`). An image without either was loaded from an
archive or lost its name, and nothing ties it to a source; nor does anything for a directory of the host that
is used instead of an image (`--rootfs`). Images with a local name (`localhost/…`, or as
listed in the parameter `built_here`) count as built here. A named image loaded from an archive has a digest
too, so without a signature it cannot be told from a pulled image; whether the registry has a signature is
not checked, because that needs the network. The answer is then unknown.

Why it matters:
An archive bypasses every rule for registries and signatures: `podman load` does consult the policy, but for
its own transport, which is usually open. Later, nobody can tell what was in it, who built it, or whether a
fixed version exists.

What may break:
Replacing the image means pushing it to a registry, signing it there and pulling it again; the container must
be recreated.
"""

from __future__ import annotations

from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import IMAGE, ROOTFS
from hardentui.reading.images import image_name, image_of

_DIGEST = "sha256:" + "5f" * 32


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if facts.spec[ROOTFS]:
        return failed("its files come from a directory of the host, not from an image", facts.spec[ROOTFS])
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    name = facts.image_name or image_name(facts)
    if name.startswith(parameters.texts("built_here")):
        return passed(name, reason="a local name, as for images built on this host")
    stored = known(lambda: facts.engine.trust.stored_signatures)
    signatures = 0 if isinstance(stored, Unread) else stored.get(image.id.removeprefix("sha256:"), 0)
    if signatures:
        evidence = (Evidence("image store", f"{plural(signatures, 'signature')} came with the image"),)
        return passed(name, evidence=evidence)
    digests = [str(name) for name in image.inspect.get("RepoDigests") or ()]
    evidence = (Evidence("RepoDigests", ", ".join(digests[:3]) or "empty"),)
    if not digests:
        return failed(
            "the image did not come from a registry, and no record shows that it was built here",
            name,
            evidence=evidence,
        )
    # a loaded archive gets a RepoDigest too once it has a name, so a digest does not prove a registry
    reason = "whether the registry has a signature for it was not checked, because that needs the network"
    return unknown(reason, name, evidence)


def _image(**inspect: Any) -> ImageFacts:
    return ImageFacts("5f" * 32, inspect)


CHECK = Check(
    title="Image not pulled from a registry",
    severity=Severity.LOW,  # nobody can say where it comes from
    scope=Kind.IMAGE,
    summary="Push the image to a registry, sign it and pull it from there",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        container((IMAGE, "localhost/shop:1.4"), image=_image(RepoDigests=[f"localhost/shop@{_DIGEST}"])),
        container(
            (IMAGE, "quay.io/team/shop:1.4"),
            image=_image(RepoDigests=[f"quay.io/team/shop@{_DIGEST}"]),
            engine=engine(accepting(stored_signatures={"5f" * 32: 1})),
        ),
    ),
    fails=lambda: (
        container((IMAGE, "5f" * 32), image=_image(RepoDigests=[])),
        container((ROOTFS, "/srv/rootfs")),
    ),
    references=("CIS Docker 1.6 4.12", "NIST SP 800-190 4.1.5", "CSVS 3.7"),
    catalogue="S3-10",
    parameters={"built_here": ("localhost/",)},
)
