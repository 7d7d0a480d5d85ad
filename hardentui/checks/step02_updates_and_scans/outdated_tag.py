"""The registry has a newer image under the same name.

What it checks:
Whether the registry still serves the same image under the name that the container uses. The registry is
queried by `hardentui images --updates` (with skopeo, nothing is pulled); an answer that is older than the
parameter `days` does not count. A new image counts once `cool_down` days have passed since it was first
seen. Images built here (`localhost/…`) have no registry, and names with a digest cannot change.

Why it matters:
Maintainers fix vulnerabilities by publishing a new image under the old name. Until somebody pulls it, the
fix is everywhere but here.

What may break:
The new image may behave differently; try it on a twin. If you want to approve every update, pin the digest
instead, and decide who updates it (see no-update-path).
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

from hardentui.checks.prelude import *
from hardentui.do import Do, Verb
from hardentui.model.image import RegistryDigest
from hardentui.reading.images import image_of, is_image_id, reference


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    name = facts.image_name
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    if not name or reference(name).local:
        return not_applicable("the image was built on this machine, so no registry has a newer one")
    if reference(name).digest or is_image_id(name):
        return not_applicable("the image is pinned by digest, which cannot change")
    answer = facts.registry_digest
    age = (facts.now - answer.asked).days
    if age > parameters.integer("days"):
        return unknown(f"last checked {age} days ago", name, do=Do(Verb.IMAGE_UPDATES))
    known = _digests(facts, image)
    if not known:
        return unknown("the digest of the running image is not known", name)
    evidence = (Evidence("registry", answer.digest), Evidence("first seen", f"{answer.first_seen:%Y-%m-%d}"))
    if answer.digest not in known:
        cool_down = timedelta(days=parameters.integer("cool_down"))
        if facts.now - answer.first_seen < cool_down:
            until = answer.first_seen + cool_down
            return passed(
                name, evidence=evidence, reason=f"a newer image is available; fails from {until:%Y-%m-%d} on"
            )
        commands = (f"podman pull {shlex.quote(name)}", "# then recreate the container")
        return failed("the registry has another image with this name", name, "", evidence, commands=commands)
    return passed(name, evidence=evidence)


def _digests(facts: ContainerFacts, image: ImageFacts) -> set[str]:
    """All digests of the image: of the multi-architecture list and of the image that was pulled."""
    repo_digests = (str(name).partition("@")[2] for name in image.inspect.get("RepoDigests") or ())
    digests = {
        *repo_digests,
        str(facts.inspect.get("ImageDigest") or ""),
        str(image.inspect.get("Digest") or ""),
    }
    return digests - {""}


_NAME = "docker.io/library/nginx:1.29"
_DIGEST = "sha256:" + "d" * 64
_IMAGE = image(inspect={"RepoDigests": [f"docker.io/library/nginx@{_DIGEST}"]})

_OTHER = "sha256:" + "e" * 64
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _registry_has(digest: str, days: int = 4) -> ContainerFacts:
    answer = RegistryDigest(digest, _NOW, _NOW - timedelta(days=days))
    return container(inspect={"ImageName": _NAME}, image=_IMAGE, registry_digest=answer)


CHECK = Check(
    title="Newer image in the registry",
    severity=Severity.MEDIUM,  # fixes are published and not in use
    scope=Kind.IMAGE,
    summary="Pull the image and recreate the container",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"days": 7, "cool_down": 3},
    passes=lambda: (_registry_has(_DIGEST), _registry_has(_OTHER, days=1)),
    fails=lambda: (_registry_has(_OTHER),),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.2.2"),
    catalogue="S2-06",
)
