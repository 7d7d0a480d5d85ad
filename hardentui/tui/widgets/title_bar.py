"""The top of each screen: where it looks, and what is the matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from hardentui.features.opening.opened import Opened
from hardentui.features.views import Report, Row
from hardentui.tui.status import Signs, both_ends, plain
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.exports import Exportable
    from hardentui.model.journal import JournalEntry


def where(
    opened: Opened | None,
    signs: Signs,
    room: int,
) -> str:
    """`web01 · Podman 5.4.2 rootful + rootless(anna)`; in little room `web01 · Podman 5.4.2`, or the
    name of the host alone."""
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
    place = visible(opened.place, 40)
    short = ", ".join(f"Podman {version}" for version in versions)
    texts = [f"{place} {signs.dot} {told or 'no engine'}" for told in (engines, short)]
    return next((text for text in texts if cell_len(text) <= room), place)


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
        width = self.app.size.width - 2
        room = width - len("HardenTUI") - cell_len(f"{by}{does}") - 4
        left = Content.assemble(
            ("HardenTUI", "bold $primary"),
            "  ",
            where(opened, signs, room),
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
                width,
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
