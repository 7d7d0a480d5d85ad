"""An image that no registry has handed out.

What it checks:
Whether a signature came with the image when it was pulled, as the local image store remembers, and
whether the image is known under a name with a digest (`RepoDigests`). An image without either was loaded
from an archive or lost its name, and nothing ties it to a source. Images with a name of this host
(`localhost/…`, or what the parameter `built_here` lists) count as recorded to be built here. An archive
that brought a name along has a digest, too, and cannot be told from a pulled image without a signature;
whether the registry keeps one is not asked, because that needs the network: then the answer is open.

Why it matters:
An archive goes past every rule on registries and signatures: `podman load` does check the policy, but
for its own transport, which is usually open. Nobody can tell later what was in it, who made it, and
whether a fixed version exists.

What may break:
To replace the image means to push it to a registry, sign it there and pull it again; the container must
be created anew.
"""

from __future__ import annotations

from typing import Any

from hardentui.checks.examples import accepting, container, engine
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.options import IMAGE
from hardentui.reading.images import image_name, image_of
from hardentui.words import plural

_DIGEST = "sha256:" + "5f" * 32


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    name = facts.image_name or image_name(facts)
    if name.startswith(parameters.texts("built_here")):
        return passed(name, reason="its name says that it was built on this host")
    trust = facts.engine.trust
    stored = trust if isinstance(trust, Unreadable) else trust.stored_signatures
    signatures = 0 if isinstance(stored, Unreadable) else stored.get(image.id.removeprefix("sha256:"), 0)
    if signatures:
        evidence = (
            Evidence("image store", f"{plural(signatures, 'signature')} came with it when it was pulled"),
        )
        return passed(name, evidence=evidence)
    digests = [str(one) for one in image.inspect.get("RepoDigests") or ()]
    evidence = (Evidence("RepoDigests", ", ".join(digests[:3]) or "empty"),)
    if not digests:
        return failed(
            "its image came from no registry and is not recorded as built here", name, evidence=evidence
        )
    # a loaded archive gets a RepoDigest as well as soon as it has a name, so a digest proves no registry
    reason = "whether its registry keeps a signature for it is only known online, and that was not asked"
    return unknown(reason, name, evidence)


def _image(**inspect: Any) -> ImageFacts:
    return ImageFacts("5f" * 32, inspect)


CHECK = Check(
    title="Image not pulled from a registry",
    severity=Severity.MEDIUM,
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
    fails=lambda: (container((IMAGE, "5f" * 32), image=_image(RepoDigests=[])),),
    references=("CIS Docker 1.6 4.12", "NIST SP 800-190 4.1.5", "CSVS 3.7"),
    catalogue="S3-10",
    parameters={"built_here": ("localhost/",)},
)
