"""The pane below the list: what the container under the cursor lets an attacker do, and which fix helps
most.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from hardentui.model.finding import Finding
from hardentui.tui.listing import about_kept
from hardentui.tui.status import look_of, signs_of
from hardentui.visible import visible
from hardentui.workbench.views import Report, Row


class Outlook(Static):
    """Its height is fixed, so new text needs no layout, which would redraw the whole screen at each key."""

    DEFAULT_CSS = """
    Outlook {
        height: 5; padding: 0 1; border-top: solid $border; color: $foreground;
    }
    """

    def show(
        self, row: Row | None, attack: str = "", promise: str = "", helpful: Sequence[Finding] = ()
    ) -> None:
        """What an attacker gains from a container, and which fix helps most.

        Args:
            attack: what its findings add up to; empty if nothing stands out.
            promise: the effect of the safe fixes in one sentence; empty while unknown.
            helpful: what raises its score most.
        """
        self.update("" if row is None else self._content(row, attack, promise, helpful), layout=False)

    def _content(self, row: Row, attack: str, promise: str, helpful: Sequence[Finding]) -> Content:
        signs = signs_of(self)
        name = (visible(row.name, 60), "bold")
        if row.kept is not None:
            return Content.assemble(name, ": ", about_kept(row))
        if row.report is None:
            return Content.assemble(name, signs.of(": loading its details…"))
        if row.report.trouble:
            return Content.assemble(name, ": nothing could be judged: ", visible(row.report.trouble, 300))
        words = visible(attack, 400) or "nothing stands out."
        parts: list[str | Content | tuple[str, str]] = [name, ": ", words, "\n"]
        if helpful:
            parts.append(("Helps most  ", "$muted"))
        for finding in helpful:
            look = look_of(finding)
            parts += [(f"{signs.mark(look)} ", f"${look.style}"), visible(finding.check, 40), "  "]
        if promise:
            parts.append((f"{signs.arrow} {promise}", "bold $primary"))
        elif not helpful:
            parts.append(_nothing_helps(row.report))
        return Content.assemble(*parts)


def _nothing_helps(report: Report) -> str:
    if any(finding.failing for finding in report.findings):
        return "No automatic fix: what fails needs a decision, or a change to host or image."
    unknown = report.score.unknown
    return "Nothing fails. " + (f"{unknown} could not be checked." if unknown else "")
