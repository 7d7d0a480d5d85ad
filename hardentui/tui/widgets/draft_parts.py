"""What is shown of a draft."""

from __future__ import annotations

from hardentui.model.draft import Draft
from hardentui.tui.status import Part, hanging
from hardentui.tui.widgets.page import diff_content
from hardentui.visible import visible, visible_lines


def draft_parts(
    draft: Draft,
    width: int,
    arrow: str,
) -> list[Part]:
    """Lines of at most `width` cells.

    Args:
        arrow: the sign before the proof.
    """
    names = ", ".join(visible(file.name) for file in draft.files)
    parts: list[Part] = (
        hanging(
            "",
            names,
            width,
            "bold $primary",
            indent=0,
        )
        if names
        else []
    )
    if draft.proof:
        parts += hanging(
            arrow,
            draft.proof,
            width,
            indent=3,
            label_style="bold $status-pass",
        )
    for note in draft.warnings:
        parts += hanging(
            "!",
            note,
            width,
            indent=3,
            label_style="bold $status-medium",
        )
    for sentence in draft.left_out:
        parts += hanging(
            "not changed",
            sentence,
            width,
            indent=12,
            label_style="bold $status-high",
        )
    if draft.diff:
        return [*parts, diff_content(draft.diff), "\n\n"]
    for file in draft.files:
        parts.append(f"\n{visible_lines(file.masked)}\n")
    return parts
