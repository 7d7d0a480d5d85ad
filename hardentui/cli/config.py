"""hardentui config: the settings, checklists of your own, and completion of the shell."""

from __future__ import annotations

import json
import os
import tempfile
from argparse import ArgumentParser, Namespace

import shtab

from hardentui.checks import CHECKS
from hardentui.cli.parser import make_parser
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError, UsageError
from hardentui.features.checklists import loading as checklists
from hardentui.features.checklists.fixtures import (
    lint_checklist,
    new_checklist,
    prove_checklist,
    selectable_facts,
    selectable_options,
)
from hardentui.features.settings.reading import Document, read_fix_defaults, read_settings
from hardentui.features.settings.showing import SettingRow, setting_rows, settings_document, write_template
from hardentui.features.training.course import load_labs
from hardentui.features.training.training import check_lab, open_training
from hardentui.features.workbench import Workbench
from hardentui.model.settings import SettingSource
from hardentui.toml_document import TomlFault, read_toml
from hardentui.tui.actions import all_actions, key_name, vocabulary
from hardentui.visible import strict_json, visible
from hardentui.words import plural

_VERBS = ("show", "init", "checklist", "completion")
_CHECKLIST_VERBS = ("new", "lint", "test", "options", "facts")


def arguments(parser: ArgumentParser) -> None:
    parser.description = (
        "The settings file is settings.toml in $XDG_CONFIG_HOME/hardentui. An invalid value is "
        "reported with its line, and the default is used instead."
    )
    parser.add_argument(
        "verb",
        metavar="show|init|checklist|completion",
        nargs="?",
        default="show",
        choices=_VERBS,
        help="show: each setting and where it comes from; init: write a commented starter file; "
        "checklist new|lint|test FILE: write a starter checklist with tests, report its errors, run its "
        "checks on the examples beside it (or run labs, which must start broken and be solved by their "
        "solution); checklist options|facts: what a check of your own can inspect; completion "
        "bash|zsh|tcsh: print the script",
    )
    parser.add_argument("words", metavar="…", nargs="*", help="what follows checklist or completion")
    parser.add_argument("--all", action="store_true", help="also show keys with default values")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace, terminal: Terminal) -> int:
    verb, words = options.verb, options.words
    if verb == "checklist":
        if not words or words[0] not in _CHECKLIST_VERBS or len(words) > 2:
            raise UsageError("What about the checklist?", f"checklist {'|'.join(_CHECKLIST_VERBS)} [FILE]")
        return _checklist(words[0], words[1] if words[1:] else "", options, terminal)
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


# --- settings ---------------------------------------------------------------------------------------------


def _settings(options: Namespace, terminal: Terminal) -> int:
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
            terminal.note(f"note: there is no {document.shown}; hardentui config init writes one")
    for notice in notices:
        terminal.complain(notice)
    return 0


def _is_worth_it(row: SettingRow) -> bool:
    return not row.name.startswith("keys.") or row.origin.source is not SettingSource.DEFAULT


def _lines(rows: list[SettingRow]) -> list[str]:
    names = max(len(row.name) for row in rows)
    texts = min(40, max(len(visible(row.text, 80)) for row in rows))
    return [f"{row.name:<{names}}  {visible(row.text, 80):<{texts}}  {row.origin}" for row in rows]


# --- checklists -------------------------------------------------------------------------------------------


def _checklist(verb: str, file: str, options: Namespace, terminal: Terminal) -> int:
    if verb in ("options", "facts"):
        words = selectable_options() if verb == "options" else selectable_facts()
        terminal.write("".join(f"{name:<24} {shape:<9} {about}\n" for name, shape, about in words))
        return 0
    if verb != "test" and not file:
        raise UsageError("Which checklist?", f"hardentui config checklist {verb} FILE")
    if verb == "new":
        for path in new_checklist(file):
            terminal.write(f"{visible(path)}\n")
        terminal.note(f"note: edit it, then: hardentui config checklist test {visible(file)}")
        return 0
    try:
        if verb == "lint":
            terminal.write(f"{visible(file)}: {lint_checklist(file).summary}\n")
            return 0
        return _prove(file, terminal) if _is_checklist(file) else _test(file, options, terminal)
    except ChecklistError as error:
        where = visible(error.where or file)
        for fault in error.faults:
            terminal.write(f"{where}:{fault}\n")
        terminal.complain(error.title)
        return error.exit_code


def _is_checklist(where: str) -> bool:
    """Whether it is a checklist; else it is a lab, or a directory of labs."""
    if where in checklists.names():
        return True
    if not where.endswith(".toml") or os.path.isdir(where):
        return False
    try:
        document = read_toml(checklists.read_text(where))
    except TomlFault:
        return False
    return "extends" in document or isinstance(document.get("step"), list)


def _prove(file: str, terminal: Terminal) -> int:
    """Run the checks of a checklist on its test containers; 1 if one gives an unexpected result."""
    proven = prove_checklist(file)
    for fault in proven.faults:
        terminal.write(f"{visible(proven.path)}:{fault}\n")
    terminal.write(f"{visible(file)}: {proven.summary}\n")
    return 1 if proven.faults else 0


def _test(file: str, options: Namespace, terminal: Terminal) -> int:
    """Run each lab on the engine of this host, or on the simulated host; 1 if one has a fault."""
    labs = load_labs(file, checks=CHECKS)
    bench = Workbench.open(selection_of(options))
    faulty = 0
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hardentui-labs-") as directory,
            open_training(
                bench, labs, path=f"{directory}/training.json", directory=f"{directory}/labs"
            ) as training,
        ):
            where = "on the simulated host" if training.simulated else "on this Podman"
            for lab in labs:
                terminal.activity(f"running the lab {lab.id}")
                faults = check_lab(lab, training)
                faulty += bool(faults)
                terminal.write(f"{lab.id}: {'good' if not faults else 'has faults'}\n")
                for fault in faults:
                    terminal.write(f"  {visible(fault)}\n")
            training.stop()
    finally:
        bench.close()
    terminal.note(f"{plural(len(labs), 'lab')} run {where}, {faulty or 'none'} with faults.")
    return 1 if faulty else 0
