"""Home: every container, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.features.looking.row_filter import FilteredRows, parse_filter
from hardentui.features.reports.making import first_steps, managed_containers
from hardentui.features.views import Report, Row, reports_of, told_once, without_originals
from hardentui.harden.score import Rise
from hardentui.model.draft import Target
from hardentui.model.finding import Finding, Kind
from hardentui.model.plan import Caution, Choice
from hardentui.tui.actions import COPY, COPY_MORE, HOME
from hardentui.tui.listing import ListView, about_kept, arrange
from hardentui.tui.places import Place
from hardentui.tui.screens.base import ContainerScreen
from hardentui.tui.status import both_ends, fit, plain
from hardentui.tui.widgets.container_list import ContainerList, Line
from hardentui.tui.widgets.page import titled
from hardentui.tui.widgets.plan_panel import Beside, Outlook, Prospect, prospect_of
from hardentui.tui.widgets.text_field import TextField
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
    from hardentui.harden.attack import AttackStops
    from hardentui.harden.do_first import DoFirst
from hardentui.tui.screens.home_texts import (
    fitting_checklists,
    no_containers,
    no_engine,
    nothing_matches,
    numbered,
    promises,
    totals,
    under_way,
)

_SETTLE = 0.15
"""Seconds between two redraws of the list during a scan, and before the outlook of a row is
computed."""
_BOXED = (100, 30)
"""Columns and lines from which the panels have a frame, as in home.tcss."""
_NO_ROW = {
    "open": "There is no container to walk through.",
    **dict.fromkeys(
        ("mark", "mark_range", "mark_all"),
        "There is no container to mark.",
    ),
    "harden": "There is no container to harden.",
    "meaning": "There is no row to explain.",
    "recheck": "There is no container to check.",
}
"""Messages for actions if no container is under the cursor."""


class HomeScreen(ContainerScreen):
    ACTIONS = (*HOME, COPY, COPY_MORE)

    def __init__(self) -> None:
        super().__init__()
        self._filter = parse_filter("")
        self._selection = FilteredRows(())
        self._redraw: Timer | None = None
        self._promise_timer: Timer | None = None
        self._promises: dict[tuple[str, str], tuple[Report, str, Prospect | None]] = {}
        self._warned_of: dict[str, tuple[Choice, ...]] = {}
        self._first: tuple[DoFirst, ...] = ()
        self._checklists: tuple[str, ...] = ()  # those that fit some containers better

    def body(self) -> Iterable[Widget]:
        yield Static(id="summary")
        yield TextField(
            placeholder="web  !web  image:nginx  state:running  score<50  sev:high  step:4  (? "
            "explains)",
            id="filter",
        )
        yield Static(id="trouble")
        yield titled(Static(id="first"), "Do these first")
        yield Static(id="empty")
        with titled(Horizontal(id="middle"), "Containers"):
            yield ContainerList(id="containers")
            yield Beside()
        yield Outlook(id="outlook")

    @property
    def _list(self) -> ContainerList:
        return self.query_one(ContainerList)

    @property
    def container_key(self) -> str:
        row = self._list.current
        return row.key if row else ""

    def screen_report(self) -> ScreenReport:
        return ScreenReport("containers", tuple(reports_of(self._selection.rows)))

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, self._rows_changed)
        self.session.replaced.subscribe(self, self._list.follow)
        self._list.begin_at(self.session.last_walk)
        self._filter = parse_filter(self.session.list_view.filter)
        with self.prevent(Input.Changed):  # the cursor stays at the top
            self.query_one("#filter", Input).value = self._filter.text
        self._list.focus()
        self._draw()

    def on_screen_resume(self) -> None:
        """Fixes may have been chosen or written on another screen."""
        self._draw()

    def _rows_changed(self, keys: frozenset[str]) -> None:
        """Redraw; delayed during a scan, which delivers rows faster than anybody can read."""
        if self.session.progress is None:
            self._draw()
        elif self._redraw is None:
            self._redraw = self.set_timer(_SETTLE, self._draw)

    async def show_state(self, what: str) -> None:
        if what == "scan" and self.session.progress is not None:
            if self._redraw is None:
                self._show_summary()
        elif what == "host":
            if not self.session.judging:
                self._rank()
        elif what == "trials":
            self._show_summary()
        elif what != "events":
            self._draw()

    def _draw(self) -> None:
        if self._redraw is not None:
            self._redraw.stop()
            self._redraw = None
        session = self.session
        self._selection = self._filter.select(session.rows.values())
        view = session.list_view
        rows = arrange(self._selection.rows, view)
        self._show_trouble()
        empty = self._empty(rows)
        if empty is not None:
            self.query_one("#empty", Static).update(empty)
        self.set_class(empty is not None, "-empty")
        arrow = self.signs.rising if view.rises else self.signs.falling
        unwritten = session.unwritten
        lines = [
            Line(
                row,
                session.greyed(row),
                marked=row.key in session.marks,
                chosen=row.key in unwritten,
            )
            for row in rows
        ]
        self._list.show(lines, (view.column, arrow))
        self._show_summary()
        self._show_outlook(self._list.current)
        self._rank()

    def _rank(self) -> None:
        """What to do first, computed in the background once everything is judged."""
        rows = [row for row in without_originals(self.session.rows.values()) if not row.aside]
        reports = [row.report for row in rows if row.report is not None]
        if (
            (bench := self.session.bench)
            and self.session.progress is None
            and len(reports) == len(rows)
        ):
            if self.session.host is None:
                self.session.judge_host()
            host = self.session.host or ()
            self.run_worker(
                lambda: self._rank_now(bench, reports, host), group="first", thread=True
            )

    def _rank_now(
        self,
        bench: Workbench,
        reports: list[Report],
        host: tuple[Report, ...],
    ) -> None:
        shared = [report for report, _ in told_once(reports)]
        first = first_steps(bench, (*reports, *shared, *host))
        fitting = fitting_checklists(
            managed_containers(reports),
            bench.judge.checklist.id,
        )
        self.call_later(self._ranked, first, fitting)

    def _ranked(
        self,
        first: tuple[DoFirst, ...],
        checklists: tuple[str, ...],
    ) -> None:
        if (first, checklists) != (self._first, self._checklists):
            self._first, self._checklists = first, checklists
            self._show_first()

    def _show_first(self) -> None:
        lines = self.query("#first")  # may be missing while the app is exiting
        if not lines:
            return
        height = self.app.size.height
        shown = self._first[: 5 if height >= 30 else 3 if height >= 22 else 0]
        boxed = self.app.size.width >= _BOXED[0] and height >= _BOXED[1]
        width = self.app.size.width - (4 if boxed else 2)
        parts = list(numbered(shown, self.session.rows, width))
        if self._checklists and height >= 22:
            parts.append(
                (
                    fit(f" {self.signs.dot}  {self._checklists[0]}", width),
                    "$muted",
                )
            )
        lines.first(Static).update(Content.assemble(*parts).rstrip())
        self.set_class(bool(parts), "-first")

    def on_resize(self) -> None:
        self._show_first()
        self.call_after_refresh(lambda: self._show_outlook(self._list.current))

    def action_first(self, number: int) -> None:
        """Lead into a line of what to do first: the walk at its finding, the page of what it is
        about, or several containers, which are marked."""
        if number > len(self._first):
            self.complain("There is no such line.")
            return
        line = self._first[number - 1]
        subject = line.subject
        if subject.kind is not Kind.CONTAINER:
            pages = {Kind.IMAGE: "images", Kind.NETWORK: "networks"}
            self.harden.action_go(pages.get(subject.kind, "host"))
            return
        if len(line.subjects) > 1:
            self._mark_those(line)
            return
        check = self.session.bench.judge.check(line.checks[0]) if self.session.bench else None
        self.session.last_walk = Place(
            subject.engine,
            subject.name,
            check.step if check else 1,
            line.checks[0],
        )
        self.harden.open_walk(subject.key)

    def _mark_those(self, line: DoFirst) -> None:
        keys = [subject.key for subject in line.subjects]
        marks = self.session.marks
        marks.clear()
        marks.update(dict.fromkeys(key for key in keys if key in self.session.rows))
        self._draw()
        are = "is" if len(marks) == 1 else "are"
        self.notify(f"{plural(len(marks), 'container')} {are} marked. h hardens them.")

    def _empty(self, rows: list[Row]) -> Content | None:
        session = self.session
        if session.failure is not None:
            return no_engine(session.failure, self.harden.can_simulate)
        if rows or session.opened is None or not session.listed:
            return None
        if session.rows:
            return nothing_matches(self._filter.text)
        return no_containers(session.opened)

    def _show_trouble(self) -> None:
        """The ignored parts of the filter, with reasons."""
        trouble = self._selection.trouble
        self.set_class(bool(trouble), "-trouble")
        if trouble:
            self.query_one("#trouble", Static).update(plain(f"! {trouble}"))

    def _show_summary(self) -> None:
        session, signs = self.session, self.signs
        if session.opened is None:
            self._sum_up(signs.of("No Podman." if session.failure else "Looking for Podman…"))
            return
        if not session.listed:
            self._sum_up(signs.of("Podman answers; listing its containers…"))
            return
        rows = tuple(session.rows.values())
        right = under_way(
            session,
            self._filter,
            signs,
            self.size.width,
        )
        room = self.size.width - 4 - right.cell_length
        left = totals(
            self._selection.rows,
            rows,
            len(session.marks),
            signs,
            room,
        )
        self._sum_up(
            both_ends(
                left,
                right,
                self.size.width - 2,
                signs.ellipsis,
            )
        )

    def _sum_up(self, line: str | Content) -> None:
        self.query_one("#summary", Static).update(line, layout=False)  # always one line high

    @on(ContainerList.Drawn)
    def _rows_shown(self) -> None:
        self.session.rows_shown.set()

    @on(ContainerList.Highlighted)
    def _row_highlighted(self, message: ContainerList.Highlighted) -> None:
        self._show_outlook(message.row)

    def _show_outlook(self, row: Row | None) -> None:
        report = row.report if row else None
        promise, prospect = self._ahead_of(report)
        self.query_one(Outlook).show(
            row, self._attack(report), promise or "", self._helpful(report)
        )
        if self._huge:
            self.query_one(Beside).show(row.name if row else "", prospect)
        if self._promise_timer is not None:
            self._promise_timer.stop()
        ahead = promise is None or (self._huge and prospect is None)
        if report is not None and report.facts is not None and ahead:
            self._promise_timer = self.set_timer(_SETTLE, lambda: self._promise(report))

    def _ahead_of(
        self,
        report: Report | None,
    ) -> tuple[str | None, Prospect | None]:
        """What was computed for exactly this report: a promise in words, and what all fixes make of
        it."""
        known = self._promises.get((report.subject.engine, report.subject.id)) if report else None
        return known[1:] if known is not None and known[0] is report else (None, None)

    @property
    def _huge(self) -> bool:
        """Whether the fixes have room beside the list."""
        return self.has_class("-huge")

    def _promise(self, report: Report) -> None:
        """The effect of the fixes of the row under the cursor, computed in the background."""
        if bench := self.session.bench:
            self.run_worker(
                lambda: self._compute_promise(bench, report), group="outlook", thread=True
            )

    def _compute_promise(
        self,
        bench: Workbench,
        report: Report,
    ) -> None:
        try:
            text = promises(bench.planner, report)
        except HardenError:
            return
        ahead = self._look_ahead(bench, report) if self._huge else None
        self.call_later(
            self._promised,
            report,
            self.signs.of(text),
            ahead,
        )

    def _look_ahead(
        self,
        bench: Workbench,
        report: Report,
    ) -> Prospect | None:
        """What all fixes that need no decision make of a container."""
        try:
            plan = bench.planner.plan_with(report, Caution.ALL)
            diff = bench.drafter.draft(report, plan, Target.QUADLET).diff if plan.changes else ""
            return prospect_of(
                report,
                plan,
                bench.planner.score_after(report, plan).value,
                diff,
                bench.planner.rises(report),
            )
        except HardenError:
            return None

    def _promised(
        self,
        report: Report,
        text: str,
        ahead: Prospect | None,
    ) -> None:
        subject = report.subject
        self._promises[subject.engine, subject.id] = (report, text, ahead)
        lists = self.query(ContainerList)  # may be missing while the app is exiting
        row = lists.first().current if lists else None
        if row is not None and row.report is report and text:
            self.query_one(Outlook).show(
                row,
                self._attack(report),
                text,
                self._helpful(report),
            )
        if row is not None and row.report is report and self._huge:
            self.query_one(Beside).show(row.name, ahead)

    def _attack(self, report: Report | None) -> AttackStops | None:
        """None where nothing stands out."""
        bench = self.session.bench
        if bench is None or report is None or not bench.attack(report):
            return None
        return bench.attack_stops(report)

    def _helpful(
        self,
        report: Report | None,
    ) -> tuple[tuple[Finding, Rise], ...]:
        bench = self.session.bench
        if bench is None or report is None:
            return ()
        return bench.planner.raises_most(report, 2)

    def why_not(self, action: str) -> str:
        session = self.session
        if action == "recheck_all" and session.bench is None:
            return "Nothing can be checked yet: Podman or the checks are still loading."
        if action == "recheck" and session.failure is not None:
            return ""  # searches for Podman again
        marked = action == "harden" and session.marks
        if action in _NO_ROW and not self.container_key and not marked:
            return _NO_ROW[action]
        if action == "first" and not self._first:
            return "Nothing has to be done first, or not everything is judged yet."
        row = self._list.current
        if action in ("open", "mark", "mark_range", "harden") and not marked and row and row.kept:
            return about_kept(row)
        if action in ("harden", "recheck") and session.bench is None:
            return "The checks are still being loaded."
        if action == "mark_range" and not self._last_mark:
            return "Mark the first container with space; then this marks all up to the cursor."
        return super().why_not(action)

    def action_open(self) -> None:
        self.harden.open_walk(self.container_key)

    @on(ContainerList.Chosen)
    async def _row_chosen(self) -> None:
        await self.harden.run_action("open", self)

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        if event.value == self._filter.text:
            return
        self._filter = parse_filter(event.value)
        self.session.list_view = replace(self.session.list_view, filter=event.value)
        self._list.to_the_top()
        self._draw()

    @on(Input.Submitted, "#filter")
    def _filter_accepted(self) -> None:
        self.remove_class("-filtering")
        self._list.focus()

    def action_sort(self) -> None:
        self.action_sort_by(self.session.list_view.next_column)

    def action_sort_by(self, column: str) -> None:
        self._look_at(self.session.list_view.sorted_by(column))

    def action_reverse(self) -> None:
        self.action_sort_by(self.session.list_view.column)

    def _look_at(self, view: ListView) -> None:
        self.session.list_view = view
        self._list.hold()
        self._draw()

    @on(ContainerList.HeadingClicked)
    def _heading_clicked(
        self,
        message: ContainerList.HeadingClicked,
    ) -> None:
        if message.heading:
            self.action_sort_by(message.heading)

    def action_mark(self) -> None:
        """Mark the container under the cursor, or unmark it, and move to the next."""
        marks, key = self.session.marks, self.container_key
        if key in marks:
            del marks[key]
        else:
            marks[key] = None
        self._list.action_move(1)
        self._draw()

    @property
    def _last_mark(self) -> str:
        """The last marked container among those shown."""
        return next(
            (key for key in reversed(self.session.marks) if key in self._list.shown),
            "",
        )

    @property
    def _markable(self) -> tuple[str, ...]:
        rows = self.session.rows
        return tuple(key for key in self._list.shown if key in rows and rows[key].kept is None)

    def action_mark_range(self) -> None:
        shown = self._markable
        first, end = sorted(
            (
                shown.index(self._last_mark),
                shown.index(self.container_key),
            )
        )
        self.session.marks.update(dict.fromkeys(shown[first : end + 1]))
        self._draw()

    def action_mark_all(self) -> None:
        marks, shown = self.session.marks, self._markable
        if marks.keys() >= set(shown):
            for key in shown:
                del marks[key]
        else:
            marks.update(dict.fromkeys(shown))
        self._draw()

    def action_harden(self) -> None:
        """Harden the marked containers one after another, or the one under the cursor."""
        self.harden.open_harden(tuple(self.session.marks) or (self.container_key,))

    def action_meaning(self) -> None:
        self.harden.open_meaning(self.container_key)

    def copied(self) -> tuple[str, str]:
        row = self._list.current
        return ("the container's name", visible(row.name or row.id)) if row else ("", "")

    def action_recheck(self) -> None:
        if self.session.failure is not None:
            self.session.open()
        else:
            self.session.recheck(self.container_key)

    def action_recheck_all(self) -> None:
        self.session.relist()
        self.session.scan()

    def action_cancel(self) -> None:
        field = self.query_one("#filter", Input)
        if field.has_focus or self._filter.text:
            field.value = ""
            self.remove_class("-filtering")
            self._list.focus()
        elif self.session.cancel_scan():
            self.notify("The scan stops; its results are kept.", markup=False)
        elif self.session.marks:
            self.session.marks.clear()
            self._draw()

    def action_quit(self) -> None:
        left = self.session.unwritten
        if left and left != self._warned_of:
            self._warned_of = left
            of = f"of {len(left)} containers" if len(left) != 1 else "of one container"
            self.complain(
                f"The fixes that you chose {of} are not written. q again quits without writing "
                "them."
            )
        else:
            self.app.exit()
