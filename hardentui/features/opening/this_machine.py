"""What works on this machine, and the settings in force, as pages to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hardentui.features.opening.doctor import Diagnosis, Machine, Mark, examine
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.settings.reading import Document
from hardentui.features.settings.showing import SettingRow
from hardentui.model.settings import SettingSource
from hardentui.regular_files import refuse_strangers

_TONES = {Mark.GOOD: Tone.PLAIN, Mark.MISSING: Tone.BAD, Mark.POOR: Tone.BAD, Mark.NOTE: Tone.MUTED}


def doctor_page(size: tuple[int, int], found_with: Sequence[str]) -> PageSection:
    """What works here, what is missing, and the command that mends it.

    Args:
        found_with: the options that lead to the engine of the session.

    Raises:
        UsageError: the session is somebody else's, in a browser.
    """
    refuse_strangers()
    given = dict(zip(found_with[::2], found_with[1::2], strict=False))
    url, connection = given.get("--url", ""), given.get("--connection", "")
    machine = Machine.here(size, url, connection)
    lines = (line for item in examine(machine, url, connection) for line in _lines(item))
    return PageSection("This machine", tuple(lines))


def _lines(item: Diagnosis) -> Iterator[PageLine]:
    yield PageLine(item.mark.value, f"{item.what}: {item.value}", _TONES[item.mark])
    if item.fix:
        yield PageLine("", f"-> {item.fix}")


def settings_page(document: Document, rows: Iterable[SettingRow]) -> tuple[PageSection, ...]:
    """Each value and where it comes from; of the keys only those that were changed.

    Raises:
        UsageError: the session is somebody else's, in a browser.
    """
    refuse_strangers()
    shown: dict[str, list[PageLine]] = {"Settings": [], "Keys": [], "Values of fixes": []}
    for row in rows:
        kind, _, name = row.name.partition(".")
        title = {"keys": "Keys", "fixes": "Values of fixes"}.get(kind, "Settings")
        changed = row.origin.source is not SettingSource.DEFAULT
        if title != "Keys" or changed:
            tone = Tone.GOOD if changed else Tone.PLAIN
            label, text = ("", f"{name}: {row.text}") if name else (kind, row.text)
            shown[title].append(PageLine(label, f"{text}  ({row.origin})", tone))
    file = PageLine(
        "", document.path if document.there else f"{document.path}, which does not exist", Tone.MUTED
    )
    how = PageLine("", "i writes one with comments", Tone.MUTED)
    wrong = [PageLine("", str(notice), Tone.BAD) for notice in document.notices]
    shown["File"] = [file, *wrong] if document.there else [file, how]
    return tuple(PageSection(title, tuple(lines)) for title, lines in shown.items() if lines)
