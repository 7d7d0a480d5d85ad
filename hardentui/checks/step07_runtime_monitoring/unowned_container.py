"""Nobody knows who is responsible for the container.

What it checks:
Whether something on record manages the container: a systemd unit (Quadlet), a compose project, a pod, or a
label that names an owner (parameter `labels`).

Why it matters:
A container started by hand gets no updates, is gone after a reboot, and nobody notices when it does harm.
When an alarm goes off at night, the first question is whose it is. Intruders start containers too: they
hide best where unknown containers are normal.

What may break:
Nothing. A label only records something; running the container as a Quadlet unit, which HardenTUI can write
for you, also brings it back after a reboot.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, failed, passed
from hardentui.model.spec import Spec
from hardentui.options import LABELS
from hardentui.reading.containers import pod_of
from hardentui.visible import visible

_MANAGERS = (
    "PODMAN_SYSTEMD_UNIT",
    "io.podman.compose.project",
    "com.docker.compose.project",
    "io.kubernetes.pod.name",
)
_LABELS = ("owner", "team")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if pod_of(facts):
        return passed("member of a pod")
    own = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    for name in _MANAGERS:
        if facts.labels.get(name) or own.get(name):
            return passed(f"{name}={visible(facts.labels.get(name) or own[name], 60)}")
    for name in parameters.texts("labels"):
        if own.get(name):  # image labels do not count: they name who built it
            return passed(f"{name}={visible(own[name], 60)}")
    return failed("no unit, compose project, pod or label names an owner", "no owner")


def remediate(spec: Spec, context: FixContext) -> Spec:
    own = dict(label.partition("=")[::2] for label in spec[LABELS])
    known = (*_MANAGERS, *context.parameters.texts("labels"))
    if any(own.get(name) for name in known):
        return spec
    owner = context.parameters.text("owner")
    if not owner:
        raise CannotFix(
            "only you know who is responsible for it",
            "Set the parameter owner, or run it as the Quadlet unit that HardenTUI writes.",
            needs="owner",
        )
    return spec.with_(LABELS, (*spec[LABELS], f"owner={owner}"))


CHECK = Check(
    title="No known owner",
    severity=Severity.MEDIUM,
    summary="Run it as a Quadlet unit, or record its owner in a label",
    fix=FixKind.UNIT_EDIT,
    risk=Risk.SAFE,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"labels": _LABELS, "owner": ""},
    takes={"owner": "label-value"},
    passes=lambda: (
        container(inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}}),
        container((LABELS, ("owner=web-team",))),
    ),
    fails=lambda: (container(), container((LABELS, ("app=shop",)))),
    references=("NIST SP 800-190 4.4.5",),
    catalogue="S7-11",
)
