"""Data that containers share, as the screens see it: images, networks, and the image inspection
that is running.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from hardentui.errors import HardenError
from hardentui.features.sections import size_text
from hardentui.features.views import Report, Row
from hardentui.model.known import Unread
from hardentui.tui import messages as say
from hardentui.visible import visible

if TYPE_CHECKING:
    from textual.signal import Signal

    from hardentui.features.workbench import Workbench
    from hardentui.model.facts import ImageFacts

Post = Callable[[say.FromWorker], None]

_TROUBLES_TOLD = 4


class Owner(Protocol):
    """What it needs of the session that owns it."""

    rows: dict[str, Row]
    state_changed: Signal[str]

    @property
    def bench(self) -> Workbench | None: ...
    @property
    def post(self) -> Post: ...
    def run(
        self,
        work: Callable[[], None],
        group: str,
    ) -> None: ...
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
        self.look: say.Inspection | None = None
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

    def _read(
        self,
        bench: Workbench,
        what: str,
        post: Post,
    ) -> None:
        try:
            reports = (
                bench.surroundings.images() if what == "images" else bench.surroundings.networks()
            )
        except HardenError as error:
            post(say.WorkFailed(f"Reading the {what}", error))
            return
        post(say.SharedJudged(what, reports))

    def look_into(
        self,
        engine: str,
        image: str,
        name: str,
    ) -> bool:
        """Inspect an image; False when another inspection is running."""

        def read(
            bench: Workbench,
            tell: Callable[[str], None],
            stop: threading.Event,
        ) -> dict[str, str]:
            shown = visible(name, 40)
            tell(f"reading {shown}")
            inventory = bench.look_into_image(
                engine, image, lambda count: tell(f"reading {shown}: {size_text(count)}"), stop
            )
            return {name: inventory.reason} if isinstance(inventory, Unread) else {}

        return self._begin("Inspection", [(engine, image)], read)

    def scan(self, images: Sequence[ImageFacts]) -> bool:
        """Scan images for known vulnerabilities; False when another inspection or scan is running."""

        def scan(
            bench: Workbench,
            tell: Callable[[str], None],
            stop: threading.Event,
        ) -> dict[str, str]:
            return bench.scan_images(images, tell, stop)

        return bool(images) and self._begin(
            "Scan", [(image.engine.label, image.id) for image in images], scan
        )

    def _begin(
        self,
        what: str,
        images: Sequence[tuple[str, str]],
        work: Callable[[Workbench, Callable[[str], None], threading.Event], dict[str, str]],
    ) -> bool:
        """`work` returns name -> why an image was left out."""
        bench, post = self._session.bench, self._session.post
        if bench is None or self.look is not None:
            return False
        inspection = self.look = say.Inspection(what, tuple(images), threading.Event())

        def run() -> None:
            try:
                troubles = work(
                    bench, lambda now: post(say.LookProgressed(inspection, now)), inspection.stop
                )
                told = [f"{visible(name, 60)}: {reason}" for name, reason in troubles.items()]
            except HardenError as error:
                told = [str(error)]
            post(say.LookEnded(inspection, tuple(told)))

        self._session.run(run, "look")
        self._session.state_changed.publish("look")
        return True

    def cancel_look(self) -> bool:
        """Ask the running inspection or scan to stop; False when there is none."""
        if self.look is None:
            return False
        self.look.stop.set()
        return True

    def progressed(self, message: say.LookProgressed) -> None:
        if self.look is message.inspection:
            self.look.now = message.now
            self._session.state_changed.publish("look")

    def ended(
        self,
        message: say.LookEnded,
        notify: Callable[[str, bool], None],
    ) -> None:
        """The inspection is over: its findings go into the step cells of the images' containers."""
        inspection = message.inspection
        if self.look is not inspection:
            return
        self.look = None
        if inspection.stop.is_set():
            notify(f"{inspection.what} of the image stopped.", False)
        elif message.troubles:
            notify("\n".join(message.troubles[:_TROUBLES_TOLD]), True)
        if len(message.troubles) < len(inspection.images):
            users = [row.key for image in inspection.images for row in self.users_of(*image)]
            self._session.recheck_all(list(dict.fromkeys(users)))
            self.renew()
        self._session.state_changed.publish("look")

    def users_of(
        self,
        engine: str,
        image: str,
    ) -> list[Row]:
        """The containers created from an image."""
        rows = self._session.rows.values()
        return [row for row in rows if row.engine.label == engine and image_id(row) == image]


def image_id(row: Row) -> str:
    """ID of a container's image; empty while unknown."""
    facts = row.report.facts if row.report else None
    return str(facts.inspect.get("Image") or "") if facts else ""
