"""The units of an engine's containers: systemd is asked once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from hardentui.features.looking.unit_origin import manager_of, unit_facts
from hardentui.host.commands import Run
from hardentui.host.files import Files
from hardentui.host.units.systemd import ReadUnit, read_units
from hardentui.model.facts import ContainerFacts, EngineFacts, UnitFacts
from hardentui.model.known import Known, Unread

_ENGINE_UNITS_FRESH = timedelta(
    seconds=5
)  # long enough for a full scan; a later check sees newer data


class EngineUnits:
    """Answers about the units of a local engine's containers, kept for some seconds."""

    def __init__(
        self,
        engine: EngineFacts,
        files: Files,
        run: Run,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._files = files
        self._run = run
        self._clock = clock
        self._read: tuple[datetime, Mapping[str, Known[ReadUnit | None]]] | None = None

    def facts(
        self,
        facts: ContainerFacts,
        service: str,
        services: Collection[str],
    ) -> Known[UnitFacts | None]:
        """The unit of a container. `services`: the units that all containers are labelled with; the
        first request loads them together.
        """
        return unit_facts(
            self._files,
            self._unit(service, services),
            facts,
        )

    def exists(
        self,
        service: str,
        services: Collection[str],
        *,
        by_image: bool,
    ) -> Known[bool]:
        """Whether there is such a unit; it may be one that HardenTUI cannot read as a container's.
        `by_image`: an image names it, which may be any unit of the host, so it has to run podman.
        """
        unit = self._unit(service, services)
        if isinstance(unit, ReadUnit) and by_image:
            return unit.files is not None and (
                unit.files.quadlet or "podman" in unit.files.file.text
            )
        return unit if isinstance(unit, Unread) else unit is not None

    def _unit(
        self,
        service: str,
        services: Collection[str],
    ) -> Known[ReadUnit | None]:
        now = self._clock()
        if (
            self._read is None
            or now - self._read[0] > _ENGINE_UNITS_FRESH
            or service not in self._read[1]
        ):
            names = sorted({*services, service})
            manager = manager_of(self._files, self._engine)
            self._read = (
                now,
                read_units(
                    self._files,
                    self._run,
                    names,
                    manager,
                ),
            )
        return self._read[1][service]
