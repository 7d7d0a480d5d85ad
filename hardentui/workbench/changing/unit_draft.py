"""The unit that a container runs from, as a draft: its file edited, or a drop-in. unit_edits does the
editing.
"""

from __future__ import annotations

from hardentui.errors import CannotFix
from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.version import Version
from hardentui.workbench.changing.heading import heading, writing_context
from hardentui.workbench.changing.unit_edits import edited, unit_diff
from hardentui.workbench.changing.unit_proof import prove_edit
from hardentui.workbench.looking.unit_origin import Origin, drift_of, origin_of


def changed_unit(
    files: Files,
    facts: ContainerFacts,
    plan: Plan,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
) -> Draft:
    """The container's own unit with the plan applied.

    Args:
        version: the Podman to write for; None = the container's own.
        verify: let the generator or systemd check it.

    Raises:
        CannotFix: it runs from no unit, or from one on another machine.
        CannotExpress: this style cannot hold the change.
        GeneratorError: systemd would not run the intended command.
    """
    origin = _origin(files, facts)
    podman = version or facts.engine.version
    edit = edited(
        origin,
        plan,
        podman,
        style="drop-in" if target is Target.DROP_IN else "edit",
        comments=heading(facts, plan),
        context=writing_context(facts, plan.after, podman),
    )
    differs = tuple(
        f"the running container differs from its unit: {difference}" for difference in drift_of(origin, facts)
    )
    return Draft(
        target=target,
        files=edit.files,
        diff=unit_diff(edit.files),
        proof=prove_edit(origin, edit, podman, facts.engine.version) if verify else "",
        warnings=(*edit.notes, *differs),
        left_out=edit.left_out,
        commands=edit.commands,
    )


def drift(files: Files, facts: ContainerFacts) -> tuple[str, ...]:
    """The differences between the unit's file and the running container, one sentence each."""
    origin = origin_of(files, facts) if facts.engine.local else None
    return tuple(str(difference) for difference in drift_of(origin, facts)) if origin else ()


def _origin(files: Files, facts: ContainerFacts) -> Origin:
    origin = origin_of(files, facts) if facts.engine.local else None
    if origin is None:
        raise CannotFix(
            "No unit of this container was found.",
            "Write new files instead: --to quadlet or --to run.",
        )
    return origin
