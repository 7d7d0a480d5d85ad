"""The images: who uses them, how old they are, and what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content

from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.known import Unreadable
from hardentui.tui.actions import BACK, COPY, IMAGES, bindings
from hardentui.tui.screens.browse import BrowseScreen, Column, Line
from hardentui.tui.status import look_of, worst_first
from hardentui.tui.widgets.page import page
from hardentui.visible import visible
from hardentui.workbench.pages.images import age_of, image_page, packages_of, size_of, system_of
from hardentui.workbench.pages.sections import size_text
from hardentui.workbench.views import Report

_STEP = 1


class ImagesScreen(BrowseScreen):
    ACTIONS = (*IMAGES, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Images"
    WANTED = "images"
    COLUMNS = (
        Column("", 1),
        Column("Image", 0),
        Column("Engine", 14, 100),
        Column("Users", 5),
        Column("Age", 9),
        Column("Size", 8),
        Column("System", 26, 120),
        Column("Packages", 8, 70),
    )

    def lines(self) -> Sequence[Line] | None:
        reports = self.session.around.images
        if reports is None:
            return None
        return [self._line(report) for report in reports if report.about is not None]

    def _line(self, report: Report) -> Line:
        facts = report.about
        assert isinstance(facts, ImageFacts)  # noqa: S101 - `image_reports` gives nothing else
        worst = worst_first(self._findings(report))[:1]
        mark = self.signs.mark(look_of(worst[0])) if worst else ""
        order = look_of(worst[0]).order if worst else 99
        users, size = len(facts.used_by), size_of(facts)
        packages = packages_of(facts)
        age, system = age_of(facts), system_of(facts)
        name = report.subject.name
        texts = (mark, name, report.subject.engine, str(users), age, size_text(size), system, packages)
        built = str(facts.inspect.get("Created") or "")
        sort = (order, name.lower(), report.subject.engine, -users, built, -size, system, packages.zfill(8))
        return Line(_key(report), texts, sort)

    def _report(self, key: str) -> Report | None:
        return next((report for report in self.session.around.images or () if _key(report) == key), None)

    def _findings(self, report: Report) -> list[Finding]:
        """The image's own, and those of step 1 that a container of it has because of it."""
        findings = list(report.findings)
        users = self.session.around.users_of(report.subject.engine, report.subject.id)
        if users and users[0].report:
            findings += [finding for finding in users[0].report.findings if finding.step == _STEP]
        return findings

    def about(self, key: str) -> Content:
        report = self._report(key)
        if report is None or not isinstance(report.about, ImageFacts):
            return Content("")
        findings = self._findings(report)
        if isinstance(report.about.inventory, Unreadable):  # the page says so once; not every check again
            findings = [finding for finding in findings if finding.status is not Status.UNKNOWN]
        return page(self, image_page(report.about), findings, self.text_width)

    def crumb(self) -> Content:
        look = self.session.around.look
        parts: list[str | tuple[str, str]] = [("Images", "bold")]
        reports = self.session.around.images
        if reports:
            known = sum(
                isinstance(report.about, ImageFacts) and not isinstance(report.about.inventory, Unreadable)
                for report in reports
            )
            parts.append(f"   {len(reports)}, {known} looked into")
        if look is not None:
            parts.append((f"   {look.told}", "$primary"))
        return Content.assemble(*parts)

    def nothing(self) -> str:
        return "There are no images."

    def action_look(self) -> None:
        report = self._report(self.current)
        if report is None or not isinstance(report.about, ImageFacts):
            return
        if not isinstance(report.about.inventory, Unreadable):
            self.notify("It was looked into; an image never changes under its id.", markup=False)
        elif not self.session.around.look_into(report.subject.engine, report.subject.id, report.subject.name):
            self.complain("Another image is being read. esc stops it.")

    def action_scan(self) -> None:
        report = self._report(self.current)
        if report is None or not isinstance(report.about, ImageFacts):
            return
        if not self.session.around.scan(report.about, report.subject.name):
            self.complain("Another image is being read. esc stops it.")

    def action_back(self) -> None:
        if not self.session.around.cancel_look():
            super().action_back()

    def copied(self) -> tuple[str, str]:
        report = self._report(self.current)
        return ("the image's name", visible(report.subject.name)) if report else ("", "")


def _key(report: Report) -> str:
    return f"{report.subject.engine}/{report.subject.id}"
