"""The result of a trial for a human."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.cli.paragraphs import Paragraphs
from hardentui.cli.terminal import Terminal
from hardentui.model.trial import Result, Trial
from hardentui.options import BY_NAME
from hardentui.words import plural

_HEADINGS = {
    Result.WORKS: "A hardened configuration works",
    Result.NOTHING_WORKS: "No change can be kept",
    Result.BASELINE_FAILS: "The twin does not work even without changes",
}
_COLORS = {Result.WORKS: "32", Result.NOTHING_WORKS: "33", Result.BASELINE_FAILS: "31"}


def trial_lines(trial: Trial, terminal: Terminal) -> Iterator[str]:
    """What was found: what works, what was loosened, what was left out, and what proves it."""
    write = Paragraphs(terminal)
    rounds = plural(len(trial.rounds), "round")
    yield write.painted(f"{trial.container}: {_HEADINGS[trial.result]}", _COLORS[trial.result])
    yield from write.wrapped(f"{rounds}, {trial.seconds:.0f} s. {trial.sure}".strip())
    if trial.result is Result.BASELINE_FAILS:
        yield from write.section("Why", trial.baseline.why)
        yield from write.section("What helps", trial.baseline.advice)
        yield from write.block("Its last lines", trial.baseline.log.splitlines()[-12:])
        return
    effective = {proof.check: proof for proof in trial.proof}
    if trial.kept:
        yield ""
        yield write.bold("Kept")
        for check in dict.fromkeys(kept.check for kept in trial.kept):
            options = [kept for kept in trial.kept if kept.check == check]
            changes = ", ".join(f"{_flag(one.option)} {one.after or 'removed'}" for one in options)
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
    if trial.not_tried:
        yield ""
        yield write.bold("Kept, but not tried")
        for untried in trial.not_tried:
            yield from write.wrapped(f"{untried.check}: {untried.reason}")
    if trial.proposed_probe:
        yield from write.section(
            "To be surer", "This probe succeeds on the twin without changes; try again with it:"
        )
        yield f"    --probe '{write.painted(_quoted(trial.proposed_probe), '1')}'"


def _flag(name: str) -> str:
    row = BY_NAME.get(name)
    return row.flag if row is not None and row.flag.startswith("-") else name


def _quoted(command: str) -> str:
    """For single quotes of a shell."""
    return command.replace("'", "'\\''")
