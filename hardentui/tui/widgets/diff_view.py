"""A unified diff to read."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from hardentui.visible import visible_lines


def diff_content(text: str) -> Content:
    """Colours for the lines of a diff; the signs + and - stay in front of them."""
    lines: list[Content] = []
    for line in visible_lines(text).rstrip("\n").split("\n"):
        if line.startswith(("+++", "---")):
            style = "bold"
        elif line.startswith("@@"):
            style = "$muted"
        else:
            style = {"+": "$diff-added", "-": "$diff-removed"}.get(line[:1], "")
        lines.append(Content.assemble((line, style)))
    return Content("\n").join(lines)


class DiffView(VerticalScroll, can_focus=True):
    """A diff that scrolls; `jump` goes from change to change."""

    DEFAULT_CSS = """
    DiffView { height: 1fr; }
    DiffView > Static { width: auto; min-width: 100%; padding: 0 1; text-wrap: nowrap; }
    DiffView { overflow-x: auto; scrollbar-size-horizontal: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""
        self._above = 0

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, text: str | Content, above: Content | None = None) -> None:
        """Show a diff, or a message instead of one; `above` scrolls with it."""
        self._text = text if isinstance(text, str) else ""
        content = diff_content(text) if isinstance(text, str) else text
        self._above = 0
        if above:
            self._above = above.plain.count("\n") + 2
            content = Content.assemble(above, "\n\n", content)
        self.query_one(Static).update(content)

    def jump(self, by: int) -> bool:
        """Go to the next (1) or previous (-1) block of changed lines; False when there is none."""
        here = self.scroll_offset.y
        starts = self._blocks()
        wanted = [y for y in starts if (y > here if by > 0 else y < here)]
        if not wanted:
            return False
        self.scroll_to(y=min(wanted) if by > 0 else max(wanted), animate=False, force=True)
        return True

    def reveal(self, line: str = "") -> None:
        """Go to that line, or else to the first change, unless everything is visible."""
        lines = self._text.split("\n")
        blocks = [lines.index(line)] if line in lines else self._blocks()
        if blocks:
            self.scroll_to(y=blocks[0], animate=False, force=True)

    def _blocks(self) -> list[int]:
        lines = self._text.split("\n")
        changed = [line[:1] in ("+", "-") and not line.startswith(("+++", "---")) for line in lines]
        blocks = [at for at, is_changed in enumerate(changed) if is_changed and not (at and changed[at - 1])]
        return [at + self._above for at in blocks]
