"""Files in the place of a host: the same list, walk, diff and writing, without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from datetime import date

from msgspec.structs import replace

from hardentui.errors import CannotFix, HardenError
from hardentui.features.at_rest.checking import AtRest, Looked, look
from hardentui.features.at_rest.choosing import Wanted, offer
from hardentui.features.at_rest.fixing import Fixed, changed_files, drafts_of, fix_all
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.patches import patch_of
from hardentui.features.at_rest.services import SpecAtRest
from hardentui.features.at_rest.sources import stamps
from hardentui.features.at_rest.target_podman import target_podman
from hardentui.features.at_rest.unread_host import OF_HOST
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.first_look import FirstLook
from hardentui.features.fix.drafter import Drafter
from hardentui.features.fix.saving import OwnUnit
from hardentui.features.looking.containers import Containers, Neighbours
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.features.planner import Planner
from hardentui.features.views import CheckProgress, Connectivity, Report, Row
from hardentui.features.workbench import Workbench
from hardentui.host.files import LocalFiles
from hardentui.model.draft import Draft, DraftFile, NextSteps, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Subject
from hardentui.model.known import Unread
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec

_LOOK_AGAIN = 0.5  # seconds


class FilesLook(FirstLook):
    """The services of some files, for the terminal UI: takes the place of a first look at the
    engines."""

    def __init__(
        self,
        paths: tuple[str, ...],
        checklist: str,
    ) -> None:
        nowhere = Opened(
            (),
            (),
            CommandLog(),
            LocalFiles(),
            lambda: OF_HOST,
            lambda facts: OF_HOST,
            " ".join(paths),
        )
        super().__init__(nowhere, checklist)
        self._paths = paths
        self._bench: Workbench | None = None

    def rows(self) -> tuple[Row, ...]:
        return self.workbench().containers.rows()

    def workbench(self) -> Workbench:
        if self._bench is None:
            bench = self._bench = Workbench.of(self.opened, self._checklist)
            services = bench.containers = Services(AtRest(self._paths, self._checklist))
            bench.planner = FilesPlanner(bench.judge, services)
            bench.drafter = FilesDrafter(services)
        return self._bench


class Services(Containers):
    """The services of the files, as rows of containers that were never started."""

    def __init__(self, asked: AtRest) -> None:
        self._asked = asked
        self._looked: Looked | None = None
        self._known: dict[str, tuple[Row, Judged]] = {}

    def rows(self) -> tuple[Row, ...]:
        looked = self._looked = look(self._asked, date.today())
        steps = tuple(step.number for step in looked.judge.checklist.steps)
        self._known = {
            judged.service.key: (_row(judged, steps), judged) for judged in looked.services
        }
        return tuple(row for row, _ in self._known.values())

    def scan(
        self,
        on_report: Callable[[Row], None],
        on_progress: Callable[[CheckProgress], None],
        stop: threading.Event,
        keys: Collection[str] | None = None,
        *,
        costly: bool | None = None,
    ) -> None:
        rows = [row for key, (row, _) in self._known.items() if keys is None or key in keys]
        for row in rows:
            on_report(row)
        on_progress(CheckProgress(len(rows), len(rows)))

    def report(self, key: str) -> Report | None:
        row = self.row(key)
        return row.report if row is not None else None

    def refresh(self, key: str) -> Row | None:
        self.rows()
        return self.row(key)

    def row(self, key: str) -> Row | None:
        return self._known[key][0] if key in self._known else None

    def watch(
        self,
        on_change: Callable[[], None],
        on_state: Callable[[Connectivity], None],
        stop: threading.Event,
    ) -> None:
        seen = tuple(stamps(self._asked.paths))
        while not stop.wait(_LOOK_AGAIN):
            now = tuple(stamps(self._asked.paths))
            if now != seen:
                seen = now
                on_change()

    def neighbours(self, report: Report) -> Neighbours:
        return Neighbours()

    def stack(self, report: Report) -> Neighbours:
        return Neighbours()

    def judged(self, report: Report) -> tuple[Looked, Judged]:
        """What a report was made from."""
        if self._looked is None or report.subject.key not in self._known:
            raise CannotFix("The file has changed meanwhile.", "Open the list again.")
        return self._looked, self._known[report.subject.key][1]

    def fixed(self, wanted: Wanted) -> tuple[tuple[Fixed, ...], tuple[DraftFile, ...]]:
        """Every service with the wanted fixes, and the changed files: those of `fix PATH`."""
        looked = self.looked
        version = target_podman(None, looked.sources).version
        texts: dict[str, str] = {}
        fixed = fix_all(
            looked,
            wanted,
            version,
            texts,
        )
        return fixed, tuple(drafts_of(texts, looked.sources))

    @property
    def looked(self) -> Looked:
        """What the rows were made from."""
        if self._looked is None:
            self._looked = look(self._asked, date.today())
        return self._looked


def _row(
    judged: Judged,
    steps: tuple[int, ...],
) -> Row:
    service, facts = judged.service, judged.facts
    engine = facts.engine.replace(label=service.format.value)
    facts = facts.replace(engine=engine)
    subject = Subject(
        Kind.CONTAINER,
        service.id,
        service.name,
        engine.label,
    )
    findings = [replace(finding, subject=subject) for finding in judged.findings]
    own = tuple(finding for finding in findings if finding.scope is Kind.CONTAINER)
    others = tuple(finding for finding in findings if finding.scope is not Kind.CONTAINER)
    report = Report(
        subject,
        own,
        steps,
        facts,
        others=others,
    )
    place = f"{service.file.shown}:{service.header.file.line_of(service.header.start)}"
    return Row(
        service.key,
        engine,
        service.id,
        service.name,
        facts.image_name,
        "file",
        place,
        report=report,
    )


class FilesPlanner(Planner):
    """Chooses the fixes that `fix PATH` makes: it invents no limit, and takes nothing away that
    stands in the file on purpose."""

    def __init__(
        self,
        judge: Judge,
        services: Services,
    ) -> None:
        super().__init__(judge)
        self._services = services

    def _facts(self, report: Report) -> ContainerFacts:
        """The service as the fixes of `fix PATH` see it; one that is no longer in its file, as it
        was."""
        try:
            facts = self._services.judged(report)[1].fix_facts
        except CannotFix:
            facts = super()._facts(report)
        spec = facts.spec
        return facts.replace(spec=spec.literal) if isinstance(spec, SpecAtRest) else facts

    def choices(
        self,
        report: Report,
        caution: Caution,
    ) -> tuple[Choice, ...]:
        looked, judged = self._services.judged(report)
        wanted = Wanted((), caution)
        spec: Spec = judged.service.spec.literal
        choices = []
        for choice in super().choices(report, Caution.ALL):
            try:
                check = find_check(choice.check, looked.judge.checklist.own)
                each = offer(
                    check,
                    judged,
                    spec,
                    looked.judge.checklist,
                )
            except (HardenError, Unread):
                continue
            if each is not None and wanted.takes(each, judged.service.key):
                choices.append(choice)
                spec = each.after
        return tuple(choices)


class FilesDrafter(Drafter):
    """A plan edits the file of its service, as `fix PATH` does."""

    def __init__(self, services: Services) -> None:
        super().__init__(LocalFiles(), services.stack)
        self._services = services

    def own_unit(self, report: Report) -> OwnUnit | None:
        _, judged = self._services.judged(report)
        file = judged.service.file
        return OwnUnit(file.name, file.path, (Target.UNIT,)) if file.path else None

    def draft(
        self,
        report: Report,
        plan: Plan | None,
        target: Target,
        *,
        version: Version | None = None,
        verify: bool = True,
    ) -> Draft:
        if not target.changes_unit:
            return super().draft(
                report,
                plan,
                target,
                version=version,
                verify=verify,
            )
        looked, judged = self._services.judged(report)
        if plan is None:
            return Draft(target=target, files=())
        files, proof = changed_files(
            looked,
            judged.service,
            plan,
            target_podman(version, looked.sources).version,
        )
        return Draft(
            target=target,
            files=files,
            diff="".join(patch_of(file).text for file in files),
            proof=proof,
        )

    def next_steps(
        self,
        report: Report,
        draft: Draft,
        directory: str,
    ) -> NextSteps:
        return NextSteps()

    def steps_in_place(
        self,
        report: Report,
        draft: Draft,
        saved: object,
    ) -> NextSteps:
        return NextSteps()
