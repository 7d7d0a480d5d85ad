"""What the first screen says: its totals, and what to do where there is no list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Attempt, Report, Row, without_originals
from hardentui.harden.score import Level, Score, score_word
from hardentui.model.finding import Severity
from hardentui.model.plan import Caution
from hardentui.tui.action_texts import hint_of
from hardentui.tui.listing import summary
from hardentui.tui.status import FAILING, OTHERS, Part, Signs, fit
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.looking.row_filter import RowFilter
    from hardentui.features.planner import Planner
    from hardentui.features.vendors.telling import ManagedContainers
    from hardentui.harden.do_first import DoFirst
    from hardentui.tui.session import Session


_HEAD = "bold $primary"


def no_containers(opened: Opened) -> Content:
    """Podman answers, and has no containers."""
    engines = ", ".join(visible(engine.label, 30) for engine in opened.engine_facts) or "no engine"
    return Content.assemble(
        ("No containers", _HEAD),
        f"\n\nPodman answers ({engines}), but has no containers, running or stopped.\n\n",
        ("Start one", _HEAD),
        "\n  podman run -d --name web -p 8080:80 docker.io/library/nginx\n"
        "and it appears here automatically.\n\n",
        ("New here?", _HEAD),
        "\n  T opens labs that teach the ten steps on containers of their own.\n\n",
        ("Containers of another user?", _HEAD),
        "\n  Each user has a separate engine. Run hardentui as that user, or as root to see root's.\n\n"
        ": Connection shows the engines that were found and what was tried.",
    )


def no_engine(error: HardenError, can_simulate: bool) -> Content:
    """The requested engine cannot be reached."""
    parts: list[str | tuple[str, str]] = [
        ("No Podman", _HEAD),
        f"\n\n{visible_lines(error.title)}\n",
    ]
    if error.hint:
        parts += [
            "\n",
            ("What would help", _HEAD),
            f"\n{visible_lines(hint_of(error))}\n",
        ]
    parts += ["\n", ("Next steps", _HEAD), "\n  r  try again\n"]
    if can_simulate:
        parts.append("  D  open a simulated host\n")
    parts.append("  q  quit")
    return Content.assemble(*parts)


def fitting_checklists(
    groups: Iterable[ManagedContainers],
    used: str,
) -> tuple[str, ...]:
    """The checklists that are made for containers of a vendor's tool, but for the one in use."""
    return tuple(
        f"{group.tool} manages {', '.join(visible(name, 40) for name in group.checklist_for)}: "
        f"the checklist {group.checklist} is made for that"
        for group in groups
        if group.checklist and group.checklist != used
    )


def nothing_matches(text: str) -> Content:
    return Content.assemble(
        ("Nothing matches ", _HEAD),
        (visible(text, 60), "bold"),
        "\n\nesc shows all containers again.",
    )


def tried(attempts: tuple[Attempt, ...]) -> Content:
    """Where Podman was looked for without success, in order."""
    parts: list[str | tuple[str, str]] = []
    for number, attempt in enumerate(attempts, 1):
        parts += [
            (f"{number}. {visible(attempt.label, 60)}", "bold"),
            (f"  {visible(attempt.origin, 60)}", "$muted"),
            f"\n   {visible(attempt.url, 200)}" if attempt.url not in ("", attempt.label) else "",
            f"\n   {visible(attempt.reason, 300)}\n",
        ]
        if attempt.hint:
            parts.append((f"   {visible(attempt.hint, 300)}\n", "$primary"))
    return Content.assemble(*parts)


def under_way(
    session: Session,
    row_filter: RowFilter,
    signs: Signs,
    width: int,
) -> Content:
    """What runs, or what the list shows: the right end of the line above it."""
    if session.lost:
        label, lost = next(iter(session.lost.items()))
        of = f", data of {lost.data_of:%H:%M:%S}" if lost.data_of else ""
        text = f"{visible(label, 20)} lost{of}, retrying"
        return Content.assemble((text, "bold $status-high"))
    if session.progress is not None:
        done, total = session.progress.done, session.progress.total
        return Content.assemble((f"scanning {done}/{total}  esc stops", "$primary"))
    if session.trials_told:
        return Content.assemble(
            (
                signs.of(f"{session.trials_told}  X shows it"),
                "$primary",
            )
        )
    missing = sum(row.report is None for row in session.rows.values())
    if session.stopped and missing:
        return Content.assemble(
            (
                f"stopped: {missing} not checked  : Check all again",
                "$status-medium",
            )
        )
    if row_filter.active:
        room = max(8, width - 52)
        return Content.assemble(
            (
                f"filtered: {visible(row_filter.text, room)}",
                "$status-medium",
            )
        )
    return Content.assemble((session.list_view.words, "$muted"))


def numbered(
    lines: Iterable[DoFirst],
    rows: Mapping[str, Row],
    width: int,
) -> Iterator[Part]:
    """What to do first, a line each, with the key that leads to it. `width`: cells."""
    for number, line in enumerate(lines, 1):
        right = f" +{line.points:<3}" if line.points else "     "
        right += f" {_risk_of(line, rows):<9}"
        room = width - 4 - len(right)
        names = visible(line.names, 40)
        texts = [f"{names}: {visible(text, 200)}" for text in (line.sentence, line.text)]
        text = next((text for text in texts if cell_len(text) <= room), texts[-1])
        yield (f" {number}  ", "bold $primary")
        yield f"{fit(text, room)}{right}\n"


def _risk_of(line: DoFirst, rows: Mapping[str, Row]) -> str:
    """A file is not tried: nothing runs it here."""
    row = rows.get(line.subject.key)
    return "may break" if line.risk == "trial" and row is not None and row.is_file else line.risk


def totals(
    shown: Sequence[Row],
    all_rows: Sequence[Row],
    marked: int,
    signs: Signs,
    room: int,
) -> Content:
    """`3 of 12 containers · 2 marked · 1 takeover · high 9 · unknown 4`: kept originals do not
    count. `room`: cells; what does not fit is left out: the good levels before the critical
    findings.
    """
    levels, failing, unknown = summary(shown)
    counted, of_all = len(without_originals(shown)), len(without_originals(all_rows))
    of = f"{counted} of " if len(shown) < len(all_rows) else ""
    first: list[Part] = [(f"{of}{plural(of_all, 'container')}", "bold")]
    if marked:
        first += [
            f" {signs.dot} ",
            (f"{marked} marked", "bold $primary"),
        ]
    counts = [
        (FAILING[severity], failing.get(severity, 0))
        for severity in (Severity.CRITICAL, Severity.HIGH)
    ]
    counts.append((next(iter(OTHERS.values())), unknown))
    words = [(f"{look.word} {count}", f"${look.style}") for look, count in counts if count]
    there = [(f"{levels[level]} {level}", "bold") for level in Level if levels.get(level)]
    while True:
        line = Content.assemble(
            *first, *(part for word in there for part in (f" {signs.dot} ", word))
        )
        for word in words:
            longer = Content.assemble(line, f" {signs.dot} ", word)
            if longer.cell_length > room:
                break
            line = longer
        else:
            return line
        if len(there) < 3 or word is not words[0]:
            return line
        there.pop()


def promises(planner: Planner, report: Report) -> str:
    """What the safe fixes, and what all that need no decision, make of the score; those that can
    really be applied."""
    everything = planner.plan_with(report, Caution.ALL)
    if not everything.choices:
        return ""
    now = score_word(report.score.value)
    after = planner.score_after(report, everything)
    safe = planner.plan(report, planner.choices(report, Caution.SAFE))
    if not safe.choices or {*safe.choices} == {*everything.choices}:
        many = len(everything.choices)
        fixes = "its only fix" if many == 1 else f"all {many} fixes"
        takeover = _takeover(
            report.score,
            after,
            "does not end",
            "ends",
        )
        return f"{fixes}: score {now} → {score_word(after.value)}{takeover}"
    by_safe = planner.score_after(report, safe)
    takeover = _takeover(
        report.score,
        after,
        "neither ends",
        "which ends",
    )
    if report.score.takes_over and not by_safe.takes_over:
        takeover = ", both end the takeover"
    return (
        f"{plural(len(safe.choices), 'safe fix', 'safe fixes')}: score {now} → "
        f"{score_word(by_safe.value)}; all {len(everything.choices)}: {now} → "
        f"{score_word(after.value)}{takeover}"
    )


def _takeover(
    before: Score,
    after: Score,
    remains: str,
    ends: str,
) -> str:
    if not before.takes_over:
        return ""
    return f", {remains if after.takes_over else ends} the takeover"
