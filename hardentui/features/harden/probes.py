"""Whose a probe is where several containers are hardened: it is asked once, and of those it is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from hardentui.do import Flag
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import UsageError
from hardentui.features.change.reached_ports import ports_of
from hardentui.features.change.service_operator import probe_once
from hardentui.features.trial.proposing import ProposedProbe, proposed_probe
from hardentui.model.application_labels import COMPOSE
from hardentui.model.facts import ContainerFacts
from hardentui.options import NETWORK
from hardentui.reading.behaviour import listening
from hardentui.reading.containers import known_health
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

Asks = Callable[[ContainerFacts, str], str]
"""Runs a probe at a container as it is now; why it fails, empty if it succeeds."""


def asks_originals(bench: Workbench) -> Asks:
    """Asks what any client may ask, once."""

    def ask(facts: ContainerFacts, command: str) -> str:
        opened = bench.opened
        if opened.simulated:
            return ""
        with closing(ChangingEngine(opened.engine(facts.engine.label), opened.log)) as engine:
            result = probe_once(engine.containers, command, facts.name)
        return "" if result.succeeded else result.why

    return ask


def with_probe(
    asked: Iterable[str],
    text: str,
    names: Collection[str],
) -> tuple[str, ...]:
    """The probes with another one, in place of the one of the same container.

    Args:
        names: of the containers that `NAME=COMMAND` can be about; any other text is about the whole.
    """
    about = whose(text, names)
    return (
        *(probe for probe in asked if whose(probe, names) != about),
        text,
    )


def whose(text: str, names: Collection[str]) -> str:
    """The container that a probe names; empty: it is about the whole."""
    name, _, command = text.partition("=")
    return name if command and name in names else ""


def assigned(
    given: Iterable[str],
    members: Sequence[ContainerFacts],
    asks: Asks,
) -> Mapping[str, tuple[str, ...]]:
    """ID of a container -> its probes; none of those that no probe is about.

    Args:
        given: `NAME=COMMAND` is about that container or compose service. Any other command is about
            the whole: it belongs to each member at which it succeeds now.
        members: in the order in which they start.

    Raises:
        UsageError: a command succeeds at none of them before any change.
    """
    probes: dict[str, list[str]] = {}
    for text in given:
        name, _, command = text.partition("=")
        named = [facts for facts in members if name in _names(facts)]
        if named and command:
            owners = named
        elif "$TARGET" not in text and "${TARGET}" not in text:
            command, owners = text, list(members[-1:])  # it asks the whole, wherever it runs
        else:
            command, owners = text, _answering(text, members, asks)
        for facts in owners:
            probes.setdefault(facts.id, []).append(command)
    return {identity: tuple(commands) for identity, commands in probes.items()}


def _names(facts: ContainerFacts) -> tuple[str, ...]:
    services = (facts.labels.get(f"{prefix}service", "") for prefix in COMPOSE)
    return (
        facts.name,
        *(service for service in services if service),
    )


def _answering(
    command: str,
    members: Sequence[ContainerFacts],
    asks: Asks,
) -> list[ContainerFacts]:
    """The members at which it succeeds."""
    failed = {facts.name: asks(facts, command) for facts in members}
    owners = [facts for facts in members if not failed[facts.name]]
    if not owners:
        names = ", ".join(visible(name, 40) for name in failed)
        raise UsageError(
            f"The probe {visible(command, 120)!r} succeeds at none of {names}, before any change.",
            (
                "Say whose probe it is: NAME=COMMAND",
                Flag("--probe NAME=COMMAND"),
                ". Nothing was changed.",
            ),
        )
    return owners


def proposed(
    bench: Workbench,
    facts: ContainerFacts,
) -> ProposedProbe | None:
    """A probe that the service answers now; None if it serves nothing, or others may serve there."""
    ports = ports_of(listening(facts) or ())
    known = (row.report.facts for row in bench.containers.rows() if row.report is not None)
    lends = any(
        f"container:{facts.name}" in other.spec[NETWORK] for other in known if other is not None
    )
    if not facts.running or not facts.engine.local or not ports or lends:
        return None
    opened = bench.opened
    with closing(ChangingEngine(opened.engine(facts.engine.label), opened.log)) as engine:
        containers = engine.containers
        return proposed_probe(
            lambda command, _: probe_once(containers, command, facts.name),
            ports,
            known_health(facts),
        )
