"""What several screens share: questions, forms, pages, and work that takes a while and ends in a
page."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.fix.saving import save_texts
from hardentui.features.task import Task, TaskResult, Then
from hardentui.model.draft import TextFile
from hardentui.tui.action import Action
from hardentui.tui.actions import BACK, COPY, JOB
from hardentui.tui.error_text import error_content
from hardentui.tui.messages import in_background
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.dialogs import AskScreen, SureScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.widgets.page import diff_content, page
from hardentui.visible import visible, visible_lines


class StoppableScreen(HardenScreen):
    """A screen with work on a thread.

    Attributes:
        stop: stops the running work; None when there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stop: threading.Event | None = None

    def begin(self) -> threading.Event:
        """What stops the work that begins now."""
        self.stop = threading.Event()
        return self.stop

    def on_unmount(self) -> None:
        if self.stop is not None:
            self.stop.set()


class StoppablePage(StoppableScreen, ReadingScreen):
    """A page about such work; esc stops the work first."""

    OF_CONNECTION: ClassVar = True

    def action_back(self) -> None:
        if self.stop is not None and not self.stop.is_set():
            self.stop.set()
            self.draw()
        else:
            self.dismiss()

    def to_end(self) -> None:
        """Scroll to the newest line."""
        self.query_one("#reading", VerticalScroll).scroll_end(animate=False)

    def under_way(self, what: str) -> tuple[str, str]:
        """The part of the heading about the running work; empty without any."""
        if self.stop is not None and self.stop.is_set():
            return self.signs.of("   stopping…"), "$primary"
        return (self.signs.of(f"   {what}…  esc stops") if what else ""), "$primary"


class JobScreen(StoppablePage):
    """Args:
    title: `shop-web › rights`; foreign text in it is made visible here.
    job: the work; gets a stop event, after which it ends soon (or raises KeyboardInterrupt), and a
        progress callback.
    doing: the first progress message.
    once: when it is done, another time needs another question.
    """

    ACTIONS: ClassVar[tuple[Action, ...]] = (*JOB, COPY, BACK)

    def __init__(
        self,
        title: str,
        job: Task,
        doing: str,
        *,
        once: bool = False,
    ) -> None:
        super().__init__()
        self._once = once
        self._title = title
        self._job = job
        self._doing = self._now = doing
        self._result: TaskResult | None = None
        self._trouble: HardenError | None = None
        self._done = False
        self._stopped = False
        self._carried_out = False

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self._done

    def on_mount(self) -> None:
        self.start()

    def why_not(self, action: str) -> str:
        if action == "again" and self.stop is not None:
            return "It is still running. esc stops it."
        if action == "again" and self._once and self.is_done:
            return "It is done. To do it again, go back and start anew."
        if action == "write" and (self._result is None or not self._result.files):
            return "There is no file to write here."
        if action == "save" and self._carried_out:
            return "It is done."
        if action == "save" and (self._result is None or self._result.then is None):
            return "There is nothing to apply here."
        return ""

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],
    ) -> bool | None:
        """Most jobs make no files and change nothing: their footer does not offer it."""
        there = {
            "write": bool(self._result and self._result.files),
            "save": self._offers,
        }
        return super().check_action(action, parameters) if there.get(action, True) else False

    @property
    def _offers(self) -> bool:
        return bool(self._result and self._result.then)

    def action_again(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin the work, again."""
        self._trouble, self._done = None, False
        self._stopped, self._now = False, self._doing
        stop = self.begin()

        def tell(now: str | TaskResult) -> None:
            self.call_later(self._progressed, now)

        def work() -> TaskResult | None:
            try:
                return self._job(stop, tell)
            except KeyboardInterrupt:
                return None

        def failed(error: HardenError) -> None:
            self._ended(None if stop.is_set() else error)

        in_background(
            self,
            work,
            self._ended,
            failed,
            group="job",
        )
        self.draw()

    def _ended(self, ended: TaskResult | HardenError | None) -> None:
        """`ended`: None: it was stopped."""
        self.stop = None
        if isinstance(ended, TaskResult):
            self._result, self._done, self._carried_out = ended, True, False
        else:
            self._trouble, self._stopped = ended, ended is None
        self.draw()

    def _progressed(self, now: str | TaskResult) -> None:
        if isinstance(now, str):
            self._now = visible(now, 60)
        elif self.stop is not None:
            self._result = now
        self.draw()

    def action_write(self) -> None:
        if self._result is not None:
            names = ", ".join(file.name for file in self._result.files)
            self.app.push_screen(
                AskScreen(f"Directory for {names}", value=self.session.directory),
                self._directory_given,
            )

    def _directory_given(self, directory: str | None) -> None:
        if directory and self._result is not None:
            files, where = self._result.files, os.path.expanduser(directory)
            self.carry_out("Written", lambda: _saved(files, where))

    def action_save(self) -> None:
        if self._result is not None and (then := self._result.then) is not None:
            self.app.push_screen(
                SureScreen(then.question, then.detail), lambda sure: self._sure(sure, then)
            )

    def _sure(self, sure: bool | None, then: Then) -> None:
        if sure:
            self._carried_out = True
            self.carry_out("Done", then.carry_out)

    def was_refused(self) -> None:
        self._carried_out = False

    def heading(self) -> Content:
        doing = self._now if self.stop is not None else ""
        return Content.assemble(
            (self.signs.of(visible(self._title, 80)), "bold"), self.under_way(doing)
        )

    def page(self) -> Content:
        parts = []
        if self._trouble is not None:
            parts.append(error_content(self._trouble))
        elif self._stopped:
            parts.append(Content("Stopped."))
        elif self._result is None:
            parts.append(Content(self.signs.of(f"{self._now}…")))
        if self._result is not None and not self._stopped:
            parts += self._of_result(self._result)
        return Content("\n\n").join(parts)

    def _of_result(self, result: TaskResult) -> Iterable[Content]:
        yield page(
            self,
            result.sections,
            (),
            min(100, self.app.size.width - 6),
        )
        if result.diff:
            yield diff_content(result.diff)
        if result.notes:
            yield page(
                self,
                result.notes,
                (),
                min(100, self.app.size.width - 6),
            )
        for file in result.files:
            if file.text == result.diff:
                continue
            title = (f"{visible(file.name, 80)}\n", "bold $primary")
            yield Content.assemble(title, visible_lines(file.shown))
        if result.files:
            yield Content.styled("w writes it to a directory.", "$primary")
        if result.then is not None and not self._carried_out:
            yield Content.styled("ctrl+s applies it.", "bold $success")


def _saved(files: tuple[TextFile, ...], directory: str) -> str:
    return "\n".join(f"{file.path}: {file.state.value}" for file in save_texts(files, directory))
