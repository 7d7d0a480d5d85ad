"""The services of files on one page: a level is chosen, any fix struck out, and what is left is
written in place or as a patch. Nothing runs, so nothing is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.at_rest.browsing import Services
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.files_page import (
    CommonFix,
    FilesResult,
    result_of,
    score_without,
    writing_task,
)
from hardentui.features.harden.everything_page import bar
from hardentui.features.harden.host_run import Fix, HostRun, Member, Standing, average
from hardentui.harden.score import score_word
from hardentui.model.draft import DraftFile
from hardentui.model.plan import Caution, Choice
from hardentui.tui.action_texts import told
from hardentui.tui.actions import BACK, COPY, FILES
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import in_background
from hardentui.tui.screens.browse import BrowseRow, Column
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.results import Group, ResultsScreen, fixes_words
from hardentui.tui.screens.values import ValuesScreen
from hardentui.tui.session import OWN_DIRECTORY
from hardentui.tui.status import BARS, Part, hanging
from hardentui.visible import visible
from hardentui.words import plural

_LEVELS = tuple(Caution)
_COMMON = "common"
_IN_MOST = "in most"
_MEANS = {
    Caution.SAFE: "what is known to break nothing",
    Caution.LIKELY: "all but what may break a service",
    Caution.ALL: "all that can be carried out, also what may break a service",
}


class FilesScreen(ResultsScreen):
    """Args:
    keys: of the services; empty = all.
    """

    ACTIONS = (*FILES, COPY, BACK)
    DOES: ClassVar = "changes files"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("Service", 0),
        Column("Score", 11),
        Column("", 23, 100, accent=True),
        Column("Fix", 30),
    )

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._wanted = Wanted((), Caution.LIKELY, frozenset(keys))
        self._result: FilesResult | None = None
        self._trouble = ""
        self._making = True
        self._scores: dict[tuple[str, frozenset[str]], int | None] = {}

    def on_mount(self) -> None:
        if self.session.directory == OWN_DIRECTORY:
            self.session.directory = "."  # the paths in a patch begin here
        self._make()

    @property
    def _services(self) -> Services:
        bench = self.session.bench
        assert bench is not None  # noqa: S101 - the list was shown
        assert isinstance(bench.containers, Services)  # noqa: S101 - of files
        return bench.containers

    def _make(self) -> None:
        """What the level makes of the files, on a thread."""
        bench = self.session.bench
        if bench is None:
            self._trouble = "The checks are still being loaded."
            return
        self._making = True
        self._draw()
        services, wanted = self._services, self._wanted
        # the services are told with all fixes of the level: what is struck out stays in sight
        shown = replace(wanted, without=frozenset())

        def made(result: FilesResult) -> None:
            if shown.caution is self._wanted.caution and shown.given == self._wanted.given:
                self._result, self._trouble, self._making = result, "", False
                self._scores.clear()
                self._draw()

        def failed(error: HardenError) -> None:
            self._result, self._trouble, self._making = FilesResult(), told(error), False
            self._draw()

        in_background(
            self,
            lambda: result_of(services, bench.planner, shown),
            made,
            failed,
            group="files",
        )

    def sections(self) -> Iterator[tuple[str, Sequence[Group]]]:
        if self._result is None:
            return
        common = {(each.check, each.text) for each in self._result.common}
        members = [
            replace(
                member,
                fixes=tuple(
                    self._costed(member, fix)
                    for fix in member.fixes
                    if (fix.check, fix.text) not in common
                ),
            )
            for member in self._result.members
        ]
        changed = [member for member in members if member.standing is Standing.READY]
        rest = [member for member in members if member.standing is not Standing.READY]
        for heading, part in (
            ("Changed", changed),
            ("Nothing to change at this level", rest),
        ):
            if part:
                groups = HostRun(members=tuple(part)).groups
                yield f"{heading} ({len(part)})", groups

    def _costed(
        self,
        member: Member,
        fix: Fix,
    ) -> Fix:
        """With what it is worth, where the fixes are shown."""
        if fix.is_open or member.key not in self._unfolded:
            return fix
        return replace(fix, without=self._score(member.key, frozenset({fix.check})))

    def struck_of(self, member: Member) -> frozenset[str]:
        return frozenset(check for key, check in self._wanted.without if key == member.key)

    def standing_of(self, member: Member) -> str:
        return fixes_words(member)

    def lines(self) -> Sequence[BrowseRow] | None:
        if self._result is None:
            return None
        rows: list[BrowseRow] = []
        if common := self._result.common:
            rows.append(self._row(_IN_MOST, f"The same in most services ({len(common)})"))
            rows += map(self._common_row, common)
        return [*rows, *(super().lines() or ())]

    def _common_row(self, common: CommonFix) -> BrowseRow:
        mark = "[ ]" if self._is_struck(common) else "[x]"
        texts = (
            f"{mark} {visible(common.text, 120)}",
            "",
            f"{len(common.keys)} services",
            common.check,
        )
        return BrowseRow(
            f"{_COMMON}\0{common.check}\0{common.text}",
            texts,
            texts,
        )

    def _is_struck(self, common: CommonFix) -> bool:
        return all((key, common.check) in self._wanted.without for key in common.keys)

    def _common_under(self) -> CommonFix | None:
        return next(
            (
                each
                for each in (self._result.common if self._result else ())
                if self.current == f"{_COMMON}\0{each.check}\0{each.text}"
            ),
            None,
        )

    def crumb(self) -> Content:
        if self._making or self._result is None:
            return Content.assemble(
                *self._levels(),
                (self.signs.of("making the changes…"), "bold"),
            )
        members = [replace(member, after=self.score_of(member)) for member in self._result.members]
        before, after = average(members), average(members, after=True)
        kept = {member.group for member in members if self.is_kept(member)}
        files = plural(len(kept), "file") if kept else "no file"
        score = f"{score_word(before)} → {score_word(after)}   {bar(before)} → {bar(after)}"
        told = f"{files} would change   average score {score}"
        return Content.assemble(
            *self._levels(),
            (_MEANS[self._wanted.caution], "$muted"),
            "\n",
            Content(self.signs.of(told)).highlight_regex(BARS, style="$primary"),
        )

    def _levels(self) -> Iterator[tuple[str, str]]:
        """All three, the chosen one marked, and the key that leads to the next."""
        for level in _LEVELS:
            here = level is self._wanted.caution
            yield (
                f" {level.level} ",
                "bold reverse $primary" if here else "$muted",
            )
        yield ("  v  ", "bold $primary")

    def nothing(self) -> str:
        return self._trouble or "No service was read."

    def about(self, key: str) -> Content:
        parts: list[Part] = []
        common, (members, check) = self._common_under(), self.under()
        width = self.text_width
        if common is not None:
            names = [key.rpartition(":")[2] for key in common.keys]
            parts += hanging(
                "alike in",
                ", ".join(names),
                width,
                indent=10,
            )
            parts += self._about_check(common.check)
        elif check and members:
            parts += self.about_fix(members[0], check)
        elif members:
            for member in members:
                parts += self._about_service(member)
        return Content.assemble(*map(self.signed, parts)).rstrip("\n")

    def _about_check(self, check: str) -> Iterable[Part]:
        bench = self.session.bench
        known = bench.judge.check(check) if bench is not None else None
        if known is not None:
            yield f"{known.title}\n"
            if breaks := known.section("What may break"):
                yield f"What may break: {breaks}\n"
        yield "Space strikes it out of all of them, or takes it back.\n"

    def _about_service(self, member: Member) -> Iterator[Part]:
        before, after = score_word(member.before), self.score_of(member)
        score = f"score {before} → {score_word(after)}" if after is not None else f"score {before}"
        yield (f"{visible(member.name, 60)}  {score}", "bold")
        yield f"   {visible(member.group, 200)}\n"
        alike = self._result.common if self._result else ()
        taken = [each.check for each in alike if member.key in each.keys]
        own = [fix.check for fix in member.fixes if not fix.is_open]
        asks = [fix.check for fix in member.fixes if fix.is_open]
        struck = sorted(self.struck_of(member))
        for label, checks in (
            ("as most", taken),
            ("its own", own),
            ("to decide", asks),
            ("struck out", struck),
            ("strict adds", member.decide),
        ):
            if checks:
                yield from hanging(
                    label,
                    ", ".join(checks),
                    self.text_width,
                    indent=12,
                )
        for reason in member.left_out:
            yield from hanging(
                "not changed",
                reason,
                self.text_width,
                indent=12,
            )

    def score_of(self, member: Member) -> int | None:
        return self._score(member.key, self.struck_of(member))

    def _score(
        self,
        key: str,
        struck: frozenset[str],
    ) -> int | None:
        """Without these fixes; computed once, when somebody wants to know."""
        member, bench = self._whole(key), self.session.bench
        if member is None or member.after is None or not struck or bench is None:
            return member.after if member is not None else None
        if (key, struck) not in self._scores:
            self._scores[key, struck] = score_without(
                self._services,
                bench.planner,
                member,
                struck,
            )
        return self._scores[key, struck]

    def _whole(self, key: str) -> Member | None:
        """A service with what it has alike with others."""
        members = self._result.members if self._result is not None else ()
        return next((member for member in members if member.key == key), None)

    def why_not(self, action: str) -> str:
        if (self._making or self._result is None) and action != "level":
            return "The changes are still being made."
        common, (members, check) = self._common_under(), self.under()
        if action in ("diff", "write") and not (self._result and self._result.drafts):
            return "No file would change at this level."
        if action == "mark" and common is not None:
            return ""
        if action == "diff" and not members:
            return "Go to a service: its file is shown."
        if action == "change" and not (members and check):
            return "Go to a fix: its value is asked for."
        return super().why_not(action)

    def action_mark(self) -> None:
        """A fix: in it or struck out, of one service or of all that have it alike; a service: all of
        its fixes."""
        members, check = self.under()
        if (common := self._common_under()) is not None:
            self._strike({(key, common.check) for key in common.keys})
        elif check and any(fix.check == check and fix.is_open for fix in members[0].fixes):
            self.action_change()
        elif check:
            self._strike({(members[0].key, check)})
        else:
            keys = {member.key for member in members}
            whole = self._result.members if self._result else ()
            self._strike(
                {
                    (member.key, fix.check)
                    for member in whole
                    for fix in member.fixes
                    if member.key in keys and not fix.is_open
                }
            )

    def _strike(self, fixes: set[tuple[str, str]]) -> None:
        """Out of what is written; those that are out already come back."""
        without = self._wanted.without
        left = without - fixes if fixes <= without else without | fixes
        self._wanted = replace(self._wanted, without=left)
        self._draw()

    def is_kept(self, member: Member) -> bool:
        whole = self._whole(member.key) or member
        made = {fix.check for fix in whole.fixes if not fix.is_open}
        return member.standing is Standing.READY and not made <= self.struck_of(member)

    def action_level(self) -> None:
        at = _LEVELS.index(self._wanted.caution)
        level = _LEVELS[(at + 1) % len(_LEVELS)]
        self._wanted = replace(self._wanted, caution=level)
        self._make()

    def action_change(self) -> None:
        (member, *_), check = self.under()
        bench, row = self.session.bench, self.session.rows.get(member.key)
        report = row.report if row is not None else None
        if bench is None or report is None:
            return
        finding = next((each for each in report.everything if each.check == check), None)
        choice = self._wanted.values_of(member.key, check)
        choosing = Choosing(
            bench,
            report,
            {},
            {check: dict(choice.parameters)},
        )
        if finding is None or not choosing.settings(check):
            self._give(member, Choice(check))
            return
        self.app.push_screen(
            ValuesScreen(choosing, finding),
            lambda _: self._give(member, choosing.choice(check)),
        )

    def _give(
        self,
        member: Member,
        choice: Choice,
    ) -> None:
        given = {
            **self._wanted.given,
            (member.key, choice.check): choice,
        }
        self._wanted = replace(self._wanted, given=given)
        self._make()

    def action_diff(self) -> None:
        """Of the file of the service under the cursor."""
        members, _ = self.under()
        paths = {
            judged.service.file.path
            for judged in self._services.looked.services
            if judged.service.key in {member.key for member in members}
        }
        names = ", ".join(dict.fromkeys(member.group for member in members))
        self._open(lambda draft: draft.path in paths, visible(names, 60))

    def action_write(self) -> None:
        files = plural(len(self._result.drafts) if self._result else 0, "file")
        self._open(lambda draft: True, files)

    def _open(
        self,
        only: Callable[[DraftFile], bool],
        what: str,
    ) -> None:
        level = self._wanted.caution.level
        task = writing_task(
            self._services,
            self._wanted,
            only,
            f"The {level} fixes go into the files that you opened.",
        )
        self.app.push_screen(
            JobScreen(
                f"{what} › {level}",
                task,
                "making the changes",
            )
        )
