"""Actions of `hardentui networks`: prove a route, watch outgoing connections."""

from __future__ import annotations

import json
import threading
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.terminal import Terminal, foreign
from hardentui.cli.text_files import save_text
from hardentui.errors import InputError, UsageError
from hardentui.visible import strict_json, visible
from hardentui.workbench.learned import read_learned
from hardentui.workbench.networking import outgoing as going_out
from hardentui.workbench.networking import proving
from hardentui.workbench.networking.proving import HOST, parse_target

if TYPE_CHECKING:
    from hardentui.model.facts import ContainerFacts
    from hardentui.model.reach import Contact
    from hardentui.workbench.networking.outgoing import Outgoing
    from hardentui.workbench.views import Row
    from hardentui.workbench.workbench import Workbench

PROOF_SCHEMA = "hardentui/proof/1"
OUTGOING_SCHEMA = "hardentui/outgoing/1"


def _facts(bench: Workbench, rows: Iterable[Row], name: str) -> ContainerFacts:
    """One container with its listening ports.

    Raises:
        UsageError: no container has that name, or several do.
    """
    matching = session.named(rows, [name])
    if len(matching) > 1:
        raise UsageError(
            f"{visible(name, 60)!r} is the name of a container on more than one engine.", "Give its ID."
        )
    row = bench.containers.refresh(matching[0].key)
    if row is None or row.report is None or row.report.facts is None:
        raise InputError(f"{visible(name, 60)!r} cannot be checked.")
    return row.report.facts


def prove(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """0: a connection works. 1: none does. 4: unknown."""
    start, target = _facts(bench, rows, options.prove[0]), parse_target(options.prove[1])
    end = None if target.is_address or target.name == HOST else _facts(bench, rows, target.name)
    if end is not None and end.engine.label != start.engine.label:
        raise UsageError("Both containers must belong to the same engine.")
    from rich.table import Table

    proofs = proving.prove(start, target, end, bench.network_map(rows), bench.opened.run)
    if options.format == "json":
        document = {
            "schema": PROOF_SCHEMA,
            "proofs": [{**to_builtins(p), "agrees": p.agrees} for p in proofs],
        }
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("From", "To", "Address", "Port", "Outcome", "The map says", "Why"):
            shown.add_column(title, overflow="fold")
        words = {True: "reachable", False: "not reachable", None: "nothing"}
        for proof in proofs:
            verdict = words[proof.expected] + ("" if proof.agrees is not False else ": WRONG")
            texts = (
                proof.start,
                proof.end,
                proof.address,
                str(proof.port or ""),
                proof.outcome.value,
                verdict,
                proof.why,
            )
            shown.add_row(*(foreign(text, 300) for text in texts))
        terminal.show(shown)
    if any(proof.reached for proof in proofs):
        return 0
    return 1 if all(proof.reached is False for proof in proofs) else 4


def outgoing(bench: Workbench, rows: tuple[Row, ...], options: Namespace, terminal: Terminal) -> int:
    """The addresses a container contacts; 4 if they cannot be seen."""
    learned = read_learned(options.trial).outgoing if options.trial else ()
    facts = _facts(bench, rows, options.outgoing)
    terminal.activity(f"watching {facts.name}")
    stop, files = threading.Event(), bench.opened.files
    seen = going_out.outgoing(facts, known_facts(rows), files, stop, seconds=options.watch, learned=learned)
    terminal.clear()
    if options.format == "json":
        document = {"schema": OUTGOING_SCHEMA, **to_builtins(seen)}
        terminal.write(strict_json(json.dumps(document, indent=1)) + "\n")
    else:
        _show_outgoing(seen, terminal)
    if options.file and seen.rules:
        save_text(options.file, seen.rules, backup=False)
        terminal.note(f"note: the rules are in {visible(options.file)}; nft -f loads them")
    return 4 if seen.unknown else 0


def known_facts(rows: Iterable[Row]) -> list[ContainerFacts]:
    return [row.report.facts for row in rows if row.report and row.report.facts]


def _show_outgoing(seen: Outgoing, terminal: Terminal) -> None:
    lines = [f"{seen.container}  {seen.engine}"]
    if seen.unknown:
        lines.append(f"The addresses it contacts are unknown: {seen.unknown}.")
    elif not seen.contacts:
        lines.append(
            "No outgoing connection was seen." + ("" if seen.seconds else " (--watch S watches longer)")
        )
    lines += [f"  {_contact(contact)}" for contact in seen.contacts]
    if seen.shared:
        lines.append("It shares its pod's network, so this includes the contacts of the other members.")
    if seen.no_rules and not seen.unknown:
        lines.append(f"No rules are proposed: {seen.no_rules}.")
    terminal.show(*(foreign(line, 1000) for line in lines))
    if seen.rules:
        terminal.write_exact("\n" + seen.rules)
        word = {
            True: "nft accepts these rules",
            False: "nft refuses these rules",
            None: "nft did not check these rules",
        }
        terminal.note(f"note: {word[seen.checked]}{f': {seen.unchecked}' if seen.unchecked else ''}")


def _contact(contact: Contact) -> str:
    address = f"[{contact.address}]" if ":" in contact.address else contact.address
    who = f"  {contact.who}" if contact.who else ""
    learned = "  (seen by the trial)" if contact.learned else ""
    return f"{contact.protocol} {address}:{contact.port}{who}{learned}"
