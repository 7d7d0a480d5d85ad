"""Findings, one line each; the one under the cursor is expanded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalGroup, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Static

from hardentui.harden.fix_values import FixValue
from hardentui.model.draft import NextSteps
from hardentui.model.finding import Finding, Kind
from hardentui.model.remediation import Remediation
from hardentui.reading.forms import text_of
from hardentui.tui.action_texts import reason_of
from hardentui.tui.status import Part, fit, hanging, look_of, signs_of
from hardentui.visible import visible

# A check box that is readable without colours: Textual's own shows the same cross when empty.

_INNER = {True: "[x]", False: "[ ]"}


class Tick(Checkbox):
    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""
    DEFAULT_CSS = """
    Tick {
        background: $background; width: auto;
        & > .toggle--button { color: $foreground; background: $background; text-style: bold; }
        &.-on > .toggle--button { color: $primary; background: $background; }
        &:focus > .toggle--label { background: $cursor; color: $foreground; text-style: bold; }
        &:nocolor:focus > .toggle--label { text-style: bold reverse; }
    }
    """

    def __init__(
        self,
        label: str,
        value: bool = False,
        *,
        id: str | None = None,
    ) -> None:
        self.BUTTON_INNER = _INNER[value]
        super().__init__(
            Content(label),
            value,
            id=id,
            compact=True,
        )

    def watch_value(self) -> None:
        self.BUTTON_INNER = _INNER[self.value]
        super().watch_value()


# The commands to run once files are written.


def step_parts(steps: NextSteps, width: int) -> list[Part]:
    """First those to run now, then the way back and the last step."""
    parts: list[Part] = (
        hanging(
            "",
            steps.about,
            width,
            "$muted",
            indent=0,
        )
        if steps.about
        else []
    )
    for label, commands in (
        ("next:", steps.commands),
        ("go back:", steps.back),
        ("finish:", steps.finish),
    ):
        for command in commands:
            parts += hanging(
                label,
                command,
                width,
                "$primary",
                indent=11,
                label_style="bold",
            )
    return parts


# A finding in words: its headline and, expanded, everything known about it.

_LABEL = 11
_EVIDENCE_SHOWN = 6
_LABS_SHOWN = 2


class Entry(Struct, frozen=True):
    """A finding as shown in a list."""

    finding: Finding
    # a plan can fix it here; ready: without a value that has to be given first
    fixable: bool = False
    ready: bool = False
    chosen: bool = False  # its fix is chosen
    settings: tuple[FixValue, ...] = ()  # the values of its fix
    labs: tuple[str, ...] = ()  # the ids of those that teach it
    page: Kind = Kind.CONTAINER  # what the page is about; a finding about something else says so

    @property
    def key(self) -> tuple[str, str, str]:
        return (
            self.finding.subject.kind,
            self.finding.subject.id,
            self.finding.check,
        )


def headline(
    widget: Widget,
    entry: Entry,
    width: int,
    is_open: bool,
) -> Content:
    """`▸ [x] ✗ high      The title    check-id`, in one line of `width` cells."""
    signs, finding = signs_of(widget), entry.finding
    look = look_of(finding)
    box = (signs.chosen if entry.chosen else signs.free) if entry.fixable else "   "
    where = _where(entry)
    head: list[Part] = [
        f"{signs.cursor if is_open else ' '} ",
        (f"{box} ", "bold $primary" if entry.chosen else ""),
        (
            f"{signs.mark(look)} {look.word:<10}",
            f"{'bold ' if finding.failing else ''}${look.style}",
        ),
    ]
    title = where + visible(finding.title, 200)
    if not finding.failing:
        # the title names the bad condition, which was not met here
        head.append(
            fit(
                where + visible(finding.check, 40), max(0, width - _LABEL - 7), signs.ellipsis
            ).rstrip()
        )
        return Content.assemble(*head)
    room = width - _LABEL - 8
    check = visible(finding.check, 40)
    spare = room - len(title) - len(check) - 3
    if spare >= 0:
        head += [title, " " * (spare + 2), (check, "$muted")]
    else:
        head.append(fit(title, min(len(title), room), signs.ellipsis))
    return Content.assemble(*head)


def _where(entry: Entry) -> str:
    """The subject of the finding, if it is neither a container nor that of the page."""
    subject = entry.finding.subject
    if subject.kind in (Kind.CONTAINER, entry.page):
        return ""
    return f"{visible(subject.name, 24)}: " if subject.kind is Kind.ENGINE else f"{subject.kind}: "


def details(
    entry: Entry,
    remedy: Remediation | None,
    width: int,
) -> Content:
    """Everything known about a finding, wrapped to `width` cells."""
    finding = entry.finding
    verdict = finding.verdict
    parts: list[Part] = []
    if not finding.failing:
        parts += _wrapped("looked for", finding.title, width)
    if verdict.reason:
        parts += hanging(
            "",
            reason_of(verdict),
            width,
            indent=0,
        )
    if verdict.declared:
        parts += _wrapped("declared", verdict.declared, width)
    if verdict.effective:
        parts += _wrapped("effective", verdict.effective, width)
    for at, evidence in enumerate(verdict.evidence[:_EVIDENCE_SHOWN]):
        seen = f"{visible(evidence.where, 200)}  {visible(evidence.saw, 300)}".strip()
        parts += _wrapped("evidence" if at == 0 else "", seen, width)
    if (more := len(verdict.evidence) - _EVIDENCE_SHOWN) > 0:
        parts += _wrapped("", f"and {more} more", width)
    if finding.affects:
        parts += _wrapped(
            "affects", ", ".join(visible(name, 60) for name in finding.affects), width
        )
    if finding.failing and remedy is not None:
        parts += _what_to_do(remedy, entry.settings, width)
    if entry.labs:
        labs = ", ".join(visible(lab, 40) for lab in entry.labs[:_LABS_SHOWN])
        parts += _wrapped("learn it", f"lab {labs} (T)", width, "$muted")
    return Content.assemble(*parts).rstrip("\n")


def finding_text(finding: Finding, remedy: Remediation | None) -> str:
    """A finding as plain text, for copying."""
    word = look_of(finding).word
    head = f"{finding.subject.name}: {word}: {finding.title} ({finding.check})"
    return f"{visible(head)}\n{details(Entry(finding), remedy, 100).plain}"


def _what_to_do(
    remedy: Remediation,
    settings: tuple[FixValue, ...],
    width: int,
) -> list[Part]:
    parts = _wrapped("fix", remedy.summary, width)
    parts += _wrapped(
        "",
        f"({remedy.here or remedy.risk}; {remedy.kind.words})",
        width,
        "$muted",
    )
    for line in remedy.quadlet.split("\n") if remedy.quadlet else ():
        parts += _wrapped(
            "", line, width, "$diff-removed" if line.startswith("-") else "$diff-added"
        )
    if settings:
        values = ", ".join(f"{setting.name} {in_force(setting)}" for setting in settings)
        parts += _wrapped("values", f"{values}; i changes", width)
    if remedy.notes:
        parts += _wrapped(
            "here",
            visible(". ".join(remedy.notes), 600),
            width,
        )
    if remedy.impact:
        parts += _wrapped("may break", remedy.impact, width)
    for at, command in enumerate(remedy.commands):
        parts += _wrapped(
            "commands" if at == 0 else "",
            command,
            width,
            "$primary",
        )
    return parts


def in_force(setting: FixValue) -> str:
    """The value that a fix writes, for display."""
    value = setting.measured.value if setting.measured else setting.value
    return text_of(value) or "not set"


def _wrapped(
    label: str,
    text: str,
    width: int,
    style: str = "",
) -> list[Part]:
    return hanging(
        label,
        text,
        width,
        style,
        indent=_LABEL,
    )


class FindingItem(VerticalGroup):
    """One finding."""

    DEFAULT_CSS = """
    FindingItem {
        height: auto;
        & > .headline { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .details { height: auto; padding: 0 1 1 6; display: none; }
        &.-open > .headline { background: $cursor; text-style: bold; }
        &.-open > .details { display: block; }
        &:nocolor.-open > .headline { text-style: bold reverse; }
    }
    """

    @dataclass
    class Clicked(Message):
        item: FindingItem

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.headline = Static(
            classes="headline"
        )  # kept: while it is being removed, no query finds them
        self.details = Static(classes="details")

    def compose(self) -> ComposeResult:
        yield self.headline
        yield self.details

    def on_click(self) -> None:
        self.post_message(self.Clicked(self))


class FindingList(VerticalScroll, can_focus=True, inherit_bindings=False):
    """The findings of one step or subject.

    The cursor stays on its check when newer findings arrive.
    """

    BINDINGS: ClassVar = [
        Binding(
            "pageup",
            "page_up",
            "Page up",
            show=False,
        ),
        Binding(
            "pagedown",
            "page_down",
            "Page down",
            show=False,
        ),
        Binding(
            "home",
            "first",
            "First",
            show=False,
        ),
        Binding("end", "last", "Last", show=False),
    ]
    DEFAULT_CSS = """
    FindingList {
        height: 1fr;
        & > #nothing { padding: 1 2; height: auto; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: list[Entry] = []
        self._items: list[FindingItem] = []  # of the entries, as soon as they can be drawn
        self._at = 0
        self._remedy: Callable[[Finding], Remediation | None] = lambda finding: None
        self._empty = Content("")

    @property
    def current(self) -> Finding | None:
        """The finding under the cursor."""
        return self._entries[self._at].finding if self._at < len(self._entries) else None

    async def show(
        self,
        entries: Sequence[Entry],
        remedy: Callable[[Finding], Remediation | None],
        empty: Content,
    ) -> None:
        """Show these findings.

        A key press and a newer report may both call this at the same time.

        Args:
            remedy: called only for the finding under the cursor.
            empty: the text to show when there are none.
        """
        async with self.lock:
            before = [entry.key for entry in self._entries]
            stay = self._entries[self._at].key if self._at < len(self._entries) else None
            self._entries, self._remedy, self._empty = list(entries), remedy, empty
            keys = [entry.key for entry in entries]
            ready = next((at for at, entry in enumerate(entries) if entry.ready), 0)
            self._at = (
                keys.index(stay) if stay in keys else ready
            )  # begin with what can be done here
            if keys == before and keys:
                for item, entry in zip(self._items, entries, strict=True):
                    item.entry = entry
            else:
                await self._compose_again(entries, empty)
            self._draw_all()

    async def _compose_again(
        self,
        entries: Sequence[Entry],
        empty: Content,
    ) -> None:
        self._items = []
        async with self.batch():
            await self.remove_children()
            items = [FindingItem(entry) for entry in entries]
            await self.mount_all(items or [Static(empty, id="nothing")])
        self._items = items
        self.scroll_home(animate=False)

    def on_resize(self) -> None:
        self._draw_all()

    def _draw_all(self) -> None:
        if not self.scrollable_content_region.width:
            return  # not laid out yet; it is resized when it is
        for at, item in enumerate(self._items):
            self._draw(item, at == self._at)

    def _draw(
        self,
        item: FindingItem,
        is_open: bool,
    ) -> None:
        item.set_class(is_open, "-open")
        width = self.scrollable_content_region.width
        item.headline.update(headline(self, item.entry, width, is_open))
        if is_open:
            item.details.update(
                details(
                    item.entry,
                    self._remedy(item.entry.finding),
                    width - 8,
                )
            )

    def move(self, by: int) -> None:
        """The next finding; a long one is scrolled to its end first."""
        items = self._items
        if not items:
            self._move_to(self._at + by)  # still being composed
            return
        region, window = items[self._at].virtual_region, self.scrollable_content_region.height
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + window
        if by > 0 and region.bottom > bottom:
            self.scroll_to(
                y=min(top + window // 2, region.bottom - window),
                animate=False,
            )
        elif by < 0 and region.y < top:
            self.scroll_to(
                y=max(top - window // 2, region.y),
                animate=False,
            )
        else:
            self._move_to(self._at + by)

    def go_to(self, check: str) -> None:
        """Put the cursor on the finding of this check, if it is here."""
        places = (at for at, entry in enumerate(self._entries) if entry.finding.check == check)
        self._move_to(next(places, self._at))

    def show_headline(self) -> None:
        """Bring the first line of the current finding into view, with its tick."""
        if self._items and (top := self._items[self._at].virtual_region.y) < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)

    def _move_to(self, at: int) -> None:
        at = max(0, min(at, len(self._entries) - 1))
        if at == self._at:
            return
        before, self._at = self._at, at
        if self._items:
            self._draw(self._items[before], False)
            self._draw(self._items[at], True)
            self.call_after_refresh(self._keep_in_sight, self._items[at])

    def _keep_in_sight(self, item: FindingItem) -> None:
        region, window = item.virtual_region, self.scrollable_content_region.height
        top = self.scroll_offset.y
        if region.y < top or region.height >= window:
            self.scroll_to(y=region.y, animate=False)
        elif region.bottom > top + window:
            self.scroll_to(
                y=region.bottom - window,
                animate=False,
            )

    def on_finding_item_clicked(self, message: FindingItem.Clicked) -> None:
        message.stop()
        if message.item in self._items:
            self._move_to(self._items.index(message.item))

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self._entries) - 1)
