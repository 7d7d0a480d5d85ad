"""Base of every screen: title bar, banner, footer, and access to the session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from msgspec import Struct
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.do import Sentence, said
from hardentui.errors import HardenError
from hardentui.features.first_look import EngineChoice, FirstLook
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Report, Row, reports_of
from hardentui.model.settings import Settings
from hardentui.tui.actions import Action, bindings, in_keys, told
from hardentui.tui.messages import in_background
from hardentui.tui.session import Session
from hardentui.tui.status import Signs, both_ends, plain, signs_of
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.exports import Exportable
    from hardentui.model.facts import ContainerFacts
    from hardentui.model.journal import JournalEntry
    from hardentui.model.plan import Choice


class Lead(Protocol):
    """What screens ask of the app, which leads to the others."""

    session: Session
    settings: Settings

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


def where(opened: Opened | None, signs: Signs) -> str:
    """`web01 · Podman 5.4.2 rootful + rootless(anna)`."""
    if opened is None:
        return signs.of("looking for Podman…")
    versions: dict[str, list[str]] = {}
    for engine in opened.engine_facts:
        versions.setdefault(str(engine.version), []).append(visible(engine.label, 30))
    engines = ", ".join(
        f"Podman {version} {' + '.join(labels)}" for version, labels in versions.items()
    )
    if opened.private_service:
        engines += " (own service)"
    return f"{visible(opened.place, 40)} {signs.dot} {engines or 'no engine'}"


class ScreenReport(Struct, frozen=True):
    """Reports, entries of the journal, or something ready to be written."""

    about: str = ""  # what it is about, in a word or two; foreign text
    reports: tuple[tuple[Report, str], ...] = ()  # each with what kind of thing its subject is
    rows: tuple[Row, ...] = ()  # containers whose network map belongs to the reports
    entries: tuple[JournalEntry, ...] = ()  # changes, the newest first
    ready: Exportable | None = None  # what is written in place of both

    @property
    def nothing(self) -> bool:
        return not (self.reports or self.entries or self.ready)


ONLY_LOOKS = "read-only"


class TitleBar(Static):
    DEFAULT_CSS = """
    TitleBar {
        dock: top; height: 1; width: 100%; padding: 0 1;
        background: $panel; color: $foreground; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def show(
        self,
        opened: Opened | None,
        signs: Signs,
        does: str,
        checklist: str = "",
    ) -> None:
        """`does`: what the screen does to the host, in two or three words; `checklist`: its name,
        unless it is the default.
        """
        by = "" if not checklist else f" {signs.dot} {visible(checklist, 40)}"
        left = Content.assemble(
            ("HardenTUI", "bold $primary"),
            "  ",
            where(opened, signs),
            by,
        )
        right = Content.assemble(
            (
                does,
                "$muted" if does == ONLY_LOOKS else "bold $warning",
            )
        )
        self.update(
            both_ends(
                left,
                right,
                self.app.size.width - 2,
                signs.ellipsis,
            ),
            layout=False,
        )


class Banner(Static):
    """Says on every screen that the host is simulated."""

    DEFAULT_CSS = """
    Banner {
        dock: top; height: 1; width: 100%; padding: 0 1; margin-top: 1; display: none;
        background: $status-medium; color: $background; text-style: bold; text-wrap: nowrap;
    }
    Banner.-shown { display: block; }
    Banner:nocolor { text-style: bold reverse; }
    """

    def show(self, opened: Opened | None) -> None:
        simulated = opened is not None and opened.simulated
        self.set_class(simulated, "-shown")
        if opened is None or not simulated:
            return
        if opened.attempts:
            self.update(
                plain("SIMULATED HOST - no Podman found; : Connection shows what was tried")
            )
        else:
            self.update(plain("SIMULATED HOST - nothing here is real"))


_WHILE_TYPING = {"?": "F1"}
"""Keys as the user would type them, and equivalent keys."""


class FooterKey(Struct, frozen=True):
    """One key of the footer."""

    key: str  # as Textual names it
    display: str  # as the user reads it
    label: str
    action: str  # what it does, as Textual names it
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """In terminal cells."""
        return cell_len(self.display) + 1 + cell_len(self.label)


class KeyBar(Widget):
    """If not all keys fit, the later ones are dropped, but never the first or the last two: back
    and help.

    It is one widget and not one for each key, because the keys change with nearly every step of the
    user: a new line is drawn at once, where new widgets would have to be styled and laid out.

    Attributes:
        keys: all keys of the screen, in order.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar = {"key-bar--key", "key-bar--label", "key-bar--pointed"}
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; width: 100%; padding: 0 1; text-wrap: nowrap;
        background: $footer-background; color: $footer-foreground;
    }
    .key-bar--key {
        color: $footer-key-foreground; background: $footer-key-background; text-style: bold;
    }
    .key-bar--label {
        color: $footer-description-foreground; background: $footer-description-background;
    }
    .key-bar--pointed { color: $footer-key-foreground; background: $block-hover-background; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[FooterKey, ...] = ()
        self._pointed: FooterKey | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(
            self,
            self._bindings_updated,
        )

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if screen.app.app_focus:
            self.call_after_refresh(self._show_keys)

    def _show_keys(self) -> None:
        """Textual asks for it at every focus change; most do not affect the keys."""
        if self.is_attached and (keys := self._keys_now()) != self.keys:
            self.keys = keys
            self.refresh()

    def _keys_now(self) -> tuple[FooterKey, ...]:
        typing = isinstance(self.screen.focused, Input)
        keys: dict[str, FooterKey] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in keys:
                display = self.app.get_key_display(binding)
                keys[binding.action] = FooterKey(
                    key=binding.key,
                    display=_WHILE_TYPING.get(display, display) if typing else display,
                    label=binding.description,
                    action=binding.action,
                    enabled=active.enabled,
                    tooltip=active.tooltip,
                )
        declared = [action.target for action in getattr(self.screen, "ACTIONS", ())]
        order = {target: at for at, target in enumerate(declared)}
        return tuple(sorted(keys.values(), key=lambda key: order.get(key.action, len(order))))

    def render(self) -> Content:
        key_style, label_style = (
            self.get_visual_style("key-bar--key"),
            self.get_visual_style("key-bar--label"),
        )
        pointed_style = self.get_visual_style("key-bar--pointed")
        parts: list[Content | str] = []
        for key in _that_fit(self.keys, self.content_size.width):
            by_key, by_label = (
                (pointed_style, pointed_style) if key is self._pointed else (key_style, label_style)
            )
            if not key.enabled:
                by_key, by_label = by_key + Style(dim=True), by_label + Style(dim=True)
            parts += [
                Content.styled(key.display, by_key),
                Content.styled(f" {key.label}", by_label),
                " ",
            ]
        return Content.assemble(*parts[:-1])

    # --- the mouse --------------------------------------------------------------------------------

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point_at(self._key_at(event))

    def on_leave(self) -> None:
        self._point_at(None)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if (key := self._key_at(event)) is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def _point_at(self, key: FooterKey | None) -> None:
        if key is not self._pointed:
            self._pointed = key
            self.tooltip = key.tooltip if key is not None else None
            self.refresh()

    def _key_at(self, event: events.MouseEvent) -> FooterKey | None:
        where = event.get_content_offset(self)
        if where is None:
            return None
        left = 0
        for key in _that_fit(self.keys, self.content_size.width):
            if left <= where.x < left + key.width:
                return key
            left += key.width + 1
        return None


def _that_fit(keys: tuple[FooterKey, ...], room: int) -> list[FooterKey]:
    shown = list(keys)
    left = sum(key.width + 1 for key in keys) - 1
    for key in reversed(keys[1:-2]):
        if left <= room:
            break
        shown.remove(key)
        left -= key.width + 1
    return shown


class HardenScreen(Screen[None]):
    """Subclasses list their actions in ACTIONS and yield their widgets in `body`."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    DOES: ClassVar = ONLY_LOOKS
    """The screen's effect on the host, for the title bar."""
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

    # --- work that ends in a sentence -------------------------------------------------------------

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

    # --- what can be done now ---------------------------------------------------------------------

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


# Shared by every screen about one container: the actions that open its other screens.

_NO_CONTAINER = {
    "logs": "There is no container whose log could be read.",
    "monitor": "There is no container to monitor.",
    "rights": "There is no container to check.",
    "copy_as": "There is no container to copy.",
    "history": "There is no container that could have been changed.",
    "walk": "There is no container to walk through.",
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

    def action_rights(self) -> None:
        self.harden.open_tab("rights", self.session.rows[self.container_key])
