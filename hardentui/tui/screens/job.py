"""Work that takes a while: it runs, can be stopped, and produces a page, perhaps with files."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from msgspec import Struct
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.features.fix.saving import save_texts
from hardentui.features.sections import PageSection
from hardentui.model.draft import TextFile
from hardentui.tui.actions import ASK, BACK, COPY, JOB, SURE, Action, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.ways import hint_of, told
from hardentui.tui.widgets.page import TextField, page
from hardentui.visible import visible, visible_lines

# One question before something irreversible, or before a service restart.


class SureScreen(ModalScreen[bool]):
    """Returns whether the answer was yes."""

    CSS = """
    SureScreen { align: center middle; background: $background 60%; }
    SureScreen > Vertical { width: 64; max-width: 90%; height: auto; padding: 1 2; border: solid $border;
        background: $surface; }
    SureScreen Static { height: auto; }
    """
    BINDINGS: ClassVar = bindings(SURE)

    def __init__(self, question: str, detail: str) -> None:
        super().__init__()
        self._question = question
        self._detail = detail

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question, 300), markup=False)
            yield Static(visible(self._detail, 300), markup=False)
            yield Static("\ny yes   esc no", markup=False)

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)


# A page to read: a heading, and text that scrolls.


class ReadingScreen(HardenScreen):
    """Subclasses provide `heading` (in `#crumb`) and `page` (in `#text`, which scrolls in `#reading`)."""

    CSS_PATH = "reading.tcss"

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def copied(self) -> tuple[str, str]:
        return "this page", self.page().plain

    def draw(self) -> None:
        """Update the heading and the page."""
        if self.is_attached:
            self.query_one("#crumb", Static).update(self.heading())
            self.query_one("#text", Static).update(self.page())

    def heading(self) -> Content:
        raise NotImplementedError

    def page(self) -> Content:
        raise NotImplementedError


# Screens with work that takes a while: leaving the screen stops it.


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


# One question, answered with a line of text.


class AskScreen(ModalScreen[str]):
    """Returns the text; empty if none was entered or the question was cancelled."""

    CSS = """
    AskScreen { align: center middle; background: $background 60%; }
    AskScreen > Vertical { width: 76; max-width: 95%; height: auto; padding: 1 2; border: solid $border;
        background: $surface; }
    AskScreen Static { height: auto; }
    AskScreen Input { height: 1; border: none; padding: 0; background: $panel; margin: 1 0; }
    """
    BINDINGS: ClassVar = bindings(ASK)

    def __init__(self, question: str, placeholder: str = "", *, value: str = "") -> None:
        """Args:
        value: a proposed answer.
        """
        super().__init__()
        self._value = value
        self._question = question
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question, 300), markup=False)
            yield TextField(self._value, placeholder=visible(self._placeholder, 200), id="answer")
            yield Static("enter continues   esc cancels", markup=False)

    def on_mount(self) -> None:
        self.query_one("#answer").focus()

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip())

    def action_leave(self) -> None:
        self.dismiss("")


class JobResult(Struct, frozen=True):
    """The result of the work.

    Attributes:
        sections: the page.
        files: offered for writing to a directory; their text is shown below the page.
    """

    sections: tuple[PageSection, ...]
    files: tuple[TextFile, ...] = ()


Job: TypeAlias = Callable[[threading.Event, Callable[[str], None]], JobResult]
"""(stop event, progress callback) -> result."""


@dataclass
class JobDone(Message):
    result: JobResult


@dataclass
class JobFailed(Message):
    """`error` is None where the work was stopped."""

    error: HardenError | None


@dataclass
class JobProgress(Message):
    """The current activity of the work."""

    text: str


@dataclass
class Written(Message):
    text: str
    bad: bool = False


class JobScreen(StoppablePage):
    """Args:
    title: `shop-web › rights`; foreign text in it is made visible here.
    job: the work; gets a stop event, after which it ends soon (or raises KeyboardInterrupt), and a progress
        callback.
    doing: the first progress message.
    once: when it is done, another time needs another question.
    """

    ACTIONS: ClassVar[tuple[Action, ...]] = (*JOB, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Result"

    def __init__(self, title: str, job: Job, doing: str, *, once: bool = False) -> None:
        super().__init__()
        self._once = once
        self._title = title
        self._job = job
        self._doing = self._now = doing
        self._result: JobResult | None = None
        self._trouble: HardenError | None = None
        self._stopped = False

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self._result is not None

    def on_mount(self) -> None:
        self.action_again()

    # --- the work ----------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action == "again" and self.stop is not None:
            return "It is still running. esc stops it."
        if action == "again" and self._once and self.is_done:
            return "It is done. To do it again, go back and start anew."
        if action == "write" and (self._result is None or not self._result.files):
            return "There is no file to write here."
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Most jobs make no files: their footer does not offer to write any."""
        if action == "write" and (self._result is None or not self._result.files):
            return False
        return super().check_action(action, parameters)

    def action_again(self) -> None:
        self._result, self._trouble = None, None
        self._stopped, self._now = False, self._doing
        self._work(self.begin())
        self.draw()

    @work(thread=True, group="job")
    def _work(self, stop: threading.Event) -> None:
        def tell(text: str) -> None:
            self.post_message(JobProgress(text))

        try:
            self.post_message(JobDone(self._job(stop, tell)))
        except HardenError as error:
            self.post_message(JobFailed(None if stop.is_set() else error))
        except KeyboardInterrupt:
            self.post_message(JobFailed(None))

    @on(JobDone)
    def _done(self, message: JobDone) -> None:
        self.stop, self._result = None, message.result
        self.draw()

    @on(JobFailed)
    def _failed(self, message: JobFailed) -> None:
        self.stop, self._trouble, self._stopped = None, message.error, message.error is None
        self.draw()

    @on(JobProgress)
    def _progressed(self, message: JobProgress) -> None:
        self._now = visible(message.text, 60)
        self.draw()

    def action_write(self) -> None:
        if self._result is not None:
            names = ", ".join(file.name for file in self._result.files)
            self.app.push_screen(
                AskScreen(f"Directory for {names}", self.session.directory), self._directory_given
            )

    def _directory_given(self, directory: str | None) -> None:
        if directory and self._result is not None:
            self._write(os.path.expanduser(directory), self._result.files)

    @work(thread=True, group="job-files")
    def _write(self, directory: str, files: tuple[TextFile, ...]) -> None:
        try:
            written = save_texts(files, directory)
        except HardenError as error:
            self.post_message(Written(told(error), bad=True))
            return
        self.post_message(Written("\n".join(f"{file.path}: {file.state.value}" for file in written)))

    @on(Written)
    def _written(self, message: Written) -> None:
        if message.bad:
            self.complain(message.text)
        else:
            self.notify(message.text, title="Written", markup=False)

    # --- drawing -----------------------------------------------------------------------------------------

    def heading(self) -> Content:
        doing = self._now if self.stop is not None else ""
        return Content.assemble((self.signs.of(visible(self._title, 80)), "bold"), self.under_way(doing))

    def page(self) -> Content:
        if self._trouble is not None:
            title = Content.styled(visible(self._trouble.title, 300), "bold $error")
            return Content("\n").join([title, Content(visible_lines(hint_of(self._trouble)))])
        if self._result is None:
            return Content("Stopped." if self._stopped else self.signs.of(f"{self._now}…"))
        parts = [page(self, self._result.sections, (), min(100, self.app.size.width - 6))]
        for file in self._result.files:
            parts.append(
                Content.assemble((f"{visible(file.name, 80)}\n", "bold $primary"), visible_lines(file.text))
            )
        if self._result.files:
            parts.append(Content.styled("w writes it to a directory.", "$primary"))
        return Content("\n\n").join(parts)
