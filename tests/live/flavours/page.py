"""The results of the confusion table: confusion.json beside this file, and docs/accuracy.md made
of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.live.flavours.outcome import Row
from tests.live.flavours.table import FLAVOURS, MACHINE_DECIDES, NOT_LOOKED_AT

DATA = Path(__file__).with_name("confusion.json")
_WORDS = {
    "flavours": "flavours",
    "containers": "containers judged",
    "bad": "bad conditions to report",
    "answers": "answers judged",
    "tried": "of these, found true or false by trying",
    "limits": "limits driven until they hit",
    "false_passes": "false passes",
    "false_failures": "false failures",
    "undecided": "unknown without a reason",
}


def results(rows: Sequence[Row], machine: str) -> dict[str, Any]:
    """What a run comes to. `machine` says where it ran."""
    names = {row.name for row in rows}
    checks = sorted({check for row in rows for check in row.observed})
    seen = {
        check: [row.observed[check] for row in rows if check in row.observed] for check in checks
    }
    return {
        "machine": machine,
        "flavours": len({flavour.name for flavour in FLAVOURS} & names),
        "containers": len(rows),
        "bad": sum(len(row.bad) for row in rows),
        "answers": sum(row.judged for row in rows),
        "tried": sum(len(row.observed) for row in rows),
        "limits": sum(len(row.driven or ()) for row in rows),
        "false_passes": sum(len(row.false_passes) for row in rows),
        "false_failures": sum(len(row.false_failures) for row in rows),
        "undecided": sum(len(row.undecided) for row in rows),
        "refused": sorted({flavour.name for flavour in FLAVOURS} - names),
        "found_and_absent": {
            check: [sum(there), len(there) - sum(there)] for check, there in seen.items()
        },
    }


def stored() -> dict[str, Any]:
    """Podman's version -> the results of the last run on it."""
    return dict(json.loads(DATA.read_text())) if DATA.exists() else {}


def store(result: Mapping[str, Any]) -> None:
    """Keep a result in place of the last one of the same Podman."""
    podman = result["machine"].split()[1].rstrip(",")
    document = {**stored(), podman: result}
    ordered = {version: document[version] for version in sorted(document)}
    text = json.dumps(ordered, indent=1)
    DATA.write_text(
        text.replace("[\n    ", "[")
        .replace(",\n    ", ", ")
        .replace(
            "\n   ]",
            "]",
        )
        + "\n"
    )


def page(document: Mapping[str, Mapping[str, Any]]) -> str:
    """Its part of docs/accuracy.md."""
    lines = [
        f"| {words} | " + " | ".join(str(document[podman][key]) for podman in document) + " |"
        for key, words in _WORDS.items()
    ]
    where = "; ".join(f"{document[podman]['machine']}" for podman in document)
    refused = "".join(
        f"Podman {podman} cannot make: {', '.join(f'`{name}`' for name in result['refused'])}.\n\n"
        for podman, result in document.items()
        if result["refused"]
    )
    return f"""\
## HardenTUI, on containers whose true state is known

Written by `tools/confusion.py` from a run of `tests/live/test_confusion.py`; the results by check are in
`tests/live/flavours/confusion.json`.

A *flavour* is a real container with one bad condition on a hardened base, on a rootful and on a rootless
Podman. The checks of that condition must fail; all other checks of a container, of its image and of the site
must not. "Unknown" counts as wrong unless the flavour says why nobody can know.

The condition is tried before anything is judged: from inside (capabilities, system calls, setuid programs,
writes, reads, connections), from the host (user maps, devices), from another network namespace (published
ports), and to the limit (memory, processes, files, CPU time). What was tried decides, not what the flavour
declares. None of this uses the code with which HardenTUI reads a host.

| | {" | ".join(f"Podman {podman}" for podman in document)} |
|---|{"---|" * len(document)}
{chr(10).join(lines)}

Run on: {where}.

{refused}Not judged, with the reasons in `tests/live/flavours/table.py`: {len(MACHINE_DECIDES)}
checks that the machine decides which runs the tests (emulated hosts judge them), and {len(NOT_LOOKED_AT)} for
which this scan lacks the input: those must not pass.
"""
