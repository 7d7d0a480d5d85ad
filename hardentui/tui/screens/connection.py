"""The current Podman connections, those that were tried, and others to switch to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from hardentui.features.engine_choices import EngineChoice
from hardentui.model.facts import EngineFacts
from hardentui.tui.actions import BACK, CONNECTION, COPY, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.home import no_engine, tried
from hardentui.tui.widgets.page import ChoiceList
from hardentui.visible import visible

_HEAD = "bold $primary"
Part = str | Content | tuple[str, str]


class ConnectionScreen(HardenScreen):
    CSS_PATH: ClassVar = ["reading.tcss", "connection.tcss"]
    ACTIONS = (*CONNECTION, COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("c", "back", show=False)]
    BINDING_GROUP_TITLE = "Connection"

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[EngineChoice, ...] = ()

    def body(self) -> Iterable[Widget]:
        self._choices = self.harden.engine_choices()
        yield Static(Content("Connection"), id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")
        if self._choices:
            yield Static(Content("Switch to another Podman"), id="elsewhere")
            yield ChoiceList(*(self._prompt(choice) for choice in self._choices), id="choices")

    def _prompt(self, choice: EngineChoice) -> Content:
        url = f"  {visible(choice.url, 120)}" if choice.url else ""
        return Content.assemble((visible(choice.name, 40), "bold"), (url, "$muted"))

    def on_mount(self) -> None:
        self.query_one("#choices" if self._choices else "#reading").focus()
        self._draw()

    @on(OptionList.OptionSelected, "#choices")
    def action_choose(self) -> None:
        """Look at the engine under the cursor from now on."""
        if (at := self._cursor) is not None:
            self.harden.look_at(self._choices[at].open)

    @property
    def _cursor(self) -> int | None:
        lists = self.query(OptionList)
        return lists.first().highlighted if lists else None

    def why_not(self, action: str) -> str:
        if action == "choose" and self._cursor is None:
            return "There is no other engine; name one with --url or --connection."
        return ""

    def copied(self) -> tuple[str, str]:
        at = self._cursor
        if at is not None and (choice := self._choices[at]).url:
            return "the address", choice.url
        opened = self.session.opened
        engines = opened.engine_facts if opened is not None else ()
        return ("the address", engines[0].url) if engines else ("", "")

    async def show_state(self, what: str) -> None:
        self._draw()

    def _draw(self) -> None:
        self.query_one("#text", Static).update(self._content())

    def _content(self) -> Content:
        session = self.session
        if session.failure is not None:
            return no_engine(session.failure, self.harden.can_simulate)
        opened = session.opened
        if opened is None:
            return Content(self.signs.of("Looking for Podman…"))
        parts: list[Part] = [("Engines\n", _HEAD)]
        for engine in opened.engine_facts:
            parts += self._engine(engine)
        if not opened.engine_facts:
            parts.append("  none\n")
        if opened.private_service:
            parts.append(
                "\nThere was no socket, so HardenTUI started its own service, which stops when it exits.\n"
            )
        if opened.attempts:
            parts += ["\n", ("Tried without success, in this order\n", _HEAD), tried(opened.attempts)]
        return Content.assemble(*parts)

    def _engine(self, engine: EngineFacts) -> list[Part]:
        lost = self.session.lost.get(engine.label)
        parts: list[Part] = [
            f"{self.signs.dot} ",
            (visible(engine.label, 60), "bold"),
            f"  Podman {engine.version}, ",
            "rootless"
            if engine.rootless is True
            else "rootful"
            if engine.rootless is False
            else "unknown user",
            "" if engine.local else f", its kernel cannot be read: {engine.unseen}",
            ", simulated" if engine.simulated else "",
            f"\n  {visible(engine.url, 200)}\n",
        ]
        if lost is not None:
            text = f"  lost at {lost.since:%H:%M:%S}, retrying: {visible(lost.reason, 300)}\n"
            parts.append((text, "$status-high"))
        return parts

    def action_retry(self) -> None:
        self.dismiss()
        self.session.open()
