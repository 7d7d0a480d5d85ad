"""One piece of work that takes a while: it runs, can be stopped, and leaves a page, perhaps with files."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct
from textual import on, work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from hardentui.errors import HardenError
from hardentui.model.draft import TextFile
from hardentui.tui.actions import BACK, COPY, JOB, bindings
from hardentui.tui.screens.ask import AskScreen
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.widgets.page import page
from hardentui.visible import visible, visible_lines
from hardentui.workbench.changing.saving import save_texts
from hardentui.workbench.pages.sections import PageSection


class JobResult(Struct, frozen=True):
    """What the work left.

    Attributes:
        sections: the page.
        files: that can be written into a folder; their texts stand below the page.
    """

    sections: tuple[PageSection, ...]
    files: tuple[TextFile, ...] = ()


@dataclass
class Done(Message):
    result: JobResult


@dataclass
class Failed(Message):
    error: HardenError


@dataclass
class Written(Message):
    text: str
    bad: bool = False


class JobScreen(HardenScreen):
    """Args:
    title: `shop-web › rights`; foreign text in it is made visible here.
    job: the work; ends soon once its stop sign is set.
    doing: what is told while it runs.
    """

    CSS_PATH = "reading.tcss"
    ACTIONS = (*JOB, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Result"

    def __init__(self, title: str, job: Callable[[threading.Event], JobResult], doing: str) -> None:
        super().__init__()
        self._title = title
        self._job = job
        self._doing = doing
        self._result: JobResult | None = None
        self._trouble: HardenError | None = None
        self._stop: threading.Event | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.action_again()

    def on_unmount(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def on_resize(self) -> None:
        self._draw()

    async def show_state(self, what: str) -> None:
        if what == "opening":
            self.dismiss()

    # --- the work ----------------------------------------------------------------------------------------

    def action_again(self) -> None:
        if self._stop is None:
            self._stop, self._result, self._trouble = threading.Event(), None, None
            self._work(self._stop)
            self._draw()

    @work(thread=True, group="job")
    def _work(self, stop: threading.Event) -> None:
        try:
            self.post_message(Done(self._job(stop)))
        except HardenError as error:
            self.post_message(Failed(error))

    @on(Done)
    def _done(self, message: Done) -> None:
        self._stop, self._result = None, message.result
        self._draw()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._stop, self._trouble = None, message.error
        self._draw()

    def action_write(self) -> None:
        if self._result is None or not self._result.files:
            self.complain("There is no file to write here.")
        else:
            names = ", ".join(file.name for file in self._result.files)
            self.app.push_screen(AskScreen(f"Folder for {names}", self.session.folder), self._folder_given)

    def _folder_given(self, folder: str | None) -> None:
        if folder and self._result is not None:
            self._write(os.path.expanduser(folder), self._result.files)

    @work(thread=True, group="job-files")
    def _write(self, folder: str, files: tuple[TextFile, ...]) -> None:
        try:
            written = save_texts(files, folder)
        except HardenError as error:
            self.post_message(Written(f"{error.title} {error.hint}".strip(), bad=True))
            return
        self.post_message(Written("\n".join(f"{file.path}: {file.state.value}" for file in written)))

    @on(Written)
    def _written(self, message: Written) -> None:
        if message.bad:
            self.complain(message.text)
        else:
            self.notify(message.text, title="Written", markup=False)

    def action_back(self) -> None:
        if self._stop is not None and not self._stop.is_set():
            self._stop.set()
            self._draw()
        else:
            self.dismiss()

    def copied(self) -> tuple[str, str]:
        return "this page", self._content().plain

    # --- drawing -----------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_attached:
            return
        now = ""
        if self._stop is not None:
            now = "   stopping…" if self._stop.is_set() else f"   {self._doing}…  esc stops"
        title = Content.assemble(
            (self.signs.of(visible(self._title, 80)), "bold"), (self.signs.of(now), "$primary")
        )
        self.query_one("#crumb", Static).update(title)
        self.query_one("#text", Static).update(self._content())

    def _content(self) -> Content:
        if self._trouble is not None:
            title = Content.styled(visible(self._trouble.title, 300), "bold $error")
            return Content("\n").join([title, Content(visible_lines(self._trouble.hint))])
        if self._result is None:
            return Content(self.signs.of(f"{self._doing}…"))
        parts = [page(self, self._result.sections, (), min(100, self.app.size.width - 6))]
        for file in self._result.files:
            parts.append(
                Content.assemble((f"{visible(file.name, 80)}\n", "bold $primary"), visible_lines(file.text))
            )
        if self._result.files:
            parts.append(Content.styled("w writes it into a folder.", "$primary"))
        return Content("\n\n").join(parts)
