"""hardentui config: the settings, checklists of your own, and completion of the shell."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import shtab

from hardentui.checks import CHECKS
from hardentui.cli.parser import format_option, make_parser
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError, UsageError
from hardentui.features.applications.loading import Library
from hardentui.features.applications.loading import lint as lint_application
from hardentui.features.checklists.examining import (
    lint_checklist,
    selectable_facts,
    selectable_options,
)
from hardentui.features.checklists.new import new_checklist
from hardentui.features.fix_defaults import read_fix_defaults
from hardentui.features.setting_table import SettingRow, setting_rows, settings_document
from hardentui.features.settings import Document, read_settings
from hardentui.features.vendors.loading import lint as lint_vendor
from hardentui.features.vendors.loading import overlays, site_faults, summary
from hardentui.visible import visible

_VERBS = ("show", "checklist", "application", "vendor", "completion")
_LISTED = ("application", "vendor")
_LIST_VERBS = ("list", "lint")
_CHECKLIST_VERBS = ("new", "lint", "options", "facts")


def arguments(parser: ArgumentParser) -> None:
    parser.description = (
        "The settings file is settings.toml in $XDG_CONFIG_HOME/hardentui. An invalid value is "
        "reported with its line, and the default is used instead."
    )
    parser.add_argument(
        "verb",
        metavar="WHAT",
        nargs="?",
        default="show",
        choices=_VERBS,
        help="show: each setting and where it comes from; "
        "checklist new|lint FILE: write a starter checklist, report its errors; checklist options|facts: "
        "what a check of your own can inspect; application list|lint FILE: the known applications, the "
        "errors of an entry; vendor list|lint FILE: the same of vendors; "
        "completion bash|zsh|tcsh: print the script",
    )
    parser.add_argument(
        "words",
        metavar="…",
        nargs="*",
        help="what follows checklist, application, vendor or completion",
    )
    format_option(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    verb, words = options.verb, options.words
    if verb == "checklist":
        if not words or words[0] not in _CHECKLIST_VERBS or len(words) > 2:
            raise UsageError(
                "What about the checklist?", f"checklist {'|'.join(_CHECKLIST_VERBS)} [FILE]"
            )
        return _checklist(
            words[0],
            words[1] if words[1:] else "",
            terminal,
        )
    if verb in _LISTED:
        if not words or words[0] not in _LIST_VERBS or len(words) > 2:
            raise UsageError(
                f"What about the {verb}?",
                f"{verb} list, or: lint FILE",
            )
        listed = _applications if verb == "application" else _vendors
        return listed(words, terminal)
    if verb == "completion":
        if len(words) != 1 or words[0] not in shtab.SUPPORTED_SHELLS:
            raise UsageError(
                "Which shell?", f"hardentui config completion {'|'.join(shtab.SUPPORTED_SHELLS)}"
            )
        terminal.write(shtab.complete(make_parser(), shell=words[0]))
        return 0
    if words:
        raise UsageError(f"config {verb} takes no words.")
    return _settings(options, terminal)


def _settings(options: Namespace, terminal: Terminal) -> int:
    document = Document.read()
    settings = read_settings(document, os.environ)
    defaults = read_fix_defaults(document, CHECKS)
    rows = setting_rows(settings, defaults, CHECKS)
    notices = tuple(map(str, document.notices))
    if options.format == "json":
        terminal.write_json(settings_document(document.path, rows, notices))
    else:
        terminal.write("\n".join(_lines(rows)) + "\n")
        if not document.there:
            terminal.note(f"note: there is no {document.shown}")
    for notice in notices:
        terminal.complain(notice)
    return 0


def _lines(rows: tuple[SettingRow, ...]) -> list[str]:
    names = max(len(row.name) for row in rows)
    texts = min(40, max(len(visible(row.text, 80)) for row in rows))
    return [f"{row.name:<{names}}  {visible(row.text, 80):<{texts}}  {row.origin}" for row in rows]


def _checklist(
    verb: str,
    file: str,
    terminal: Terminal,
) -> int:
    if verb in ("options", "facts"):
        words = selectable_options() if verb == "options" else selectable_facts()
        terminal.write("".join(f"{name:<24} {shape:<9} {about}\n" for name, shape, about in words))
        return 0
    if not file:
        raise UsageError(
            "Which checklist?",
            f"hardentui config checklist {verb} FILE",
        )
    if verb == "new":
        terminal.write(f"{visible(new_checklist(file))}\n")
        terminal.note(f"note: edit it, then: hardentui config checklist lint {visible(file)}")
        return 0
    return _linted(
        file,
        lambda: lint_checklist(file).summary,
        terminal,
    )


def _linted(
    file: str,
    summary: Callable[[], str],
    terminal: Terminal,
) -> int:
    """Write the summary of a valid file, or its faults."""
    try:
        terminal.write(f"{visible(file)}: {summary()}\n")
        return 0
    except ChecklistError as error:
        where = visible(error.where or file)
        for fault in error.faults:
            place = (
                f"{where}:" if fault[:1].isdigit() else f"{where}: "
            )  # `12: …` begins with a line
            terminal.write(f"{place}{fault}\n")
        terminal.complain(error.title)
        return error.exit_code


def _applications(words: list[str], terminal: Terminal) -> int:
    if words[0] == "lint":
        if not words[1:]:
            raise UsageError("Which entry?", "hardentui config application lint FILE")
        return _linted(
            words[1],
            lambda: lint_application(words[1]).summary,
            terminal,
        )
    library = Library()
    families = library.all()
    width = max(len(family.name) for family in families)
    for family in families:
        general = family.general
        whose = "site" if general.site else general.proof.kind.value
        images = " ".join(general.match.repositories)
        terminal.write(visible(f"{family.name:<{width}}  {whose:<4}  {images}", 200) + "\n")
    for fault in library.faults:
        terminal.complain(fault)
    return 0


def _vendors(words: list[str], terminal: Terminal) -> int:
    if words[0] == "lint":
        if not words[1:]:
            raise UsageError("Which overlay?", "hardentui config vendor lint FILE")
        return _linted(
            words[1],
            lambda: summary(lint_vendor(words[1])),
            terminal,
        )
    known = overlays()
    width = max(len(vendor.name) for vendor in known)
    for vendor in known:
        line = f"{vendor.name:<{width}}  {vendor.tool}, {vendor.title}"
        terminal.write(visible(line, 200) + "\n")
    for notice in site_faults():
        terminal.complain(str(notice))
    return 0
