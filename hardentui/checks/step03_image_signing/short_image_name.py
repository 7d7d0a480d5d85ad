"""A container created from a short image name.

What it checks:
Whether the image was named without a registry (`nginx` instead of `docker.io/library/nginx`). Podman records
the full name that it found, so the command that created the container decides, if there is one. Containers
created through the API keep no record of the short name; for them, the recorded full name counts.

Why it matters:
A short name is looked up, first in a table of aliases, then in each registry of the search list in turn.
Whoever registers the same name in a registry that is searched earlier gets to run on your host. The result
also differs between hosts, and changes when somebody edits the list.

What may break:
Nothing. The full name refers to the image that runs now.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import NotRunning
from hardentui.options import IMAGE
from hardentui.options.argv import parse_create_command
from hardentui.reading.images import is_image_id, reference, without_image

_FULL = "docker.io/library/nginx:1.27"
_TYPED = {"ImageName": _FULL, "Config": {"CreateCommand": ["podman", "run", "-d", "nginx:1.27"]}}


def evaluate(facts: ContainerFacts) -> Verdict:
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


def remediate(spec: Spec, context: FixContext) -> Spec:
    if not _is_short(spec[IMAGE] or context.facts.image_name):
        return spec.with_(IMAGE, spec[IMAGE] or context.facts.image_name)
    full = context.facts.image_name
    if not full or _is_short(full):
        raise CannotFix(
            "Podman does not know the full name of the image", "Name it with its registry yourself."
        )
    return spec.with_(IMAGE, full)


CHECK = Check(
    title="Image name without a registry",
    severity=Severity.MEDIUM,  # another registry may answer for the name
    scope=Kind.IMAGE,
    summary="Use the full image name, with its registry",
    fix=FixKind.RECREATE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((IMAGE, _FULL), inspect={"ImageName": _FULL}),
        container((IMAGE, "localhost/shop:1.4")),
    ),
    fails=lambda: (
        container((IMAGE, "nginx:1.27"), inspect={"ImageName": _FULL}),
        container(inspect=_TYPED),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
    catalogue="S3-07",
)
