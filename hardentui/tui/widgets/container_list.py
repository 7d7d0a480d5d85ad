"""The list of containers: one line each, drawn only where visible.

Lines are rendered on demand instead of being put into a DataTable: a thousand rows then cost as
much as the thirty that are visible, and a new order is a new list, with no width to be measured
again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hardentui.features.views import Row
from hardentui.harden.score import score_word, worst
from hardentui.tui.listing import score_of
from hardentui.tui.places import Place
from hardentui.tui.status import STYLES, Signs, fit, look_of_cell, signs_of
from hardentui.visible import visible

CELLS = 20
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_SCORE = 5
_LEVEL = 8
_CURSOR = 2
_SAMPLE = 200
_LEAST_OF_WORST = 30
"""Cells below which most titles of findings would be cut off."""


class Columns(Struct, frozen=True):
    """Widths in terminal cells; 0 = not shown. `worst` is after the steps, the others before the
    score. `files`: the state is the path of a file."""

    name: int
    image: int
    engine: int
    unit: int
    state: int
    worst: int = 0
    level: int = 0
    files: bool = False


def columns_for(width: int, rows: Sequence[Row]) -> Columns:
    """Share a line of `width` cells: the name gets what it needs, the image takes the rest."""
    sample = rows[:_SAMPLE]
    name = _longest([row.name for row in sample], 9, 40)
    several = len({row.engine.label for row in sample}) > 1
    engine = _longest([row.engine.label for row in sample], 6, 18) if several else 0
    state = _longest([row.state for row in sample], 7, 10)
    image = _longest(
        [short_image(row.image) for row in sample],
        5,
        60,
    )
    unit = 0
    fixed = _CURSOR + _SCORE + 1 + CELLS
    files = bool(sample) and all(row.is_file for row in sample)
    if width >= 110 or files:
        state = _longest(
            [row.status for row in sample],
            7,
            40 if files else 24,
        )
    if width >= 150 and any(row.unit for row in sample):
        unit = _longest([row.unit for row in sample], 4, 30)
    if width < 44:
        return Columns(
            max(8, width - _CURSOR - _SCORE - 2),
            0,
            0,
            0,
            0,
        )
    state = min(state, width // 4) if files and width < 110 else state
    if width < 72:
        return Columns(
            max(4, width - fixed - state - 2),
            0,
            0,
            0,
            state,
            files=files,
        )
    level = _LEVEL
    if width < 110:
        state = state if files else 0  # the level says more
    gaps = 1 + sum(map(bool, (image, state, unit, engine)))
    free = width - fixed - state - gaps - unit - (level + 1 if level else 0)
    engine = min(engine, max(8, free // 4))
    free -= engine
    name = min(name, max(free * 11 // 20, free - image))
    image = min(image, free - name)
    left = free - name - image - 2
    worst = left if left >= _LEAST_OF_WORST else 0
    return Columns(
        name,
        image,
        engine,
        unit,
        state,
        worst,
        level,
        files,
    )


def _longest(
    texts: list[str],
    least: int,
    most: int,
) -> int:
    return max(
        least,
        min(
            most,
            max((cell_len(visible(text, most)) for text in texts), default=least),
        ),
    )


def engine_text(row: Row, width: int) -> str:
    """The engine; the user's name alone if the full label does not fit."""
    label = row.engine.label
    return label.removeprefix("rootless ") if len(label) > width else label


def short_image(image: str) -> str:
    """The image with twelve digits of its digest: all sixty-four would fill a line."""
    return _DIGEST.sub(r"\1", image)


def image_text(row: Row, width: int) -> str:
    """The image; if it does not fit, the registry is dropped first."""
    image = short_image(row.image)
    if len(image) > width and "/" in image:
        return "…/" + image.rpartition("/")[2]
    return image


def _titles(columns: Columns) -> tuple[tuple[str, str, int], ...]:
    """Title, sort column, and the width of all columns before the steps."""
    titles = (
        ("Container", "name", columns.name),
        ("Image", "image", columns.image),
        ("Engine", "engine", columns.engine),
        ("Unit", "unit", columns.unit),
        (
            "File" if columns.files else "State",
            "state",
            columns.state,
        ),
        ("Level", "score", columns.level),
        ("Score", "score", _SCORE),
    )
    return tuple(title for title in titles if title[2])


def headings(
    columns: Columns,
    sorted_by: str = "",
    arrow: str = "",
) -> str:
    """The heading; the arrow marks the column that the rows are sorted by."""
    parts = [" " * _CURSOR]
    for title, column, width in _titles(columns):
        mark = arrow if column == sorted_by and title != "Level" else ""
        parts.append(f"{title[:width]}{mark}".ljust(width + 1))
    for number in range(1, CELLS // 2 + 1):
        mark = arrow if f"step {number}" == sorted_by else ""
        parts.append(f"{mark or ' '}{number % 10}")
    return "".join(parts) + ("  Worst finding" if columns.worst else "")


def heading_at(columns: Columns, x: int) -> str:
    """The column that a click on the heading at `x` sorts by; empty outside the headings."""
    at = _CURSOR
    for _, column, width in _titles(columns):
        if x < at + width + 1:
            return column
        at += width + 1
    step = (x - at) // 2 + 1
    return f"step {step}" if 1 <= step <= CELLS // 2 else ""


def state_text(row: Row, width: int) -> str:
    """Podman's longer text if there is room for it; or that it soaks; of a file the end of its
    path."""
    if row.soaks:
        return "soaking"
    if row.is_file:
        path = visible(row.status)
        return path if len(path) <= width else f"…{path[1 - width :]}"
    return row.status if width > 10 and row.status else row.state


def score_text(row: Row, signs: Signs) -> str:
    if row.kept is not None:
        return f"{signs.of('–'):>4} "
    if row.report is None:
        return "   . "
    return f"{signs.of(score_word(score_of(row), otherwise='–')):>4} "


def level_text(row: Row) -> str:
    """The level of its score, or that it is a twin or a lab; empty if it has none."""
    if row.aside:
        return row.aside
    level = row.report.score.level if row.report is not None and row.kept is None else None
    return level or ""


def worst_text(row: Row) -> str:
    """The title of the most severe finding that fails; empty if none is known."""
    finding = worst(row.report.findings) if row.report is not None else None
    return finding.title if finding is not None else ""


MARKED, CHOSEN = "*", "+"


class Line(Struct, frozen=True):
    """A row, and its marks."""

    row: Row
    grey: bool = False  # its data is old
    marked: bool = False  # by the user, for an action on several containers
    chosen: bool = False  # it has chosen fixes that are not written

    @property
    def sign(self) -> str:
        """Drawn between the cursor and the name."""
        return MARKED if self.marked else CHOSEN if self.chosen else " "


class ContainerList(ScrollView, can_focus=True):
    """Containers with their scores and step cells."""

    BINDINGS: ClassVar = [
        Binding(
            "up,k",
            "move(-1)",
            "Up",
            show=False,
        ),
        Binding(
            "down,j",
            "move(1)",
            "Down",
            show=False,
        ),
        Binding(
            "pageup",
            "page(-1)",
            "Page up",
            show=False,
        ),
        Binding(
            "pagedown",
            "page(1)",
            "Page down",
            show=False,
        ),
        Binding(
            "home,g",
            "move_to(0)",
            "First",
            show=False,
        ),
        Binding(
            "end,G",
            "move_to(-1)",
            "Last",
            show=False,
        ),
    ]
    COMPONENT_CLASSES: ClassVar = {f"list--{style}" for style in STYLES} | {
        "list--head",
        "list--cursor",
        "list--grey",
        "list--muted",
        "list--sign",
    }
    DEFAULT_CSS = """
    ContainerList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        background: $background;
        & > .list--head { color: $muted; text-style: bold; background: $panel; }
        & > .list--cursor { background: $cursor; text-style: bold; }
        & > .list--grey { color: $status-na; text-style: italic; }
        & > .list--muted { color: $muted; }
        & > .list--sign { color: $primary; text-style: bold; }
        &:nocolor > .list--cursor { text-style: bold reverse; }
    """
    DEFAULT_CSS += "\n".join(
        (
            f"& > .list--{style} {{ color: ${style};{' text-style: bold;' if 'critical' in style else ''} "
            f"}}"
        )
        for style in STYLES
    )
    DEFAULT_CSS += "\n}"

    cursor: reactive[int] = reactive(0, repaint=False)  # only these two lines change

    @dataclass
    class Highlighted(Message):
        """The cursor moved to another row, or its row has new contents."""

        row: Row | None

    class Drawn(Message):
        """The first rows are on the screen."""

    @dataclass
    class HeadingClicked(Message):
        """The user wants to sort by this column (see listing.COLUMNS)."""

        heading: str

    @dataclass
    class Chosen(Message):
        """The user wants to open this row."""

        row: Row

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._columns: Columns | None = None
        self._sorted_by = ("", "")
        self._touched = False
        self._begin_at: Place | None = None
        self._successors: Mapping[str, str] = {}
        self._drawn = False
        self._styles: dict[str, Style] = {}

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._lines[self.cursor].row if 0 <= self.cursor < len(self._lines) else None

    @property
    def shown(self) -> tuple[str, ...]:
        """Keys of the rows, from top to bottom."""
        return tuple(line.row.key for line in self._lines)

    def show(
        self,
        lines: Sequence[Line],
        sorted_by: tuple[str, str] = ("", ""),
    ) -> None:
        """Show these lines in this order. Once moved, the cursor stays on its container.

        Args:
            sorted_by: column and arrow, for the heading.
        """
        before = self.current
        self._lines, self._sorted_by = lines, sorted_by
        self._drawn = self._drawn and bool(lines)
        self._columns = None
        at = 0
        if (place := self._begin_at) is not None and lines:
            places = [i for i, line in enumerate(lines) if place.is_of(line.row)]
            at = places[0] if places else 0
            self._begin_at, self._touched = None, bool(places)
        if self._touched and before is not None:
            stay = self._successors.get(before.key, before.key)
            at = next(
                (i for i, line in enumerate(lines) if line.row.key == stay),
                self.cursor,
            )
        self._successors = {}
        self.virtual_size = Size(self.scrollable_content_region.width, len(lines) + 1)
        self.set_reactive(ContainerList.cursor, max(0, min(at, len(lines) - 1)))
        self._follow_cursor()
        self.refresh()
        if self.current != before:
            self.post_message(self.Highlighted(self.current))

    def begin_at(self, place: Place | None) -> None:
        """Place the cursor on this container when the first lines are shown."""
        self._begin_at = place

    def follow(self, successors: Mapping[str, str]) -> None:
        """With the next lines, move the cursor from a container to the one that has its name now."""
        self._successors = successors

    def hold(self) -> None:
        """Keep the cursor on its container from now on."""
        self._touched = True

    def to_the_top(self) -> None:
        """Return the cursor to the top when the next lines are shown: they are a different list."""
        self._touched = False

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._lines) - 1))

    def watch_cursor(
        self,
        before: int,
        after: int,
    ) -> None:
        self.refresh_line(before + 1)
        self.refresh_line(after + 1)
        self._follow_cursor()
        self.post_message(self.Highlighted(self.current))

    def _follow_cursor(self) -> None:
        if not self.is_attached:
            return
        # line 0 is the heading, which covers the top of the viewport
        top = max(0, self.cursor)
        self.scroll_to_region(
            Region(0, top, 1, 2),
            animate=False,
            force=True,
            immediate=True,
        )

    def _go_to(self, at: int) -> None:
        self._touched = True
        self.cursor = at

    def action_move(self, by: int) -> None:
        self._go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go_to(self.cursor + by * max(1, self.size.height - 2))

    def action_move_to(self, at: int) -> None:
        self._go_to(at if at >= 0 else len(self._lines) + at)

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y - 1
        if event.y == 0 and self._columns is not None:
            self.post_message(self.HeadingClicked(heading_at(self._columns, event.x)))
            return
        if not 0 <= at < len(self._lines):
            return
        again = at == self.cursor and event.chain > 1
        self._go_to(at)
        if again and self.current is not None:
            self.post_message(self.Chosen(self.current))

    def on_resize(self) -> None:
        self._columns = None
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines) + 1)
        self._follow_cursor()

    def notify_style_update(self) -> None:
        self._styles = {}
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"list--{name}", partial=True)
        return self._styles[name]

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._columns is None:
            self._columns = columns_for(width, [line.row for line in self._lines])
        at = y + self.scroll_offset.y - 1
        base = self.rich_style
        if y == 0:
            strip = Strip(
                [
                    Segment(
                        fit(headings(self._columns, *self._sorted_by), width), self._style("head")
                    )
                ]
            )
        elif at < len(self._lines):
            strip = Strip(
                self._segments(
                    self._lines[at],
                    self._columns,
                    at == self.cursor,
                )
            )
            if not self._drawn:
                self._drawn = True
                self.post_message(self.Drawn())  # read after the screen has been drawn
        else:
            return Strip.blank(width, base)
        strip = strip.apply_style(base) if y else strip
        strip = strip.adjust_cell_length(width, base)
        if y and at == self.cursor:
            cursor = self._style("cursor")
            plain = cursor.reverse  # each colour of its own would be a patch in a reversed row
            strip = Strip(
                [
                    Segment(text, (base if plain else style or base) + cursor)
                    for text, style, _ in strip
                ]
            )
        return strip

    def _segments(
        self,
        line: Line,
        columns: Columns,
        at_cursor: bool,
    ) -> list[Segment]:
        signs, row = signs_of(self), line.row
        grey = self._style("grey") if line.grey else Style()
        muted = grey if line.grey else self._style("muted")
        sign = self._style("sign") if line.sign.strip() else grey
        segments = [
            Segment(signs.cursor if at_cursor else " ", grey),
            Segment(line.sign, sign),
        ]

        def put(
            text: str,
            width: int,
            style: Style,
        ) -> None:
            if width:
                segments.append(Segment(fit(text, width, signs.ellipsis) + " ", style))

        put(row.name, columns.name, grey)
        put(
            image_text(row, columns.image),
            columns.image,
            muted,
        )
        put(
            engine_text(row, columns.engine),
            columns.engine,
            muted,
        )
        put(row.unit, columns.unit, muted)
        put(
            state_text(row, columns.state), columns.state, grey if row.state == "running" else muted
        )
        put(level_text(row), columns.level, grey)
        segments.append(Segment(score_text(row, signs) + " ", grey))
        segments += self._cells(row, signs, line.grey)
        if columns.worst:
            segments.append(
                Segment(
                    "  " + fit(worst_text(row), columns.worst, signs.ellipsis),
                    muted,
                )
            )
        return segments

    def _cells(
        self,
        row: Row,
        signs: Signs,
        grey: bool,
    ) -> list[Segment]:
        if row.kept is not None:
            of = f" original of {visible(row.kept.of, 40)}"
            return [Segment(fit(of, 20, signs.ellipsis), self._style("muted"))]
        if row.report is None or row.report.trouble:
            text = signs.of(
                " · · · · · · · · · ·" if row.report is None else f"  {row.report.trouble}"
            )
            return [Segment(fit(text, 20, signs.ellipsis), self._style("muted"))]
        segments = []
        for cell in row.report.cells:
            look = look_of_cell(cell)
            style = self._style("grey") if grey else self._style(look.style)
            segments.append(Segment(f" {signs.mark(look)}", style))
        return segments
