"""The message when there is nothing to list: why, and what to do next."""

from __future__ import annotations

from textual.content import Content

from hardentui.errors import HardenError
from hardentui.tui.ways import hint_of
from hardentui.visible import visible, visible_lines
from hardentui.workbench.opening.opened import Opened
from hardentui.workbench.views import Attempt

_HEAD = "bold $primary"


def no_containers(opened: Opened) -> Content:
    """Podman answers, and has no containers."""
    engines = ", ".join(visible(engine.label, 30) for engine in opened.engine_facts) or "no engine"
    return Content.assemble(
        ("No containers", _HEAD),
        f"\n\nPodman answers ({engines}), but has no containers, running or stopped.\n\n",
        ("Start one", _HEAD),
        "\n  podman run -d --name web -p 8080:80 docker.io/library/nginx\n"
        "and it appears here automatically.\n\n",
        ("Containers of another user?", _HEAD),
        "\n  Each user has a separate engine. Run hardentui as that user, or as root to see root's.\n\n"
        "c shows the engines that were found and what was tried.",
    )


def no_engine(error: HardenError, can_simulate: bool) -> Content:
    """The requested engine cannot be reached."""
    parts: list[str | tuple[str, str]] = [("No Podman", _HEAD), f"\n\n{visible_lines(error.title)}\n"]
    if error.hint:
        parts += ["\n", ("What would help", _HEAD), f"\n{visible_lines(hint_of(error))}\n"]
    parts += ["\n", ("Next steps", _HEAD), "\n  r  try again\n"]
    if can_simulate:
        parts.append("  D  open a simulated host\n")
    parts.append("  q  quit")
    return Content.assemble(*parts)


def nothing_matches(text: str) -> Content:
    return Content.assemble(
        ("Nothing matches ", _HEAD),
        (visible(text, 60), "bold"),
        "\n\nesc shows all containers again.",
    )


def tried(attempts: tuple[Attempt, ...]) -> Content:
    """Where Podman was looked for without success, in order."""
    parts: list[str | tuple[str, str]] = []
    for number, attempt in enumerate(attempts, 1):
        parts += [
            (f"{number}. {visible(attempt.label, 60)}", "bold"),
            (f"  {visible(attempt.origin, 60)}", "$muted"),
            f"\n   {visible(attempt.url, 200)}" if attempt.url not in ("", attempt.label) else "",
            f"\n   {visible(attempt.reason, 300)}\n",
        ]
        if attempt.hint:
            parts.append((f"   {visible(attempt.hint, 300)}\n", "$primary"))
    return Content.assemble(*parts)
