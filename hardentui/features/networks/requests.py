"""Actions on the network map: prove a route, watch outgoing connections, propose a split."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hardentui.errors import InputError, UsageError
from hardentui.features.looking.rows import called
from hardentui.features.networks.proving import (
    HOST,
    Outgoing,
    parse_target,
    prove,
    watch_contacts,
    with_rules,
)
from hardentui.features.networks.splitting import SeenContacts, Split, splits, whole_map
from hardentui.features.views import known_facts
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.views import Report, Row
    from hardentui.features.workbench import Workbench
    from hardentui.model.network import ReachProof

_AFTER = 30.0  # seconds that a thread may need beyond its watch time


def prove_way(bench: Workbench, rows: Sequence[Row], text: str) -> tuple[ReachProof, ...]:
    """Open real connections for `FROM TO[:PORT]`; no data is sent.

    Raises:
        UsageError, InputError: it is malformed, or names no container of the map.
    """
    words = text.split()
    if len(words) != 2:
        raise UsageError(
            f"{visible(text, 100)!r} is not a route.",
            "Enter FROM TO, FROM TO:PORT, FROM host:PORT or FROM ADDRESS:PORT.",
        )
    start, target = fresh_facts(bench, rows, words[0]), parse_target(words[1])
    end = None if target.is_address or target.name == HOST else fresh_facts(bench, rows, target.name)
    if end is not None and end.engine.label != start.engine.label:
        raise UsageError("Both containers must belong to the same engine.")
    return prove(start, target, end, whole_map(bench, rows), bench.opened.run_ours)


def watch_outgoing(
    bench: Workbench, rows: Sequence[Row], name: str, stop: threading.Event, *, seconds: float
) -> Outgoing:
    """The addresses a container contacts during that time, with proposed rules.

    Raises:
        UsageError, InputError: it names no container of the map.
    """
    facts = fresh_facts(bench, rows, name)
    seen = watch_contacts(facts, known_containers(rows), bench.opened.files, stop, seconds=seconds)
    return with_rules(seen, facts)


def propose_splits(
    bench: Workbench, rows: Sequence[Row], stop: threading.Event, *, seconds: float
) -> tuple[Split, ...]:
    """Separate networks for applications that share one; nothing is watched on a simulated host."""
    networks = [
        network.about for network in bench.surroundings.networks() if isinstance(network.about, NetworkFacts)
    ]
    watched = None if bench.opened.simulated else watch_everybody(bench, rows, seconds, stop)
    return splits(networks, known_containers(rows), watched)


def watch_everybody(
    bench: Workbench, rows: Iterable[Row], seconds: float, stop: threading.Event
) -> Mapping[str, Mapping[str, SeenContacts]]:
    """The contacts of each container during that time; one that cannot be watched may contact anything."""
    rows = tuple(rows)
    everybody = known_containers(rows)
    calls: dict[str, dict[str, SeenContacts]] = {}
    for container in everybody:
        calls.setdefault(container.engine.label, {})[container.name] = SeenContacts(outside=True)
    again = [bench.containers.refresh(row.key) for row in rows if row.report and row.report.facts]
    running = [row.report.facts for row in again if row and row.report and row.report.facts]

    def watch(facts: ContainerFacts) -> None:
        seen = watch_contacts(facts, everybody, bench.opened.files, stop, seconds=seconds)
        if not seen.unknown:
            called = {contact.container for contact in seen.contacts if contact.container}
            outside = any(not contact.who for contact in seen.contacts)
            calls[facts.engine.label][facts.name] = SeenContacts(outside, frozenset(called))

    threads = [threading.Thread(target=watch, args=(container,), daemon=True) for container in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + _AFTER)
    return calls


def known_containers(rows: Iterable[Row]) -> list[ContainerFacts]:
    """The containers of these rows, as far as they are known."""
    return [row.report.facts for row in rows if row.report and row.report.facts]


def fresh_facts(bench: Workbench, rows: Iterable[Row], name: str) -> ContainerFacts:
    """One container, by name or ID prefix, with its current listening ports.

    Raises:
        UsageError: there is none, or several.
        InputError: it cannot be checked.
    """
    return known_facts(fresh_report(bench, rows, name))


def fresh_report(bench: Workbench, rows: Iterable[Row], name: str) -> Report:
    """The report of one container, by name or ID prefix, after a detailed inspection.

    Raises:
        UsageError: there is none, or several.
        InputError: it cannot be inspected.
    """
    rows = tuple(rows)
    matching = called(rows, name)
    if len(matching) != 1:
        count = "more than one container is" if matching else "no container is"
        names = ", ".join(sorted(visible(row.name, 40) for row in rows)[:20])
        raise UsageError(
            f"{count[0].upper()}{count[1:]} called {visible(name, 60)!r}.",
            "Give its ID." if matching else f"There are: {names}",
        )
    row = bench.containers.refresh(matching[0].key)
    if row is None or row.report is None or row.report.facts is None:
        raise InputError(f"{visible(name, 60)!r} cannot be checked.")
    return row.report
