"""Automatic updates, and nothing notices when the new version does not work.

What it checks:
For containers with automatic updates: whether systemd learns that the service is ready only when it really
is, either from the program itself (`--sdnotify=container`) or from its health check (`--sdnotify=healthy`).

Why it matters:
Podman rolls back to the old image if the unit does not start. But by default, the unit counts as started as
soon as a process exists, so an update that starts but does not work stays. The service then breaks at
night, and the usual reaction is to turn updates off.

What may break:
The unit waits until the health check passes: if it never does, the start fails after a timeout. Units that
start after this one wait as well. In a Quadlet, this needs Podman 5.0 or newer and a health check.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import HEALTH_CMD, LABELS, SDNOTIFY
from hardentui.reading.containers import labels_of, sure
from hardentui.reading.health import always_passes
from hardentui.reading.images import health_check, health_status, without_image

_AUTO = "io.containers.autoupdate"


def evaluate(facts: ContainerFacts) -> Verdict:
    if labels_of(facts).get(_AUTO) not in ("registry", "image", "local"):
        without = not_applicable("no automatic updates (see no-update-path)")
        return without if without_image(facts) else sure(without, known(lambda: facts.image))
    notify = facts.spec[SDNOTIFY]
    declared = f"sdnotify {notify or 'not set'}"
    if notify == "container":
        return passed(declared, reason="the program itself reports when it is ready")
    check = health_check(facts)
    if isinstance(check, Unread):
        return unknown(check.reason, declared)
    if not check or always_passes(check):
        return failed("no health check that would notice a bad update", declared)
    if notify != "healthy":
        return failed("systemd does not wait for the health check", declared)
    return passed(declared)


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[SDNOTIFY] == "container":
        return spec
    check = health_check(context.facts.planned(spec))
    if isinstance(check, Unread) or not check or always_passes(check):
        raise CannotFix("there is no health check to wait for", "Add one first: see missing-health-check.")
    status = health_status(context.facts)
    if context.facts.running and spec[HEALTH_CMD] == context.facts.spec[HEALTH_CMD] and status != "healthy":
        raise CannotFix(
            f"the health check now reports {visible(status or 'nothing', 40)}: the start would time out",
            "See State.Health.Log in podman inspect first.",
        )
    return spec.with_(SDNOTIFY, "healthy")


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    if not context.facts.running:
        return Advice(
            Risk.MAY_BREAK,
            ("the container is not running, so it is not known whether its health check passes",),
        )
    return Advice(
        Risk.CHANGES_BEHAVIOUR, ("the health check passes now, so the start completes as soon as it does",)
    )


_UPDATED = (LABELS, ("io.containers.autoupdate=registry",))
_UPDATES_ITSELF = image(inspect={"Config": {"Labels": {_AUTO: "registry"}}})
_CHECKED = (HEALTH_CMD, "curl -fsS http://localhost/")

CHECK = Check(
    title="Automatic updates without rollback",
    severity=Severity.LOW,  # a bad update stays: availability
    summary="Make systemd wait until the health check passes",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    passes=lambda: (
        container(_UPDATED, _CHECKED, (SDNOTIFY, "healthy")),
        container(_UPDATED, (SDNOTIFY, "container")),
    ),
    fails=lambda: (
        container(_UPDATED, _CHECKED),
        container(_UPDATED, _CHECKED, (SDNOTIFY, "conmon")),
        container(_CHECKED, image=_UPDATES_ITSELF),
        container(_UPDATED, (HEALTH_CMD, "true"), (SDNOTIFY, "healthy")),
    ),
    references=("NIST SP 800-190 4.1.1", "CSVS 2.8"),
    catalogue="S2-09",
)
