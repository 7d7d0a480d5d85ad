"""The systemd unit that owns the container."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from hardentui.checks.prelude import *
from hardentui.model.image import parse_time

_CREATED = {
    "Created": "2025-12-01T08:00:00Z",
    "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}},
}

_FILE = "/etc/containers/systemd/web.container"

_BEFORE, _AFTER = (
    datetime(
        2025,
        11,
        1,
        tzinfo=UTC,
    ),
    datetime(
        2025,
        12,
        24,
        tzinfo=UTC,
    ),
)


@Check(
    gives=Gain.ITSELF.after(1),  # the next start undoes a change
    summary="Reload systemd and restart the unit",
    fix=FixKind.UNIT_EDIT,
    passes=lambda: (
        container(
            inspect=_CREATED,
            unit=UnitFacts("web.service", _FILE, _BEFORE),
        ),
    ),
    fails=lambda: (
        container(
            inspect=_CREATED,
            unit=UnitFacts("web.service", _FILE, _AFTER),
        ),
        container(
            inspect=_CREATED,
            unit=UnitFacts(
                "web.service",
                _FILE,
                _BEFORE,
                needs_reload=True,
            ),
        ),
        container(
            inspect=_CREATED,
            unit=UnitFacts(
                "web.service",
                _FILE,
                _BEFORE,
                differences=("read-only",),
            ),
        ),
        container(
            inspect=_CREATED,
            unit=UnitFacts(
                "web.service", _FILE, _BEFORE, outdated_copy=f"{_FILE}.d/50-hardentui.conf"
            ),
        ),
    ),
    references=("NIST SP 800-190 4.4.3",),
)
def unit_drift(facts: ContainerFacts) -> Verdict:
    """Running container differs from its unit file.

    What it checks:
    For a container that belongs to a systemd unit: whether its file was changed after the container
    was created, whether systemd has read the newest file, whether security options differ between
    the two, and whether a HardenTUI drop-in repeats a command that the unit has changed since, for
    example in a package update.

    Why it matters:
    You hardened the file, and the service still runs as before, because nobody restarted it. Or the
    other way
    round: someone changed the running container, and the next restart undoes it. In both cases,
    what you read in the file is not what protects you.

    What may break:
    Restarting the unit applies everything that the file says now, including changes that nobody has
    tried yet.
    """
    label = facts.labels.get("PODMAN_SYSTEMD_UNIT", "")
    if not label and known(lambda: facts.unit, else_=None) is None:
        return not_applicable("not part of a systemd unit")
    unit = facts.unit
    if unit is None:
        return unknown("systemd does not know the unit named in its label", label)
    created = parse_time(facts.inspect.get("Created"))
    reasons = []
    if unit.differences:
        reasons.append(f"differs from {unit.file or unit.name} in {', '.join(unit.differences)}")
    if unit.modified and created and unit.modified > created:
        reasons.append("the file was changed after the container was created")
    if unit.outdated_copy:
        reasons.append(
            f"{unit.outdated_copy} repeats a command that the unit has changed since, so the new one has "
            "no effect"
        )
    if unit.needs_reload:
        reasons.append("systemd has not read the newest file yet")
    evidence = tuple(Evidence(unit.file or unit.name, reason) for reason in reasons)
    if reasons:
        systemctl = "systemctl --user" if facts.engine.rootless is True else "systemctl"
        remove = (f"rm {shlex.quote(unit.outdated_copy)}",) if unit.outdated_copy else ()
        commands = (
            *remove,
            f"{systemctl} daemon-reload",
            f"{systemctl} restart {shlex.quote(unit.name)}",
        )
        return failed(
            reasons[0],
            unit.name,
            evidence=evidence,
            commands=commands,
        )
    if unit.modified is None or created is None:
        return unknown("the age of the file or the container is not known", unit.name)
    return passed(unit.name)


_UNIT = "PODMAN_SYSTEMD_UNIT"
_MANAGERS = (
    _UNIT,
    "io.podman.compose.project",
    "com.docker.compose.project",
    "io.kubernetes.pod.name",
)
_LABELS = ("owner", "team")


def _fix_unowned_container(spec: Spec, context: FixContext) -> Spec:
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


@Check(
    gives=Gain.ITSELF.after(1),  # nobody to ask
    scope=Kind.SITE,
    summary="Run it as a Quadlet unit, or record its owner in a label",
    fix=FixKind.UNIT_EDIT,
    risk=Risk.SAFE,
    remediate=_fix_unowned_container,
    parameters={"labels": _LABELS, "owner": ""},
    takes={"owner": "label-value"},
    passes=lambda: (
        container(
            inspect={"Config": {"Labels": {_UNIT: "web.service"}}},
            unit_exists=True,
        ),
        "--label=owner=web-team",
    ),
    fails=lambda: (
        "",
        "--label=app=shop",
        container(
            inspect={"Config": {"Labels": {_UNIT: "gone.service"}}},
            unit_exists=False,
        ),
    ),
    references=("NIST SP 800-190 4.4.5",),
)
def unowned_container(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No known owner.

    What it checks:
    Whether something on record manages the container: a systemd unit (Quadlet) that exists, a
    compose project, a pod, or a label that names an owner (parameter `labels`). Labels of the image
    do not count: they name who built it.

    Why it matters:
    A container started by hand gets no updates, is gone after a reboot, and nobody notices when it
    does harm. When an alarm goes off at night, the first question is whose it is. Intruders start
    containers too: they hide best where unknown containers are normal.

    What may break:
    Nothing. A label only records something; running the container as a Quadlet unit, which
    HardenTUI can write for you, also brings it back after a reboot.
    """
    if pod_of(facts):
        return passed("member of a pod")
    own = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    of_image = section(image_config(facts), "Labels")
    given = {
        name: value for name, value in facts.labels.items() if of_image.get(name) != value
    } | own
    unit = given.get(_UNIT, "")
    named = [name for name in _MANAGERS[1:] if given.get(name)]
    named += [name for name in parameters.texts("labels") if own.get(name)]
    if unit and facts.unit_exists:
        named.insert(0, _UNIT)
    if named:
        return passed(f"{named[0]}={visible(given[named[0]], 60)}")
    if not unit:
        return failed(
            "no unit, compose project, pod or label names an owner",
            "no owner",
        )
    declared = f"{_UNIT}={visible(unit, 60)}"
    return failed(
        f"the unit that its label names, {visible(unit, 60)}, does not exist any more", declared
    )


@Check(
    gives=Gain.ITSELF.at_once,
    summary="Correct the line that the generator names",
    risk=Risk.SAFE,
    fix=FixKind.UNIT_EDIT,
    passes=lambda: (
        container(
            unit=UnitFacts("web.service", _FILE, quadlet=True),
            unit_refusal="",
        ),
    ),
    fails=lambda: (
        container(
            unit=UnitFacts("web.service", _FILE, quadlet=True),
            unit_refusal="unsupported key 'Foo' in group 'Container' in web.container",
        ),
    ),
    references=("podman-systemd.unit(5)",),
)
def refused_unit(facts: ContainerFacts) -> Verdict:
    """Unit that Podman will not load.

    What it checks:
    For Quadlets as files: whether the generator of the Podman that reads them makes a service of the
    unit. It refuses keys that it does not know, and references to units that are not there.

    Why it matters:
    The service does not exist after the next reload: what it protects or watches is gone, and an older
    container may stay in its place. systemd tells so only in the journal.

    What may break:
    Nothing: the unit does not work as it is.
    """
    refusal = facts.unit_refusal
    if refusal is None:
        return not_applicable("it runs, so its unit was loaded")
    unit = facts.unit
    if unit is None or not unit.quadlet:
        return not_applicable("not a Quadlet")
    return failed(refusal, unit.file) if refusal else passed(unit.file)
