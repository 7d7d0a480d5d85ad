"""hardentui images --updates: whether registries have newer images, without pulling."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hardentui.cli.terminal import Terminal, foreign
from hardentui.features.images.updates import Updates, state_text
from hardentui.model.known import Unread
from hardentui.visible import strict_json

if TYPE_CHECKING:
    from argparse import Namespace

    from hardentui.features.images.updates import Update
    from hardentui.features.workbench import Workbench
    from hardentui.model.facts import ImageFacts

SCHEMA = "hardentui/updates/1"
INTERRUPTED = 130


def run(bench: Workbench, images: Sequence[ImageFacts], options: Namespace, terminal: Terminal) -> int:
    """Query and report: 0 everything is known, 4 a registry did not answer."""
    stop = threading.Event()
    try:
        answers = Updates(bench.parts, stop).ask(images, lambda name: terminal.activity(f"querying {name}"))
    except KeyboardInterrupt:
        stop.set()
        return INTERRUPTED
    finally:
        terminal.clear()
    if options.format == "json":
        documents = [_document(update, options.cool_down) for update in answers]
        terminal.write(strict_json(json.dumps({"schema": SCHEMA, "images": documents}, indent=2)) + "\n")
    elif answers:
        _table(answers, options.cool_down, terminal)
    else:
        terminal.note("None of these images has a registry name.")
    return 4 if any(isinstance(update.answer, Unread) for update in answers) else 0


def _table(updates: Sequence[Update], cool_down: int, terminal: Terminal) -> None:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Image", "Registry", "State"):
        shown.add_column(title, overflow="fold")
    for update in updates:
        digest = (
            "?" if isinstance(update.answer, Unread) else update.answer.digest.removeprefix("sha256:")[:12]
        )
        shown.add_row(foreign(update.name, 150), digest, foreign(state_text(update, cool_down), 300))
    terminal.show(shown)


def _document(update: Update, cool_down: int) -> dict[str, Any]:
    answer = update.answer
    known = not isinstance(answer, Unread)
    return {
        "name": update.name,
        "image": update.image.id,
        "digest": None if isinstance(answer, Unread) else answer.digest,
        "first_seen": None if isinstance(answer, Unread) else answer.first_seen.isoformat(),
        "state": ("current" if update.here else "newer") if known else "unknown",
        "ripe": update.ripe(update.image.now, cool_down),
        "reason": answer.reason if isinstance(answer, Unread) else "",
    }
