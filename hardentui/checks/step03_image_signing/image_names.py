"""The name that the image was pulled by."""

from __future__ import annotations

from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.facts import NotRunning
from hardentui.model.known import known
from hardentui.options import *
from hardentui.options.argv import parse_create_command
from hardentui.reading.images import (
    image_name,
    image_of,
    is_image_id,
    reference,
    refuse_where_updated,
    without_image,
)

_FULL = "docker.io/library/nginx:1.27"
_TYPED = {"ImageName": _FULL, "Config": {"CreateCommand": ["podman", "run", "-d", "nginx:1.27"]}}


def short_image_name(facts: ContainerFacts) -> Verdict:
    """A container created from a short image name.

    What it checks:
    Whether the image was named without a registry (`nginx` instead of `docker.io/library/nginx`). Podman
    records the full name that it found, so the command that created the container decides, if there is one.
    Containers created through the API keep no record of the short name; for them, the recorded full name
    counts.

    Why it matters:
    A short name is looked up, first in a table of aliases, then in each registry of the search list in turn.
    Whoever registers the same name in a registry that is searched earlier gets to run on your host. The
    result also differs between hosts, and changes when somebody edits the list.

    What may break:
    Nothing. The full name refers to the image that runs now.
    """
    if why := without_image(facts):
        return not_applicable(why)
    name = facts.spec[IMAGE] or facts.image_name
    if not name:
        return unknown("Podman does not report which image the container was created from")
    if _is_short(name):
        return failed("the image name has no registry", name)
    typed = _typed(facts)
    if typed and _is_short(typed):
        evidence = (Evidence("Config.CreateCommand", typed),)
        return failed(
            f"created from a short name, which resolved to {name} at the time", typed, evidence=evidence
        )
    return passed(typed or name)


def _is_short(name: str) -> bool:
    transport, separator, _ = name.partition(":/")
    if is_image_id(name) or (separator and transport.isalpha()):
        return False
    return not reference(name).host


def _typed(facts: ContainerFacts) -> str:
    """The image as it was typed; empty if that is not known or if a planned spec is judged."""
    if isinstance(facts.kernel, NotRunning) and facts.kernel.state == "planned":
        return ""
    command = parse_create_command((facts.inspect.get("Config") or {}).get("CreateCommand"))
    if command is None or _looks_like_id(command.image, str(facts.inspect.get("Image") or "")):
        return ""
    return command.image


def _looks_like_id(typed: str, image: str) -> bool:
    """Whether it is a shortened image ID, which is not a name."""
    return len(typed) >= 4 and bool(image) and image.startswith(typed)


def _fix_short_image_name(spec: Spec, context: FixContext) -> Spec:
    if not _is_short(spec[IMAGE] or context.facts.image_name):
        return spec.with_(IMAGE, spec[IMAGE] or context.facts.image_name)
    full = context.facts.image_name
    if not full or _is_short(full):
        raise CannotFix(
            "Podman does not know the full name of the image", "Name it with its registry yourself."
        )
    return spec.with_(IMAGE, full)


SHORT_IMAGE_NAME = Check(
    title="Image name without a registry",
    severity=Severity.MEDIUM,  # another registry may answer for the name
    scope=Kind.IMAGE,
    summary="Use the full image name, with its registry",
    risk=Risk.SAFE,
    evaluate=short_image_name,
    remediate=_fix_short_image_name,
    passes=lambda: (
        container((IMAGE, _FULL), inspect={"ImageName": _FULL}),
        container((IMAGE, "localhost/shop:1.4")),
    ),
    fails=lambda: (
        container((IMAGE, "nginx:1.27"), inspect={"ImageName": _FULL}),
        container(inspect=_TYPED),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
)


_DIGEST = "sha256:" + "5f" * 32


def side_loaded_image(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """An image that was not pulled from a registry.

    What it checks:
    Whether a signature came with the image when it was pulled, according to the local image store, and
    whether the image is known under a name with a digest (`RepoDigests`). An image without either was loaded
    from an archive or lost its name, and nothing ties it to a source; nor does anything for a directory of
    the host that is used instead of an image (`--rootfs`). Images with a local name (`localhost/…`, or as
    listed in the parameter `built_here`) count as built here. A named image loaded from an archive has a
    digest too, so without a signature it cannot be told from a pulled image; whether the registry has a
    signature is not checked, because that needs the network. The answer is then unknown.

    Why it matters:
    An archive bypasses every rule for registries and signatures: `podman load` does consult the policy, but
    for its own transport, which is usually open. Later, nobody can tell what was in it, who built it, or
    whether a fixed version exists.

    What may break:
    Replacing the image means pushing it to a registry, signing it there and pulling it again; the container
    must be recreated.
    """
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


SIDE_LOADED_IMAGE = Check(
    title="Image not pulled from a registry",
    severity=Severity.LOW,  # nobody can say where it comes from
    scope=Kind.IMAGE,
    summary="Push the image to a registry, sign it and pull it from there",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=side_loaded_image,
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
    parameters={"built_here": ("localhost/",)},
)


def unpinned_image(facts: ContainerFacts) -> Verdict:
    """An image name that can refer to another image tomorrow.

    What it checks:
    Whether the container was created from an image reference with a digest (`name:tag@sha256:…`). Images with
    a local name (`localhost/…`) and containers that run from a plain directory are left out.

    Why it matters:
    A tag is a label that its owner can move at any time. The container that you tested and the one that
    starts after the next pull may be different programs, and neither Podman nor the log says so. A digest
    names the content itself: the same bytes everywhere, or an error. It also makes a rollback exact, and it
    is what scan results and signatures actually refer to.

    What may break:
    Updates no longer arrive by themselves: a new version needs a new digest, and `podman auto-update` with
    the registry policy does not update a pinned container. Decide who changes the digest and when: a bot such
    as Renovate, which reads Quadlet files, or your weekly update. The registry must still have the image with
    it.
    """
    name = image_name(facts)
    if why := without_image(facts):
        return not_applicable(why)
    if is_image_id(name) or reference(name).digest:
        return passed(name)
    if reference(name).local:
        return not_applicable("the image has a local name, so no registry can replace it")
    return failed("the image is named by a tag, which can move", name or "no name")


def _fix_unpinned_image(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts
    name = facts.image_name or spec[IMAGE]
    if reference(spec[IMAGE]).digest or is_image_id(spec[IMAGE]):
        return spec
    refuse_where_updated(spec)
    digest = str(facts.inspect.get("ImageDigest") or "")
    if not digest.startswith("sha256:") or not name or is_image_id(name):
        raise CannotFix("Podman does not report the digest of the image", "Pull the image again first.")
    return spec.with_(IMAGE, f"{name.partition('@')[0]}@{digest}")


UNPINNED_IMAGE = Check(
    title="Image not pinned by digest",
    severity=Severity.LOW,  # a pin also stops updates: a decision
    scope=Kind.IMAGE,
    summary="Pin the image to the digest that runs now",
    risk=Risk.DECISION,
    evaluate=unpinned_image,
    remediate=_fix_unpinned_image,
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
)
