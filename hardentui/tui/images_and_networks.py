"""Data that containers share, as the screens see it: images, networks, and the image inspection that is
running.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hardentui.errors import HardenError
from hardentui.features.sections import size_text
from hardentui.features.views import Report, Row
from hardentui.model.known import Unread
from hardentui.tui import messages as say
from hardentui.visible import visible

if TYPE_CHECKING:
    from textual.signal import Signal

    from hardentui.features.images.scanning import ScanProgress
    from hardentui.features.workbench import Workbench
    from hardentui.model.facts import ImageFacts

Post = Callable[[say.FromWorker], None]

_TROUBLES_TOLD = 4


@dataclass
class Inspection:
    """A running inspection or scan of an image."""

    engine: str
    image: str
    name: str
    stop: threading.Event
    read: int = 0  # bytes of the image read so far
    doing: str = "reading"  # `reading`, `fetching` or `scanning`
    scanned: tuple[tuple[str, str], ...] = ()  # engine and ID of every image of a scan
    number: int = 1  # which of them is being scanned now, from 1

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """Engine and ID of every image that this inspection or scan covers."""
        return self.scanned or ((self.engine, self.image),)

    @property
    def progress(self) -> str:
        """The progress; the name is foreign text, made visible."""
        size = "" if self.doing == "scanning" else f": {size_text(self.read)}"
        of = f" {self.number} of {len(self.scanned)}:" if len(self.scanned) > 1 else ""
        return f"{self.doing}{of} {visible(self.name, 40)}{size}  esc stops"


class Owner(Protocol):
    """What it needs of the session that owns it."""

    rows: dict[str, Row]
    state_changed: Signal[str]

    @property
    def bench(self) -> Workbench | None: ...
    @property
    def post(self) -> Post: ...
    def run(self, work: Callable[[], None], group: str) -> None: ...
    def recheck_all(self, keys: Collection[str]) -> None: ...


class Around:
    """Reports of images and networks; None until requested. Lives on the app's thread.

    Attributes:
        look: the running inspection or scan; there is only one at a time.
    """

    def __init__(self, session: Owner) -> None:
        self._session = session
        self.images: tuple[Report, ...] | None = None
        self.networks: tuple[Report, ...] | None = None
        self.look: Inspection | None = None
        self._wanted: set[str] = set()

    def forget(self) -> None:
        """Start over with another workbench."""
        self.cancel_look()
        self.images = self.networks = self.look = None
        self._wanted.clear()

    def want(self, what: str) -> None:
        """Keep `images` or `networks` up to date from now on."""
        self._wanted.add(what)
        self.renew()

    def renew(self) -> None:
        """Containers came or went: reload what a screen has requested."""
        post = self._session.post
        if bench := self._session.bench:
            for what in self._wanted:
                self._session.run(lambda what=what: self._read(bench, what, post), what)  # type: ignore[misc]

    def _read(self, bench: Workbench, what: str, post: Post) -> None:
        try:
            reports = bench.surroundings.images() if what == "images" else bench.surroundings.networks()
        except HardenError as error:
            post(say.WorkFailed(f"Reading the {what}", error))
            return
        post(say.SharedJudged(what, reports))

    # --- image inspection --------------------------------------------------------------------------------

    def look_into(self, engine: str, image: str, name: str) -> bool:
        """Inspect an image; False when another inspection is running."""
        bench = self._session.bench
        if bench is None or self.look is not None:
            return False
        inspection = self.look = Inspection(engine, image, name, threading.Event())
        post = self._session.post
        self._session.run(lambda: self._look(bench, inspection, post), "look")
        self._session.state_changed.publish("look")
        return True

    def scan(self, images: Sequence[ImageFacts]) -> bool:
        """Scan images for known vulnerabilities; False when another inspection or scan is running."""
        bench = self._session.bench
        if bench is None or self.look is not None or not images:
            return False
        first = images[0]
        scanned = tuple((image.engine.label, image.id) for image in images)
        inspection = self.look = Inspection(
            first.engine.label, first.id, _name(first), threading.Event(), doing="fetching", scanned=scanned
        )
        post = self._session.post
        self._session.run(lambda: self._scan(bench, tuple(images), inspection, post), "look")
        self._session.state_changed.publish("look")
        return True

    def _scan(
        self, bench: Workbench, images: Sequence[ImageFacts], inspection: Inspection, post: Post
    ) -> None:
        """An image that cannot be scanned does not stop the others."""
        troubles = []
        try:
            scanning = bench.scanning()
            scanner = scanning.scanner()
            for number, image in enumerate(images, 1):
                name = _name(image)

                def on_progress(at: ScanProgress, number: int = number, name: str = name) -> None:
                    post(say.LookProgressed(inspection.image, at.bytes, at.phase, number, name))

                report = scanning.scan(image, scanner, on_progress, inspection.stop)
                if inspection.stop.is_set():
                    break
                if isinstance(report, Unread):
                    troubles.append(f"{visible(name, 60)}: {report.reason}")
        except HardenError as error:
            troubles.append(str(error))
        post(say.LookEnded(inspection.image, "\n".join(troubles[:_TROUBLES_TOLD])))

    def cancel_look(self) -> bool:
        """Ask the running inspection or scan to stop; False when there is none."""
        if self.look is None:
            return False
        self.look.stop.set()
        return True

    def _look(self, bench: Workbench, inspection: Inspection, post: Post) -> None:
        try:
            inventory = bench.look_into_image(
                inspection.engine,
                inspection.image,
                lambda read: post(say.LookProgressed(inspection.image, read)),
                inspection.stop,
            )
        except HardenError as error:
            inventory = Unread(error.title)
        trouble = inventory.reason if isinstance(inventory, Unread) else ""
        post(say.LookEnded(inspection.image, trouble))

    def progressed(self, message: say.LookProgressed) -> None:
        if self.look is not None and self.look.image == message.image:
            self.look.read = message.read
            self.look.doing = message.doing
            if message.number:
                self.look.number, self.look.name = message.number, message.name
            self._session.state_changed.publish("look")

    def ended(self, message: say.LookEnded, notify: Callable[[str, bool], None]) -> None:
        """The inspection is over: its findings go into the step cells of the image's containers."""
        inspection = self.look
        if inspection is None or inspection.image != message.image:
            return
        self.look = None
        if inspection.stop.is_set():
            what = "Inspection" if inspection.doing == "reading" else "Scan"
            notify(f"{what} of the image stopped.", False)
        elif message.trouble:
            notify(message.trouble if inspection.scanned else f"{inspection.name}: {message.trouble}", True)
        if not message.trouble or len(inspection.images) > 1:
            users = [row.key for image in inspection.images for row in self.users_of(*image)]
            self._session.recheck_all(list(dict.fromkeys(users)))
            self.renew()
        self._session.state_changed.publish("look")

    def users_of(self, engine: str, image: str) -> list[Row]:
        """The containers created from an image."""
        rows = self._session.rows.values()
        return [row for row in rows if row.engine.label == engine and image_id(row) == image]


def _name(image: ImageFacts) -> str:
    return image.names[0] if image.names else image.id.removeprefix("sha256:")[:12]


def image_id(row: Row) -> str:
    """ID of a container's image; empty while unknown."""
    facts = row.report.facts if row.report else None
    return str(facts.inspect.get("Image") or "") if facts else ""
