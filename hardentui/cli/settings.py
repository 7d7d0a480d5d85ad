"""hardentui settings: the settings, where each value comes from, and a starter file."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace

from hardentui.checks import CHECKS
from hardentui.cli.terminal import Terminal
from hardentui.features.settings.reading import Document, read_fix_defaults, read_settings
from hardentui.features.settings.showing import SettingRow, setting_rows, settings_document, write_template
from hardentui.model.settings import SettingSource
from hardentui.tui.vocabulary import all_actions, key_name, vocabulary
from hardentui.visible import strict_json, visible


def arguments(parser: ArgumentParser) -> None:
    parser.description = (
        "The settings file is settings.toml in $XDG_CONFIG_HOME/hardentui. An invalid value is "
        "reported with its line, and the default is used instead."
    )
    parser.add_argument(
        "verb",
        metavar="show|init",
        nargs="?",
        default="show",
        choices=("show", "init"),
        help="show each value and where it comes from; or write a commented starter file",
    )
    parser.add_argument("--all", action="store_true", help="also show keys with default values")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace, terminal: Terminal) -> int:
    known, checks = vocabulary(), CHECKS
    if options.verb == "init":
        tooltips = {action.id: action.tooltip for action in all_actions()}
        terminal.write(f"{visible(write_template(known, tooltips, checks.values()))}\n")
        return 0
    document = Document.read(os.environ)
    settings = read_settings(document, known, os.environ, key_name)
    defaults = read_fix_defaults(document, checks)
    rows = setting_rows(settings, defaults, known, checks)
    notices = tuple(map(str, document.notices))
    if options.format == "json":
        terminal.write(
            strict_json(json.dumps(settings_document(document.path, rows, notices), indent=2)) + "\n"
        )
    else:
        terminal.write("\n".join(_lines([row for row in rows if options.all or _is_worth_it(row)])) + "\n")
        if not document.there:
            terminal.note(f"note: there is no {document.shown}; hardentui settings init writes one")
    for notice in notices:
        terminal.complain(notice)
    return 0


def _is_worth_it(row: SettingRow) -> bool:
    return not row.name.startswith("keys.") or row.origin.source is not SettingSource.DEFAULT


def _lines(rows: list[SettingRow]) -> list[str]:
    names = max(len(row.name) for row in rows)
    texts = min(40, max(len(visible(row.text, 80)) for row in rows))
    return [f"{row.name:<{names}}  {visible(row.text, 80):<{texts}}  {row.origin}" for row in rows]
