"""Trials of the known applications that are run, with their entries and without; as root.

python -m tools.application_trials                  all; prints the table
python -m tools.application_trials --write nginx    these; the other rows of the table stay
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from unittest.mock import patch

from msgspec import Struct

from hardentui.cli.session import one_report
from hardentui.errors import HardenError
from hardentui.features.trial.request import Wishes
from hardentui.features.trial.trying import choices_to_try
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.model.plan import Caution
from hardentui.model.trial import Result, Trial
from hardentui.options import CAP_ADD
from tests.support.known_applications import (
    NAME,
    RunApplication,
    build_application,
    run_line,
    script_of,
)
from tests.support.known_applications_more import APPLICATIONS
from tests.support.podman import Bench
from tests.support.waiting import eventually
from tests.support.worked_services import works
from tools.application_table import keep_section, kept_section

_OURS = "hardentui.features.applications.loading.our_files"
_COLUMNS = 7
_HEAD = """\
Trials with nothing but the default probe, with the entry and without it ({day}):

| application | rounds | seconds | fixes that stayed | left out with the entry | \
left out without | capabilities |
|---|---|---|---|---|---|---|
"""


class Tried(Struct, frozen=True):
    """What one trial came to."""

    trial: Trial
    seconds: float

    @property
    def left_out(self) -> str:
        if self.trial.result is Result.BASELINE_FAILS:
            return "not tried: the twin does not start"
        return " ".join(sorted(left.check for left in self.trial.left_out)) or "nothing"

    @property
    def capabilities(self) -> int:
        """How many it adds back."""
        added = [change.after for change in self.trial.options if change.option == CAP_ADD.name]
        return len(added[0] or ()) if added else 0


def tried(
    bench: Bench,
    application: RunApplication,
    *,
    with_entry: bool,
) -> Tried:
    """A trial of it as somebody started it."""
    with ExitStack() as stack:
        if not with_entry:
            stack.enter_context(patch(_OURS, return_value=()))
        workbench = Workbench.open(Selection(url=bench.url))
        stack.callback(workbench.close)
        report = one_report(workbench, NAME)
        plan = workbench.planner.plan_with(report, Caution.ALL)
        wishes = Wishes(learn=str(bench.directory / f"seccomp-{NAME}.json"))
        start = time.monotonic()
        trial = workbench.trying(report).run(
            choices_to_try(plan, named=False),
            wishes,
            lambda _: None,
            threading.Event(),
        )
        return Tried(trial, time.monotonic() - start)


def row(bench: Bench, application: RunApplication) -> str:
    """Its line of the table; raises HardenError."""
    build_application(bench, application)
    bench.remove(NAME)
    bench.podman(*script_of(run_line(application)), timeout=120)
    if not eventually(lambda: works(bench, "exec", NAME, "sh", "-c", application.ready)[0], 120):
        raise HardenError("it did not become ready")
    entry = tried(bench, application, with_entry=True)
    none = tried(bench, application, with_entry=False)
    cells = (
        application.name,
        f"{len(entry.trial.rounds)}, without {len(none.trial.rounds)}",
        f"{entry.seconds:.0f}, without {none.seconds:.0f}",
        f"{len(entry.trial.kept)}, without {len(none.trial.kept)}",
        entry.left_out,
        none.left_out,
        f"{entry.capabilities}, without {none.capabilities}",
    )
    return f"| {' | '.join(cells)} |"


def main(words: list[str]) -> int:
    names = [word for word in words if word != "--write"]
    rows = dict(_rows_in(kept_section("trials")))
    bench = Bench()
    bench.start()
    try:
        bench.image()
        for application in APPLICATIONS:
            if names and application.name not in names:
                continue
            try:
                rows[application.name] = row(bench, application)
                print(rows[application.name], flush=True)
            except (HardenError, subprocess.CalledProcessError) as error:
                print(f"{application.name}: not tried: {error}", flush=True)
            bench.remove(NAME)
            bench.podman("volume", "rm", "-af")
            if "--write" in words:
                _write(rows)
    finally:
        bench.stop()
    return 0


def _write(rows: Mapping[str, str]) -> None:
    lines = [rows[each.name] for each in APPLICATIONS if each.name in rows]
    keep_section("trials", _HEAD.format(day=date.today()) + "".join(f"{line}\n" for line in lines))


def _rows_in(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        cells = line.split("|")[1:-1]
        if len(cells) == _COLUMNS and "---" not in line:
            yield cells[0].strip(), line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
