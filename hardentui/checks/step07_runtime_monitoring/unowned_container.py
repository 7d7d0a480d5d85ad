"""Nobody knows who is responsible for the container.

What it checks:
Whether something on record manages the container: a systemd unit (Quadlet) that exists, a compose project, a
pod, or a label that names an owner (parameter `labels`). Labels of the image do not count: they name who
built it.

Why it matters:
A container started by hand gets no updates, is gone after a reboot, and nobody notices when it does harm.
When an alarm goes off at night, the first question is whose it is. Intruders start containers too: they
hide best where unknown containers are normal.

What may break:
Nothing. A label only records something; running the container as a Quadlet unit, which HardenTUI can write
for you, also brings it back after a reboot.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import LABELS
from hardentui.reading.containers import image_config, pod_of

_UNIT = "PODMAN_SYSTEMD_UNIT"
_MANAGERS = (
    _UNIT,
    "io.podman.compose.project",
    "com.docker.compose.project",
    "io.kubernetes.pod.name",
)
_LABELS = ("owner", "team")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if pod_of(facts):
        return passed("member of a pod")
    own = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    of_image = section(image_config(facts), "Labels")
    given = {name: value for name, value in facts.labels.items() if of_image.get(name) != value} | own
    unit = given.get(_UNIT, "")
    named = [name for name in _MANAGERS[1:] if given.get(name)]
    named += [name for name in parameters.texts("labels") if own.get(name)]
    if unit and facts.unit_exists:
        named.insert(0, _UNIT)
    if named:
        return passed(f"{named[0]}={visible(given[named[0]], 60)}")
    if not unit:
        return failed("no unit, compose project, pod or label names an owner", "no owner")
    declared = f"{_UNIT}={visible(unit, 60)}"
    return failed(f"the unit that its label names, {visible(unit, 60)}, does not exist any more", declared)


def remediate(spec: Spec, context: FixContext) -> Spec:
    own = dict(label.partition("=")[::2] for label in spec[LABELS])
    known = (*_MANAGERS[1:], *context.parameters.texts("labels"))
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
    severity=Severity.LOW,  # nobody to ask
    scope=Kind.SITE,
    summary="Run it as a Quadlet unit, or record its owner in a label",
    fix=FixKind.UNIT_EDIT,
    risk=Risk.SAFE,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"labels": _LABELS, "owner": ""},
    takes={"owner": "label-value"},
    passes=lambda: (
        container(inspect={"Config": {"Labels": {_UNIT: "web.service"}}}, unit_exists=True),
        container((LABELS, ("owner=web-team",))),
    ),
    fails=lambda: (
        container(),
        container((LABELS, ("app=shop",))),
        container(inspect={"Config": {"Labels": {_UNIT: "gone.service"}}}, unit_exists=False),
    ),
    references=("NIST SP 800-190 4.4.5",),
    catalogue="S7-11",
)
