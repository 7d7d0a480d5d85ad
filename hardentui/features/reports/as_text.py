"""The report for people: one block for each subject, worst first, and a summary where reading
starts.

On a terminal that is the end, which stays on the screen; in a file or a pipe it is the beginning.
Written line by line, not as a table of rich: the whole command should take no longer than the scan.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from hardentui.features.reports.result import (
    FINDINGS,
    FINE,
    MET,
    NOT_APPLICABLE,
    NOT_LOOKED_AT,
    NOT_MET,
    CheckResult,
    Framework,
    HostResult,
    KeptResult,
    SubjectResult,
    TextStyle,
    path_words,
)
from hardentui.harden.score import score_word
from hardentui.model.check import USUAL
from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.visible import visible
from hardentui.words import own_command, plural

# Lines of text for people: wrapped to a width, coloured if possible, foreign text made visible.

COLORS = {
    Severity.CRITICAL: "1;31",
    Severity.HIGH: "31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
}
UNKNOWN_COLOR = "35"
_INDENT = " " * 12


class Writer:
    """Lines in one layout."""

    def __init__(self, style: TextStyle) -> None:
        self.style = style
        self.width = max(40, style.width)

    def paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self.style.color else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def wrapped(
        self,
        text: str,
        indent: str = "  ",
        first: str | None = None,
    ) -> list[str]:
        """The text in lines that begin with `indent`, the first one with `first`; none if it is
        empty."""
        text = visible(text, 2000)
        first = indent if first is None else first
        if not text or len(first) + len(text) <= self.width:
            return [f"{first}{text}"] if text else []
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )

    def marked(
        self,
        word: str,
        color: str,
        text: str,
    ) -> list[str]:
        """A coloured word in its own column, and the text beside it."""
        first, *rest = self.wrapped(text, _INDENT, f"  {word:<10}")
        return [first.replace(word, self.paint(word, color), 1), *rest]

    def below(self, text: str) -> list[str]:
        """A text under a marked one."""
        return self.wrapped(text, _INDENT)


_MOST_ROWS = 20
_MOST_NAMED = 3
_TOP = (Severity.CRITICAL, Severity.HIGH)


def summary(result: CheckResult, write: Writer) -> Iterator[list[str]]:
    """Its parts, the most important first."""
    yield list(_outcome(result, write))
    style = write.style
    containers = [each for each in result.subjects if each.subject.kind is Kind.CONTAINER]
    parts: list[Iterable[str]] = []
    alone = len(containers) == 1 and style.blocks
    first = [] if alone else list(_do_first(result, write))
    overview = first and not style.blocks  # its lines name the commands
    parts += [
        first,
        () if overview else _paths(result, write),
        () if overview else _next(write),
    ]
    parts.append(_hosts(result, write))
    if style.brief:
        parts += [
            _table(containers, write),
            () if style.blocks else _shared(result, write),
        ]
    else:
        parts.append(_table(result.subjects, write))
    parts.append(() if style.blocks else _waived(result, write))
    yield from (lines for part in parts if (lines := list(part)))


def _do_first(result: CheckResult, write: Writer) -> Iterator[str]:
    """`1  web: is privileged  +29  trial  hardentui trial web --all`: one line each."""
    if not result.do_first:
        return
    yield write.bold("Do these first")
    found_with = result.engines[0].found_with if result.engines else ()
    commands = [
        own_command(
            () if line.words[0] == "explain" else found_with,
            *line.words,
        )
        for line in result.do_first
    ]
    if any(engine.only_read for engine in result.engines):
        commands = [""] * len(commands)
    longest = max(map(len, commands))
    room = write.width - longest - 21
    if room < 24:  # a narrow terminal
        room, commands = write.width - 19, [""] * len(commands)
    for number, (line, command) in enumerate(zip(result.do_first, commands, strict=True), 1):
        points = f"+{line.points}" if line.points else ""
        text = visible(f"{line.names}: {line.text}", room)
        yield f"  {number}  {text:<{room}}  {points:>3}  {line.risk:<6}  {command}".rstrip()


def _shared(result: CheckResult, write: Writer) -> Iterator[str]:
    """What containers share: one line for each kind, with what fails most severely."""
    for kind in (
        Kind.SITE,
        Kind.IMAGE,
        Kind.HOST,
        Kind.ENGINE,
        Kind.NETWORK,
    ):
        subjects = [each for each in result.subjects if each.subject.kind is kind]
        failing = [(each, finding) for each in subjects for finding in each.having(Status.FAIL)]
        if not failing:
            continue
        failing.sort(key=lambda pair: -pair[1].severity)
        worst = list(dict.fromkeys(finding.check for _, finding in failing))
        named = (
            f"{len({each.subject for each, _ in failing})} of {plural(len(subjects), kind.value)}"
        )
        head = f"  {kind.value if len(subjects) == 1 else named}: {_counts(f for _, f in failing)}"
        yield _with_ids(head, worst, write.width)


def _counts(findings: Iterable[Finding]) -> str:
    """`1 high, 2 medium`."""
    counts: dict[Severity, int] = {}
    for finding in findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return ", ".join(
        f"{counts[severity]} {severity.word}" for severity in sorted(counts, reverse=True)
    )


def _outcome(result: CheckResult, write: Writer) -> Iterator[str]:
    counts = result.counts()
    failing = [
        f"{number} {severity.word}"
        for severity in reversed(Severity)
        if (number := counts[Status.FAIL, severity])
    ]
    unknown = sum(counts[Status.UNKNOWN, severity] for severity in Severity)
    place = f"{visible(result.place, 60)}: " if result.place else ""
    yield from write.wrapped(
        f"{place}{_kinds(result.subjects)} checked{_against(result.checklist)}. "
        f"Failing: {', '.join(failing) or 'nothing'}. Unknown: {unknown or 'nothing'}.",
        "",
    )
    if result.kept:
        kept = ", ".join(f"{visible(kept.name, 60)} ({_apart(kept)})" for kept in result.kept)
        yield from write.wrapped(f"Not counted: {kept}.", "")
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


def _apart(kept: KeptResult) -> str:
    if kept.aside:
        return "a twin of a trial" if kept.aside == "twin" else f"a {kept.aside}"
    return f"the original of {visible(kept.of, 60)}, kept for its undo"


def _against(checklist: str) -> str:
    """The checklist, if it is not the default one."""
    return "" if checklist in ("", USUAL) else f" against the checklist {visible(checklist, 40)}"


def _kinds(subjects: Iterable[SubjectResult]) -> str:
    numbers: dict[Kind, int] = {}
    for subject in subjects:
        numbers[subject.subject.kind] = numbers.get(subject.subject.kind, 0) + 1
    words = [f"{plural(numbers[kind], kind.value)}" for kind in Kind if kind in numbers]
    return ", ".join(words) or "nothing"


def _why(result: CheckResult) -> str:
    level = f"{result.fail_on.word}{'' if result.fail_on is Severity.CRITICAL else ' or above'}"
    if result.exit_code == FINDINGS:
        return f"a finding at {level} fails (--fail-on)."
    if result.exit_code == FINE:
        return f"no finding at {level} fails or is unknown (--fail-on)."
    troubled = [subject for subject in result.subjects if subject.trouble]
    if troubled:
        return f"{len(troubled)} of them could not be checked."
    return f"a finding at {level} could not be checked (--fail-on)."


def _next(write: Writer) -> Iterator[str]:
    steps = write.style.next_steps
    if not steps:
        return
    yield write.bold("What to do next")
    width = max(len(command) for command, _ in steps)
    beside = all(width + len(what) + 4 <= write.width for _, what in steps)
    for command, what in steps:
        yield from (
            [f"  {command:<{width}}  {what}"] if beside else [f"  {command}", f"      {what}"]
        )


def _paths(result: CheckResult, write: Writer) -> Iterator[str]:
    """The worst paths to the host; nothing if the only container shows it in its block."""
    containers = [
        each.subject.id for each in result.subjects if each.subject.kind is Kind.CONTAINER
    ]
    if not result.paths or containers == [result.paths[0].id]:
        return
    yield write.bold("Worst attack paths from a container to the host")
    for at, path in enumerate(result.paths, 1):
        yield from write.wrapped(
            ": ".join(path_words(path, result)),
            "     ",
            f"  {at}. ",
        )
    if result.paths_left:
        yield f"     and {result.paths_left} more"


def _waived(result: CheckResult, write: Writer) -> Iterator[str]:
    """The waived findings with owner and reason: a short report must show them too."""
    names: dict[tuple[str, str], list[str]] = {}
    for subject in result.subjects:
        for finding in subject.having(Status.WAIVED):
            names.setdefault((finding.check, finding.verdict.because), []).append(subject.title)
    if not names:
        return
    yield write.bold("Waived")
    for (check, reason), waived in names.items():
        where = visible(waived[0], 40) if len(waived) == 1 else plural(len(waived), "subject")
        yield from write.marked(
            "waived", UNKNOWN_COLOR, f"{check} on {where}: {visible(reason, 300)}"
        )


def _with_worst(
    line: str,
    subject: SubjectResult,
    width: int,
) -> str:
    """The line of a subject without a separate part, with as many of its worst findings as fit."""
    if subject.trouble:
        return f"{line}  could not be checked: {visible(subject.trouble, max(20, width - len(line) - 26))}"
    ids = [
        finding.check
        for finding in subject.having(Status.FAIL)
        if finding.severity >= Severity.MEDIUM
    ]
    return _with_ids(line, ids, width)


def _with_ids(
    line: str,
    ids: list[str],
    width: int,
) -> str:
    """The line, with as many of these ids as fit."""
    shown: list[str] = []
    for check in ids:
        if len(f"{line}  {', '.join([*shown, check])}") > width:
            break
        shown.append(check)
    return f"{line}  {', '.join(shown)}" if shown else line


def _hosts(result: CheckResult, write: Writer) -> Iterator[str]:
    """One line for each host in a report on several, worst first."""
    if not result.hosts:
        return
    yield write.bold(
        f"  {'Score':>5}  {'critical':>8}  {'high':>4}  {'medium':>6}  {'low':>3}  {'unknown':>7}  "
        "Host"
    )
    for host in result.hosts:
        widths = zip(reversed(Severity), (8, 4, 6, 3), strict=True)
        cells = [f"{host.failing(severity) or '-':>{width}}" for severity, width in widths]
        name = visible(f"{host.name}  {_about(host)}", max(20, write.width - 47))
        score = score_word(host.worst_score)
        yield f"  {score:>5}  {'  '.join(cells)}  {host.unknown or '-':>7}  {name}"


def _about(host: HostResult) -> str:
    if host.trouble:
        return f"could not be checked: {host.trouble}"
    saved = f", saved on {host.saved_at}" if host.saved_at else ""
    return f"{plural(host.containers, 'container')}{saved}"


def _table(
    subjects: Sequence[SubjectResult],
    write: Writer,
) -> Iterator[str]:
    """One line for each subject, worst first."""
    if len(subjects) < 2:
        return
    shown = subjects[:_MOST_ROWS]
    longest = max(len(visible(subject.title)) for subject in shown)
    names = min(longest, max(20, write.width - (44 if write.style.blocks else 60)))
    head = f"  {'Level':<8} {'Score':>5}  {'critical':>8}  {'high':>4}  {'unknown':>7}"
    yield write.bold(f"  {'Subject':<{names}}{head}")
    for subject in shown:
        score = subject.score
        cells = [
            f"{score.count(each) or '-':>{width}}" for each, width in zip(_TOP, (8, 4), strict=True)
        ]
        name = f"  {visible(subject.title, names):<{names}}"
        line = f"{name}  {score.level or '-':<8} {score_word(score.value):>5}  "
        line += f"{'  '.join(cells)}  {score.unknown or '-':>7}"
        yield line if write.style.blocks else _with_worst(line, subject, write.width)
    if len(subjects) > _MOST_ROWS:
        yield f"  and {len(subjects) - _MOST_ROWS} more, none of them worse"


_ONE_LINE = 150
"""From this width on, a finding and its reason share a line if they fit."""
_SHARED = (Kind.IMAGE, Kind.SITE)
_MOST_SERIOUS = 7
_MOST_REASONS = 2
_REST = (
    (Status.PASS, "passed"),
    (Status.NOT_APPLICABLE, "not applicable"),
    (Status.WAIVED, "waived"),
)


def render(result: CheckResult, style: TextStyle) -> str:
    write = Writer(style)
    if result.framework is not None:
        head = (
            [write.paint("SIMULATED HOST: nothing below is real.", "1;33")]
            if result.simulated
            else []
        )
        return (
            "\n".join(
                [
                    *head,
                    *_outcome(result, write),
                    *_controls(result.framework, write),
                ]
            )
            + "\n"
        )
    overview = list(summary(result, write))
    # in a brief text, what containers share is a line in their blocks
    told = [each for each in result.subjects if not (style.brief and each.subject.kind in _SHARED)]
    blocks = _blocks(told, write) if style.blocks else []
    parts = [*blocks, *reversed(overview)] if style.summary_last else [*overview, *blocks]
    if result.simulated:
        parts.insert(
            0,
            [write.paint("SIMULATED HOST: nothing below is real.", "1;33")],
        )
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


_SIGNS = {
    MET: ("✓", "32"),
    NOT_MET: ("✗", "31"),
    NOT_LOOKED_AT: ("?", UNKNOWN_COLOR),
    NOT_APPLICABLE: ("–", "2"),
}


def _controls(framework: Framework, write: Writer) -> Iterator[str]:
    """A line for each control, and below it where it is not met, or why it was not looked at."""
    counts = Counter(control.status for control in framework.controls)
    told = ", ".join(f"{count} {status}" for status in _SIGNS if (count := counts[status]))
    yield from ("", write.bold(f"{framework.title}: {told}"), "")
    for control in framework.controls:
        sign, color = _SIGNS[control.status]
        yield f"  {write.paint(sign, color)}  {control.id:<6} {control.title:<58} {control.status}"
        if control.status == NOT_LOOKED_AT and not control.evidence:
            yield f"            {'a person decides' if not control.checks else 'nothing here decides it'}"
        by_check: dict[str, list[tuple[str, Finding]]] = {}
        for name, finding in control.evidence:
            by_check.setdefault(finding.check, []).append((name, finding))
        for check, seen in by_check.items():
            where = ", ".join(name for name, _ in seen[:_MOST_NAMED])
            more = f" and {len(seen) - _MOST_NAMED} more" if len(seen) > _MOST_NAMED else ""
            accepted = "accepted: " if seen[0][1].status is Status.WAIVED else ""
            text = f"{accepted}{check} on {where}{more}: {seen[0][1].verdict.because}"
            yield f"            {visible(text, max(20, write.width - 12))}"


def _blocks(
    subjects: Iterable[SubjectResult],
    write: Writer,
) -> list[list[str]]:
    """Containers with identical results share a block."""
    alike: dict[tuple[object, ...], list[SubjectResult]] = {}
    for subject in subjects:
        alike.setdefault(_answers(subject, write), []).append(subject)
    return [_block(same, write) for same in alike.values()]


def _answers(
    subject: SubjectResult,
    write: Writer,
) -> tuple[object, ...]:
    """The content of its block besides its name; cheaper than the lines, which take ten times as
    long."""
    content: list[object] = [
        _facts_of(subject),
        subject.trouble,
        subject.attack,
        _counted(subject),
    ]
    for finding in subject.having(Status.FAIL):
        content += (
            finding.check,
            finding.severity,
            _texts(finding, write),
        )
    content += [
        (finding.check, finding.verdict.because) for finding in subject.having(Status.WAIVED)
    ]
    if not _is_brief(subject.subject.kind, write):
        content += [
            (finding.check, _texts(finding, write)) for finding in subject.having(Status.UNKNOWN)
        ]
    return tuple(content)


def _texts(finding: Finding, write: Writer) -> tuple[str, ...]:
    verdict = finding.verdict
    if _is_brief(finding.subject.kind, write):
        return (verdict.because,)
    return verdict.because, verdict.declared, verdict.effective


def _is_brief(kind: Kind, write: Writer) -> bool:
    return write.style.brief and kind is Kind.CONTAINER


def _block(same: list[SubjectResult], write: Writer) -> list[str]:
    facts, body = _facts_of(same[0]), _body(same[0], write)
    first, *others = (visible(subject.title, min(60, write.width - 16)) for subject in same)
    name = f"{first} and {len(others)} more" if others else first
    beside = len(name) + len(facts) + 2 <= write.width
    lines = (
        [f"{write.bold(name)}  {facts}"] if beside else [write.bold(name), *write.wrapped(facts)]
    )
    if others:
        lines += write.wrapped(
            ", ".join(others),
            "  ",
            "  the same for ",
        )
    return [*lines, *body]


def _facts_of(subject: SubjectResult) -> str:
    score = subject.score
    known, applying = score.looked_at
    words = [] if score.value is None else [f"score {score.value}/100 {score.level}"]
    words += [f"{known} of {applying} checked"] if known < applying else []
    return f"{visible(subject.detail, 120)}  {', '.join(words)}".strip()


def _body(subject: SubjectResult, write: Writer) -> Iterator[str]:
    if subject.trouble:
        yield from write.wrapped(
            f"could not be checked: {subject.trouble}",
            "     ",
            "  ?  ",
        )
        return
    yield from write.wrapped(subject.attack)
    brief = _is_brief(subject.subject.kind, write)
    yield from _serious(subject, write) if brief else _failing(subject, write)
    for finding in subject.having(Status.WAIVED):
        yield from write.marked(
            "waived",
            UNKNOWN_COLOR,
            f"{finding.title}  [{finding.check}]",
        )
        yield from write.below(visible(finding.verdict.because, 300))
    unknown = list(_unknown(subject.having(Status.UNKNOWN), write))
    yield from _reasons(subject, write) if brief else unknown
    if counted := _counted(subject):
        yield f"  {counted}"
    for owner, label in ((Kind.IMAGE, "its image"), (Kind.SITE, "also")):
        ids = [finding.check for finding in subject.also if finding.scope is owner]
        if ids:
            where = f"{label}: " if owner is Kind.IMAGE else "also, one decision for all: "
            yield visible(f"  {where}{', '.join(ids)}", write.width)


def _failing(subject: SubjectResult, write: Writer) -> Iterator[str]:
    for severity, failing in _by_severity(subject.having(Status.FAIL)):
        for finding in failing:
            yield from _finding(
                finding,
                severity.word,
                COLORS[severity],
                write,
            )


def _serious(subject: SubjectResult, write: Writer) -> Iterator[str]:
    """A line for each serious failure, and the ids of the others."""
    failing = subject.having(Status.FAIL)
    serious = [finding for finding in failing if finding.severity >= Severity.HIGH]
    for finding in serious[:_MOST_SERIOUS]:
        severity = finding.severity
        text = f"{finding.title}  [{finding.check}]"
        reason = visible(finding.verdict.because, max(8, write.width - len(text) - 16))
        fits = len(text) + 24 <= write.width and reason
        line = visible(f"{text}  {reason}" if fits else text, write.width - 12)
        yield from write.marked(severity.word, COLORS[severity], line)
    if len(serious) > _MOST_SERIOUS:
        yield f"            and {len(serious) - _MOST_SERIOUS} more: --details"
    for severity, others in _by_severity(failing[len(serious) :]):
        yield from write.marked(
            severity.word, COLORS[severity], ", ".join(each.check for each in others)
        )


def _reasons(subject: SubjectResult, write: Writer) -> Iterator[str]:
    """Why something is unknown, the most frequent reasons, a line each."""
    by_reason = Counter(finding.verdict.because for finding in subject.having(Status.UNKNOWN))
    for reason, count in by_reason.most_common(_MOST_REASONS):
        yield from write.marked(
            "unknown", UNKNOWN_COLOR, visible(f"{count}: {reason}", write.width - 12)
        )


def _counted(subject: SubjectResult) -> str:
    """The number of findings that are only counted."""
    counted = [f"{count} {word}" for status, word in _REST if (count := subject.count(status))]
    if unknown := subject.count(Status.UNKNOWN):
        counted.append(f"{unknown} unknown")
    return ", ".join(counted) or ("" if subject.findings else "nothing was checked")


def _by_severity(findings: Iterable[Finding]) -> Iterable[tuple[Severity, list[Finding]]]:
    by_severity: dict[Severity, list[Finding]] = {}
    for finding in findings:
        by_severity.setdefault(finding.severity, []).append(finding)
    return by_severity.items()


def _finding(
    finding: Finding,
    word: str,
    color: str,
    write: Writer,
) -> Iterator[str]:
    verdict = finding.verdict
    title, reason = f"{finding.title}  [{finding.check}]", visible(verdict.because)
    if write.width >= _ONE_LINE and len(title) + len(reason) + 14 <= write.width:
        yield from write.marked(word, color, f"{title}  {reason}")
    else:
        yield from write.marked(word, color, title)
        yield from write.below(reason)
    seen = [
        f"{label}: {visible(value, 200)}"
        for label, value in (
            ("declared", verdict.declared),
            ("effective", verdict.effective),
        )
        if value
    ]
    yield from write.below("; ".join(seen))


def _unknown(
    findings: tuple[Finding, ...],
    write: Writer,
) -> Iterator[str]:
    """Findings grouped by reason: mostly one missing reading leaves many answers unknown."""
    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(finding.verdict.because, []).append(finding)
    for reason, alike in by_reason.items():
        if len(alike) == 1:
            yield from _finding(
                alike[0],
                "unknown",
                UNKNOWN_COLOR,
                write,
            )
            continue
        yield from write.marked(
            "unknown", UNKNOWN_COLOR, f"{len(alike)} checks, for the same reason"
        )
        yield from write.below(reason)
        yield from write.below(", ".join(finding.check for finding in alike))
