"""A plan as the override file of a compose project."""

from __future__ import annotations

from hardentui.do import Flag
from hardentui.errors import CannotExpress, UsageError
from hardentui.features.fix.apply_ways import compose_override
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.reading.masking import mask_text
from hardentui.visible import visible


def compose_draft(facts: ContainerFacts, plan: Plan | None) -> Draft:
    """What the plan changes, as `docker compose` and `podman-compose` read it beside their file.

    Raises:
        UsageError: there is no plan, so nothing is overridden.
        CannotExpress: the container is of no compose project, or compose has no key for any of it.
    """
    if plan is None:
        raise UsageError("--as-is changes nothing, so --to compose has nothing to write.")
    override = compose_override(facts, plan.after, "")
    if override is None:
        raise CannotExpress(
            f"{visible(facts.name, 80)} is of no compose project, or compose has no key for its "
            "changes.",
            (
                "Write a Quadlet",
                Flag("--to quadlet"),
                " or a script",
                Flag("--to run"),
                ".",
            ),
        )
    masked = "\n".join(map(mask_text, override.text.split("\n")))
    return Draft(
        target=Target.COMPOSE,
        files=(DraftFile(override.name, override.text, masked=masked),),
        left_out=tuple(f"compose has no key for {flag}" for flag in override.left_out),
    )
