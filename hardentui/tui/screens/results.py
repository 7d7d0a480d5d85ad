"""Several containers or services on one page, each with its score before and after: what is kept of
them is marked, any of their fixes is struck out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.features.harden.everything_page import bar, without_fixes
from hardentui.features.harden.host_run import CAN_BE_KEPT, Chosen, Fix, Member, Standing, average
from hardentui.harden.score import score_word
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.status import Part
from hardentui.visible import visible
from hardentui.words import plural

Group = tuple[str, tuple[Member, ...]]
"""A stack or a file, with its members."""
_SECTION, _GROUP = "section", "group"
"""Those whose result can be kept."""
_KEY = "\0"
"""Between the parts of the key of a row."""


class ResultsScreen(BrowseScreen):
    """Subclasses provide `sections`: headings with the groups below them."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("Container", 0),
        Column("Score", 11),
        Column("", 23, 100, accent=True),
        Column("Standing", 0),
        Column("Down", 8, 90),
    )

    def __init__(self) -> None:
        super().__init__()
        self._chosen: Mapping[str, Chosen] = {}  # by the key of the container
        self._unfolded: set[str] = set()  # members whose fixes are shown

    def sections(self) -> Iterable[tuple[str, Sequence[Group]]]:
        raise NotImplementedError

    def choose(self, wanted: Mapping[str, Chosen]) -> None:
        """Remember what a user wants of these results."""
        raise NotImplementedError

    def answered(self, member: Member) -> Collection[str]:
        """Checks of its open fixes that got their value, or the decision."""
        return ()

    @property
    def members(self) -> Mapping[str, Member]:
        return {
            member.key: member
            for _, groups in self.sections()
            for _, members in groups
            for member in members
        }

    def is_kept(self, member: Member) -> bool:
        return self._chosen_of(member).keeps(member)

    def struck_of(self, member: Member) -> frozenset[str]:
        return frozenset(self._chosen_of(member).struck)

    def _chosen_of(self, member: Member) -> Chosen:
        return self._chosen.get(member.key, Chosen())

    def score_of(self, member: Member) -> int | None:
        """The score that it will have, without what was struck out."""
        return without_fixes(member, self.struck_of(member))

    def lines(self) -> Sequence[BrowseRow] | None:
        rows: list[BrowseRow] = []
        for heading, groups in self.sections():
            if heading:
                row = self._row(f"{_SECTION}{_KEY}{heading}", heading)
                rows.append(row._replace(heads=True))
            for name, members in groups:
                indent = "  " if len(members) > 1 else ""
                if indent:
                    rows.append(self._group_row(name, members))
                for member in members:
                    rows.append(self._member_row(member, indent))
                    if member.key in self._unfolded:
                        rows += [self.fix_row(member, fix, indent) for fix in member.fixes]
        return rows

    def _row(
        self,
        key: str,
        name: str,
        before: int | None = None,
        after: int | None = None,
        standing: str = "",
        down: str = "",
    ) -> BrowseRow:
        scored = before is not None
        score = f"{score_word(before)} → {score_word(after)}" if after is not None else ""
        score = score or (score_word(before) if scored else "")
        bars = f"{bar(before)} → {bar(after)}" if after is not None else bar(before)
        texts = (name, score, bars if scored else "", standing, down)
        return BrowseRow(
            key,
            tuple(self.signs.of(text) for text in texts),
            texts,
        )

    def _group_row(
        self,
        name: str,
        members: tuple[Member, ...],
    ) -> BrowseRow:
        after = [score for member in members if (score := self.score_of(member)) is not None]
        return self._row(
            f"{_GROUP}{_KEY}{members[0].key}",
            f"{_end(visible(name), 30)} ({len(members)} together)",
            average(members),
            round(sum(after) / len(after)) if after else None,
        )

    def _member_row(
        self,
        member: Member,
        indent: str,
    ) -> BrowseRow:
        mark = "[x]" if self.is_kept(member) else "[ ]"
        mark = mark if member.standing in CAN_BE_KEPT else "   "
        fold = "▾" if member.key in self._unfolded else "▸" if member.fixes else " "
        return self._row(
            member.key,
            f"{mark} {indent}{fold} {visible(member.name, 60)}",
            member.before,
            self.score_of(member),
            self.standing_of(member),
            f"{member.downtime:.1f} s" if member.downtime else "",
        )

    def standing_of(self, member: Member) -> str:
        """What its section does not say: how many fixes, what is asked, or why not."""
        if member.standing is Standing.RUNNING and member.now:
            return visible(member.now, 80)
        if member.standing in CAN_BE_KEPT:
            return fixes_words(member)
        return visible(member.reason, 80)

    def fix_row(
        self,
        member: Member,
        fix: Fix,
        indent: str = "",
    ) -> BrowseRow:
        struck = fix.check in self.struck_of(member)
        answered = fix.is_open and fix.check in self.answered(member)
        mark = "[+]" if answered else "[?]" if fix.is_open else "[ ]" if struck else "[x]"
        cost = cost_of(member, fix)
        worth = f"{'-' if struck else '+'}{cost}" if cost > 0 else ""
        texts = (
            f"      {indent}{mark} {visible(fix.text, 120)}",
            worth,
            "",
            "t tries it" if answered else f"needs {fix.missing}" if fix.is_open else fix.check,
            "",
        )
        return BrowseRow(
            f"{member.key}{_KEY}{fix.check}",
            texts,
            texts,
        )

    def under(self) -> tuple[tuple[Member, ...], str]:
        """The members of the row under the cursor, and the check of its fix."""
        kind, _, rest = self.current.partition(_KEY)
        if kind not in (_SECTION, _GROUP):
            member = self.members.get(kind)
            return ((member,), rest) if member is not None else ((), "")
        for heading, groups in self.sections():
            if kind == _SECTION and heading == rest:
                return tuple(member for _, members in groups for member in members), ""
            for _, members in groups:
                if kind == _GROUP and members[0].key == rest:
                    return members, ""
        return (), ""

    def title_of(self, key: str) -> str:
        members, check = self.under()
        if check:
            return f"{members[0].name}: {check}"
        if len(members) == 1:
            return members[0].name
        kind, _, rest = key.partition(_KEY)
        return rest if kind == _SECTION else members[0].group if members else ""

    def signed(self, part: Part) -> Part:
        if isinstance(part, str):
            return self.signs.of(part)
        return (self.signs.of(str(part[0])), part[1]) if isinstance(part, tuple) else part

    def about_fix(
        self,
        member: Member,
        check: str,
    ) -> Iterator[Part]:
        bench = self.session.bench
        known = bench.judge.check(check) if bench is not None else None
        if known is not None:
            yield (f"{known.title}\n", "bold")
        fix = next((fix for fix in member.fixes if fix.check == check), None)
        if fix is not None:
            yield f"{fix.text}\n"
            if fix.is_open:
                yield f"Not part of the result: it needs {fix.missing}. "
                yield "Space gives it; then t tries it.\n"
            elif (cost := cost_of(member, fix)) > 0:
                yield f"Without it: score {member.after} → {(member.after or 0) - cost}. "
            else:
                yield "It costs no points to leave it out. "
            if not fix.is_open:
                yield "Space strikes it out, or takes it back.\n"
        if known is not None and (breaks := known.section("What may break")):
            yield f"What may break: {breaks}\n"

    def copied(self) -> tuple[str, str]:
        return "this page", self.about(self.current).plain

    def about(self, key: str) -> Content:
        raise NotImplementedError

    def why_not(self, action: str) -> str:
        if action not in ("mark", "fold"):
            return ""
        members, _ = self.under()
        if action == "mark" and not any(member.standing in CAN_BE_KEPT for member in members):
            return "There is no result to mark in this row."
        if action == "fold" and not any(member.fixes for member in members):
            return "This row has no fixes to show."
        return ""

    def action_mark(self) -> None:
        """A container: kept or not; a fix: in it or struck out."""
        members, check = self.under()
        able = [member for member in members if member.standing in CAN_BE_KEPT]
        if check:
            struck = self.struck_of(able[0]) ^ {check}
            left = replace(self._chosen_of(able[0]), struck=tuple(sorted(struck)))
            self.choose({able[0].key: left})
        else:
            keep = not all(map(self.is_kept, able))
            self.choose({each.key: replace(self._chosen_of(each), keep=keep) for each in able})
        self._draw()

    def action_fold(self) -> None:
        self.enter_row()

    def enter_row(self) -> None:
        """Enter shows the fixes of a container below it, or hides them."""
        keys = {member.key for member in self.under()[0] if member.fixes}
        self._unfolded ^= keys if keys <= self._unfolded else keys - self._unfolded
        self._draw()


def fixes_words(member: Member) -> str:
    """`4 fixes, 5 to decide`."""
    asks = sum(fix.is_open for fix in member.fixes)
    own = len(member.fixes) - asks
    parts = [plural(own, "fix", "fixes")] if own else []
    return ", ".join((*parts, f"{asks} to decide") if asks else parts)


def _end(text: str, width: int) -> str:
    """The end of a long name: that of a path tells more than its beginning."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def cost_of(member: Member, fix: Fix) -> int:
    """How many points a fix is worth; 0 where that is not known."""
    if fix.without is None or member.after is None:
        return 0
    return max(0, member.after - fix.without)
