"""No update mechanism for the container.

What it checks:
Whether something updates the container: the label `io.containers.autoupdate` together with the timer that
acts on it, or a label that says who updates the pinned version (parameter `labels`). Podman acts on these
labels whether they are on the container or on its image.

Why it matters:
Most containers are set up once and then forgotten. Their vulnerabilities are published one after another,
and the container stays as it is. Most hosts fall not to clever attacks, but to old, known ones against
software that nobody updated.

What may break:
With automatic updates, the container restarts whenever the registry has a new image under its name, at a
time set by the timer, and with whatever that image brings. The fix requires a health check first, so that a
bad update is rolled back (see update-without-rollback). Updating by tag and pinning a digest exclude each
other (see unpinned-image): a plan carries out whichever comes first. An image named by a digest never gets
updates this way.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import IMAGE, LABELS, ROOTFS
from hardentui.reading.containers import labels_of
from hardentui.reading.images import AUTO_UPDATE as _AUTO
from hardentui.reading.images import health_check, image_name, is_image_id, reference

_POLICIES = ("registry", "image", "local")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if facts.spec[ROOTFS] or facts.inspect.get("IsInfra"):
        return not_applicable("there is no image to update")
    labels = labels_of(facts)
    for name in parameters.texts("labels"):
        if labels.get(name):
            return passed(f"{name}={visible(labels[name], 60)}")
    policy = labels.get(_AUTO, "")
    by_image = _AUTO not in _labels(facts.spec)
    if policy not in _POLICIES:
        return failed("no label enables updates or names who makes them", policy or "no label")
    declared = f"{_AUTO}={policy}" + (" (a label of the image)" if by_image else "")
    if reference(image_name(facts)).digest or is_image_id(image_name(facts)):
        return failed("the image is pinned by digest, so it is never updated", declared)
    timer = facts.engine.auto_update_timer
    evidence = (Evidence("podman-auto-update.timer", "active" if timer else "not active"),)
    if not timer:
        user = " --user" if facts.engine.rootless is True else ""
        commands = (f"systemctl{user} enable --now podman-auto-update.timer",)
        return failed("the update timer is not active", declared, "", evidence, commands=commands)
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
            "the image is pinned by digest, so it is never updated",
            "Choose a digest or updates by tag. Add a label that names who updates the digest "
            f"({', '.join(wanted)}), or leave out unpinned-image.",
        )
    if not parts.host or parts.local:
        raise CannotFix(
            "automatic updates need the full image name, with its registry",
            "Use a name such as docker.io/library/nginx:1.29.",
        )
    if not known(lambda: context.facts.engine.auto_update_timer, else_=True):
        user = " --user" if context.facts.engine.rootless is True else ""
        raise CannotFix(
            "the update timer is not active, so a label alone has no effect",
            f"Enable it first: systemctl{user} enable --now podman-auto-update.timer",
        )
    if health_check(context.facts.planned(spec)) == "":
        raise CannotFix(
            "without a health check, a bad update would go unnoticed",
            "Add one first (missing-health-check), or pin the digest and label who updates it.",
        )
    kept = tuple(label for label in spec[LABELS] if label.partition("=")[0] != _AUTO)
    return spec.with_(LABELS, (*kept, f"{_AUTO}={context.parameters.text('policy')}"))


_NGINX = (IMAGE, "docker.io/library/nginx:1.29")
_ACTIVE = rootful(auto_update_timer=True)
_UPDATES_ITSELF = image(inspect={"Config": {"Labels": {_AUTO: "registry"}}})

CHECK = Check(
    title="No update process",
    severity=Severity.MEDIUM,  # holes stay open until a person remembers
    scope=Kind.SITE,
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
