"""A published port that is not declared.

What it checks:
Whether every published port is declared by the image (EXPOSE) or for the container (`--expose`), or allowed
in the checklist (parameter `allowed`, such as `8080/tcp`). `--publish-all` fails, because then the image
decides which ports on your host are open.

Why it matters:
A port that the image does not know of is a leftover, a typo, or a door that somebody built in: a debug
console, a metrics page, a second admin interface. With `--publish-all`, the next image update can open
another port on your host without asking you.

What may break:
Ports published at random are then listed one by one, still at random host ports; a later image cannot add
one. A port that is needed but not declared has no automatic fix: declare it with `--expose`, or allow it in
the checklist, so that the next reader sees that it is intended.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import EXPOSE, PUBLISH, PUBLISH_ALL, Port
from hardentui.options.argv import parse_create_command
from hardentui.reading.containers import is_planned
from hardentui.reading.networks import (
    declared_ports,
    exposed,
    leave_pods_alone,
    published,
    shown,
    without_own_network,
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    ports = published(facts)
    if facts.spec[PUBLISH_ALL]:
        return failed("the image decides which host ports are open", "--publish-all")
    if not ports:
        return not_applicable("no published ports")
    if facts.inspect.get("IsInfra"):
        return unknown(
            "the pod's ports are served by its members, whose images are not at hand", shown(ports)
        )
    allowed = {pair for word in parameters.texts("allowed") for pair in exposed(word)}
    intended = declared_ports(facts, facts.image.config) | _typed(facts) | allowed
    extra = [port for port in ports if (port.container, port.protocol) not in intended]
    if extra:
        return failed(f"neither the image nor the container declares {shown(extra)}", shown(ports))
    return passed(shown(ports))


def _typed(facts: ContainerFacts) -> frozenset[tuple[int, str]]:
    """What was declared with --expose at creation; inspect mixes it with published ports."""
    command = (
        None
        if is_planned(facts)
        else parse_create_command(section(facts.inspect, "Config").get("CreateCommand"))
    )
    return frozenset(pair for word in (command.all("--expose") if command else ()) for pair in exposed(word))


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if not spec[PUBLISH_ALL]:
        if evaluate(context.facts.planned(spec), context.parameters).status is not Status.FAIL:
            return spec
        raise CannotFix(
            "whether an undeclared port is needed is your decision",
            "Remove it, declare it with --expose, or allow it in the checklist.",
        )
    image = known(lambda: context.facts.image)
    if isinstance(image, Unread):
        raise CannotFix(
            "--publish-all cannot be replaced by a list", f"The image is not known: {image.reason}."
        )
    declared = declared_ports(context.facts.planned(spec), image.config)
    missing = sorted(declared - {(port.container, port.protocol) for port in spec[PUBLISH]})
    added = tuple(Port(number, protocol=protocol) for number, protocol in missing)
    return spec.without(PUBLISH_ALL).with_(PUBLISH, (*spec[PUBLISH], *added))


_IMAGE = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})

CHECK = Check(
    title="Published port not declared",
    severity=Severity.LOW,  # undocumented, as published
    summary="List the published ports one by one, and only those that the image serves",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"allowed": ()},
    passes=lambda: (
        container((PUBLISH, (Port(80, "8080"),)), image=_IMAGE),
        container((PUBLISH, (Port(9000, "9000"),)), (EXPOSE, ("9000",)), image=_IMAGE),
    ),
    fails=lambda: (
        container((PUBLISH_ALL, True), image=_IMAGE),
        container((PUBLISH, (Port(80, "8080"), Port(9229, "9229"))), image=_IMAGE),
    ),
    references=("CIS Docker 1.6 5.9", "CSVS 7.12"),
    catalogue="S6-05",
)
