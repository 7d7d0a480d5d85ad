"""An error on a page."""

from __future__ import annotations

from textual.content import Content

from hardentui.errors import HardenError
from hardentui.tui.action_texts import hint_of
from hardentui.visible import visible, visible_lines


def error_content(error: HardenError) -> Content:
    """An error on a page: its sentence, and the way out."""
    title = Content.styled(visible(error.title, 300), "bold $error")
    return Content("\n").join([title, Content(visible_lines(hint_of(error)))])
