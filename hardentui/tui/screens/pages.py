"""Pages to read: what works here, settings, connections, checklists, waivers, requests."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen

from hardentui.checks import CHECKS
from hardentui.errors import HardenError
from hardentui.features.fix_defaults import read_fix_defaults
from hardentui.features.looking.row_filter import EXAMPLES
from hardentui.features.opening.doctor_page import doctor_page, settings_page
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.setting_table import setting_rows
from hardentui.features.settings import Document, change_setting, read_settings
from hardentui.features.task import TaskResult, Tell
from hardentui.features.views import Report
from hardentui.harden.score_meaning import SHORT
from hardentui.model.facts import EngineFacts
from hardentui.model.waiver import WaiverUse
from hardentui.tui.action import Action, bindings
from hardentui.tui.actions import AGAIN, APP, BACK, CONNECTION, COPY, SETTINGS
from hardentui.tui.error_text import error_content
from hardentui.tui.screens.dialogs import PickScreen, ask
from hardentui.tui.screens.home_texts import no_engine, tried
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.status import FAILING, OTHERS, Part, hanging
from hardentui.tui.widgets.container_list import CHOSEN, MARKED
from hardentui.tui.widgets.page import page
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.engine_choices import EngineChoice
    from hardentui.features.workbench import Workbench

_HEAD = "bold $primary"


class DoctorScreen(JobScreen):
    def __init__(self) -> None:
        def look(stop: threading.Event, tell: Tell) -> TaskResult:
            opened = self.session.opened
            found_with = opened.engines[0].facts.found_with if opened and opened.engines else ()
            return TaskResult(
                (doctor_page((self.app.size.width, self.app.size.height), found_with),)
            )

        super().__init__("Doctor", look, "looking")


class SettingsScreen(JobScreen):
    """What is changed here is in force in the next session."""

    ACTIONS = (*SETTINGS, *JobScreen.ACTIONS)

    def __init__(self) -> None:
        def read(stop: threading.Event, tell: Tell) -> TaskResult:
            document = Document.read()
            settings = read_settings(document, os.environ)
            rows = setting_rows(
                settings,
                read_fix_defaults(document, CHECKS),
                CHECKS,
            )
            return TaskResult(settings_page(document, rows))

        super().__init__("Settings", read, "reading")

    def why_not(self, action: str) -> str:
        if action == "change" and self.stop is not None:
            return "The settings are being read."
        return super().why_not(action)

    def action_change(self) -> None:
        question = "A setting and its value, as in the file; only the name: back to the default"
        ask(
            self,
            question,
            'theme = "high-contrast", ascii = true',
            self._set,
        )

    def _set(self, line: str) -> None:
        self.carry_out(
            "Written",
            lambda: f"{change_setting(line)}: the next session uses it.",
        )

    def was_carried_out(self) -> None:
        self.action_again()


class ConnectionScreen(ReadingScreen):
    """The current connections, those that were tried, and others to switch to."""

    ACTIONS = (*CONNECTION, COPY, BACK)

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[EngineChoice, ...] = ()

    def on_mount(self) -> None:
        self._choices = self.harden.engine_choices()

    def heading(self) -> Content:
        return Content.styled("Connection", "bold")

    def why_not(self, action: str) -> str:
        if action == "change" and not self._choices:
            return "There is no other engine here: none is configured for this account."
        return ""

    def action_change(self) -> None:
        names = [f"{choice.name}  {choice.url}".rstrip() for choice in self._choices]
        self.app.push_screen(
            PickScreen("Switch to another Podman", names),
            self._switch,
        )

    def _switch(self, at: int | None) -> None:
        if at is not None:
            self.harden.look_at(self._choices[at].open)

    def action_retry(self) -> None:
        self.dismiss()
        self.session.open()

    async def show_state(self, what: str) -> None:
        self.draw()

    def page(self) -> Content:
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
            own = (
                "There was no socket, so HardenTUI started its own service, which stops when it "
                "exits."
            )
            parts.append(f"\n{own}\n")
        if opened.attempts:
            parts += [
                "\n",
                ("Tried without success, in this order\n", _HEAD),
                tried(opened.attempts),
            ]
        if self._choices:
            parts.append(("\ni switches to another.", "$primary"))
        return Content.assemble(*parts)

    def _engine(self, engine: EngineFacts) -> Iterator[Part]:
        rootless = engine.rootless
        kind = (
            "rootless" if rootless is True else "rootful" if rootless is False else "unknown user"
        )
        lost = self.session.lost.get(engine.label)
        yield f"{self.signs.dot} "
        yield visible(engine.label, 60), "bold"
        yield f"  Podman {engine.version}, {kind}"
        yield "" if engine.local else f", its kernel cannot be read: {engine.unseen}"
        yield ", simulated" if engine.simulated else ""
        yield f"\n  {visible(engine.url, 200)}\n"
        if lost is not None:
            text = f"  lost at {lost.since:%H:%M:%S}, retrying: {visible(lost.reason, 300)}\n"
            yield text, "$status-high"


class WaiversScreen(ReadingScreen):
    """What is accepted: by whom, until when, and what each waiver covers now."""

    OF_CONNECTION: ClassVar = True
    ACTIONS: ClassVar = (AGAIN, COPY, BACK)

    def __init__(self) -> None:
        super().__init__()
        self._fault: HardenError | None = None

    def on_mount(self) -> None:
        self.session.around.want("images")
        self.session.around.want("networks")
        self.session.judge_host()

    def heading(self) -> Content:
        return Content.styled(
            "Waivers   findings that are accepted until a date",
            "bold",
        )

    def page(self) -> Content:
        bench = self.session.bench
        if bench is None:
            return Content(self.signs.of("Still connecting to Podman…"))
        if self._fault is not None:
            return error_content(self._fault)
        return page(
            self,
            waiver_sections(bench, tuple(self._reports())),
            (),
            min(100, self.app.size.width - 6),
        )

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened", "scan", "images", "networks"):
            self.draw()

    def action_again(self) -> None:
        """Read the files again, and judge everything by them."""
        if (bench := self.session.bench) is not None:
            try:
                bench.waiving.reload()
                self._fault = None
            except HardenError as error:
                self._fault = error
            self.session.judge_again(None)
        self.draw()

    def _reports(self) -> Iterator[Report]:
        yield from (
            row.report for row in tuple(self.session.rows.values()) if row.report is not None
        )
        for reports in (
            self.session.host,
            self.session.around.images,
            self.session.around.networks,
        ):
            yield from reports or ()


def waiver_sections(
    bench: Workbench,
    reports: Sequence[Report],
) -> Iterator[PageSection]:
    """A section for each waiver, and where they are written."""
    where = PageLine("file", bench.waiving.path, Tone.MUTED)
    uses = bench.waiving.uses(reports)
    if not uses:
        how = (
            "None. To accept a finding, open it with e (in the walk, or from the host, images and "
        )
        yield PageSection(
            "Accepted",
            (PageLine("", f"{how}networks), then press W."), where),
        )
        return
    for use in uses:
        waiver = use.waiver
        on = waiver.subject if waiver.engine == "*" else f"{waiver.subject} ({waiver.engine})"
        yield PageSection(f"{waiver.check} on {on}", tuple(_of_waiver(use)))
    yield PageSection("Kept in", (where,))


def _of_waiver(use: WaiverUse) -> Iterator[PageLine]:
    waiver = use.waiver
    if use.expired:
        count = plural(
            use.expired_for,
            "finding counts",
            "findings count",
        )
        again = f"; {count} again" if use.expired_for else ""
        yield PageLine(
            "until",
            f"{waiver.until}: expired{again}",
            Tone.BAD,
        )
    else:
        days = (waiver.until - date.today()).days
        yield PageLine("until", f"{waiver.until}, {plural(days, 'day')} left")
        if use.findings:
            yield PageLine("waives", plural(use.findings, "finding"))
        else:
            yield PageLine(
                "waives",
                "nothing of what is checked so far",
                Tone.BAD,
            )
    yield PageLine("owner", waiver.owner)
    yield PageLine("reason", waiver.reason)
    if waiver.control:
        yield PageLine("instead", waiver.control)
    yield PageLine("written in", waiver.source, Tone.MUTED)


class CommandsScreen(JobScreen):
    """Every request that was sent and every command that was run."""

    def __init__(self) -> None:
        def read(stop: threading.Event, tell: Tell) -> TaskResult:
            bench = self.session.bench
            commands = bench.opened.log.newest() if bench else ()
            lines = (
                PageLine(
                    command.time,
                    f"{command.result} {command.seconds:.3f} s  {command.what}",
                )
                for command in reversed(commands)
            )
            return TaskResult((PageSection("Requests and commands, newest first", tuple(lines)),))

        super().__init__("Commands", read, "reading")


_KEYS = {
    "escape": "esc",
    "slash": "/",
    "asterisk": "*",
    "question_mark": "?",
    "at": "@",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


class HelpScreen(ReadingScreen):
    ACTIONS = (COPY, BACK)
    BINDINGS: ClassVar = [
        *bindings(ACTIONS),
        Binding("question_mark,f1", "back", show=False),
    ]

    def __init__(
        self,
        about: Screen[object],
        reasons: Mapping[str, str],
    ) -> None:
        """Args:
        about: the screen below.
        reasons: id of an action -> why it cannot be carried out now.
        """
        super().__init__()
        self._reasons = reasons
        self._about: tuple[Action, ...] = getattr(about, "ACTIONS", ())
        self._filters = any(action.id == "home.filter" for action in self._about)

    def heading(self) -> Content:
        return Content("Help")

    def page(self) -> Content:
        parts: list[Part] = []
        width = min(100, self.app.size.width - 6)
        group = ""
        groups = [*dict.fromkeys(action.group for action in (*self._about, *APP))]
        for action in sorted(
            (*self._about, *APP),
            key=lambda action: groups.index(action.group),
        ):
            if action.group != group:
                parts += [
                    "\n" if group else "",
                    (f"{action.group}\n", "bold $primary"),
                ]
                group = action.group
            keys = f"  {self._keys(action):<8} {action.label} "
            parts += hanging(
                keys,
                action.tooltip,
                width,
                "$muted",
                indent=30,
                label_style="bold",
            )
            if why := self._reasons.get(action.id):
                parts += hanging(
                    "",
                    f"Not now: {why}",
                    width,
                    "$status-medium",
                    indent=30,
                )
        if self._filters:
            parts.append(("\nFilter: all words must match\n", "bold $primary"))
            for example, meaning in EXAMPLES:
                parts += hanging(
                    f"  {example}", meaning, width, "$muted", indent=30, label_style="bold"
                )
        parts.append(("\nSigns\n", "bold $primary"))
        if self._filters:
            parts.append(f"  {MARKED} marked      {CHOSEN} fixes chosen, not written\n")
        for look in (*FAILING.values(), *OTHERS.values()):
            parts.append(
                (
                    f"  {self.signs.mark(look)} {look.word:<10}",
                    f"${look.style}",
                )
            )
            parts.append("\n" if look.order % 4 == 3 else "")
        parts += [
            ("\nScore\n", "bold $primary"),
            *hanging("", SHORT, width, "", indent=2),
        ]
        return Content.assemble(*parts)

    def _keys(self, action: Action) -> str:
        """The current keys: the user may have chosen others."""
        keys = self.app._keymap.get(action.id, action.key)
        return self.signs.of(" ".join(_KEYS.get(key, key) for key in keys.split(",")))
