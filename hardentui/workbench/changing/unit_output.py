"""The unit that a container runs from, as an output: edited, or with a drop-in. See unit_edits for how."""

from __future__ import annotations

from typing import Literal

from hardentui.errors import CannotFix
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.version import Version
from hardentui.workbench.changing.unit_edits import EditedUnit, edited, shown_diff
from hardentui.workbench.changing.unit_origin import Origin, drift_of, origin_of
from hardentui.workbench.changing.unit_proof import prove_edit
from hardentui.workbench.views import Output, OutputFile, Target
from hardentui.writers.context import UnitContext

_STYLE: dict[Target, Literal["edit", "drop-in"]] = {Target.UNIT: "edit", Target.DROP_IN: "drop-in"}


def unit_output(
    files: Files,
    facts: ContainerFacts,
    plan: Plan,
    target: Target,
    context: UnitContext,
    comments: tuple[str, ...],
    *,
    version: Version | None = None,
    verify: bool = True,
) -> Output:
    """What the plan makes of the container's own unit.

    Raises:
        CannotFix: it runs from no unit, or from one that is not on this machine.
        CannotExpress: this style cannot say it.
        GeneratorError: systemd would run something else than was meant.
    """
    origin = _origin(files, facts)
    target_version = version or facts.engine.version
    made = _edited(origin, plan, target_version, target, context, comments)
    proof = prove_edit(origin, made, target_version, facts.engine.version) if verify else ""
    outputs = tuple(OutputFile(one.name, one.text, one.mode, one.folder) for one in made.files)
    differs = tuple(
        f"it runs with other options than its unit today: {one}" for one in drift_of(origin, facts)
    )
    return Output(outputs, (*made.notes, *differs), proof, made.left_out, made.commands)


def unit_diff(files: Files, facts: ContainerFacts, plan: Plan, target: Target, context: UnitContext) -> str:
    """The change as a unified diff, with secrets masked."""
    made = _edited(_origin(files, facts), plan, facts.engine.version, target, context, ())
    return shown_diff(made)


def unit_of(files: Files, facts: ContainerFacts) -> str:
    """Path of the unit's file; empty when the container runs from none."""
    origin = origin_of(files, facts) if facts.engine.local else None
    return origin.path if origin else ""


def drift(files: Files, facts: ContainerFacts) -> tuple[str, ...]:
    """What the unit's file and the running container do not agree on, one sentence each."""
    origin = origin_of(files, facts) if facts.engine.local else None
    return tuple(str(one) for one in drift_of(origin, facts)) if origin else ()


def _origin(files: Files, facts: ContainerFacts) -> Origin:
    origin = origin_of(files, facts) if facts.engine.local else None
    if origin is None:
        raise CannotFix(
            "The container runs from no unit that was found here.",
            "Write new files instead: --to quadlet or --to run.",
        )
    return origin


def _edited(
    origin: Origin,
    plan: Plan,
    version: Version,
    target: Target,
    context: UnitContext,
    comments: tuple[str, ...],
) -> EditedUnit:
    return edited(origin, plan, version, style=_STYLE[target], comments=comments, context=context)
