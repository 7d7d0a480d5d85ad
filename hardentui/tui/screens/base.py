"""Base of every screen: title bar, banner, footer, and access to the session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual import events, on
from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from hardentui.do import Sentence, said
from hardentui.errors import HardenError
from hardentui.features.engine_choices import EngineChoice
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Row, reports_of
from hardentui.model.settings import Settings
from hardentui.reading.containers import known_application
from hardentui.tui.action import Action, bindings
from hardentui.tui.action_texts import in_keys, told
from hardentui.tui.messages import in_background
from hardentui.tui.session import Session
from hardentui.tui.status import Signs, signs_of

if TYPE_CHECKING:
    from hardentui.features.reports.result import CheckResult
    from hardentui.model.facts import ContainerFacts
    from hardentui.model.plan import Choice
from hardentui.tui.widgets.key_bar import KeyBar
from hardentui.tui.widgets.title_bar import ONLY_LOOKS, Banner, ScreenReport, TitleBar


class Lead(Protocol):
    """What screens ask of the app, which leads to the others."""

    session: Session
    settings: Settings
    fleet: CheckResult | None
    checklist: str

    @property
    def can_simulate(self) -> bool: ...
    def engine_choices(self) -> tuple[EngineChoice, ...]: ...
    def look_at(self, first_look: Callable[[], FirstLook]) -> None: ...
    def copy(
        self,
        what: str,
        text: str,
        notes: Iterable[str] = (),
    ) -> None: ...
    async def run_action(
        self,
        action: str,
        default_namespace: DOMNode | None = None,
    ) -> bool: ...
    def action_go(self, name: str) -> None: ...
    def open_walk(self, key: str) -> None: ...
    def open_meaning(self, key: str) -> None: ...
    def open_harden(
        self,
        keys: Sequence[str],
        choices: Sequence[Choice] = (),
    ) -> None: ...
    def open_tab(
        self,
        name: str,
        about: Row | ContainerFacts,
    ) -> None: ...
    def open_copies(self, row: Row) -> None: ...
    def open_history(self, name: str) -> None: ...


class HardenScreen(Screen[None]):
    """Subclasses list their actions in ACTIONS and yield their widgets in `body`."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    DOES: ClassVar = ONLY_LOOKS
    """The screen's effect on the host, for the title bar."""
    SHOWS_TRIALS: ClassVar = False
    """It shows how trials of all containers stand, so nothing else need tell it."""
    OF_CONNECTION: ClassVar = False
    """It shows what was read over the present connection, and leaves when another one is opened."""
    _greyed: frozenset[str] = frozenset()
    _leaving: bool = False
    # Textual does not declare these as class variables, so they cannot be annotated as such
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
        (160, "-huge"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-flat"), (30, "-roomy")]  # noqa: RUF012

    def __init_subclass__(cls, **options: Any) -> None:
        """The keys of a screen are those of its actions."""
        if "ACTIONS" in vars(cls) and "BINDINGS" not in vars(cls):
            cls.BINDINGS = bindings(cls.ACTIONS)
        super().__init_subclass__(**options)

    @property
    def harden(self) -> Lead:
        return cast("Lead", self.app)

    @property
    def session(self) -> Session:
        return self.harden.session

    @property
    def signs(self) -> Signs:
        return signs_of(self)

    @property
    def simulated(self) -> bool:
        """The host is the simulated one."""
        return self.session.opened is not None and self.session.opened.simulated

    def body(self) -> Iterable[Widget]:
        """The widgets between title bar and footer."""
        return ()

    def compose(self) -> ComposeResult:
        self._fit_to_size()
        yield TitleBar()
        yield Banner()
        yield from self.body()
        yield KeyBar()

    def _fit_to_size(self) -> None:
        """The classes of the breakpoints, before there are widgets.

        Textual sets them after the first layout: everything would be styled and laid out twice.
        """
        size = self.app.size
        for room, breakpoints in (
            (size.width, self.HORIZONTAL_BREAKPOINTS),
            (size.height, self.VERTICAL_BREAKPOINTS),
        ):
            self.add_class(*self._get_breakpoint_classes(room, breakpoints))

    @on(events.Mount)
    def _enter(self) -> None:
        self.session.state_changed.subscribe(self, self._state_changed)
        self._show_title()

    @on(events.Resize)
    def _resized(self) -> None:
        self._show_title()

    def carry_out(
        self,
        title: str,
        action: Callable[[], Sentence],
    ) -> None:
        """Do it on a thread, and say what was done, or why not."""

        def done(sentence: Sentence) -> None:
            self.notify(
                said(sentence, in_keys),
                title=title,
                markup=False,
            )
            self.was_carried_out()

        def failed(error: HardenError) -> None:
            self.was_refused()
            self.complain(told(error), f"Not {title.lower()}")

        in_background(
            self,
            action,
            done,
            failed,
            group="carry-out",
        )

    def was_carried_out(self) -> None:
        """Something was written or done; subclasses look again."""

    def was_refused(self) -> None:
        """It failed: nothing is different."""

    def why_not(self, action: str) -> str:
        """Why an action of this screen cannot be carried out now, as a sentence; empty when it can.

        The footer greys such a key, the palette omits it, the help shows the reason, and so does
        pressing it (`HardenApp.run_action`). It is called often, so it uses only data in memory.
        """
        return ""

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],
    ) -> bool | None:
        """Grey while there is a reason. Textual asks."""
        return None if self.reason(action) else True

    def reason(self, action: str) -> str:
        """The result of `why_not`; empty while the screen is being created or removed."""
        try:
            return self.why_not(action) if self.is_mounted else ""
        except NoMatches:  # Textual asks also when the widgets are gone
            return ""

    def show_what_is_possible(self) -> None:
        """Bring the greyed keys of the footer up to date."""
        greyed = frozenset(
            action.id for action in self.ACTIONS if action.show and self.reason(action.target)
        )
        if greyed != self._greyed:
            self._greyed = greyed
            self.refresh_bindings()

    def on_idle(self) -> None:
        if self.is_current:
            self.show_what_is_possible()

    async def _state_changed(self, what: str) -> None:
        if what not in (
            "scan",
            "look",
        ):  # these repeat for each container, and the title does not show them
            self._show_title()
        if what == "opening" and self.OF_CONNECTION:
            self.leave()
        else:
            await self.show_state(what)

    async def show_state(self, what: str) -> None:
        """The session changed: `opening found opened failed scan events connection host`."""

    def _show_title(self) -> None:
        if bars := self.query(TitleBar):
            bench = self.session.bench
            named = bench is not None and not bench.judge.checklist.is_usual
            checklist = bench.judge.checklist.id if bench is not None and named else ""
            bars.first().show(
                self.session.opened,
                self.signs,
                self.DOES,
                checklist,
            )
            self.query_one(Banner).show(self.session.opened)

    def screen_report(self) -> ScreenReport:
        """The data of a report about this screen."""
        return ScreenReport()

    def copied(self) -> tuple[str, str]:
        """The item under the cursor: what it is (`the name`), and its text; empty when there is
        none."""
        return "", ""

    def action_copy(self) -> None:
        what, text = self.copied()
        if text:
            self.harden.copy(what, text)
        else:
            self.complain("There is nothing to copy here.")

    def complain(self, text: str, title: str = "") -> None:
        self.app.clear_notifications()  # only the newest: they would pile up over the screen
        self.notify(
            text,
            title=title,
            severity="warning",
            markup=False,
        )

    def action_back(self) -> None:
        self.dismiss()

    def leave(self) -> None:
        """Close this screen because of an event; below another screen, when that one closes.

        `dismiss` closes whichever screen is on top, such as the help that somebody reads meanwhile.
        """
        if self.app.screen is self:
            self.dismiss()
        else:
            self._leaving = True

    def on_screen_resume(self) -> None:
        if self._leaving and self.app.screen is self:
            self._leaving = False
            self.dismiss()


_NO_CONTAINER = {
    "logs": "There is no container whose log could be read.",
    "monitor": "There is no container to monitor.",
    "rights": "There is no container to check.",
    "copy_as": "There is no container to copy.",
    "history": "There is no container that could have been changed.",
    "walk": "There is no container to walk through.",
    "application": "There is no container whose image could be known.",
}
_OF_A_HOST = frozenset({"logs", "monitor", "rights", "copy_as", "history"})


class ContainerScreen(HardenScreen):
    """Subclasses provide `container_key`."""

    @property
    def container_key(self) -> str:
        """Row key of the current container; empty when there is none."""
        raise NotImplementedError

    def screen_report(self) -> ScreenReport:
        row = self.session.rows.get(self.container_key)
        return (
            ScreenReport(row.name, tuple(reports_of([row]))) if row is not None else ScreenReport()
        )

    def why_not(self, action: str) -> str:
        if action not in _NO_CONTAINER:
            return ""
        row = self.session.rows.get(self.container_key)
        if row is None:
            return _NO_CONTAINER[action]
        if self.session.bench is None:
            return "The checks are still being loaded."
        if row.is_file and action in _OF_A_HOST:
            return "No engine was asked: these are files."
        if action == "logs" and (row.report is None or row.report.facts is None):
            return "Its details are not loaded yet, so its log cannot be found."
        facts = row.report.facts if row.report is not None else None
        if action == "application" and (facts is None or known_application(facts) is None):
            return "No known application: no entry is about its image, or it runs something else."
        return ""

    def action_logs(self) -> None:
        row = self.session.rows[self.container_key]
        if row.report is not None and row.report.facts is not None:
            self.harden.open_tab("logs", row.report.facts)

    def action_monitor(self) -> None:
        self.harden.open_tab("monitor", self.session.rows[self.container_key])

    def action_history(self) -> None:
        self.harden.open_history(self.session.rows[self.container_key].name)

    def action_walk(self) -> None:
        self.harden.open_walk(self.container_key)

    def action_copy_as(self) -> None:
        self.harden.open_copies(self.session.rows[self.container_key])

    def action_application(self) -> None:
        self.harden.open_tab(
            "application",
            self.session.rows[self.container_key],
        )

    def action_rights(self) -> None:
        self.harden.open_tab("rights", self.session.rows[self.container_key])
