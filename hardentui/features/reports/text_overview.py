"""The parts of a text report over all subjects: outcome, what to do first, tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hardentui.features.reports.result import FINDINGS, FINE, CheckResult, path_words
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.reports.text_writer import UNKNOWN_COLOR, Writer
from hardentui.harden.score import most_severe_first, score_word
from hardentui.model.checklist import USUAL
from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.visible import visible
from hardentui.words import own_command, plural

_MOST_ROWS = 20
_TOP = (Severity.CRITICAL, Severity.HIGH)


def summary(result: CheckResult, write: Writer) -> Iterator[list[str]]:
    """Its parts, the most important first."""
    yield list(outcome(result, write))
    style = write.style
    containers = [each for each in result.subjects if each.subject.kind is Kind.CONTAINER]
    parts: list[Iterable[str]] = []
    alone = len(containers) == 1 and style.blocks
    first = [] if alone else list(do_first_lines(result, write))
    overview = first and not style.blocks  # its lines name the commands
    parts += [
        first,
        () if overview else path_lines(result, write),
        () if overview else next_lines(write),
    ]
    parts.append(_managed(result, write))
    if style.brief:
        parts += [
            _table(containers, write),
            () if style.blocks else _shared(result, write),
        ]
    else:
        parts.append(_table(result.subjects, write))
    parts.append(() if style.blocks else _waived(result, write))
    yield from (lines for part in parts if (lines := list(part)))


def do_first_lines(result: CheckResult, write: Writer) -> Iterator[str]:
    """`1  web: is privileged  +29  trial  hardentui trial web --all`: one line each."""
    if not result.do_first:
        return
    yield write.bold("Do these first")
    commands = [
        own_command(
            () if line.words[0] == "explain" else result.found_with,
            *line.words,
        )
        for line in result.do_first
    ]
    if result.only_read:
        commands = [""] * len(commands)
    longest = max(map(len, commands))
    room = write.width - longest - 21
    if room < 24:  # a narrow terminal
        room, commands = write.width - 19, [""] * len(commands)
    for number, (line, command) in enumerate(zip(result.do_first, commands, strict=True), 1):
        points = f"+{line.points}" if line.points else ""
        text = visible(f"{line.names}: {line.sentence}", room)
        yield f"  {number}  {text:<{room}}  {points:>3}  {line.risk:<6}  {command}".rstrip()


def _managed(result: CheckResult, write: Writer) -> Iterator[str]:
    if not result.managed:
        return
    from hardentui.features.vendors.telling import sentences

    for group in result.managed:
        for number, sentence in enumerate(sentences(group, result.checklist)):
            yield from write.wrapped(
                sentence,
                "    " if number else "  ",
                "  ",
            )


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
        failing.sort(key=lambda pair: most_severe_first(pair[1]))
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


def outcome(result: CheckResult, write: Writer) -> Iterator[str]:
    counts = result.counts()
    failing = [
        f"{number} {severity.word}"
        for severity in reversed(Severity)
        if (number := counts[Status.FAIL, severity])
    ]
    unknown = (
        sum(host.unknown for host in result.hosts)
        if result.hosts
        else sum(subject.score.unknown for subject in result.subjects)
    )
    place = f"{visible(result.place, 60)}: " if result.place else ""
    yield from write.wrapped(
        f"{place}{_kinds(result.kinds())} checked{_against(result.checklist)}. "
        f"Failing: {', '.join(failing) or 'nothing'}. Unknown: {unknown or 'nothing'}.",
        "",
    )
    apart = [
        *(
            (kept.name, f"the original of {visible(kept.of, 60)}, kept for its undo")
            for kept in result.kept
        ),
        *(
            (aside.name, "a twin of a trial" if aside.kind == "twin" else f"a {aside.kind}")
            for aside in result.aside
        ),
    ]
    if apart:
        words = ", ".join(f"{visible(name, 60)} ({what})" for name, what in apart)
        yield from write.wrapped(f"Not counted: {words}.", "")
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


def _against(checklist: str) -> str:
    """The checklist, if it is not the default one."""
    return "" if checklist in ("", USUAL) else f" against the checklist {visible(checklist, 40)}"


def _kinds(numbers: Mapping[Kind, int]) -> str:
    words = [f"{plural(numbers[kind], kind.value)}" for kind in Kind if numbers.get(kind)]
    return ", ".join(words) or "nothing"


def _why(result: CheckResult) -> str:
    level = f"{result.fail_on.word}{'' if result.fail_on is Severity.CRITICAL else ' or above'}"
    if result.exit_code == FINDINGS:
        return f"a finding at {level} fails (--fail-on)."
    if result.exit_code == FINE:
        return f"no finding at {level} fails or is unknown (--fail-on)."
    if result.fleet is not None and result.fleet.missing:
        return f"{plural(len(result.fleet.missing), 'host')} without facts."
    troubled = [each for each in result.hosts or result.subjects if each.trouble]
    if troubled:
        return f"{len(troubled)} of them could not be checked."
    return f"a finding at {level} could not be checked (--fail-on)."


def next_lines(write: Writer) -> Iterator[str]:
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


def path_lines(result: CheckResult, write: Writer) -> Iterator[str]:
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
