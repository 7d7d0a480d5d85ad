"""What containers depend on: the host, the engines, the images, the networks. Each is judged once and
kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.inventories import Inventories
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.engines import EngineInfo
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Report, concerns
from hardentui.model.facts import ImageFacts, NetworkFacts
from hardentui.model.finding import Finding, Kind, Subject
from hardentui.model.known import Unread
from hardentui.scanners.registry_answers import RegistryAnswers


class Surroundings:
    """Reports of shared subjects. Safe to call from several threads."""

    def __init__(self, opened: Opened, gatherers: Mapping[str, Gatherer], judge: Judge) -> None:
        self._info = EngineInfo(opened.cache_directory)
        for engine in opened.engines:
            self._info.use_kept(engine)
        self._opened = opened
        self._gatherers = gatherers
        self._judge = judge
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Report, ...]] = {}

    def host(self, *, again: bool = False) -> tuple[Report, ...]:
        """The host's report and one per engine; the first call requests each engine's info."""
        if again:
            self._opened.forget_host()
            with self._lock:
                self._known.pop("host", None)
        return self._once("host", self._read_host)

    def images(self) -> tuple[Report, ...]:
        """One report per image of all engines."""
        return self._once("images", lambda: self._each(Kind.IMAGE, Gatherer.images))

    def networks(self) -> tuple[Report, ...]:
        """One report per network that containers are on."""
        return self._once("networks", lambda: self._each(Kind.NETWORK, Gatherer.networks))

    def forget_what_changes(self) -> None:
        """A new list of containers was read: other images and networks may be in use."""
        with self._lock:
            self._known.pop("images", None)
            self._known.pop("networks", None)

    def also(self, report: Report, step: int = 0) -> tuple[Finding, ...]:
        """What fails of site, host, engine and networks and concerns a container, worst first. `step`: only
        in this step; 0 = in all.
        """
        findings = [finding for finding in report.others if finding.scope is Kind.SITE]
        for other in self.known_below(report):
            findings += other.findings
        failing = [finding for finding in findings if finding.failing and step in (0, finding.step)]
        return tuple(sorted(failing, key=lambda finding: (-finding.severity, finding.check)))

    def known_below(self, report: Report) -> tuple[Report, ...]:
        """Known reports that also concern a container."""
        with self._lock:
            known = [report for reports in self._known.values() for report in reports]
        return tuple(other for other in known if concerns(report, other.subject))

    def _once(self, what: str, read: Callable[[], tuple[Report, ...]]) -> tuple[Report, ...]:
        with self._lock:
            known = self._known.get(what)
        if known is None:
            known = read()
            with self._lock:
                self._known[what] = known
        return known

    def _read_host(self) -> tuple[Report, ...]:
        host = self._opened.host_facts()
        subject = Subject(Kind.HOST, self._opened.host_name, self._opened.host_name)
        if isinstance(host, Unread):
            reports = [self._judge.nothing(subject, host.reason)]
        else:
            reports = [self._judge.other(subject, host)]
        for engine in self._opened.engines:
            label = self._info.load(engine).label
            facts = self._gatherers[label].engine_facts()
            reports.append(self._judge.other(Subject(Kind.ENGINE, label, label, label), facts))
        return tuple(reports)

    def _each(
        self, kind: Kind, read: Callable[[Gatherer], Iterable[ImageFacts | NetworkFacts]]
    ) -> tuple[Report, ...]:
        return tuple(
            self._judge.other(_subject(kind, facts, label), facts)
            for label, gatherer in self._gatherers.items()
            for facts in read(gatherer)
        )


def _subject(kind: Kind, facts: ImageFacts | NetworkFacts, engine: str) -> Subject:
    if isinstance(facts, ImageFacts):
        return Subject(kind, facts.id, facts.names[0] if facts.names else facts.id[:12], engine)
    return Subject(kind, facts.name, facts.name, engine)


class Parts(Struct, frozen=True):
    """The opened engines, the gatherer of each (by label), the shared surroundings, the known contents of
    images, and the stored answers of registries.
    """

    opened: Opened
    gatherers: Mapping[str, Gatherer]
    surroundings: Surroundings
    inventories: Inventories
    registry: RegistryAnswers | None = None

    def more_is_known(self, engine: str, image: str) -> None:
        """New data about an image was stored: whatever uses it is judged again."""
        self.gatherers[engine].forget_image(image)
        self.surroundings.forget_what_changes()
