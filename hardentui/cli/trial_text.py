"""The result of a trial, for people."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.terminal import Terminal
from hardentui.model.trial import Learned, Result, Trial
from hardentui.options import BY_NAME
from hardentui.reports.monitor_text import kept_unseen
from hardentui.words import plural
from hardentui.workbench.trials.words import exercised, what_it_changes

_HEADINGS = {
    Result.WORKS: "A hardened configuration works",
    Result.NOTHING_WORKS: "No change can be kept",
    Result.BASELINE_FAILS: "The twin does not work even without changes",
}
_LOG_LINES = 12
_COLORS = {Result.WORKS: "32", Result.NOTHING_WORKS: "33", Result.BASELINE_FAILS: "31"}


def trial_lines(trial: Trial, terminal: Terminal) -> Iterator[str]:
    """The result: what works, what was relaxed, what was left out, and what proves it."""
    write = Paragraphs(terminal)
    rounds = plural(len(trial.rounds), "round")
    yield write.painted(f"{trial.container}: {_HEADINGS[trial.result]}", _COLORS[trial.result])
    yield from write.wrapped(f"{rounds}, {trial.seconds:.0f} s. {trial.sure}".strip())
    yield from _lacks(trial, write)
    if trial.result is Result.BASELINE_FAILS:
        yield from write.section("Why", trial.baseline.why)
        yield from write.section("What helps", trial.baseline.advice)
        yield from write.block("Its last lines", trial.baseline.log.splitlines()[-_LOG_LINES:])
        return
    effective = {proof.check: proof for proof in trial.proof}
    if trial.kept:
        yield ""
        yield write.bold("Kept")
        for check in dict.fromkeys(kept.check for kept in trial.kept):
            options = [kept for kept in trial.kept if kept.check == check]
            changes = ", ".join(f"{_flag(option.option)} {option.after or 'removed'}" for option in options)
            proof = effective.get(check)
            seen = f" ({proof.status}: {proof.effective})" if proof and proof.effective else ""
            yield from write.wrapped(f"{check}: {changes}{seen}")
    if trial.relaxed:
        yield ""
        yield write.bold("Loosened")
        for relaxed in trial.relaxed:
            given = f"{_flag(relaxed.option)} {relaxed.given or 'removed'}"
            yield from write.wrapped(f"{relaxed.check}: {given}")
            yield from write.wrapped(relaxed.evidence, "    ")
    if trial.left_out:
        yield ""
        yield write.bold("Left out")
        for left in trial.left_out:
            yield from write.wrapped(f"{left.check}: {left.reason}")
            if left.evidence:
                yield from write.wrapped(left.evidence, "    ")
        yield from _logs(trial, write)
    if trial.not_tried:
        yield ""
        yield write.bold("Kept, but not tried")
        for untried in trial.not_tried:
            yield from write.wrapped(f"{untried.check}: {untried.reason}")
    yield from write.section("Exercised", exercised(trial))
    if trial.decide:
        yield ""
        yield write.bold("Decide")
        for decision in trial.decide:
            question = f"{decision.check}: {what_it_changes(decision)}"
            yield from write.wrapped(f"{question}. --check {decision.check} takes it.")
    if trial.learned is not None:
        yield ""
        yield write.bold("Learned")
        for line in _learned(trial.learned):
            yield from write.wrapped(line)
    if trial.proposed_probe:
        yield from write.section(
            "For a more certain result", "This probe succeeds on the unchanged twin; try again with it:"
        )
        yield f"    --probe '{write.painted(_quoted(trial.proposed_probe), '1')}'"


def _lacks(trial: Trial, write: Paragraphs) -> Iterator[str]:
    """What the twins did not have, so that the trial says nothing about it."""
    if trial.lacks:
        yield ""
        yield write.bold("The twins did not have")
        for lack in trial.lacks:
            yield from write.wrapped(str(lack))


def _logs(trial: Trial, write: Paragraphs) -> Iterator[str]:
    """What the last twin with a fix that was left out logged, and what the unchanged one did."""
    out = {left.check for left in trial.left_out}
    rounds = (past for past in reversed(trial.rounds) if not past.ready and past.log)
    failed = next((past for past in rounds if out.intersection(past.changes)), None)
    if failed is not None:
        yield from write.block("The log of the last twin that failed", failed.log.splitlines()[-_LOG_LINES:])
        log = trial.baseline.log.splitlines() or ["(empty)"]
        yield from write.block("The log of the twin without changes", log[-_LOG_LINES:])


def _learned(learned: Learned) -> Iterator[str]:
    """What the container was seen to need, a sentence each, and what could not be seen."""
    yield f"Watched {plural(learned.runs, 'run')}; {plural(len(learned.seen), 'system call')} seen."
    if "capabilities" not in learned.unknown:
        yield f"Capabilities: {' '.join(learned.capabilities) or 'none'}."
        for name, evidence in learned.evidence.items():
            if evidence:
                yield f"  {name}: {', '.join(evidence)}"
    yield from kept_unseen(learned)
    if learned.profile:
        yield (
            f"Seccomp profile {learned.profile}: {learned.syscalls} system calls instead of "
            f"{learned.syscalls_before}, tried enforcing."
        )
    if learned.writable:
        yield f"Writes to {', '.join(learned.writable)}."
    if learned.listening:
        yield f"Listens on {', '.join(learned.listening)}."
    if "outgoing" not in learned.unknown:
        ways = ", ".join(learned.outgoing)
        yield f"Connects to {ways}." if ways else "No outgoing connections: its network can be internal."
    if learned.memory_peak:
        yield f"Used {-(-learned.memory_peak >> 20)} MiB and {plural(learned.pids_peak, 'task')} at most."
    for what, why in learned.unknown.items():
        yield f"Unknown: {what}: {why}"


def _flag(name: str) -> str:
    row = BY_NAME.get(name)
    return row.flag if row is not None and row.flag.startswith("-") else name


def _quoted(command: str) -> str:
    """Quoted for a shell's single quotes."""
    return command.replace("'", "'\\''")
