"""Commands of HardenTUI to copy: they reach the same Podman, whatever terminal they are run in."""

from __future__ import annotations

from collections.abc import Sequence

from hardentui.visible import visible


def own_command(found_with: Sequence[str], *words: str) -> str:
    """A command line of HardenTUI.

    Args:
        found_with: `EngineFacts.found_with`: the options that lead to the engine.
        words: safe as they are, see `command_word`.
    """
    import shlex  # 3 ms that most starts do not need

    return " ".join(("hardentui", *words, *(shlex.quote(visible(word)) for word in found_with)))
