"""A service at rest compared with the container of its name that runs on this host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hardentui.features.at_rest.services import Format, Service
from hardentui.features.looking.unit_origin import drift_between
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict, failed, not_applicable, passed, unknown
from hardentui.model.gain import Gain
from hardentui.model.spec import Spec
from hardentui.options import NAME

Running: TypeAlias = "Callable[[str], ContainerFacts | None]"
"""Finds the running container of a name."""


def drift_of(service: Service, running: Running) -> Verdict:
    """How the running container differs from the file, where that affects security."""
    if service.infra or service.format not in (Format.QUADLET, Format.RUN):
        return unknown("only containers of Quadlets and run commands are compared with what runs")
    facts = running(service.spec[NAME])
    if facts is None:
        return not_applicable("no container of this name is on this host")
    every = drift_between(
        Spec(service.spec.settings, service.spec.unknowable),
        facts,
    )
    different = [difference for difference in every if difference.security]
    if not different:
        return passed("as in the file")
    reason = f"the running container differs: {'; '.join(map(str, different))}"
    flags = tuple(difference.flag for difference in different)
    return failed(
        reason,
        gives=Gain.ITSELF.at_once,
        things=flags,
    )
