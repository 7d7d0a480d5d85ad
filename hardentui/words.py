"""Small pieces of English sentences, and commands of HardenTUI to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hardentui.visible import visible


def plural(
    count: int,
    singular: str,
    many: str = "",
) -> str:
    """`1 file`, `3 files`; `many` where an s is not enough: `2 processes`."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"


def parts_within(
    parts: Sequence[str],
    separator: str,
    fits: Callable[[str], bool],
) -> str:
    """As many of the parts as fit, and the number of the others; the first one in any case."""
    text = ""
    for shown in range(len(parts), 0, -1):
        others = len(parts) - shown
        text = separator.join(parts[:shown]) + (f" and {others} more" if others else "")
        if fits(text):
            break
    return text


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of `words`, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(
        word,
        list(words),
        n=1,
        cutoff=0.5,
    )
    return f"; did you mean {close[0]!r}?" if close else ""


CHECKLIST = "--checklist"
WITH_CHECKLIST = frozenset({"apply", "check", "explain", "fix", "harden", "plan", "trial", "waive"})
"""Commands that judge or name checks."""


def own_command(found_with: Sequence[str], *words: str) -> str:
    """A command line of HardenTUI that reaches the same Podman, whatever terminal it is run in.

    Args:
        found_with: `EngineFacts.found_with`: the options that lead to the engine, and the checklist
            of the session, which only some commands take.
        words: the command and its arguments; safe as they are, see `command_word`.
    """
    import shlex  # 3 ms that most starts do not need

    if words[0] not in WITH_CHECKLIST:
        found_with = without_checklist(found_with)
    return " ".join(
        (
            "hardentui",
            *words,
            *(shlex.quote(visible(word)) for word in found_with),
        )
    )


def checklist_of(found_with: Sequence[str]) -> tuple[str, ...]:
    """The part of these options that names the checklist."""
    at = found_with.index(CHECKLIST) if CHECKLIST in found_with else len(found_with)
    return tuple(found_with[at : at + 2])


def without_checklist(found_with: Sequence[str]) -> tuple[str, ...]:
    """These options without the checklist."""
    at = found_with.index(CHECKLIST) if CHECKLIST in found_with else len(found_with)
    return (*found_with[:at], *found_with[at + 2 :])
