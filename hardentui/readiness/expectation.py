"""The criterion of readiness: the best available evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.model.trial import How

PATIENCE = 30.0
ALIVE = 3.0
SETTLED = 1.0


class Expectation(Struct, frozen=True):
    """When a container counts as ready.

    Attributes:
        how: by its health check, its listening ports, or by staying alive.
        ports: `tcp/80`: all of them must be listening (for PORTS).
        patience: seconds within which all of this must happen.
        settle: seconds that the main process must stay alive afterwards.
        probes: commands that must all succeed.
        ends_well: it may exit with code 0 and then counts as ready (a job, not a service).
    """

    how: How
    ports: frozenset[str] = frozenset()
    patience: float = PATIENCE
    settle: float = SETTLED
    probes: tuple[str, ...] = ()
    ends_well: bool = False

    @property
    def words(self) -> str:
        """The awaited condition, for a sentence."""
        if self.how is How.HEALTH:
            return "its health check"
        if self.how is How.PORTS:
            return f"a listener on {', '.join(sorted(self.ports))}"
        return f"its main process to stay alive for {self.settle:g} s"


def expectation(document: Mapping[str, Any], ports: Iterable[str], patience: float = PATIENCE) -> Expectation:
    """How a container is judged.

    Args:
        document: its inspect document.
        ports: those it listens on when it works (`ports_of`).
    """
    if has_health_check(document):
        return Expectation(How.HEALTH, patience=patience)
    if known := frozenset(ports):
        return Expectation(How.PORTS, known, patience)
    return Expectation(How.ALIVE, patience=patience, settle=min(ALIVE, patience))


def has_health_check(document: Mapping[str, Any]) -> bool:
    test = ((document.get("Config") or {}).get("Healthcheck") or {}).get("Test")
    return isinstance(test, list) and test[:1] not in ([], ["NONE"])
