"""Where Podman was found, and where it was looked for in vain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.model.facts import EngineFacts
from hardentui.tui.actions import BACK, CONNECTION, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.empty import no_engine, tried
from hardentui.visible import visible

_HEAD = "bold $primary"
Part = str | Content | tuple[str, str]


class ConnectionScreen(HardenScreen):
    CSS_PATH = "reading.tcss"
    ACTIONS = (*CONNECTION, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("c", "back", show=False)]
    BINDING_GROUP_TITLE = "Connection"

    def body(self) -> Iterable[Widget]:
        yield Static(Content("Connection"), id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self._draw()

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
                "\nNo socket was there, so HardenTUI started a service of its own; it ends with it.\n"
            )
        if opened.attempts:
            parts += ["\n", ("Tried in vain, in this order\n", _HEAD), tried(opened.attempts)]
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
            "" if engine.local else ", on another machine: its kernel cannot be asked",
            ", simulated" if engine.simulated else "",
            f"\n  {visible(engine.url, 200)}\n",
        ]
        if lost is not None:
            text = f"  lost at {lost.since:%H:%M:%S}, trying again: {visible(lost.reason, 300)}\n"
            parts.append((text, "$status-high"))
        return parts

    def action_retry(self) -> None:
        self.dismiss()
        self.session.open()
