"""hardentui explain and help: a check, the score, the filter, a page of the documentation."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from typing import Any

import hardentui
from hardentui.checks import CHECKS, all_checks
from hardentui.checks.prelude import commands, facts_of
from hardentui.cli.commands import COMMANDS, EXIT_CODES, MOVED
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.parser import checklist_option, make_parser
from hardentui.cli.terminal import Terminal, foreign
from hardentui.errors import NotFound, UsageError
from hardentui.features.applications.loading import Library
from hardentui.features.applications.page import EntrySection, differences, sections_of
from hardentui.features.checklists import loading as checklists
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.looking.row_filter import EXAMPLES
from hardentui.features.training.lab_files import labs_about
from hardentui.features.vendors.loading import vendor_about
from hardentui.features.vendors.telling import vendor_sections
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.remedy import remediation
from hardentui.harden.score_meaning import MEANING
from hardentui.model.application import Application, Family
from hardentui.model.check import HEADINGS, Check
from hardentui.model.checklist import Checklist
from hardentui.model.vendor import Vendor
from hardentui.reading.applications import AskedImage
from hardentui.reading.forms import FORMS
from hardentui.visible import visible
from hardentui.words import nearest

_MOST_FLAGS = 4


def arguments(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "check",
        metavar="ID",
        nargs="?",
        default="",
        help="the id of a check, a known application such as postgres, an image such as "
        "docker.io/library/postgres:17, a vendor or its container such as uyuni-server, or: score, filter",
    )
    which.add_argument(
        "--list",
        action="store_true",
        help="list all checks",
    )
    checklist_option(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    if options.list:
        own = checklists.load(options.checklist).own if options.checklist else ()
        terminal.show(_list((*all_checks(), *own)))
        return 0
    if not options.check:
        raise UsageError("Which check?", "All of them: hardentui explain --list")
    if options.check == "score":
        terminal.write("\n".join(_score(Paragraphs(terminal))) + "\n")
        return 0
    if options.check == "filter":
        terminal.write("\n".join(_filter(Paragraphs(terminal))) + "\n")
        return 0
    checklist = checklists.load(options.checklist)
    family = None if options.check in CHECKS else Library().named(options.check.lower())
    vendor = None if options.check in CHECKS else vendor_about(options.check)
    if family is not None or vendor is not None:
        lines = _known_of_it(
            family,
            vendor,
            options.check,
            Paragraphs(terminal),
        )
        terminal.write("\n".join(lines) + "\n")
        return 0
    if {*options.check} & set("/:"):
        terminal.write("\n".join(_image(options.check, Paragraphs(terminal))) + "\n")
        return 0
    others = (family.name for family in Library().all())
    check = find_check(options.check, checklist.own, others)
    terminal.write("\n".join(explain_lines(check, checklist, Paragraphs(terminal))) + "\n")
    return 0


def _list(checks: Iterable[Check]) -> Any:
    from rich.table import Table

    shown = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    shown.add_column("Step", justify="right")
    shown.add_column("Check", no_wrap=True)
    shown.add_column("Severity", no_wrap=True)
    shown.add_column("What is wrong", overflow="fold")
    for check in sorted(checks, key=lambda check: (check.step, check.id)):
        shown.add_row(
            str(check.step), foreign(check.id), foreign(check.severity.word), foreign(check.title)
        )
    return shown


def _score(write: Paragraphs) -> Iterator[str]:
    yield write.bold("The score")
    for heading, text in MEANING:
        yield from write.section(heading, text)


def _filter(write: Paragraphs) -> Iterator[str]:
    yield write.bold("The filter of the container list and of hardentui check --filter")
    yield from write.block(
        "All words must match", [f"{word:<17} {means}" for word, means in EXAMPLES]
    )


def application_lines(
    family: Family,
    write: Paragraphs,
) -> Iterator[str]:
    """The entry of a known application, and what its variants say otherwise."""
    yield from _entry(family.general, write, differences(family))


def _image(name: str, write: Paragraphs) -> Iterator[str]:
    """What holds for one image, by its tag. Raises NotFound."""
    application = Library().find(AskedImage(name))
    if application is None:
        raise NotFound(
            f"No known application has the image {visible(name, 120)!r}.",
            "The entries: hardentui config application list",
        )
    yield from _entry(application, write)


def _known_of_it(
    family: Family | None,
    vendor: Vendor | None,
    word: str,
    write: Paragraphs,
) -> Iterator[str]:
    """The entry of a known application, and who manages it."""
    if family is not None:
        yield from application_lines(family, write)
    if family is not None and vendor is not None:
        yield ""
    if vendor is not None:
        yield from _vendor(vendor, word, write)


def _vendor(
    vendor: Vendor,
    word: str,
    write: Paragraphs,
) -> Iterator[str]:
    """Who manages a container. `word`: the name of the overlay, of a container or of its unit."""
    container = "" if word == vendor.name else word.removesuffix(".service").replace("@", "-")
    yield write.bold(visible(vendor.title, 80))
    yield visible(f"{vendor.name}  managed by {vendor.tool}", 120)
    for heading, lines in vendor_sections(vendor, container):
        if lines:
            yield from write.block(heading, [visible(line, 400) for line in lines])


def _entry(
    application: Application,
    write: Paragraphs,
    more: Iterable[EntrySection] = (),
) -> Iterator[str]:
    yield write.bold(visible(application.title, 80))
    yield visible(f"{application.name}  {application.said_by}", 120)
    for section in (*sections_of(application), *more):
        yield from write.block(
            visible(section.heading, 80),
            [visible(line, 300) for line in section.lines],
        )


def explain_lines(
    check: Check,
    checklist: Checklist,
    write: Paragraphs,
) -> Iterator[str]:
    yield write.bold(check.title)
    yield f"{check.id}  step {check.step}, {check.severity_words}, about the {check.about.value}"
    if check.id in checklist.without:
        why = checklist.without[check.id]
        yield from write.section(f"Not part of the checklist {checklist.id}", why)
    for heading in HEADINGS:
        yield from write.section(heading, check.section(heading))
    yield from write.section(
        "How to fix it", f"{check.summary.rstrip('.')}. ({check.risk}; {check.fix.words})"
    )
    yield from _change(check, checklist, write)
    yield from _parameters(check, checklist, write)
    for heading, failing in (("Fails", True), ("Passes", False)):
        if lines := commands(check, failing=failing):
            yield from write.block(f"{heading}, for example", lines[:_MOST_FLAGS])
    if check.references:
        yield from write.block("References", check.references)
    if labs := labs_about(check.id):
        yield from write.block(
            "Learn it in a lab",
            [f"hardentui train start {lab.id}   {visible(lab.title, 60)}" for lab in labs],
        )


def _parameters(
    check: Check,
    checklist: Checklist,
    write: Paragraphs,
) -> Iterator[str]:
    if not check.parameters:
        return
    given = checklist.parameters.get(check.id, {})
    lines = [
        f"{name} = {_toml(given.get(name, default))}"
        + (f"  (default: {_toml(default)})" if name in given and given[name] != default else "")
        + (f"  {FORMS[check.takes[name]].words}" if name in check.takes else "")
        for name, default in check.parameters.items()
    ]
    yield from write.block(f"Parameters ([check.{check.id}] in a checklist)", lines)


def _change(
    check: Check,
    checklist: Checklist,
    write: Paragraphs,
) -> Iterator[str]:
    """The effect of the fix on the first failing example that it can fix."""
    if check.remediate is None:
        return
    for example in facts_of(check.fails):
        verdict = judge(check, example, parameters_of(check, checklist))
        fix = remediation(
            check,
            example,
            verdict,
            checklist,
        )
        if fix.run:
            yield from write.block(
                "What the fix changes, as flags of podman run",
                _spaced(fix.run),
            )
            yield from write.block(
                "What the fix changes, as Quadlet lines",
                _spaced(fix.quadlet),
            )
            return


def _spaced(diff: str) -> list[str]:
    """With room between the sign and the flag: `- --user=root`."""
    return [f"{line[:1]} {line[1:]}" for line in diff.split("\n")]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


_PAGE_OF = {
    "explain": "checks",
    "plan": "fixes",
    "fix": "fixes",
    "undo": "apply",
    "confirm": "apply",
    "journal": "apply",
    "waive": "waivers",
    "config": "settings",
    "train": "training",
}
"""Command -> its page, where that has another name."""


def arguments_help(parser: ArgumentParser) -> None:
    parser.add_argument(
        "topic", metavar="TOPIC", nargs="?", default="", help="a command, a page, or: codes"
    )


def run_help(options: Namespace, terminal: Terminal) -> int:
    topic, pages = options.topic, _pages()
    if not topic:
        terminal.write(make_parser(loaded=()).format_help())
        terminal.write(f"\ntopics: codes {' '.join(pages)}\n")
    elif topic == "codes":
        terminal.write(EXIT_CODES)
    elif (name := _PAGE_OF.get(topic, topic)) in pages:
        with open(os.path.join(_directory(), f"{name}.md"), encoding="utf-8") as page:
            terminal.write(page.read())
        if topic in COMMANDS:
            terminal.note(f"options: hardentui {topic} --help")
    elif topic in COMMANDS:
        make_parser(loaded=(topic,)).parse_args([topic, "--help"])
    elif topic in MOVED:
        terminal.write(f"hardentui {topic} is now: hardentui {MOVED[topic]}\n")
    else:
        raise UsageError(
            f"There is no topic {topic!r}{nearest(topic, (*COMMANDS, *pages))}", "hardentui help"
        )
    return 0


def _directory() -> str:
    """In the wheel the pages are in the package, in a source tree beside it."""
    package = os.path.dirname(hardentui.__file__)
    packaged = os.path.join(package, "docs")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), "docs")


def _pages() -> list[str]:
    try:
        names = (
            name.removesuffix(".md") for name in os.listdir(_directory()) if name.endswith(".md")
        )
        return sorted(name for name in names if name != "index")  # that of the site
    except OSError:
        return []
