"""A finding in words: its headline and, expanded, everything known about it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from textual.content import Content
from textual.widget import Widget

from hardentui.harden.fix_values import FixValue
from hardentui.model.finding import Evidence, Finding, Kind
from hardentui.model.remediation import Remediation
from hardentui.reading.forms import text_of
from hardentui.tui.action_texts import reason_of
from hardentui.tui.status import Part, fit, hanging, look_of, signs_of
from hardentui.visible import visible

_LABEL = 11


_EVIDENCE_SHOWN = 6


_LABS_SHOWN = 2
_PLACES_SHOWN = 2
_REST = "(e: more)"


class Entry(Struct, frozen=True):
    """A finding as shown in a list."""

    finding: Finding
    # a plan can fix it here; ready: without a value that has to be given first
    fixable: bool = False
    ready: bool = False
    chosen: bool = False  # its fix is chosen
    settings: tuple[FixValue, ...] = ()  # the values of its fix
    labs: tuple[str, ...] = ()  # the ids of those that teach it
    page: Kind = Kind.CONTAINER  # what the page is about; a finding about something else says so

    @property
    def key(self) -> tuple[str, str, str]:
        return (
            self.finding.subject.kind,
            self.finding.subject.id,
            self.finding.check,
        )


def headline(
    widget: Widget,
    entry: Entry,
    width: int,
    is_open: bool,
) -> Content:
    """`▸ [x] ✗ high      The title    check-id`, in one line of `width` cells."""
    signs, finding = signs_of(widget), entry.finding
    look = look_of(finding)
    box = (signs.chosen if entry.chosen else signs.free) if entry.fixable else "   "
    where = _where(entry)
    head: list[Part] = [
        f"{signs.cursor if is_open else ' '} ",
        (f"{box} ", "bold $primary" if entry.chosen else ""),
        (
            f"{signs.mark(look)} {look.word:<10}",
            f"{'bold ' if finding.failing else ''}${look.style}",
        ),
    ]
    title = where + visible(finding.title, 200)
    if not finding.failing:
        # the title names the bad condition, which was not met here
        head.append(
            fit(
                where + visible(finding.check, 40), max(0, width - _LABEL - 7), signs.ellipsis
            ).rstrip()
        )
        return Content.assemble(*head)
    room = width - _LABEL - 8
    check = visible(finding.check, 40)
    spare = room - len(title) - len(check) - 3
    if spare >= 0:
        head += [title, " " * (spare + 2), (check, "$muted")]
    else:
        head.append(fit(title, min(len(title), room), signs.ellipsis))
    return Content.assemble(*head)


def _where(entry: Entry) -> str:
    """The subject of the finding, if it is neither a container nor that of the page."""
    subject = entry.finding.subject
    if subject.kind in (Kind.CONTAINER, entry.page):
        return ""
    return f"{visible(subject.name, 24)}: " if subject.kind is Kind.ENGINE else f"{subject.kind}: "


def details(
    entry: Entry,
    remedy: Remediation | None,
    width: int,
    *,
    brief: bool = False,
) -> Content:
    """Everything known about a finding, wrapped to `width` cells.

    Args:
        brief: of what may break the beginning; explaining the check tells all of it.
    """
    finding = entry.finding
    verdict = finding.verdict
    parts: list[Part] = []
    if not finding.failing:
        parts += _wrapped("looked for", finding.title, width)
    if verdict.reason:
        parts += hanging(
            "",
            reason_of(verdict),
            width,
            indent=0,
        )
    told = {verdict.declared, verdict.effective} - {""}
    for label, value in (
        ("declared", verdict.declared),
        ("effective", verdict.effective),
    ):
        if value:
            parts += _wrapped(
                label,
                _with_places(value, verdict.evidence),
                width,
            )
    further = [evidence for evidence in verdict.evidence if evidence.saw not in told]
    for at, evidence in enumerate(further[:_EVIDENCE_SHOWN]):
        seen = f"{visible(evidence.where, 200)}  {visible(evidence.saw, 300)}".strip()
        parts += _wrapped("evidence" if at == 0 else "", seen, width)
    if (more := len(further) - _EVIDENCE_SHOWN) > 0:
        parts += _wrapped("", f"and {more} more", width)
    if finding.affects:
        parts += _wrapped(
            "affects", ", ".join(visible(name, 60) for name in finding.affects), width
        )
    if finding.failing and remedy is not None:
        parts += _what_to_do(
            remedy,
            entry.settings,
            width,
            brief=brief,
        )
    if entry.labs:
        labs = ", ".join(visible(lab, 40) for lab in entry.labs[:_LABS_SHOWN])
        parts += _wrapped(
            "learn it",
            f"lab {labs} (T)",
            width,
            "$muted",
        )
    return Content.assemble(*parts).rstrip("\n")


def _with_places(value: str, evidence: Iterable[Evidence]) -> str:
    """`pid host  (configuration of the container)`: a value, and where it was seen."""
    places = [visible(each.where, 200) for each in evidence if each.saw == value and each.where]
    return f"{value}  ({', '.join(places[:_PLACES_SHOWN])})" if places else value


def finding_text(finding: Finding, remedy: Remediation | None) -> str:
    """A finding as plain text, for copying."""
    word = look_of(finding).word
    head = f"{finding.subject.name}: {word}: {finding.title} ({finding.check})"
    return f"{visible(head)}\n{details(Entry(finding), remedy, 100).plain}"


def _what_to_do(
    remedy: Remediation,
    settings: tuple[FixValue, ...],
    width: int,
    *,
    brief: bool,
) -> list[Part]:
    parts = _wrapped("fix", remedy.summary, width)
    parts += _wrapped(
        "",
        f"({remedy.here or remedy.risk}; {remedy.kind.words})",
        width,
        "$muted",
    )
    for line in remedy.quadlet.split("\n") if remedy.quadlet else ():
        parts += _wrapped(
            "", line, width, "$diff-removed" if line.startswith("-") else "$diff-added"
        )
    if settings:
        values = ", ".join(f"{setting.name} {in_force(setting)}" for setting in settings)
        parts += _wrapped("values", f"{values}; i changes", width)
    if remedy.notes:
        parts += _wrapped(
            "here",
            visible(". ".join(remedy.notes), 600),
            width,
        )
    if remedy.impact:
        parts += _wrapped(
            "may break",
            _begun(remedy.impact, width, brief=brief),
            width,
        )
    for at, command in enumerate(remedy.commands):
        parts += _wrapped(
            "commands" if at == 0 else "",
            command,
            width,
            "$primary",
        )
    return parts


def _begun(
    impact: str,
    width: int,
    *,
    brief: bool,
) -> str:
    """Its first sentences, as many as two lines hold, and the key that shows the rest."""
    room = 2 * (width - _LABEL)
    if not brief or len(impact) <= room:
        return impact
    first, *others = re.split(r"(?<=\.)\s+", impact)
    for sentence in others:
        if len(first) + len(sentence) + len(_REST) + 2 > room:
            return f"{first} {_REST}"
        first = f"{first} {sentence}"
    return impact


def in_force(setting: FixValue) -> str:
    """The value that a fix writes, for display."""
    value = setting.measured.value if setting.measured else setting.value
    return text_of(value) or "not set"


def _wrapped(
    label: str,
    text: str,
    width: int,
    style: str = "",
) -> list[Part]:
    return hanging(
        label,
        text,
        width,
        style,
        indent=_LABEL,
    )
