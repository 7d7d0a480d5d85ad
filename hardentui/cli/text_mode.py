"""hardentui --text: the main job as plain lines, for screen readers and slow connections.

Nothing is drawn, moved, coloured or overwritten: a question, an answer, the next question.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator

from msgspec import Struct

from hardentui.cli import session
from hardentui.cli.change_events import tell
from hardentui.cli.conversation import Conversation
from hardentui.cli.drafts import deliver
from hardentui.cli.explain import explain_lines
from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.plan import plan_lines
from hardentui.cli.terminal import Terminal
from hardentui.errors import HardenError, UsageError
from hardentui.features.apply.entry_text import entry_lines
from hardentui.features.apply.history import History
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.harden.outset import CONFIRM_WITHIN, HardenWishes
from hardentui.features.looking.row_filter import parse_filter
from hardentui.features.views import Report, Row
from hardentui.features.workbench import Workbench
from hardentui.harden.decisions import both_sides, decisions, others_left_out
from hardentui.harden.score import most_severe_first, score_word
from hardentui.model.draft import Target
from hardentui.model.finding import Finding, Status, Subject
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.visible import visible, visible_lines
from hardentui.words import nearest, plural


def worst_first(row: Row) -> tuple[bool, int, str]:
    """Sorts containers."""
    value = row.report.score.value if row.report else None
    return (value is None, value or 0, row.name)


def finding_line(finding: Finding) -> str:
    """`Runs as root: the main process is root inside the container.`"""
    reason = visible(finding.verdict.reason, 300)
    return f"{finding.title}: {reason}." if reason else f"{finding.title}."


def row_line(row: Row, *, named: bool = True) -> str:
    """`web, score 41, 3 high, 1 unknown, running`; without the name if it was just printed."""
    name = f"{visible(row.name, 60)}, " if named else ""
    if row.report is None or row.report.trouble:
        why = visible(row.report.trouble, 200) if row.report else "not checked"
        return f"{name}{visible(row.state, 20)}, {why}"
    score = row.report.score
    failing = [f"{count} {severity.word}" for severity, count in score.failing if count]
    unknown = f", {score.unknown} unknown" if score.unknown else ""
    fails = ", ".join(failing) or "nothing fails"
    return f"{name}score {score_word(score.value)}, {fails}{unknown}, {visible(row.state, 20)}"


_TARGETS = {target.value: target for target in Target}


def run(options: Namespace, terminal: Terminal) -> int:
    """Ask for commands until the end of the input, or until one quits."""
    terminal.be_plain()
    with session.workbench(options, terminal, simulated=True) as bench:
        return Dialogue(bench, terminal, lambda: sys.stdin.readline()).run()


class TextCommand(Struct, frozen=True):
    """A command of the dialogue."""

    name: str
    takes: str  # its arguments, for the help
    help: str
    carry_out: Callable[[str], None]
    needs_container: bool = False


class Dialogue:
    """One session. Expected errors are reported, and the next question is asked."""

    def __init__(
        self,
        bench: Workbench,
        terminal: Terminal,
        read: Callable[[], str],
    ) -> None:
        self._bench = bench
        self._terminal = terminal
        self._read = read
        self._rows: tuple[Row, ...] = ()
        self._listed: tuple[Row, ...] = ()
        self._report: Report | None = None
        self._findings: tuple[Finding, ...] = ()
        self._choices: dict[str, dict[str, Choice]] = {}
        self._written: dict[str, dict[str, Choice]] = {}
        self._warned = self._left = False
        self._words = {word.name: word for word in self._vocabulary()}

    def _vocabulary(self) -> Iterator[TextCommand]:
        yield TextCommand(
            "list", "[FILTER]", "the containers, worst first: list state:running", self._list
        )
        yield TextCommand(
            "open", "N or NAME", "open a container; its number alone does the same", self._open
        )
        yield TextCommand(
            "host", "", "the failing findings of the host and its engines", self._host
        )
        yield TextCommand(
            "all",
            "",
            "choose every fix",
            self._choose_by(Caution.ALL),
            True,
        )
        yield TextCommand(
            "likely",
            "",
            "choose every fix except those that may break the container",
            self._choose_by(Caution.LIKELY),
            True,
        )
        yield TextCommand(
            "safe",
            "",
            "choose the fixes known to break nothing",
            self._choose_by(Caution.SAFE),
            True,
        )
        yield TextCommand(
            "fails",
            "",
            "the failing findings again",
            self._fails,
            True,
        )
        yield TextCommand(
            "unknown",
            "",
            "what could not be checked, and why",
            self._unknown,
            True,
        )
        yield TextCommand(
            "explain", "N or ID", "what a finding means, and what its fix may break", self._explain
        )
        yield TextCommand(
            "choose", "N...", "choose these fixes, or drop chosen ones", self._choose, True
        )
        yield TextCommand(
            "none",
            "",
            "drop every chosen fix",
            self._drop,
            True,
        )
        yield TextCommand(
            "plan",
            "",
            "what the chosen fixes change",
            self._plan,
            True,
        )
        yield TextCommand(
            "diff",
            "[KIND]",
            "the resulting files, as a diff",
            self._diff,
            True,
        )
        yield TextCommand(
            "write",
            "DIR [KIND]",
            "write the files: quadlet, run, kube, ansible, unit",
            self._write,
            True,
        )
        about = "try the chosen fixes, or all, on a twin, show the card, apply it"
        yield TextCommand(
            "harden",
            "[probe COMMAND]",
            about,
            self._harden,
            True,
        )
        yield TextCommand(
            "undo",
            "[ID]",
            "undo a change; default: the latest",
            self._undo,
        )
        yield TextCommand(
            "again",
            "",
            "check the container again",
            self._again,
            True,
        )
        yield TextCommand(
            "help",
            "",
            "these words",
            self._help,
        )
        yield TextCommand("quit", "", "leave", self._quit)

    def run(self) -> int:
        opened = self._bench.opened
        self._say(
            "HardenTUI text mode; help lists the commands. Only write, harden, apply, undo change "
            "anything."
        )
        if opened.simulated:
            self._say("SIMULATED HOST: nothing below is real.")
        self._say(f"Host {visible(opened.host_name, 60)}.")
        self._bench.surroundings.host()
        self._rows = session.scan(self._bench, self._terminal)
        self._list("")
        while not self._left:
            self._terminal.write(f"\n{self._prompt}: ")
            line = self._read()
            if not line:
                self._say("")
                break
            self._answer(line.strip())
        return 0

    @property
    def _prompt(self) -> str:
        return visible(self._report.subject.name, 60) if self._report else "containers"

    @property
    def _chosen(self) -> dict[str, Choice]:
        """The chosen fixes of the open container; they are kept when another one is opened."""
        return self._choices.setdefault(self._key, {})

    def _answer(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        try:
            if name.isdecimal() and not rest and self._report is None:
                self._open(name)
            elif name.isdecimal() and not rest:
                self._explain(name)
            elif name:
                self._carry_out(name.lower(), rest.strip())
        except HardenError as error:
            self._say(error.title)
            if error.hint:
                self._say(error.hint)

    def _carry_out(self, name: str, rest: str) -> None:
        word = self._words.get(name)
        if word is None:
            raise UsageError(
                f"There is no command {visible(name, 40)!r} here{nearest(name, self._words)}",
                "Try: help",
            )
        if word.needs_container and self._report is None:
            raise UsageError(
                f"{name} needs an open container.", "Open one first: its number, or open NAME."
            )
        word.carry_out(rest)

    def _say(self, *lines: str) -> None:
        self._terminal.write("".join(f"{visible_lines(line)}\n" for line in lines))

    def _help(self, _: str) -> None:
        for word in self._words.values():
            if self._report is not None or not word.needs_container:
                self._say(f"{word.name} {word.takes}".strip() + f": {word.help}.")
        if self._report is None:
            self._say("More commands are available once a container is open.")

    def _quit(self, _: str) -> None:
        unwritten = [
            key for key, choices in self._choices.items() if choices != self._written.get(key, {})
        ]
        if unwritten and not self._warned:
            self._warned = True
            self._say("The fixes that you chose are not written. quit again discards them.")
        else:
            self._left = True

    def _list(self, wanted: str) -> None:
        self._report = None
        selection = parse_filter(wanted).select(self._rows)
        self._listed = tuple(sorted(selection.rows, key=worst_first))
        if selection.trouble:
            self._say(selection.trouble)
        self._say(f"{plural(len(self._listed), 'container')}, worst first.")
        for number, row in enumerate(self._listed, 1):
            self._say(f"{number}. {row_line(row)}")

    def _open(self, which: str) -> None:
        if which.isdecimal() and 1 <= int(which) <= len(self._listed):
            row = self._listed[int(which) - 1]
        else:
            row = session.named(self._rows, [which])[0]
        if row.report is None or row.report.facts is None:
            why = row.report.trouble if row.report else "it was not checked"
            raise UsageError(f"{visible(row.name, 60)} cannot be opened: {visible(why, 200)}.")
        self._report = row.report
        self._again("")

    def _again(self, _: str) -> None:
        row = self._bench.containers.refresh(self._key)
        if row is None or row.report is None or row.report.facts is None:
            raise UsageError("It is gone.", "list shows all containers.")
        report = self._report = row.report
        self._rows = tuple(row if row.key == known.key else known for known in self._rows)
        self._say(f"{visible(report.subject.name, 60)}: {row_line(row, named=False)}")
        if attack := self._bench.attack(report):
            self._say(attack)
        self._fails("")

    @property
    def _key(self) -> str:
        return self._open_report.subject.key

    @property
    def _open_report(self) -> Report:
        if self._report is None:
            raise UsageError("No container is open.")
        return self._report

    def _host(self, _: str) -> None:
        for report in self._bench.surroundings.host():
            failing = sorted(report.failing, key=most_severe_first)
            self._say(
                f"{visible(report.subject.name, 60)}: {plural(len(failing), 'finding')} that fail."
            )
            for finding in failing:
                self._say(f"{finding.severity.word}: {finding_line(finding)}")

    def _fails(self, _: str) -> None:
        self._findings = tuple(
            sorted(
                (f for f in self._open_report.with_image if f.failing),
                key=most_severe_first,
            )
        )
        if not self._findings:
            self._say("Nothing fails.")
        for number, finding in enumerate(self._findings, 1):
            chosen = " Chosen." if finding.check in self._chosen else ""
            self._say(
                f"{number}. {finding.severity.word}, step {finding.step}: {finding_line(finding)}{chosen}"
            )

    def _unknown(self, _: str) -> None:
        unknown = [f for f in self._open_report.with_image if f.status is Status.UNKNOWN]
        self._say(
            f"{plural(len(unknown), 'answer')} unknown.",
            *map(finding_line, unknown),
        )

    def _finding(self, which: str) -> Finding:
        if which.isdecimal() and 1 <= int(which) <= len(self._findings):
            return self._findings[int(which) - 1]
        for finding in self._findings:
            if finding.check == which:
                return finding
        raise UsageError(
            f"There is no finding {visible(which, 40)!r} here.", "fails shows the numbers."
        )

    def _explain(self, which: str) -> None:
        finding = self._finding(which) if which.isdecimal() else None
        checklist = self._bench.judge.checklist
        check = find_check(finding.check if finding else which, checklist.own)
        lines = list(
            explain_lines(
                check,
                checklist,
                Paragraphs(self._terminal),
            )
        )
        if finding is not None:
            verdict = finding.verdict
            state = (
                verdict.declared and f"declared: {verdict.declared}",
                verdict.effective and f"effective: {verdict.effective}",
            )
            lines += [
                "",
                "Here",
                f"  {verdict.reason}",
                *(f"  {line}" for line in state if line),
            ]
        self._say(*lines)

    def _choose_by(self, caution: Caution) -> Callable[[str], None]:
        def choose(_: str) -> None:
            choices = self._bench.planner.choices(self._open_report, caution)
            self._choices[self._key] = {choice.check: choice for choice in choices}
            self._tell_chosen()

        return choose

    def _choose(self, which: str) -> None:
        if not which:
            raise UsageError(
                "choose needs the number of a finding.",
                "fails shows the numbers.",
            )
        for word in which.replace(",", " ").split():
            finding = self._finding(word)
            if self._chosen.pop(finding.check, None) is not None:
                self._say(f"Dropped: {finding.title}.")
                continue
            choice = Choice(finding.check)
            if refusal := self._bench.planner.refusal(self._open_report, choice):
                self._say(f"{finding.title} cannot be fixed here: {refusal}")
            else:
                self._chosen[finding.check] = choice
        self._tell_chosen()

    def _drop(self, _: str) -> None:
        self._chosen.clear()
        self._tell_chosen()

    def _tell_chosen(self) -> None:
        plan = self._made_plan()
        after = score_word(self._bench.planner.score_after(self._open_report, plan).value)
        names = f": {', '.join(self._chosen)}" if self._chosen else ""
        self._say(
            f"{plural(len(self._chosen), 'fix is', 'fixes are')} chosen{names}.",
            f"Resulting score: {after}.",
        )

    def _made_plan(self) -> Plan:
        return self._bench.planner.plan(self._open_report, self._chosen.values())

    def _plan(self, _: str) -> None:
        plan = self._made_plan()
        before = self._open_report.score.value
        after = self._bench.planner.score_after(self._open_report, plan).value
        self._say(
            *plan_lines(
                plan,
                before,
                after,
                Paragraphs(self._terminal),
            )
        )
        self._say(*(f"Left out: {skipped.check}: {skipped}" for skipped in others_left_out(plan)))
        self._say(
            *(f"Decide: {question.check}: {both_sides(question)}" for question in decisions(plan))
        )
        self._say(*(f"Caution: {conflict}" for conflict in plan.conflicts))

    def _diff(self, kind: str) -> None:
        draft = self._bench.drafter.draft(
            self._open_report, self._made_plan() if self._chosen else None, _target(kind)
        )
        self._say(draft.diff or "\n".join(file.masked for file in draft.files))
        if draft.proof:
            self._say(draft.proof)
        self._say(*(f"Not changed: {sentence}" for sentence in draft.left_out))

    def _write(self, where: str) -> None:
        directory, _, kind = where.rpartition(" ")
        if kind not in _TARGETS:
            directory, kind = where, ""
        if not directory:
            raise UsageError(
                "write needs a directory.",
                "write ./units, or write ./units run",
            )
        plan = self._made_plan() if self._chosen else None
        draft = self._bench.drafter.draft(
            self._open_report,
            plan,
            _target(kind),
        )
        deliver(
            self._bench,
            self._open_report,
            draft,
            Namespace(
                directory=directory,
                in_place=False,
            ),
            self._terminal,
        )
        self._written[self._key] = dict(self._chosen)

    def _harden(self, words: str) -> None:
        def ask(question: str) -> str:
            self._say(question)
            line = self._read()
            return line.strip() if line else "n"

        probe = words.removeprefix("probe ").strip()
        if words and (not words.startswith("probe ") or not probe):
            raise UsageError(
                f"harden does not understand {visible(words, 40)!r}.", "harden [probe COMMAND]"
            )
        subject, key = self._open_report.subject, self._key
        row = next(row for row in self._rows if row.key == key)
        wishes = HardenWishes(
            choices=tuple(self._chosen.values()),
            probes=(probe,) if probe else None,
            confirm_within=CONFIRM_WITHIN,
        )
        if (
            Conversation(self._bench, self._terminal, ask).harden(
                [row],
                wishes,
                changes=True,
            )
            == 0
        ):
            self._written[key] = dict(self._chosen)
        self._look_anew(subject)

    def _undo(self, text: str) -> None:
        """After a question; only the whole word confirms: a single key is easily hit by mistake."""
        if self._bench.opened.simulated:
            raise UsageError("This host is simulated: there is no change to undo.")
        entry = History().to_undo(text)
        self._say(
            *entry_lines(entry, whole=False),
            f"Undo {entry.id}? yes or no:",
        )
        if self._read().strip().lower() != "yes":
            self._say("Nothing was changed.")
            return
        History().undo(entry, lambda event: tell(self._terminal, event))
        self._look_anew(self._report.subject if self._report else None)

    def _look_anew(self, subject: Subject | None) -> None:
        """A recreated container has another ID: list all again, and open the one of this name."""
        self._rows = session.scan(self._bench, self._terminal)
        same = [row for row in self._rows if subject and row.name == subject.name]
        here = next(
            (row for row in same if subject and row.engine.label == subject.engine),
            None,
        )
        if here is None or here.report is None or here.report.facts is None:
            self._list("")
        else:
            self._report = here.report
            self._again("")


def _target(kind: str) -> Target:
    if kind and kind not in _TARGETS:
        raise UsageError(
            f"There is no file type {visible(kind, 40)!r}{nearest(kind, _TARGETS)}",
            ", ".join(_TARGETS),
        )
    return _TARGETS.get(kind, Target.QUADLET)
