"""The app: themes, the session, and which screen comes when."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual import events, on
from textual.actions import ActionParseResult, parse
from textual.app import App
from textual.dom import DOMNode
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme

from hardentui.do import said
from hardentui.errors import HardenError
from hardentui.faults import EXIT_CODE, fault_text
from hardentui.features.engine_choices import EngineChoice
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Row
from hardentui.model.settings import Notice, Settings, SettingSource
from hardentui.remembered import Remembered, keep_copy
from hardentui.tui import messages as say
from hardentui.tui.action import bindings
from hardentui.tui.action_texts import in_keys
from hardentui.tui.actions import APP
from hardentui.tui.listing import COLUMNS, ListView
from hardentui.tui.places import Place
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.session import Session
from hardentui.tui.status import signs_for
from hardentui.tui.themes import DEFAULT, OF_16_COLORS, THEMES
from hardentui.visible import visible, visible_lines

if TYPE_CHECKING:
    from hardentui.features.reports.result import CheckResult
    from hardentui.model.facts import ContainerFacts
    from hardentui.model.plan import Choice
from hardentui.tui.palette import ActionProvider, ThemeProvider
from hardentui.tui.type_ahead import TypeAhead

SCREENS = {action.id.partition(".")[2]: action.opens for action in APP if action.opens} | {
    "export": "reports.ExportScreen",
    "copies": "reports.CopyScreen",
    "walk": "walk.WalkScreen",
    "change": "change.ChangeScreen",
    "files": "files.FilesScreen",
    "meaning": "container.MeaningScreen",
    "monitor": "container.MonitorScreen",
    "logs": "container.LogsScreen",
    "rights": "container.RightsScreen",
    "application": "container.ApplicationScreen",
    "help": "pages.HelpScreen",
}
"""Name -> module and class: imported when first opened, because the first screen does not wait for
them."""
_TABS = ("MonitorScreen", "LogsScreen", "RightsScreen", "ApplicationScreen")
"""The tabs of a container besides the walk."""


def screen(name: str, *about: Any, **how: bool) -> Screen[None]:
    """A new screen; `about`: what it is about."""
    module, _, kind = SCREENS[name].partition(".")
    made: Screen[None] = getattr(import_module(f"hardentui.tui.screens.{module}"), kind)(
        *about, **how
    )
    return made


def why_not_open(name: str, screens: Iterable[Screen[object]]) -> str:
    """Why it cannot be opened above these screens (the topmost one last); empty if it can."""
    kind = SCREENS[name].partition(".")[2]
    there = [type(screen).__name__ == kind for screen in screens]
    if not any(there):
        return ""
    return (
        "You are there already."
        if there[-1]
        else "It is open below this screen: esc goes back to it."
    )


_READING = 12.0  # seconds that a notification about a line of a file stays
_TRIALS = 1.0  # seconds between two looks at trials that run elsewhere
_TWICE = 3.0  # seconds within which a second Ctrl-C quits


_NOTIFIES = {
    "kitty": "\x1b]99;;{}\x1b\\",
    "foot": "\x1b]777;notify;HardenTUI;{}\x1b\\",
    "rxvt": "\x1b]777;notify;HardenTUI;{}\x07",
}
"""Name of a terminal -> how it is asked for a notification."""
_USUAL = "\x1b]9;{}\x07"


def notification(text: str, terminal: str) -> str:
    """What asks a terminal for a notification: one way each, since some know several and would show
    it several times. One that knows none shows nothing. `terminal`: TERM."""
    way = next((way for name, way in _NOTIFIES.items() if name in terminal), _USUAL)
    return way.format(f"HardenTUI: {visible(text, 200)}")


def notify_terminal(text: str) -> None:
    """A notification of the terminal itself."""
    asked = notification(text, os.environ.get("TERM", ""))
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            os.write(terminal, asked.encode())
        finally:
            os.close(terminal)


class HardenApp(App[None]):
    """Attributes:
    session: the app's data, and the workers that load it.
    signs: the symbols, in Unicode or ASCII.
    """

    TITLE = "HardenTUI"
    # Textual loads the style sheets of screens that are pushed, but not of the first one
    CSS_PATH: ClassVar = ["app.tcss", "screens/home.tcss"]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {ActionProvider, ThemeProvider}
    BINDINGS: ClassVar = bindings(APP)

    def __init__(
        self,
        first_look: Callable[[], FirstLook],
        *,
        simulate: Callable[[], FirstLook] | None = None,
        now: Callable[[], datetime] = datetime.now,
        settings: Settings | None = None,
        remembered: Remembered | None = None,
        remember: Callable[[Remembered], None] | None = None,
        environ: Mapping[str, str] | None = None,
        keep: Callable[[str], str] = keep_copy,
        opening: str = "",
        choices: Callable[[], tuple[EngineChoice, ...]] | None = None,
        target: str = "",
        fleet: CheckResult | None = None,
        checklist: str = "",
    ) -> None:
        """Args:
        first_look: finds Podman; called on a thread.
        simulate: opens the simulated host, for a user who finds no Podman.
        now: the clock; tests stop it.
        settings: the user's settings; invalid ones are reported.
        remembered: where the last session ended.
        remember: stores where this session ends; None = nothing is stored.
        keep: writes a copied text to a file; returns the path.
        opening: a destination to begin with, such as `training`.
        choices: other connections to choose from; None = none.
        target: what was named to be shown, by which a remembered filter belongs to it.
        fleet: several hosts, judged; their list is opened first.
        checklist: for the hosts that are opened from it.
        """
        self.settings = settings or Settings()
        self.signs = signs_for(
            os.environ if environ is None else environ, wanted=self.settings.ascii
        )
        super().__init__()
        self._first_look = first_look
        self._simulate = simulate
        self._keep = keep
        self._opening = opening
        self._choices = choices
        self._target = target
        self.fleet = fleet
        self.checklist = checklist
        for offered in THEMES:
            self.register_theme(offered)
        self._remembered = remembered or Remembered()
        self._remember = remember
        colors = self.console.color_system
        self.set_class(self.signs.ascii, "-ascii")
        self.set_class(colors in ("256", "standard"), "-few-colors")
        few = colors == "standard" and not os.environ.get("NO_COLOR")
        otherwise = OF_16_COLORS if few else DEFAULT
        theme = self.settings.theme or self._remembered.theme
        self.theme = theme if theme in self.available_themes else otherwise
        self._type_ahead = TypeAhead(self, super().on_event)
        self._interrupted = float("-inf")
        self._notified: set[Notice] = set()
        self.session = Session(self, first_look, now)
        self.session.directory = self.settings.folder
        self._recall()
        self._began_with = (self.theme, self.session.directory)

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Our own: their contrast is tested."""
        return {theme.name: theme for theme in THEMES}

    def get_theme(self, theme_name: str) -> Theme:
        """Textual asks for its own before ours is set."""
        return self.available_themes.get(theme_name, THEMES[0])

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(THEMES[0].variables)

    def get_default_screen(self) -> Screen[None]:
        return HomeScreen()

    def on_mount(self) -> None:
        self.tell_notices(self.settings.notices)
        self.session.open()
        self.set_interval(_TRIALS, self._look_at_trials)
        if self._opening:
            self.call_after_refresh(self.action_go, self._opening)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(
                number,
                self._told_to_end,
                number,
            )

    def _look_at_trials(self) -> None:
        """Say when the trials of all containers are over: a person may look elsewhere."""
        if text := self.session.look_at_trials():
            self.bell()
            if not getattr(self.screen, "SHOWS_TRIALS", False):
                self.notify(f"{text} X shows them.", title="The trials are over")
            if not self.is_headless:
                notify_terminal(text)

    def _told_to_end(self, number: int) -> None:
        """Quit normally, so that the terminal is restored and our own Podman service stops."""
        self.exit(return_code=128 + number)

    def action_help_quit(self) -> None:
        """Ignore a single Ctrl-C, which may be a slip; quit on the second."""
        now = monotonic()
        if now - self._interrupted < _TWICE:
            self.exit()
            return
        self._interrupted = now
        self.clear_notifications()
        self.notify("Press Ctrl-C again to quit. q also quits, or returns to the list.")

    def on_unmount(self) -> None:
        self._keep_for_next_time()
        self.session.close()

    def _recall(self) -> None:
        """Start where the last session ended; the user's settings take precedence."""
        last, session = self._remembered, self.session
        if last.directory and self.settings.origin("folder").source is SettingSource.DEFAULT:
            session.directory = last.directory
        if last.column in COLUMNS:
            # a filter for other containers would hide these
            text = last.filter if last.target == self._target else ""
            session.list_view = ListView(text, last.column, last.reverse)
        if last.container:
            session.last_walk = Place(last.engine, last.container, last.step)

    def _keep_for_next_time(self) -> None:
        """Save only what the user changed here; a session on the simulated host saves no place."""
        if self._remember is None:
            return
        session, last = self.session, self._remembered
        theme, directory = self._began_with
        if self.theme != theme:
            last = replace(last, theme=self.theme)
        if session.opened is not None and not session.opened.simulated:
            view = session.list_view
            last = replace(
                last,
                filter=view.filter,
                target=self._target,
                column=view.column,
                reverse=view.reverse,
            )
            if session.directory != directory:
                last = replace(last, directory=session.directory)
            if (place := session.last_walk) is not None:
                last = replace(
                    last, engine=place.engine, container=place.container, step=place.step
                )
        if last != self._remembered:
            self._remember(last)

    def _fatal_error(self) -> None:
        """Textual would print the local variables, and with them container data such as secrets."""
        self._return_code = EXIT_CODE
        fault = sys.exc_info()[1] or self._exception  # a WorkerFailed error wraps the real one
        self.bell()
        self.panic(Text(fault_text(fault) if fault else "hardentui: internal error."))

    @on(say.FromWorker)
    def _from_worker(self, message: say.FromWorker) -> None:
        self.session.handle(message)
        if isinstance(message, say.WorkbenchOpened):
            self.tell_notices(message.bench.notices)
            if not message.bench.opened.simulated:
                for sentence in message.bench.changes_to_tell():
                    self.notify(
                        said(sentence, in_keys),
                        severity="warning",
                        timeout=_READING,
                    )

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Every notification passes the gate for untrusted text; none is parsed as markup."""
        super().notify(
            visible_lines(message),
            title=visible(title),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def tell_notices(self, notices: Iterable[Notice]) -> None:
        """Report each invalid setting once."""
        for notice in notices:
            if notice not in self._notified:
                self._notified.add(notice)
                self.notify(
                    str(notice),
                    title="Settings",
                    severity="warning",
                    timeout=_READING,
                )

    def copy(
        self,
        what: str,
        text: str,
        notes: Iterable[str] = (),
    ) -> None:
        """Copy a text to the clipboard and to a file, for terminals without clipboard access.

        Args:
            notes: remarks about the text, one sentence each.

        It goes through the gate for untrusted text: a name with a line break must not run when it
        is pasted.
        """
        text = visible_lines(text)
        self.copy_to_clipboard(text)
        try:
            where = f"Also saved to {self._keep(text)}."
        except HardenError as error:
            where = error.title
        self.clear_notifications()
        lines = [where, *notes]
        self.notify(
            "\n".join(lines), title=f"Copied {what}", timeout=_READING if len(lines) > 1 else None
        )

    def open_tab(
        self,
        name: str,
        about: Row | ContainerFacts,
    ) -> None:
        """Another tab of a container takes the place of the present one; the walk and the list stay
        below."""
        if (bench := self.session.bench) is not None:
            here, tab = type(self.screen).__name__, screen(name, bench, about)
            self.switch_screen(tab) if here in _TABS else self.push_screen(tab)

    def open_walk(self, key: str) -> None:
        below = self.screen_stack[-2:-1]
        if type(self.screen).__name__ not in _TABS:
            self.push_screen(screen("walk", key))
        elif (
            getattr(below[0], "container_key", "") == key
            and type(below[0]).__name__ == "WalkScreen"
        ):
            self.pop_screen()
        else:
            self.switch_screen(screen("walk", key))

    def open_meaning(self, key: str) -> None:
        self.push_screen(screen("meaning", key))

    def open_harden(
        self,
        keys: Sequence[str],
        choices: Sequence[Choice] = (),
    ) -> None:
        """The card of these containers, if they are one stack; else they are tried unattended."""
        if not keys:
            return
        if self._are_files and not choices:
            self.push_screen(screen("files", tuple(keys)))
            return
        from hardentui.features.looking.stack import stacks

        reports = {
            key: row.report for key, row in self.session.rows.items() if row.report is not None
        }
        facts = {key: reports[key].facts if key in reports else None for key in keys}
        able = {
            key: its for key, its in facts.items() if its is None or not its.inspect.get("IsInfra")
        }
        first, *rest = stacks((able or facts).items(), units=False)
        rows = self.session.rows
        change = screen(
            "change",
            first[0],
            tuple(choices),
            tuple(first[1:]),
        )
        if rest:
            wanted = tuple(rows[key].id for key in able if key in rows)
            self.push_screen(screen("everything", wanted, begins=True))
        else:
            self.push_screen(change)

    def open_history(self, name: str) -> None:
        self.push_screen(screen("journal", name))

    def open_copies(self, row: Row) -> None:
        """Ask what to copy of a container; its text is made on a thread."""
        bench = self.session.bench
        if bench is None:
            return
        chosen = tuple(self.session.choices.get(row.key, {}).values())
        self.push_screen(screen("copies", bench, row, chosen))

    def action_export(self) -> None:
        if isinstance(self.screen, HardenScreen) and (bench := self.session.bench) is not None:
            self.push_screen(screen("export", bench, self.screen.screen_report()))

    def action_help(self) -> None:
        about = getattr(self.screen, "ACTIONS", ())
        reasons = {action.id: self._reason(action.target, self.screen) for action in about}
        reasons |= {action.id: self._reason(action.target, self) for action in APP}
        self.push_screen(screen("help", self.screen, reasons))

    @property
    def _are_files(self) -> bool:
        """Whether files were opened in the place of a host."""
        return any(row.is_file for row in self.session.rows.values())

    def action_go(self, name: str) -> None:
        self.push_screen(screen("files" if name == "everything" and self._are_files else name))

    @property
    def can_simulate(self) -> bool:
        return self._simulate is not None

    def engine_choices(self) -> tuple[EngineChoice, ...]:
        """The connections that are configured now."""
        return self._choices() if self._choices is not None else ()

    def look_at(self, first_look: Callable[[], FirstLook]) -> None:
        """Close the current connection and open another."""
        self._first_look = first_look
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.session.open(first_look)

    def action_simulate(self) -> None:
        if self._simulate is not None:
            self.look_at(self._simulate)

    def why_not(self, action: str, *parameters: object) -> str:
        """Why an action of the app cannot be carried out now, as a sentence; empty when it can."""
        top = self.screen
        match action:
            case "go" if parameters[0] == "hosts" and self.fleet is None:
                return "This is one host. The hosts of a fleet are opened with their facts."
            case "go":
                return why_not_open(str(parameters[0]), self.screen_stack)
            case "export" if self.session.bench is None:
                return "There is nothing here to report on yet."
            case "export" if not isinstance(top, HardenScreen) or top.screen_report().nothing:
                return "There is nothing here to report on."
            case "help" if type(top).__name__ == "HelpScreen":
                return "You are there already."
            case "simulate" if self._simulate is None:
                return "The simulated host is not available."
            case "simulate" if self.session.failure is None:
                return "Available when no Podman answers, and one answers here."
        return ""

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],
    ) -> bool | None:
        """Not in the palette while there is a reason. Textual asks."""
        return None if self.is_running and self.why_not(action, *parameters) else True

    def _reason(
        self,
        action: str | ActionParseResult,
        target: DOMNode,
    ) -> str:
        """Why the action of a screen, or of the app, cannot be carried out now; empty when it can."""
        namespace, name, parameters = parse(action) if isinstance(action, str) else action
        if target is self or namespace == "app":
            return self.why_not(name, *parameters)
        return target.reason(name) if isinstance(target, HardenScreen) else ""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._type_ahead.take(event)
        else:
            await super().on_event(event)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, or report why it cannot be run: every key, click and choice ends here."""
        why = self._reason(action, default_namespace or self)
        if not why:
            return await super().run_action(
                action,
                default_namespace,
                namespaces,
            )
        self.clear_notifications()  # only the newest: they would pile up over the screen
        self.notify(why, severity="warning")
        return True


def run(app: HardenApp) -> int:
    """Run the app; returns the exit code of the process."""
    app.run()
    return app.return_code or 0
