"""Nothing brings updates to the container.

What it checks:
Whether something updates it: the label `io.containers.autoupdate` together with the timer that acts on it,
or a label that says who moves the pinned version (parameter `labels`). Podman acts on the labels of the image
as on those of the container.

Why it matters:
Most containers are set up once and then forgotten. Their vulnerabilities are published one after another,
and the container stays as it is. Not the clever attacks, but the old, known ones on things that nobody
updated, are what most hosts fall to.

What may break:
With automatic updates the container is restarted by itself whenever the registry has a new image under its
name, at a time that the timer chooses, and with whatever that image brings. The fix asks for a health check
first, so that a bad update is taken back (see update-without-rollback). Updates by tag and a pinned digest
are one decision (see unpinned-image): a plan carries out the first of the two. An image that is named by a
digest never gets an update this way.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootful
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
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
from hardentui.model.spec import Spec
from hardentui.options import IMAGE, LABELS, ROOTFS
from hardentui.reading.containers import labels_of
from hardentui.reading.images import AUTO_UPDATE as _AUTO
from hardentui.reading.images import health_check, image_name, is_image_id, reference
from hardentui.visible import visible

_POLICIES = ("registry", "image", "local")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if facts.spec[ROOTFS] or facts.inspect.get("IsInfra"):
        return not_applicable("it runs no image that could be updated")
    labels = labels_of(facts)
    for name in parameters.texts("labels"):
        if labels.get(name):
            return passed(f"{name}={visible(labels[name], 60)}")
    policy = labels.get(_AUTO, "")
    by_image = _AUTO not in _labels(facts.spec)
    if policy not in _POLICIES:
        return failed("no label asks for updates, and none says who makes them", policy or "no label")
    declared = f"{_AUTO}={policy}" + (" (a label of its image)" if by_image else "")
    if reference(image_name(facts)).digest or is_image_id(image_name(facts)):
        return failed("its image is named by a digest, for which no registry ever has an update", declared)
    timer = facts.engine.auto_update_timer
    if isinstance(timer, Unreadable):
        return unknown(f"whether podman-auto-update.timer is active is not known: {timer.reason}", declared)
    evidence = (Evidence("podman-auto-update.timer", "active" if timer else "not active"),)
    if not timer:
        user = " --user" if facts.engine.rootless is True else ""
        commands = (f"systemctl{user} enable --now podman-auto-update.timer",)
        return failed(
            "the timer that would update it is not active", declared, "", evidence, commands=commands
        )
    return passed(declared, evidence=evidence)


def _labels(spec: Spec) -> dict[str, str]:
    return dict(label.partition("=")[::2] for label in spec[LABELS])


def remediate(spec: Spec, context: FixContext) -> Spec:
    labels = labels_of(context.facts.planned(spec))
    wanted = context.parameters.texts("labels")
    if labels.get(_AUTO) in _POLICIES or any(labels.get(name) for name in wanted):
        return spec
    name = image_name(context.facts.planned(spec))
    parts = reference(name)
    if parts.digest or is_image_id(name):
        raise CannotFix(
            "its image is named by a digest, which no update can follow",
            "A digest and updates by tag are one decision. Label it with who moves the digest "
            f"({', '.join(wanted)}), or leave unpinned-image out.",
        )
    if not parts.host or parts.local:
        raise CannotFix(
            "automatic updates need the full name of an image in a registry",
            "Name the image with its registry, such as docker.io/library/nginx:1.29.",
        )
    if context.facts.engine.auto_update_timer is False:
        user = " --user" if context.facts.engine.rootless is True else ""
        raise CannotFix(
            "the timer that would update it is not active, so a label alone brings no update",
            f"Switch it on first: systemctl{user} enable --now podman-auto-update.timer",
        )
    if health_check(context.facts.planned(spec)) == "":
        raise CannotFix(
            "it has no health check that could tell a bad update, which would stay then",
            "Give it one first (missing-health-check), or pin its digest and label who moves it.",
        )
    kept = tuple(label for label in spec[LABELS] if label.partition("=")[0] != _AUTO)
    return spec.with_(LABELS, (*kept, f"{_AUTO}={context.parameters.text('policy')}"))


_NGINX = (IMAGE, "docker.io/library/nginx:1.29")
_ACTIVE = rootful(auto_update_timer=True)
_UPDATES_ITSELF = ImageFacts(id="1" * 64, inspect={"Config": {"Labels": {_AUTO: "registry"}}})

CHECK = Check(
    title="No update process",
    severity=Severity.MEDIUM,
    summary="Let Podman update the container, or record who changes its version",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"labels": ("io.hardentui.updates", "renovate"), "policy": "registry"},
    takes={"policy": "update-policy"},
    passes=lambda: (
        container(_NGINX, (LABELS, ("io.containers.autoupdate=registry",)), engine=_ACTIVE),
        container(_NGINX, image=_UPDATES_ITSELF, engine=_ACTIVE),
        container((IMAGE, f"docker.io/library/nginx@sha256:{'d' * 64}"), (LABELS, ("renovate=yes",))),
    ),
    fails=lambda: (
        container(_NGINX, engine=_ACTIVE),
        container(_NGINX, (LABELS, ("app=shop", "io.containers.autoupdate=disabled")), engine=_ACTIVE),
    ),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.1.1", "OWASP Docker rule 0"),
    catalogue="S2-08",
)
