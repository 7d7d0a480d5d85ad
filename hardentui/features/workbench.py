"""The workbench: the use cases that the command line and the TUI call, on the opened engines.

Looking is loaded with it. Planning and writing are loaded on demand: a check needs neither."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.checks import CHECKS
from hardentui.do import Sentence
from hardentui.features.checklists.loading import is_file, load
from hardentui.features.looking.containers import Containers
from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.judging import Judge, Parts, Surroundings
from hardentui.features.looking.stored import Inventories, RegistryAnswers, StoredAboutImages
from hardentui.features.opening.engines import open_engines
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Report, Selection, known_facts
from hardentui.harden.score import lead_somewhere
from hardentui.model.finding import Status
from hardentui.model.known import Known
from hardentui.model.waiver import Waiver
from hardentui.state import settings_file, state_directory
from hardentui.words import without_checklist

if TYPE_CHECKING:
    from hardentui.features.accepting import Waiving
    from hardentui.features.fix.drafter import Drafter
    from hardentui.features.planner import Planner
    from hardentui.features.trial.trying import Trying
    from hardentui.harden.attack import AttackStops
    from hardentui.lib.image import ImageInventory
    from hardentui.model.facts import ImageFacts
    from hardentui.model.settings import Notice


class Workbench:
    """The use cases, by topic. Safe to call from several threads. Errors are HardenErrors.

    Attributes:
        opened: the engines, the host, and the log of requests.
        checklist: as it was named; empty for the ten steps.
        judge: the checklist and its checks.
        containers: list, scan, check again, watch.
        surroundings: host, engines, images, networks.
        planner: fixes, choices, plans, scores.
        drafter: the files of a plan.
        parts: the inputs of use cases that live in separate packages.
        turn: what trials side by side take turns at (see `ChangingEngine`).
        notices: invalid settings for fixes.
    """

    def __init__(
        self,
        opened: Opened,
        judge: Judge,
        notices: tuple[Notice, ...] = (),
        *,
        checklist: str = "",
    ) -> None:
        self.opened = opened
        self.turn: AbstractContextManager[object] = nullcontext()
        self.checklist = checklist
        self.notices = notices
        self.judge = judge
        inventories = Inventories(opened.cache_directory, opened.inventories)
        registry = RegistryAnswers(opened.state_directory) if opened.state_directory else None
        stored = StoredAboutImages(inventories, registry)
        self._gatherers = {
            engine.facts.label: Gatherer(engine, opened, stored) for engine in opened.engines
        }
        self.surroundings = Surroundings(opened, self._gatherers, judge)
        self.parts = Parts(
            opened,
            self._gatherers,
            self.surroundings,
            inventories,
            registry,
        )
        self.containers = Containers(
            opened, self._gatherers, judge, self.surroundings.forget_what_changes
        )

    @classmethod
    def open(
        cls,
        selection: Selection,
        *,
        steps: Iterable[int] = (),
        checks: Iterable[str] = (),
    ) -> Workbench:
        """Find the engines, start a private one, or use the simulated host.

        Args:
            steps, checks: restrict the checklist to these; empty = all.

        Raises:
            NoEngine: an engine was specified (`--url`, `--connection`) and cannot be reached.
            ChecklistError: the checklist has faults.
        """
        return cls.of(
            open_engines(selection),
            selection.checklist,
            steps=steps,
            checks=checks,
        )

    @classmethod
    def of(
        cls,
        opened: Opened,
        checklist: str,
        *,
        steps: Iterable[int] = (),
        checks: Iterable[str] = (),
    ) -> Workbench:
        """A workbench on already opened engines; arguments and errors as for `open`."""
        listed = load(checklist)
        if checklist:
            named = (
                "--checklist",
                os.path.abspath(checklist) if is_file(checklist) else checklist,
            )
            for engine in opened.engines:
                found_with = (*without_checklist(engine.facts.found_with), *named)
                engine.facts = engine.facts.replace(found_with=found_with)
        by_id = CHECKS.with_own(listed.own)
        notices: tuple[Notice, ...] = ()
        if os.path.lexists(settings_file()):
            from hardentui.features.fix_defaults import read_fix_defaults
            from hardentui.features.settings import Document

            defaults = read_fix_defaults(Document.read(), by_id)
            listed, notices = replace(listed, fix_values=defaults.values), defaults.notices
        waivers: tuple[Waiver, ...] = ()
        if not opened.simulated:
            from hardentui.features.vendors.loading import site_faults
            from hardentui.features.waivers import accepted

            notices += site_faults()
            waivers = accepted(checklist, by_id)
        judge = Judge(listed, by_id, steps, checks, waivers)
        return cls(
            opened,
            judge,
            notices,
            checklist=checklist,
        )

    @cached_property
    def planner(self) -> Planner:
        from hardentui.features.planner import Planner

        return Planner(self.judge)

    @cached_property
    def drafter(self) -> Drafter:
        from hardentui.features.fix.drafter import Drafter

        return Drafter(self.opened.files, self.containers.stack)

    @cached_property
    def waiving(self) -> Waiving:
        from hardentui.features.accepting import Waiving

        opened = self.opened
        return Waiving(
            self.judge, self.checklist, engines=len(opened.engines), real=not opened.simulated
        )

    def attack_stops(self, report: Report) -> AttackStops | None:
        """The way of an attacker through it, stop by stop; None while its details are unknown."""
        if report.facts is None:
            return None
        from hardentui.harden.attack import attack_stops

        return attack_stops(report.facts, report.failing)

    def attack(self, report: Report) -> str:
        """A one-sentence summary of a container's findings; empty if nothing stands out."""
        if report.facts is None or not lead_somewhere(report.failing):
            return ""
        from hardentui.harden.attack import attack_path

        return attack_path(report.facts, report.failing)

    def changes_to_tell(self) -> Iterator[Sentence]:
        """Changes of this host that were interrupted, or whose soak slows the service: one sentence
        each, with what resolves it."""
        if not os.path.isdir(os.path.join(state_directory(), "journal")):
            return
        from hardentui.features.apply.soak_watch import slow_soaks
        from hardentui.features.change.cut_off import cut_off_changes

        yield from cut_off_changes()
        yield from slow_soaks()

    def look_into_image(
        self,
        label: str,
        image: str,
        on_bytes: Callable[[int], None],
        stop: threading.Event,
    ) -> Known[ImageInventory]:
        """Inspect the contents of an image, see `image_contents`."""
        from hardentui.features.images.contents import look_into_image

        return look_into_image(
            self.parts,
            label,
            image,
            on_bytes,
            stop,
        )

    def scan_images(
        self,
        images: Sequence[ImageFacts],
        tell: Callable[[str], None],
        stop: threading.Event,
    ) -> dict[str, str]:
        """Scan images for known vulnerabilities, see `scanning.scan_images`."""
        from hardentui.features.images.scanning import scan_images

        return scan_images(self.parts, images, tell, stop)

    def trying(self, report: Report) -> Trying:
        """Trials of a container, on twins beside it."""
        from hardentui.features.trial.trying import Trying

        facts = known_facts(report)
        pod = facts.pod or {}
        others = pod.get("Containers") or ()
        stopped = {str(other.get("Id")) for other in others if other.get("State") != "running"}
        members = [
            member
            for member in self.containers.neighbours(report).members
            if pod.get("CreateInfra", True)  # that of podman-compose shares nothing
            and (
                not facts.running or member.id not in stopped
            )  # such as kept originals of other members
        ]
        waived = frozenset(
            finding.check for finding in report.everything if finding.status is Status.WAIVED
        )
        inside = {facts.id, *(member.id for member in members)}
        stack = [
            other
            for other in self.containers.stack(report).members
            if other.id not in inside and (other.running or not facts.running)
        ]
        return Trying(
            self.opened,
            self._gatherers,
            self.judge,
            facts,
            members,
            waived,
            stack,
            self.turn,
        )

    def close(self) -> None:
        """Close all connections, and stop a private service."""
        self.opened.close()
