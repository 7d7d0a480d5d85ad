"""A row of small widgets that goes on in the next line where the width ends."""

from __future__ import annotations

from textual.geometry import NULL_OFFSET, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget


class _FlowLayout(Layout):
    """From left to right, in lines of one cell."""

    name = "flow"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        parent.pre_layout(self)
        placements: list[WidgetPlacement] = []
        x = y = 0
        for child in children:
            width = child.get_content_width(size, parent.app.viewport_size) + child.gutter.width
            if x and x + width > size.width:
                x, y = 0, y + 1
            margin = child.styles.margin
            placements.append(WidgetPlacement(Region(x, y, width, 1), NULL_OFFSET, margin, child))
            x += width + margin.right
        return placements


class Flow(Widget):
    """As high as its lines."""

    DEFAULT_CSS = """
    Flow { width: 1fr; height: auto; }
    """

    @property
    def layout(self) -> Layout:
        return _FLOW


_FLOW = _FlowLayout()
