"""Shared by all drafts: the comments at the top of their files, and the target of the container."""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.harden.decisions import both_sides, decisions, others_left_out
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.quadlet.write.bundle import UnitContext
from hardentui.visible import visible
from hardentui.writers.supporting import network_name


def heading(facts: ContainerFacts, plan: Plan | None) -> tuple[str, ...]:
    """Comments for the top of a file: its origin, the changes and their reasons."""
    lines = [
        f"Made by HardenTUI from the container {visible(facts.name, 80)} of {facts.engine.label}."
    ]
    if plan is None:
        return (*lines, "Nothing was hardened: this is the container as it is.")
    lines += [
        f"Changed --{change.option}: {visible(change.reason, 200)}" for change in plan.changes
    ]
    lines += [
        f"Not changed ({skipped.check}): {visible(skipped.why, 200)}"
        for skipped in others_left_out(plan)
        if skipped.included_by is None
    ]
    lines += [
        f"Decide ({question.check}): {visible(both_sides(question), 200)}"
        for question in decisions(plan)
    ]
    lines += [f"Caution: {visible(conflict, 300)}" for conflict in plan.conflicts]
    lines += [f"Note ({note.check}): {visible(note.text, 300)}" for note in plan.notes]
    return tuple(lines)


def unit_heading(
    facts: ContainerFacts,
    plan: Plan | None,
) -> tuple[str, ...]:
    """The same in few lines, for a unit that people read: the reasons are told when it is written."""
    first = heading(facts, None)
    if plan is None:
        return (" ".join(first),)
    options = ", ".join(
        f"--{option}" for option in dict.fromkeys(change.option for change in plan.changes)
    )
    cautions = (f"Caution: {visible(conflict, 300)}" for conflict in plan.conflicts)
    return (
        first[0],
        f"Changed: {options or 'nothing'}.",
        *cautions,
    )


def writing_context(
    facts: ContainerFacts,
    spec: Spec,
    version: Version,
) -> UnitContext:
    """The container's surroundings, with a plain bridge for each network that the plan adds."""
    context = UnitContext.of(facts, version)
    named = [network_name(argument) for argument in spec[NETWORK]]
    new = [
        name
        for name in named
        if name and name not in facts.networks and name not in facts.spec[NETWORK]
    ]
    added = {name: {"name": name, "driver": "bridge"} for name in new}
    return replace(context, networks={**context.networks, **added})
