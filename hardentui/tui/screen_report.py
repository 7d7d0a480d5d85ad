"""The contents of a screen, for writing them to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.features.views import Report, Row

if TYPE_CHECKING:
    from hardentui.features.exports import Exportable
    from hardentui.model.journal import JournalEntry


class ScreenReport(Struct, frozen=True):
    """Reports, entries of the journal, or something ready to be written.

    Attributes:
        about: what it is about, in a word or two; foreign text.
        reports: each with what kind of thing its subject is.
        rows: containers whose network map belongs to the reports.
        entries: changes, the newest first.
        ready: what is written in place of both.
    """

    about: str = ""
    reports: tuple[tuple[Report, str], ...] = ()
    rows: tuple[Row, ...] = ()
    entries: tuple[JournalEntry, ...] = ()
    ready: Exportable | None = None

    @property
    def nothing(self) -> bool:
        return not (self.reports or self.entries or self.ready)
