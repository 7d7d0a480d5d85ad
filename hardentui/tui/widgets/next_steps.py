"""The commands to run once files are written."""

from __future__ import annotations

from hardentui.model.draft import NextSteps
from hardentui.tui.status import Part, hanging


def step_parts(steps: NextSteps, width: int) -> list[Part]:
    """First those to run now, then the way back and the last step."""
    parts: list[Part] = (
        hanging(
            "",
            steps.about,
            width,
            "$muted",
            indent=0,
        )
        if steps.about
        else []
    )
    for label, commands in (
        ("next:", steps.commands),
        ("go back:", steps.back),
        ("finish:", steps.finish),
    ):
        for command in commands:
            parts += hanging(
                label,
                command,
                width,
                "$primary",
                indent=11,
                label_style="bold",
            )
    return parts
