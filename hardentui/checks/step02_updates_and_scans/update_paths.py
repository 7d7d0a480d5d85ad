"""How an update reaches the container, and the way back."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.containers import labels_of
from hardentui.reading.health_commands import always_passes
from hardentui.reading.images import AUTO_UPDATE as _AUTO
from hardentui.reading.images import (
    health_check,
    health_status,
    image_name,
    is_image_id,
    need_image,
    reference,
)

_POLICIES = ("registry", "image", "local")


def _fix_no_update_path(spec: Spec, context: FixContext) -> Spec:
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
            f"({', '.join(wanted)}), or leave out mutable-image-tag.",
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
    return spec.with_(
        LABELS,
        (*kept, f"{_AUTO}={context.parameters.text('policy')}"),
    )


_ACTIVE = rootful(auto_update_timer=True)

_UPDATES_ITSELF = image(inspect={"Config": {"Labels": {_AUTO: "registry"}}})


@Check(
    gives=Gain.ENTRY.after(2),  # holes stay open until a person remembers
    scope=Kind.SITE,
    summary="Let Podman update the container, or record who changes its version",
    risk=Risk.DECISION,  # whose data has to be migrated, only its owner knows
    remediate=_fix_no_update_path,
    parameters={
        "labels": ("io.hardentui.updates", "renovate"),
        "policy": "registry",
    },
    takes={"policy": "update-policy"},
    passes=lambda: (
        container(
            "--label=io.containers.autoupdate=registry docker.io/library/nginx:1.29", engine=_ACTIVE
        ),
        container(
            "docker.io/library/nginx:1.29",
            image=_UPDATES_ITSELF,
            engine=_ACTIVE,
        ),
        "--label=renovate=yes docker.io/library/nginx:1.29.3",
    ),
    fails=lambda: (
        container("docker.io/library/nginx:1.29", engine=_ACTIVE),
        container(
            "--label=app=shop --label=io.containers.autoupdate=disabled "
            "docker.io/library/nginx:1.29",
            engine=_ACTIVE,
        ),
    ),
    references=("CIS Docker 1.6 5.28", "OWASP Docker rule 0"),
)
def no_update_path(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No update process.

    What it checks:
    Whether something updates the container: the label `io.containers.autoupdate` together with the
    timer that acts on it, or a label that says who updates the pinned version (parameter `labels`).
    Podman acts on these labels whether they are on the container or on its image.

    Why it matters:
    Most containers are set up once and then forgotten. Their vulnerabilities are published one
    after another, and the container stays as it is. Most hosts fall not to clever attacks, but to
    old, known ones against software that nobody updated.

    What may break:
    The container restarts when the registry has a new image under its name, at the timer's time,
    with whatever that image brings. The fix requires a health check first, so that a bad update is
    rolled back. Updating by tag and pinning a digest exclude each other (mutable-image-tag): a plan
    carries out whichever comes first.
    """
    if facts.spec[ROOTFS] or facts.inspect.get("IsInfra"):
        return not_applicable("there is no image to update")
    labels = labels_of(facts)
    for name in parameters.texts("labels"):
        if labels.get(name):
            return passed(f"{name}={visible(labels[name], 60)}")
    policy = labels.get(_AUTO, "")
    by_image = _AUTO not in dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    if policy not in _POLICIES:
        return failed(
            "no label turns on automatic updates or says who updates it", policy or "no label"
        )
    declared = f"{_AUTO}={policy}" + (" (a label of the image)" if by_image else "")
    if reference(image_name(facts)).digest or is_image_id(image_name(facts)):
        return failed(
            "the image is pinned by digest, so it is never updated",
            declared,
        )
    timer = facts.engine.auto_update_timer
    evidence = (
        Evidence(
            "podman-auto-update.timer",
            "active" if timer else "not active",
        ),
    )
    if not timer:
        user = " --user" if facts.engine.rootless is True else ""
        commands = (f"systemctl{user} enable --now podman-auto-update.timer",)
        return failed(
            "the update timer is not active",
            declared,
            "",
            evidence,
            commands=commands,
        )
    return passed(declared, evidence=evidence)


_AUTO = "io.containers.autoupdate"


def _fix_update_without_rollback(
    spec: Spec,
    context: FixContext,
) -> Spec:
    if spec[SDNOTIFY] == "container":
        return spec
    check = health_check(context.facts.planned(spec))
    if isinstance(check, Unread) or not check or always_passes(check):
        raise CannotFix(
            "there is no health check to wait for", "Add one first: see missing-health-check."
        )
    status = health_status(context.facts)
    if (
        context.facts.running
        and spec[HEALTH_CMD] == context.facts.spec[HEALTH_CMD]
        and status != "healthy"
    ):
        raise CannotFix(
            f"the health check now reports {visible(status or 'nothing', 40)}: the start would "
            "time out",
            "See State.Health.Log in podman inspect first.",
        )
    return spec.with_(SDNOTIFY, "healthy")


def _advise_update_without_rollback(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    if not context.facts.running:
        return Advice(
            Risk.MAY_BREAK,
            ("the container is not running, so it is not known whether its health check passes",),
        )
    return Advice(
        Risk.CHANGES_BEHAVIOUR,
        ("the health check passes now, so the start completes as soon as it does",),
    )


@Check(
    gives=Gain.ITSELF.after(1),  # a bad update stays: availability
    summary="Make systemd wait until the health check passes",
    remediate=_fix_update_without_rollback,
    advise=_advise_update_without_rollback,
    passes=(
        (
            "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost' "
            "--sdnotify=healthy"
        ),
        "--label=io.containers.autoupdate=registry --sdnotify=container",
    ),
    fails=lambda: (
        "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost'",
        (
            "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost' "
            "--sdnotify=conmon"
        ),
        container("--health-cmd='curl -f localhost'", image=_UPDATES_ITSELF),
        "--label=io.containers.autoupdate=registry --health-cmd=true --sdnotify=healthy",
    ),
    references=("CSVS 2.8",),
)
def update_without_rollback(facts: ContainerFacts) -> Verdict:
    """Automatic updates without rollback.

    What it checks:
    For containers with automatic updates: whether systemd learns that the service is ready only
    when it really is, either from the program itself (`--sdnotify=container`) or from its health
    check (`--sdnotify=healthy`).

    Why it matters:
    Podman rolls back to the old image if the unit does not start. But by default, the unit counts
    as started as soon as a process exists, so an update that starts but does not work stays. The
    service then breaks at night, and the usual reaction is to turn updates off.

    What may break:
    The unit waits until the health check passes: if it never does, the start fails after a timeout.
    Units that start after this one wait as well. In a Quadlet, this needs Podman 5.0 or newer and a
    health check.
    """
    if labels_of(facts).get(_AUTO) not in ("registry", "image", "local"):
        need_image(facts)
        return sure(
            not_applicable("no automatic updates (see no-update-path)"), known(lambda: facts.image)
        )
    notify = facts.spec[SDNOTIFY]
    declared = f"sdnotify {notify or 'not set'}"
    if notify == "container":
        return passed(declared, reason="the program itself reports when it is ready")
    check = health_check(facts)
    if isinstance(check, Unread):
        return unknown(check, declared)
    if not check or always_passes(check):
        return failed("no health check that would notice a bad update", declared)
    if notify != "healthy":
        return failed("systemd does not wait for the health check", declared)
    return passed(declared)
