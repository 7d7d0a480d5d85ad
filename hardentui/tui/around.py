"""What containers share, as the screens know it: images, networks, and the look into an image that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hardentui.errors import HardenError
from hardentui.model.known import Unreadable
from hardentui.tui import messages as say
from hardentui.visible import visible
from hardentui.workbench.pages.sections import size_text
from hardentui.workbench.views import Report, Row

if TYPE_CHECKING:
    from hardentui.model.facts import ImageFacts
    from hardentui.tui.session import Session
    from hardentui.workbench.workbench import Workbench


@dataclass
class Look:
    """A look into an image that is under way, or a scan of it.

    Attributes:
        read: bytes of it that have come.
        doing: `reading`, `fetching` or `scanning`.
    """

    engine: str
    image: str
    name: str
    stop: threading.Event
    read: int = 0
    doing: str = "reading"

    @property
    def told(self) -> str:
        """How far it is; the name is foreign text made visible."""
        size = "" if self.doing == "scanning" else f": {size_text(self.read)}"
        return f"{self.doing} {visible(self.name, 40)}{size}  esc stops"


class Around:
    """Reports of images and networks; None until they were asked for. Lives on the app's thread.

    Attributes:
        look: the look into an image, or the scan, that runs now; only one does at a time.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.images: tuple[Report, ...] | None = None
        self.networks: tuple[Report, ...] | None = None
        self.look: Look | None = None
        self._wanted: set[str] = set()

    def forget(self) -> None:
        """Another workbench is opened."""
        self.cancel_look()
        self.images = self.networks = self.look = None
        self._wanted.clear()

    def want(self, what: str) -> None:
        """Keep `images` or `networks` up to date from now on."""
        self._wanted.add(what)
        self.renew()

    def renew(self) -> None:
        """Containers came or went: read again what a screen has asked for."""
        if bench := self._session.bench:
            for what in self._wanted:
                self._session.run(lambda what=what: self._read(bench, what), what)  # type: ignore[misc]

    def _read(self, bench: Workbench, what: str) -> None:
        try:
            reports = bench.surroundings.images() if what == "images" else bench.surroundings.networks()
        except HardenError as error:
            self._session.post(say.WorkFailed(f"Looking at the {what}", error))
            return
        self._session.post(say.SharedJudged(what, reports))

    # --- the look into an image ------------------------------------------------------------------------

    def look_into(self, engine: str, image: str, name: str) -> bool:
        """Read what is inside an image; False when another one is being read."""
        bench = self._session.bench
        if bench is None or self.look is not None:
            return False
        look = self.look = Look(engine, image, name, threading.Event())
        self._session.run(lambda: self._look(bench, look), "look")
        self._session.state_changed.publish("look")
        return True

    def scan(self, image: ImageFacts, name: str) -> bool:
        """Look for known vulnerabilities of an image; False when another look or scan runs."""
        bench = self._session.bench
        if bench is None or self.look is not None:
            return False
        look = self.look = Look(image.engine.label, image.id, name, threading.Event(), doing="fetching")
        self._session.run(lambda: self._scan(bench, image, look), "look")
        self._session.state_changed.publish("look")
        return True

    def _scan(self, bench: Workbench, image: ImageFacts, look: Look) -> None:
        from hardentui.workbench.looking.scanning import Scanning  # the app starts without what scans

        def told(phase: str, size: int) -> None:
            self._session.post(say.LookProgressed(look.image, size, phase))

        try:
            scanning = Scanning(bench.parts)
            scanner = scanning.chosen("")
            report = scanning.scan(image, scanner, lambda at: told(at.phase, at.bytes), look.stop)
            trouble = report.reason if isinstance(report, Unreadable) else ""
        except HardenError as error:
            trouble = str(error)
        self._session.post(say.LookEnded(look.image, trouble))

    def cancel_look(self) -> bool:
        """Ask the look that runs to stop; False when none does."""
        if self.look is None:
            return False
        self.look.stop.set()
        return True

    def _look(self, bench: Workbench, look: Look) -> None:
        try:
            inventory = bench.surroundings.look_into_image(
                look.engine,
                look.image,
                lambda read: self._session.post(say.LookProgressed(look.image, read)),
                look.stop,
            )
        except HardenError as error:
            inventory = Unreadable(error.title)
        trouble = inventory.reason if isinstance(inventory, Unreadable) else ""
        self._session.post(say.LookEnded(look.image, trouble))

    def progressed(self, message: say.LookProgressed) -> None:
        if self.look is not None and self.look.image == message.image:
            self.look.read = message.read
            self.look.doing = message.doing
            self._session.state_changed.publish("look")

    def ended(self, message: say.LookEnded, notify: Callable[[str, bool], None]) -> None:
        """The look is over: what it found goes into the cells of the image's containers."""
        look = self.look
        if look is None or look.image != message.image:
            return
        self.look = None
        if look.stop.is_set():
            what = "look into" if look.doing == "reading" else "scan of"
            notify(f"The {what} the image was stopped.", False)
        elif message.trouble:
            notify(f"{look.name}: {message.trouble}", True)
        else:
            self._session.recheck_all([row.key for row in self.users_of(look.engine, look.image)])
            self.renew()
        self._session.state_changed.publish("look")

    def users_of(self, engine: str, image: str) -> list[Row]:
        """The containers that were made from an image."""
        rows = self._session.rows.values()
        return [row for row in rows if row.engine.label == engine and image_id(row) == image]


def image_id(row: Row) -> str:
    """ID of a container's image; empty while it is not known."""
    facts = row.report.facts if row.report else None
    return str(facts.inspect.get("Image") or "") if facts else ""
