"""The pane below the list: what the container under the cursor lets an attacker do, and what helps most."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from hardentui.harden.score import raises_most
from hardentui.tui.status import look_of, signs_of
from hardentui.visible import visible
from hardentui.workbench.views import Row


class Outlook(Static):
    """Its height is fixed, so a new text needs no layout, which would draw the whole screen at each key."""

    DEFAULT_CSS = """
    Outlook {
        height: 5; padding: 0 1; border-top: solid $border; color: $foreground;
    }
    """

    def show(self, row: Row | None, promise: str = "") -> None:
        """Args: promise: what the safe fixes would bring, one sentence; empty while it is not known."""
        self.update("" if row is None else self._content(row, promise), layout=False)

    def _content(self, row: Row, promise: str) -> Content:
        signs = signs_of(self)
        name = (visible(row.name, 60), "bold")
        if row.report is None:
            return Content.assemble(name, signs.of(": waiting for its details…"))
        if row.report.trouble:
            return Content.assemble(name, ": nothing could be judged: ", visible(row.report.trouble, 300))
        attack = visible(row.report.attack, 400) or "nothing stands out."
        parts: list[str | Content | tuple[str, str]] = [name, ": ", attack, "\n"]
        helpful = raises_most(row.report.findings)[:3]
        if helpful:
            parts.append(("Raises it most  ", "$muted"))
        for finding in helpful:
            look = look_of(finding)
            parts += [(f"{signs.mark(look)} ", f"${look.style}"), visible(finding.check, 40), "  "]
        if promise:
            parts.append((f"{signs.arrow} {promise}", "bold $primary"))
        elif not helpful:
            unknown = row.report.score.unknown
            parts.append("Nothing fails. " + (f"{unknown} could not be looked at." if unknown else ""))
        return Content.assemble(*parts)
