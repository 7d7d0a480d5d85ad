"""What `fix PATH…` says beside its files: which fixes nobody asked for, and what was not used."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from hardentui.cli.terminal import Terminal
from hardentui.features.at_rest.checking import Looking
from hardentui.features.at_rest.choosing import Choosing, Wanted
from hardentui.features.at_rest.fixing import Fixed
from hardentui.model.plan import Caution
from hardentui.visible import visible


class Choices:
    """The fixes that were not made because nobody asked for them: by what asks for them, their
    checks in order. `without`: checks that are not told."""

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        self._without = without
        self._checks: dict[Choosing, dict[str, None]] = {}

    def add(self, fixed: Iterable[Fixed]) -> None:
        for each in fixed:
            for offer in each.choices:
                if offer.check.id in self._without:
                    continue
                self._checks.setdefault(offer.choosing, {})[offer.check.id] = None

    def of(self, choosing: Choosing) -> tuple[str, ...]:
        return tuple(self._checks.get(choosing, ()))


def tell_choices(
    choices: Choices,
    terminal: Terminal,
    *,
    changed: bool,
) -> None:
    """What was not done, and how to ask for it."""
    unasked, with_all, named = map(choices.of, (Choosing.UNASKED, Choosing.ALL, Choosing.NAMED))
    if not changed and (unasked or with_all or named):
        terminal.note("Nothing is changed: no fix is known to break nothing here. To choose from:")
    if unasked:
        terminal.note(f"without --safe also: {', '.join(unasked)}")
    if with_all:
        terminal.note(f"--strict also fixes, and may break a service: {', '.join(with_all)}")
    if named:
        terminal.note(
            "only by name, because they need a value or a decision of yours (--check ID): "
            f"{', '.join(named)}"
        )


def tell_refused(looking: Looking, terminal: Terminal) -> None:
    for refused in looking.refused:
        terminal.complain(f"{visible(refused.shown, 200)}: not used: {visible(refused.why, 300)}")


def wanted_of(options: Namespace) -> Wanted:
    if options.check:
        return Wanted(tuple(options.check), Caution.ALL)
    if options.all:
        return Wanted((), Caution.ALL)
    return Wanted((), Caution.SAFE if options.safe else Caution.LIKELY)


def tell_notes(notes: Iterable[str], terminal: Terminal) -> None:
    for note in notes:
        terminal.note(f"note: {visible(note, 300)}")
