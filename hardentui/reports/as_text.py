"""The report for people: one block for each subject, worst first, and a summary where reading starts.

On a terminal that is the end, which stays on the screen; in a file or a pipe it is the beginning. Written
line by line, not as a table of rich: the whole command should take no longer than the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.harden.score import score_word
from hardentui.model.checklist import USUAL
from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.reports.result import (
    FINDINGS,
    FINE,
    CheckResult,
    HostResult,
    SubjectResult,
    TextStyle,
    path_words,
)
from hardentui.reports.writer import COLORS, UNKNOWN_COLOR, Writer
from hardentui.visible import visible
from hardentui.words import plural

_MOST_ROWS = 20
_MOST_COMMON = 5
_MOST_REASONS = 5


def summary(result: CheckResult, write: Writer) -> Iterator[list[str]]:
    """Its parts, the most important first."""
    yield list(_outcome(result, write))
    style = write.style
    advice = (_next(write), _paths(result, write), _common(result, write)) if style.advice else ()
    questions = _open_questions(result, write) if style.brief and style.blocks else ()
    accepted = () if style.blocks else _waived(result, write)
    for part in (*advice, questions, _hosts(result, write), _table(result.subjects, write), accepted):
        if lines := list(part):
            yield lines


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
        kept = ", ".join(f"{visible(kept.name, 60)} (of {visible(kept.of, 60)})" for kept in result.kept)
        yield from write.wrapped(f"Not counted, because a change keeps it for its undo: {kept}.", "")
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


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
        yield from [f"  {command:<{width}}  {what}"] if beside else [f"  {command}", f"      {what}"]


def _paths(result: CheckResult, write: Writer) -> Iterator[str]:
    """The worst paths to the host; nothing if the only container shows it in its block."""
    if not result.paths or [subject.subject.id for subject in result.subjects] == [result.paths[0].id]:
        return
    yield write.bold("Worst attack paths from a container to the host")
    for at, path in enumerate(result.paths, 1):
        yield from write.wrapped(": ".join(path_words(path, result)), "     ", f"  {at}. ")
    if result.paths_left:
        yield f"     and {result.paths_left} more"


def _common(result: CheckResult, write: Writer) -> Iterator[str]:
    """A finding in many containers is usually fixed once, for all of them."""
    by_check: dict[str, list[Finding]] = {}
    containers = [subject for subject in result.subjects if subject.subject.kind is Kind.CONTAINER]
    for container in containers:
        for finding in container.having(Status.FAIL):
            by_check.setdefault(finding.check, []).append(finding)
    often = sorted(by_check.values(), key=lambda same: (-len(same), -max(same, key=_severity).severity))
    often = [same for same in often[:_MOST_COMMON] if len(same) > 1]
    if len(containers) < 3 or not often:
        return
    yield write.bold(f"Most frequent findings, by number of containers (of {len(containers)})")
    for same in often:
        worst = max(same, key=_severity)
        text = f"{len(same):>3}  {worst.title}  [{worst.check}]"
        yield from write.marked(worst.severity.word, COLORS[worst.severity], text)


def _severity(finding: Finding) -> Severity:
    return finding.severity


def _open_questions(result: CheckResult, write: Writer) -> Iterator[str]:
    """Why containers have unknown answers: mostly the same few readings are missing everywhere."""
    by_reason: dict[str, list[Finding]] = {}
    for subject in result.subjects:
        if subject.subject.kind is Kind.CONTAINER:
            for finding in subject.having(Status.UNKNOWN):
                by_reason.setdefault(finding.verdict.reason, []).append(finding)
    if not by_reason:
        return
    yield write.bold("Unknown in containers, and why (unknown is not a pass)")
    often = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    for reason, findings in often[:_MOST_REASONS]:
        yield from write.marked(f"{len(findings)}", UNKNOWN_COLOR, reason)
    if rest := often[_MOST_REASONS:]:
        count = sum(len(findings) for _, findings in rest)
        yield from write.marked(f"{count}", UNKNOWN_COLOR, "for other reasons: hardentui check NAME")


def _waived(result: CheckResult, write: Writer) -> Iterator[str]:
    """The waived findings with owner and reason: a short report must show them too."""
    names: dict[tuple[str, str], list[str]] = {}
    for subject in result.subjects:
        for finding in subject.having(Status.WAIVED):
            names.setdefault((finding.check, finding.verdict.reason), []).append(subject.title)
    if not names:
        return
    yield write.bold("Waived")
    for (check, reason), waived in names.items():
        where = visible(waived[0], 40) if len(waived) == 1 else plural(len(waived), "subject")
        yield from write.marked("waived", UNKNOWN_COLOR, f"{check} on {where}: {visible(reason, 300)}")


def _with_worst(line: str, subject: SubjectResult, width: int) -> str:
    """The line of a subject without a separate part, with as many of its worst findings as fit."""
    if subject.trouble:
        return f"{line}  could not be checked: {visible(subject.trouble, max(20, width - len(line) - 26))}"
    ids = [finding.check for finding in subject.having(Status.FAIL) if finding.severity >= Severity.HIGH]
    shown: list[str] = []
    while ids and len(f"{line}  {', '.join([*shown, ids[0]])}") <= width:
        shown.append(ids.pop(0))
    return f"{line}  {', '.join(shown)}" if shown else line


def _hosts(result: CheckResult, write: Writer) -> Iterator[str]:
    """One line for each host in a report on several, worst first."""
    if not result.hosts:
        return
    yield write.bold(
        f"  {'Score':>5}  {'critical':>8}  {'high':>4}  {'medium':>6}  {'low':>3}  {'unknown':>7}  Host"
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


def _table(subjects: tuple[SubjectResult, ...], write: Writer) -> Iterator[str]:
    """One line for each subject, worst first."""
    if len(subjects) < 2:
        return
    yield write.bold(
        f"  {'Score':>5}  {'critical':>8}  {'high':>4}  {'medium':>6}  {'low':>3}  {'unknown':>7}  Subject"
    )
    for subject in subjects[:_MOST_ROWS]:
        value = score_word(subject.score.value)
        widths = zip(reversed(Severity), (8, 4, 6, 3), strict=True)
        cells = [f"{subject.score.count(severity) or '-':>{width}}" for severity, width in widths]
        name = visible(subject.title, max(20, write.width - 47))
        line = f"  {value:>5}  {'  '.join(cells)}  {subject.score.unknown or '-':>7}  {name}"
        yield line if write.style.blocks else _with_worst(line, subject, write.width)
    if len(subjects) > _MOST_ROWS:
        yield f"  and {len(subjects) - _MOST_ROWS} more, none of them worse"


_ONE_LINE = 150
"""From this width on, a finding and its reason share a line if they fit."""
_REST = ((Status.PASS, "passed"), (Status.NOT_APPLICABLE, "not applicable"), (Status.WAIVED, "waived"))


def render(result: CheckResult, style: TextStyle) -> str:
    write = Writer(style)
    overview = list(summary(result, write))
    blocks = _blocks(result.subjects, write) if style.blocks else []
    parts = [*blocks, *reversed(overview)] if style.summary_last else [*overview, *blocks]
    if result.simulated:
        parts.insert(0, [write.paint("SIMULATED HOST: nothing below is real.", "1;33")])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _blocks(subjects: Iterable[SubjectResult], write: Writer) -> list[list[str]]:
    """Containers with identical results share a block."""
    alike: dict[tuple[object, ...], list[SubjectResult]] = {}
    for subject in subjects:
        alike.setdefault(_answers(subject, write), []).append(subject)
    return [_block(same, write) for same in alike.values()]


def _answers(subject: SubjectResult, write: Writer) -> tuple[object, ...]:
    """The content of its block besides its name; cheaper than the lines, which take ten times as long."""
    content: list[object] = [_facts_of(subject), subject.trouble, subject.attack, _counted(subject)]
    for finding in subject.having(Status.FAIL):
        content += (finding.check, finding.severity)
        if not _in_short(finding, write):
            content.append(_texts(finding, write))
    content += [(finding.check, finding.verdict.reason) for finding in subject.having(Status.WAIVED)]
    if not _is_brief(subject.subject.kind, write):
        content += [(finding.check, _texts(finding, write)) for finding in subject.having(Status.UNKNOWN)]
    return tuple(content)


def _texts(finding: Finding, write: Writer) -> tuple[str, ...]:
    verdict = finding.verdict
    if _is_brief(finding.subject.kind, write):
        return (verdict.reason,)
    return verdict.reason, verdict.declared, verdict.effective


def _is_brief(kind: Kind, write: Writer) -> bool:
    return write.style.brief and kind is Kind.CONTAINER


def _in_short(finding: Finding, write: Writer) -> bool:
    """Whether only its name is shown."""
    return finding.severity < Severity.HIGH and _is_brief(finding.subject.kind, write)


def _block(same: list[SubjectResult], write: Writer) -> list[str]:
    facts, body = _facts_of(same[0]), _body(same[0], write)
    first, *others = (visible(subject.title, min(60, write.width - 16)) for subject in same)
    name = f"{first} and {len(others)} more" if others else first
    beside = len(name) + len(facts) + 2 <= write.width
    lines = [f"{write.bold(name)}  {facts}"] if beside else [write.bold(name), *write.wrapped(facts)]
    if others:
        lines += write.wrapped(", ".join(others), "  ", "  the same for ")
    return [*lines, *body]


def _facts_of(subject: SubjectResult) -> str:
    score = subject.score
    known, applying = score.looked_at
    words = [] if score.value is None else [f"score {score.value}/100 {score.level}"]
    words += [f"{known} of {applying} checked"] if known < applying else []
    return f"{visible(subject.detail, 120)}  {', '.join(words)}".strip()


def _body(subject: SubjectResult, write: Writer) -> Iterator[str]:
    if subject.trouble:
        yield from write.wrapped(f"could not be checked: {subject.trouble}", "     ", "  ?  ")
        return
    yield from write.wrapped(subject.attack)
    for severity, failing in _by_severity(subject.having(Status.FAIL)):
        if _in_short(failing[0], write):
            yield from write.marked(
                severity.word, COLORS[severity], ", ".join(each.check for each in failing)
            )
        else:
            for finding in failing:
                yield from _finding(finding, severity.word, COLORS[severity], write)
    for finding in subject.having(Status.WAIVED):
        yield from write.marked("waived", UNKNOWN_COLOR, f"{finding.title}  [{finding.check}]")
        yield from write.below(visible(finding.verdict.reason, 300))
    if not _is_brief(subject.subject.kind, write):
        yield from _unknown(subject.having(Status.UNKNOWN), write)
    if counted := _counted(subject):
        yield f"  {counted}"


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


def _finding(finding: Finding, word: str, color: str, write: Writer) -> Iterator[str]:
    verdict = finding.verdict
    title, reason = f"{finding.title}  [{finding.check}]", visible(verdict.reason)
    if write.width >= _ONE_LINE and len(title) + len(reason) + 14 <= write.width:
        yield from write.marked(word, color, f"{title}  {reason}")
    else:
        yield from write.marked(word, color, title)
        yield from write.below(reason)
    if _is_brief(finding.subject.kind, write):
        return
    seen = [
        f"{label}: {visible(value, 200)}"
        for label, value in (("declared", verdict.declared), ("effective", verdict.effective))
        if value
    ]
    yield from write.below("; ".join(seen))


def _unknown(findings: tuple[Finding, ...], write: Writer) -> Iterator[str]:
    """Findings grouped by reason: mostly one missing reading leaves many answers unknown."""
    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(finding.verdict.reason, []).append(finding)
    for reason, alike in by_reason.items():
        if len(alike) == 1:
            yield from _finding(alike[0], "unknown", UNKNOWN_COLOR, write)
            continue
        yield from write.marked("unknown", UNKNOWN_COLOR, f"{len(alike)} checks, for the same reason")
        yield from write.below(reason)
        yield from write.below(", ".join(finding.check for finding in alike))
