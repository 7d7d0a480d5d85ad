"""Fixes that are for a person to decide, and what they would change."""

from __future__ import annotations

from hardentui.model.plan import Plan, Skipped
from hardentui.options import BY_NAME
from hardentui.reading.masking import mask_argument


def decisions(plan: Plan) -> tuple[Skipped, ...]:
    """The skipped fixes of a plan that only a person can decide."""
    return tuple(skipped for skipped in plan.skipped if skipped.decides)


def others_left_out(plan: Plan) -> tuple[Skipped, ...]:
    """The skipped fixes that are no decisions."""
    return tuple(skipped for skipped in plan.skipped if not skipped.decides)


def what_changes(decision: Skipped) -> str:
    """`--publish 25:25 becomes 8025:25`, secrets masked."""
    return "; ".join(
        becomes(
            change.option,
            _masked(change.option, change.before),
            _masked(change.option, change.after),
        )
        for change in decision.decides
    )


def both_sides(decision: Skipped) -> str:
    """What would change, and what speaks for the value that is set now."""
    return ". ".join(
        (
            what_changes(decision),
            *(text.rstrip(".") for text in decision.reasons),
        )
    )


def _masked(option: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mask_argument(option, word) for word in words)


def becomes(
    option: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> str:
    """`--publish 25:25 becomes 8025:25`, `remove --pid host`, `add --read-only`: only the arguments
    that differ."""
    row = BY_NAME.get(option)
    flag = row.flag if row is not None and row.flag.startswith("-") else option
    gone = [word for word in before if word not in after]
    come = [word for word in after if word not in before]
    old, new = (" ".join(filter(None, (flag, *words))) for words in (gone, come))
    if not come:
        return f"remove {old}"
    if not gone:
        return f"add {new}"
    return f"{old} becomes {' '.join(come)}"
