"""What became better and worse since an earlier report, or between two of them."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable
from typing import ClassVar

from hardentui.errors import UsageError
from hardentui.features.compare.compare import comparable_files, kinds_to_compare, read_saved, report_now
from hardentui.features.compare.page import comparison_page
from hardentui.features.exports import comparison_of
from hardentui.features.reports.comparing import Comparison, compare
from hardentui.features.sections import PageLine, PageSection
from hardentui.features.views import CheckProgress
from hardentui.regular_files import refuse_strangers
from hardentui.tui.actions import COMPARE, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.job import AskScreen, JobResult, JobScreen


class CompareScreen(JobScreen):
    """Offers the reports of this session's directory; `i` names the files to compare."""

    ACTIONS = (*COMPARE, *JobScreen.ACTIONS)
    BINDINGS: ClassVar = bindings(COMPARE)
    BINDING_GROUP_TITLE = "Compare"

    def __init__(self) -> None:
        self._paths: tuple[str, ...] = ()
        self._comparison: Comparison | None = None
        super().__init__("Compare", self._look, "reading")

    def action_fields(self) -> None:
        question = "An earlier JSON report or saved facts; a second file: instead of this host as it is now"
        self.app.push_screen(
            AskScreen(question, "monday.json [friday.json]", value=self._newest), self._given
        )

    @property
    def _newest(self) -> str:
        files = comparable_files(os.path.expanduser(self.session.directory))
        return shlex.quote(files[0].path) if files else ""

    def _given(self, words: str | None) -> None:
        if words:
            try:
                self._paths = tuple(map(os.path.expanduser, shlex.split(words)[:2]))
            except ValueError as error:
                self.complain(f"This cannot be read: {error}.")
                return
            self.action_again()

    def why_not(self, action: str) -> str:
        if action == "fields" and self.stop is not None:
            return "It is still running. esc stops it."
        return super().why_not(action)

    def screen_report(self) -> ScreenReport:
        done = self._comparison
        return ScreenReport("comparison", ready=comparison_of(done) if done else None)

    # --- the work, on its thread -------------------------------------------------------------------------

    def _look(self, stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
        """The comparison; before files are named, those that there are.

        Raises:
            InputError: a file cannot be read.
            UsageError: this host is still being checked, or the session is somebody else's.
        """
        refuse_strangers()
        if not self._paths:
            return JobResult((self._files(),))

        def moved(progress: CheckProgress) -> None:
            tell(f"checking saved facts, {progress.done} of {progress.total}")

        session, (old, *new) = self.session, self._paths
        bench = session.bench
        checklist = bench.checklist if bench is not None else ""
        before = read_saved(old, checklist, moved, stop)
        if new:
            after = read_saved(new[0], checklist, moved, stop)
        elif bench is None or session.progress is not None or session.judging:
            raise UsageError("This host is still being checked.", "Try again in a moment: r")
        else:
            after = report_now(bench, tuple(session.rows.values()), kinds_to_compare(before))
        self._comparison = compare(before, after)
        return JobResult(comparison_page(self._comparison))

    def _files(self) -> PageSection:
        directory = self.session.directory
        files = comparable_files(os.path.expanduser(directory))
        lines = [PageLine(file.what, f"{file.path}, {file.written:%Y-%m-%d %H:%M}") for file in files]
        if not lines:
            lines = [PageLine("", "none yet. E writes one (choose .json), F4 there saves the facts")]
        return PageSection(f"Reports and facts in {directory}; i compares", tuple(lines))
