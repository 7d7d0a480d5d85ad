"""The images: who uses them, how old they are, and what they contain."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from hardentui.features.images.page import (
    cells_of,
    image_page,
    is_inspected,
    no_scanner_page,
    rehearsal_page,
    size_of,
    updates_task,
)
from hardentui.features.images.scanners import commands_to_install
from hardentui.features.images.scanning import Scanning
from hardentui.features.networks.requests import fresh_report
from hardentui.features.task import TaskResult, Tell
from hardentui.features.trial.request import Wishes
from hardentui.features.views import Report, Row, told_once
from hardentui.model.facts import ImageFacts
from hardentui.model.finding import Finding, Kind, Status
from hardentui.model.image import NeverScanned
from hardentui.model.known import known
from hardentui.tui.actions import BACK, BROWSE, COPY, IMAGES
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.dialogs import ask
from hardentui.tui.screens.findings import FindingsScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.status import OTHERS, look_of, worst_first
from hardentui.tui.widgets.page import page
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class ImagesScreen(BrowseScreen):
    ACTIONS = (*IMAGES, *BROWSE, COPY, BACK)
    WANTED = "images"
    COLUMNS = (
        Column("", 1),
        Column("Image", 0),
        Column("Engine", 14, 100),
        Column("Users", 5),
        Column("Age", 9),
        Column("Size", 8),
        Column("System", 30, 140),
        Column("Packages", 8, 100),
        Column("Vulnerabilities", 18, 70),
    )

    def lines(self) -> Sequence[BrowseRow] | None:
        reports = self.session.around.images
        if reports is None:
            return None
        return [self._line(report) for report in reports if report.about is not None]

    def _line(self, report: Report) -> BrowseRow:
        facts = report.about
        assert isinstance(facts, ImageFacts)  # noqa: S101 - `image_reports` gives nothing else
        worst = next(iter(worst_first(self._findings(report))), None)
        look = look_of(worst) if worst is not None else OTHERS[Status.UNKNOWN]
        if not is_inspected(facts) and not (worst is not None and worst.failing):
            look = OTHERS[Status.UNKNOWN]  # nobody has looked inside
        mark, order = self.signs.mark(look), look.order
        name, cells = report.subject.name, cells_of(facts)
        engine, _, _, _, system, packages, known = cells
        built = str(facts.inspect.get("Created") or "")
        by_number = (-len(facts.used_by), built, -size_of(facts))
        sort = (
            order,
            name.lower(),
            engine,
            *by_number,
            system,
            packages.zfill(8),
            known,
        )
        texts = (mark, name, *cells)
        return BrowseRow(_key(report), texts, sort)

    def _report(self, key: str) -> Report | None:
        return next(
            (report for report in self.session.around.images or () if _key(report) == key), None
        )

    def _findings(self, report: Report) -> list[Finding]:
        """The verdict on the image, with what its containers tell of it."""
        users = self.session.around.users_of(report.subject.engine, report.subject.id)
        told = told_once(row.report for row in users if row.report is not None)
        ours = [
            finding
            for each, _ in told
            if each.subject.kind is Kind.IMAGE
            for finding in each.findings
        ]
        return [*report.findings, *ours]

    def about(self, key: str) -> Content:
        report = self._report(key)
        if report is None or not isinstance(report.about, ImageFacts):
            return Content("")
        facts = report.about
        findings = self._findings(report)
        if not is_inspected(report.about):  # the page says so once, not every check again
            findings = [finding for finding in findings if finding.status is not Status.UNKNOWN]
        sections = [*image_page(report.about)]
        never = isinstance(known(lambda: facts.scan), NeverScanned) and not self.simulated
        if never and (commands := commands_to_install()):
            sections.insert(1, no_scanner_page(commands))
        return page(
            self,
            sections,
            findings,
            self.text_width,
        )

    def crumb(self) -> Content:
        inspection = self.session.around.look
        parts: list[str | tuple[str, str]] = [("Images", "bold")]
        reports = self.session.around.images
        if reports:
            inspected = sum(
                isinstance(report.about, ImageFacts) and is_inspected(report.about)
                for report in reports
            )
            parts.append(f"   {len(reports)}, {inspected} inspected")
        if inspection is not None:
            parts.append((f"   {inspection.progress}", "$primary"))
        return Content.assemble(*parts)

    def nothing(self) -> str:
        return "There are no images."

    def screen_report(self) -> ScreenReport:
        reports = self.session.around.images or ()
        return ScreenReport(
            "images", tuple((report, f"image  {report.subject.engine}") for report in reports)
        )

    def why_not(self, action: str) -> str:
        if action not in ("findings", "look", "scan", "scan_all", "take_in", "updates", "rehearse"):
            return ""
        if self.session.bench is None or self.session.around.images is None:
            return "The images are still being read."
        if action in ("scan", "scan_all") and self.simulated:
            return "This host is simulated: it has no image that a scanner could read."
        if action in ("updates", "rehearse") and self.simulated:
            return "This host is simulated: no registry is queried, and no twin is run."
        if action == "take_in" and self.simulated:
            return "This host is simulated: no file of this machine is read."
        report = self._report(self.current)
        if report is None:
            return "There is no image under the cursor." if self._images else "There are no images."
        if action in ("look", "scan", "scan_all") and self.session.around.look is not None:
            return "Another image is being inspected. esc stops it."
        inspected = isinstance(report.about, ImageFacts) and is_inspected(report.about)
        if action == "look" and inspected:
            return "Already inspected; an image never changes under its ID."
        return ""

    def action_findings(self) -> None:
        key = self.current

        def find() -> Sequence[Finding]:
            report = self._report(key)
            return self._findings(report) if report is not None else ()

        if (report := self._report(key)) is not None:
            self.app.push_screen(
                FindingsScreen(
                    Kind.IMAGE,
                    f"Images › {report.subject.name}",
                    find,
                )
            )

    def action_look(self) -> None:
        if (report := self._report(self.current)) is not None:
            subject = report.subject
            self.session.around.look_into(
                subject.engine,
                subject.id,
                subject.name,
            )

    def action_scan(self) -> None:
        report = self._report(self.current)
        if report is not None and isinstance(report.about, ImageFacts):
            self.session.around.scan([report.about])

    def action_scan_all(self) -> None:
        self.session.around.scan(self._images)

    @property
    def _images(self) -> tuple[ImageFacts, ...]:
        reports = self.session.around.images or ()
        return tuple(report.about for report in reports if isinstance(report.about, ImageFacts))

    def action_take_in(self) -> None:
        question = "File with a report of Trivy, Grype, Quay or Clair (JSON)"
        ask(
            self,
            question,
            "~/report.json",
            self._import_report,
        )

    def _import_report(self, path: str) -> None:
        if (bench := self.session.bench) is not None:
            images = self._images

            def keep() -> str:
                image, report = Scanning(bench.parts).import_report(
                    os.path.expanduser(path), images
                )
                name = image.names[0] if image.names else image.id
                return f"The report of {report.scanner} is stored for {name}."

            self.carry_out("Imported", keep)

    def was_carried_out(self) -> None:
        self.session.around.renew()

    def action_updates(self) -> None:
        if (bench := self.session.bench) is not None:
            job = partial(updates_task, bench.parts, self._images)
            screen = JobScreen(
                "Images › updates",
                job,
                "querying registries",
            )
            self.app.push_screen(screen, lambda _: self.session.around.renew())

    def action_rehearse(self) -> None:
        question = (
            "Try an update on twins: first today's image, then the new one, which must be pulled"
        )
        ask(
            self,
            question,
            "CONTAINER, or CONTAINER IMAGE",
            self._rehearse,
        )

    def _rehearse(self, words: str) -> None:
        if (bench := self.session.bench) is not None:
            job = partial(
                _rehearsal,
                bench,
                tuple(self.session.rows.values()),
                words,
            )
            self.app.push_screen(
                JobScreen(
                    f"Images › rehearsal of {words}",
                    job,
                    "looking closely",
                )
            )

    def action_back(self) -> None:
        if not self.session.around.cancel_look():
            super().action_back()

    def copied(self) -> tuple[str, str]:
        report = self._report(self.current)
        return ("the image's name", visible(report.subject.name)) if report else ("", "")


def _key(report: Report) -> str:
    return report.subject.key


def _rehearsal(
    bench: Workbench,
    rows: Sequence[Row],
    words: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """An update tried on twins, for `NAME` or `NAME IMAGE`."""
    name, _, image = words.partition(" ")
    report = fresh_report(bench, rows, name)
    wanted, wishes = image.strip(), Wishes()
    rehearsal = bench.trying(report).rehearse(
        wanted,
        wishes,
        lambda event: tell(event.text),
        stop,
    )
    return TaskResult((rehearsal_page(rehearsal, report.subject.name),))
