"""What the doctor says, and the settings with their sources, as pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hardentui.do import joined
from hardentui.features.opening.doctor import Diagnosis, Machine, Mark, examine
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.setting_table import SettingRow
from hardentui.features.settings import Document
from hardentui.model.settings import SettingSource

_TONES = {
    Mark.GOOD: Tone.PLAIN,
    Mark.MISSING: Tone.BAD,
    Mark.POOR: Tone.BAD,
    Mark.NOTE: Tone.MUTED,
}


def doctor_page(
    size: tuple[int, int],
    found_with: Sequence[str],
) -> PageSection:
    """What works here, what is missing, and the command that mends it.

    Args:
        found_with: the options that lead to the engine of the session.
    """
    given = dict(zip(found_with[::2], found_with[1::2], strict=False))
    url, connection = given.get("--url", ""), given.get("--connection", "")
    machine = Machine.here(size, url, connection)
    lines = (line for item in examine(machine, url, connection) for line in _lines(item))
    return PageSection("This machine", tuple(lines))


def _lines(item: Diagnosis) -> Iterator[PageLine]:
    yield PageLine(
        item.mark.value,
        f"{item.what}: {item.value}",
        _TONES[item.mark],
    )
    if item.fix:
        yield PageLine("", joined("-> ", item.fix))


def settings_page(
    document: Document,
    rows: Iterable[SettingRow],
) -> tuple[PageSection, ...]:
    """Each value and where it comes from."""
    settings, values = [], []
    for row in rows:
        tone = Tone.PLAIN if row.origin.source is SettingSource.DEFAULT else Tone.GOOD
        _, of_fix, name = row.name.partition("fixes.")
        if of_fix:
            values.append(
                PageLine(
                    "",
                    f"{name}: {row.text}  ({row.origin})",
                    tone,
                )
            )
        else:
            settings.append(PageLine(row.name, f"{row.text}  ({row.origin})", tone))
    there = "" if document.there else ", which does not exist"
    file = [PageLine("", f"{document.path}{there}", Tone.MUTED)]
    file += [PageLine("", str(notice), Tone.BAD) for notice in document.notices]
    if not document.there:
        file.append(
            PageLine(
                "",
                "i changes a setting, and makes the file",
                Tone.MUTED,
            )
        )
    shown = {"Settings": settings, "Values of fixes": values, "File": file}
    return tuple(PageSection(title, tuple(lines)) for title, lines in shown.items() if lines)
