"""How statuses look: one table of mark, word, style and order. Never colour alone."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.content import Content
from textual.widget import Widget

from hardentui.harden.score import Cell, most_severe_first
from hardentui.model.finding import Finding, Severity, Status
from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.visible import visible, visible_lines


class Look(Struct, frozen=True):
    """How one status is shown."""

    mark: str
    ascii: str
    word: str  # the severity of a failure, else the status
    style: str  # name of the theme variable and of the style class (`status-high`)
    order: int  # the worst first


FAILING: Mapping[Severity, Look] = {
    Severity.CRITICAL: Look(
        "■",
        "#",
        "critical",
        "status-critical",
        0,
    ),
    Severity.HIGH: Look("✗", "X", "high", "status-high", 1),
    Severity.MEDIUM: Look("!", "!", "medium", "status-medium", 2),
    Severity.LOW: Look("!", "!", "low", "status-low", 3),
}
OTHERS: Mapping[Status, Look] = {
    Status.UNKNOWN: Look(
        "?",
        "?",
        "unknown",
        "status-unknown",
        4,
    ),
    Status.WAIVED: Look("w", "w", "waived", "status-waived", 5),
    Status.PASS: Look("✓", "+", "pass", "status-pass", 6),
    Status.NOT_APPLICABLE: Look("–", "-", "n/a", "status-na", 7),
}
STYLES = tuple(look.style for look in (*FAILING.values(), *OTHERS.values()))


def look(status: Status, severity: Severity | None = None) -> Look:
    """The look of a status; a failure looks like its severity."""
    if status is Status.FAIL:
        return FAILING[severity or Severity.MEDIUM]
    return OTHERS[status]


def look_of(finding: Finding) -> Look:
    return look(finding.status, finding.severity)


def look_of_cell(cell: Cell) -> Look:
    return look(cell.status, cell.severity)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Failing before unknown before the rest; each by what it gives, as in every report."""
    return tuple(
        sorted(
            findings,
            key=lambda finding: (look_of(finding).order, most_severe_first(finding)),
        )
    )


class Signs(Struct, frozen=True):
    """The few symbols that the screens use; all are in the Basic Multilingual Plane."""

    ascii: bool
    cursor: str
    arrow: str
    dot: str
    ellipsis: str
    chosen: str
    free: str
    rule: str
    rising: str
    falling: str

    def mark(self, look: Look) -> str:
        return look.ascii if self.ascii else look.mark

    def drawn(self, text: str) -> str:
        """A line of a drawing; each sign stays one cell wide."""
        return text.translate(_DRAWN) if self.ascii else text

    def of(self, text: str) -> str:
        """Our own text, with its typographic signs replaced by ASCII on request."""
        return text.translate(_ASCII) if self.ascii else text


_ASCII = str.maketrans(
    {
        "·": "-",
        "–": "-",
        "…": "..",
        "→": "->",
        "↑": "^",
        "↓": "v",
        "›": ">",
        "≥": ">=",
        "▓": "#",
        "░": ".",
        "▾": "v",
        "▸": ">",
    }
)
_DRAWN = str.maketrans("┌┐└┘─│┄▶", "++++-|.>")
UNICODE_SIGNS = Signs(
    False,
    "▸",
    "→",
    "·",
    "…",
    "[x]",
    "[ ]",
    "─",
    "↑",
    "↓",
)
ASCII_SIGNS = Signs(
    True,
    ">",
    "->",
    "-",
    ".",
    "[x]",
    "[ ]",
    "-",
    "^",
    "V",
)


def signs_for(
    environ: Mapping[str, str],
    *,
    wanted: bool = False,
) -> Signs:
    """ASCII on request, and on the Linux console, whose font lacks the marks."""
    wanted = (
        wanted
        or environ.get("HARDENTUI_ASCII", "") not in ("", "0")
        or environ.get("TERM") == "linux"
    )
    return ASCII_SIGNS if wanted else UNICODE_SIGNS


def signs_of(widget: Widget) -> Signs:
    """The signs of the app that a widget belongs to."""
    signs: Signs = getattr(widget.app, "signs", UNICODE_SIGNS)
    return signs


def plain(text: str, limit: int | None = None) -> Content:
    """One line for a widget, taken literally."""
    return Content(visible(text, limit))


def paragraphs(text: str) -> Content:
    """Text whose line breaks are intended, for a widget."""
    return Content(visible_lines(text))


def cell(
    text: str,
    limit: int | None = None,
    style: str = "",
) -> Text:
    """One line for a DataTable or a Tree, which render a Content wrongly."""
    return Text(
        visible(text, limit),
        style,
        no_wrap=True,
        end="",
    )


def fit(
    text: str,
    width: int,
    ellipsis: str = "…",
) -> str:
    """Safe text that fills exactly `width` terminal cells; truncation is marked."""
    if width <= 0:
        return ""
    text = visible(text, 4 * width)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(ellipsis)) + ellipsis


BARS = re.compile("[▓░]{2,}( → [▓░]{2,})?|[#.]{5,}")
"""The bars in a line, with the arrow between two of them."""
Part = str | Content | tuple[str, str]
"""An argument of Content.assemble: text, content, or text with a style."""


def hanging(
    label: str,
    text: str,
    width: int,
    style: str = "",
    *,
    indent: int,
    label_style: str = "$muted",
) -> list[Part]:
    """Untrusted text after a label, wrapped to `width` cells and indented below its first word."""
    room = max(12, width - indent)
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(
            visible(line), room, break_long_words=True, break_on_hyphens=False
        ) or [""]
    parts: list[Part] = []
    for at, line in enumerate(lines):
        parts += [
            (f"{label if at == 0 else '':<{indent}}", label_style),
            (line, style),
            "\n",
        ]
    return parts


def both_ends(
    left: Content,
    right: Content,
    width: int,
    ellipsis: str = "…",
) -> Content:
    """One line of `width` cells; if both do not fit, the left one is truncated."""
    room = max(0, width - right.cell_length - 2)
    if left.cell_length > room:
        left = Content.assemble(
            left.truncate(max(0, room - cell_len(ellipsis))),
            ellipsis,
        )
    return Content.assemble(
        left,
        " " * (width - left.cell_length - right.cell_length),
        right,
    )


def trial_line(
    event: TrialEvent,
    number: int,
    signs: Signs,
) -> tuple[str, str, str] | None:
    """An event of a trial as sign, text and style; None for one that is only the current activity.
    `number`: of the last round.
    """
    if (tried := event.round) is not None:
        sign, color = ("✓", "$success") if tried.ready else ("✗", "$error")
        why = f": {visible(tried.why, 200)}" if tried.why else ""
        text = f"round {number}, {visible(tried.purpose, 60)}, {tried.seconds:.1f} s{why}"
        return signs.of(sign), text, color
    if event.loosened:
        return "", f"relaxed: {event.loosened}", "$warning"
    if (left := event.left_out) is not None:
        return "", f"left out: {left.check}: {left.reason}", "$warning"
    if event.step in (
        TrialStep.BASELINE,
        TrialStep.LEARNING,
        TrialStep.RESTART,
        TrialStep.PROOF,
    ):
        return signs.of("·"), event.text, ""
    return None
