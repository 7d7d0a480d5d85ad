"""Scanning images for known vulnerabilities, and importing reports.

An image goes to a scanner as an archive from the engine, through a temporary file that is removed
afterwards. No scanner gets the socket: that would give it every right of the user behind it.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct

from hardentui.errors import EngineError, InputError, ToolMissing, UsageError, WriteError
from hardentui.features.images.names import name_of
from hardentui.features.images.scanners import Scanner, commands_to_install, present
from hardentui.features.images.updates import digests_of
from hardentui.features.looking.judging import Parts
from hardentui.features.sections import size_text
from hardentui.host.asker import asker
from hardentui.host.asking import CANCELLED
from hardentui.lib.frames import ReaderKind, Request
from hardentui.model.facts import ImageFacts
from hardentui.model.image import ScanReport, ScanSettings
from hardentui.model.known import Known, Unread
from hardentui.named_files import read_named
from hardentui.reader import NotRead, read_apart
from hardentui.scanners.reports import ImageReport
from hardentui.scanners.stored import LARGEST, StoredScans
from hardentui.visible import visible

DEFAULT = ScanSettings()
_ROOM = 1.1  # an archive is slightly larger than its layers


class ScanProgress(Struct, frozen=True):
    """The current phase for one image: `fetching` with the bytes so far, or `scanning`."""

    phase: str
    bytes: int = 0


class Scanning:
    """Scans of images of the opened engines."""

    def __init__(self, parts: Parts) -> None:
        self._opened = parts.opened
        self._scanned = parts.more_is_known

    def scanner(self) -> Scanner:
        """The first scanner of this host.

        Raises:
            ToolMissing: there is none; says how to install one.
        """
        for scanner in present():
            return scanner
        raise ToolMissing(
            "There is no vulnerability scanner on this host, so nothing was scanned.",
            "\n".join(("To install one:", *commands_to_install())),
        )

    def scan(
        self,
        image: ImageFacts,
        scanner: Scanner,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
        how: ScanSettings = DEFAULT,
    ) -> Known[ScanReport]:
        """Scan one image and store the report; blocking, a minute or more. `stop` cancels it."""
        if self._opened.state_directory is None:
            return Unread("the images do not belong to a real host")
        try:
            with self._archive(image, on_progress, stop) as archive:
                on_progress(ScanProgress("scanning"))
                report = scanner.scan(archive, asker(stop), how)
        except EngineError as error:
            return (
                CANCELLED
                if stop.is_set()
                else Unread(f"the image could not be read: {error.title}")
            )
        except OSError as error:
            return Unread(f"no archive of the image could be created: {error.strerror or error}")
        if isinstance(report, ScanReport):
            try:
                self._keep(image, report)
            except WriteError as error:
                return Unread(error.title)
        return report

    def import_report(
        self,
        path: str,
        images: Iterable[ImageFacts],
    ) -> tuple[ImageFacts, ScanReport]:
        """Store a report of Trivy, Grype, Quay or Clair.

        Raises:
            InputError: it cannot be read, or is about none of these images.
        """
        shown = visible(path, 200)
        content = read_named(path, largest=LARGEST).encode("utf-8", "surrogateescape")
        written = datetime.fromtimestamp(os.stat(path).st_mtime, UTC)
        try:
            read = read_apart(
                ReaderKind.IMAGE_REPORT,
                [content],
                ImageReport,
                Request(written=written),
            )
        except NotRead as error:
            raise InputError(f"{shown}: {error}.") from None
        report, about = read.report, read.about
        if not about:
            raise InputError(f"{shown} does not name its image.")
        image = next((image for image in images if names_of(image) & set(about)), None)
        if image is None:
            raise InputError(
                f"{shown} is about {visible(about[0], 80)}, and no image here has that ID or "
                "digest."
            )
        if self._opened.state_directory is None:
            raise UsageError(
                "The images do not belong to a real host, so no report can be stored for them."
            )
        self._keep(image, report)
        return image, report

    def _keep(
        self,
        image: ImageFacts,
        report: ScanReport,
    ) -> None:
        assert self._opened.state_directory is not None  # noqa: S101 - both callers have asked
        StoredScans(self._opened.state_directory).keep(image.id, report)
        self._scanned(image.engine.label, image.id)

    @contextmanager
    def _archive(
        self,
        image: ImageFacts,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
    ) -> Iterator[str]:
        """A file with the image, removed afterwards."""
        directory = os.fspath(self._opened.cache_directory())
        os.makedirs(
            directory,
            mode=0o700,
            exist_ok=True,
        )
        size, free = image.inspect.get("Size"), os.statvfs(directory)
        if isinstance(size, int) and size * _ROOM > free.f_bavail * free.f_frsize:
            raise OSError(f"{visible(directory)} has no space for its {size // 1_000_000} MB")
        pieces = self._opened.engine(image.engine.label).archive(image.id, stop)
        with tempfile.NamedTemporaryFile(
            dir=directory,
            prefix="scan-",
            suffix=".tar",
        ) as file:
            total = 0
            for piece in pieces:
                file.write(piece)
                total += len(piece)
                on_progress(ScanProgress("fetching", total))
            file.flush()
            yield file.name


def scan_images(
    parts: Parts,
    images: Sequence[ImageFacts],
    tell: Callable[[str], None],
    stop: threading.Event,
    how: ScanSettings = DEFAULT,
) -> dict[str, str]:
    """Scan images one after the other; name -> why one was not scanned, which does not stop the
    others.

    Raises:
        ToolMissing: there is no scanner; says how to install one.
    """
    scanning = Scanning(parts)
    scanner = scanning.scanner()
    troubles: dict[str, str] = {}
    for number, image in enumerate(images, 1):
        of = f"{number} of {len(images)}: " if len(images) > 1 else ""
        name = f"{of}{visible(name_of(image), 50)}"

        def on_progress(at: ScanProgress, name: str = name) -> None:
            tell(f"{at.phase} {name}{f': {size_text(at.bytes)}' if at.bytes else ''}")

        report = scanning.scan(
            image,
            scanner,
            on_progress,
            stop,
            how,
        )
        if stop.is_set():
            break
        if isinstance(report, Unread):
            troubles[name_of(image)] = report.reason
    return troubles


def names_of(image: ImageFacts) -> set[str]:
    """Every name by which a report may identify exactly this image: its ID and its digests."""
    plain = image.id.removeprefix("sha256:")
    return {plain, f"sha256:{plain}", *digests_of(image)}
