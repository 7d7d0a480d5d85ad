"""The contents of a screen as a file: formats, and writing it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.features.apply.entry_text import entry_lines
from hardentui.features.networks.map import whole_map
from hardentui.features.reports import render
from hardentui.features.reports.making import check_result
from hardentui.features.reports.network_svg import network_svg
from hardentui.features.reports.result import TextStyle
from hardentui.features.views import Report, Row
from hardentui.files import write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.finding import Severity
from hardentui.model.journal import JournalEntry
from hardentui.model.journal_document import journal_document
from hardentui.model.written_file import WrittenFile
from hardentui.visible import strict_json, visible_lines
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

FINDINGS = {
    ".md": "markdown",
    ".txt": "text",
    ".json": "json",
    ".html": "html",
    ".sarif": "sarif",
    ".xml": "junit",
}
"""File extension -> format of a report of findings."""
_MAP = "svg"


class Exportable(Struct, frozen=True):
    """Something that can be written to a file."""

    about: str  # what it is about, in a word or two; foreign text
    holds: str  # `3 subjects`
    formats: Mapping[str, str]  # file extension -> name of the format; the first one is the default
    render: Callable[[str], str]  # name of the format -> text


def findings_of(
    bench: Workbench,
    about: str,
    reports: Sequence[tuple[Report, str]],
    rows: Sequence[Row] = (),
) -> Exportable:
    """A report of findings.

    Args:
        reports: each with what kind of thing its subject is.
        rows: containers whose network map belongs to it, in the page, and as a separate picture.
    """

    def text(form: str) -> str:
        if form == _MAP:
            return network_svg(whole_map(bench, rows))
        result = check_result(
            bench,
            reports,
            Severity.HIGH,
            fixes=form != "text",
        )
        if rows and form == "html":
            result = replace(result, network_map=whole_map(bench, rows))
        return render(form, result, TextStyle())

    formats = {**FINDINGS, ".svg": _MAP} if rows else FINDINGS
    return Exportable(
        about,
        plural(len(reports), "subject"),
        formats,
        text,
    )


def journal_of(entries: Sequence[JournalEntry]) -> Exportable:
    """The changes on this host, with diffs and proof."""

    def text(form: str) -> str:
        if form == "json":
            return (
                strict_json(json.dumps(to_builtins(journal_document(tuple(entries))), indent=2))
                + "\n"
            )
        lines = (line for entry in entries for line in (*entry_lines(entry, whole=True), ""))
        return "".join(f"{visible_lines(line)}\n" for line in lines)

    return Exportable(
        "journal", plural(len(entries), "change"), {".txt": "text", ".json": "json"}, text
    )


def write_export(export: Exportable, path: str) -> WrittenFile:
    """Write it in the format of the file extension; a previous file is kept as a backup.

    Raises:
        InputError: no format has this extension.
        WriteError: it cannot be written; a previous file is untouched.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in export.formats:
        raise InputError(
            "The file extension selects the format, and this one is unknown.",
            " ".join(export.formats),
        )
    directory, name = os.path.split(os.path.abspath(os.path.expanduser(path)))
    file = TextFile(
        name,
        export.render(export.formats[suffix]),
        of_root=True,
    )
    return write_bundle(
        directory,
        [file],
        create=True,
        follow_symlink=True,
    )[0]
