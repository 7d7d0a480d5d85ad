"""The result of a trial as a page to read, told the same on the command line and the screen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.harden.decisions import becomes
from hardentui.model.trial import Decision, Learned, Result, Trial
from hardentui.options import BY_NAME
from hardentui.words import plural


def exercised(trial: Trial) -> str:
    """`start, reload. Not exercised: login (no client)`."""
    missing = ", ".join(map(str, trial.not_exercised))
    done = ", ".join(trial.exercised)
    return f"{done or 'nothing'}. Not exercised: {missing}." if missing else done


def what_it_changes(decision: Decision) -> str:
    """`--publish 25:25 becomes 8025:25`; and why that is a question, if a twin showed it."""
    changes = "; ".join(
        becomes(change.option, change.before, change.after) for change in decision.options
    )
    return f"{changes} ({decision.why})" if decision.why else changes


_MOST_NAMED = 6


def kept_unseen(learned: Learned) -> Iterator[str]:
    """By program that can ask for it; then what could not be read, and what no-new-privileges
    takes."""
    by_program: dict[str, tuple[list[str], dict[str, None]]] = {}
    for kept in learned.can_need:
        if kept.capability:
            names, functions = by_program.setdefault(kept.program, ([], {}))
            names.append(kept.capability)
            functions.update(dict.fromkeys(kept.functions))
    for program, (names, functions) in by_program.items():
        why = f" ({program} can call {_listed(functions)})" if functions else ""
        yield f"Kept although not seen: {', '.join(names)}{why}."
    calls = {call for kept in learned.can_need for call in kept.syscalls}
    if calls:
        yield f"System calls kept although not seen, besides everyday ones: {_listed(sorted(calls))}."
    for program, why in learned.unread.items():
        yield (
            f"Not known what {program} can ask for: {why}. What the engine grants by default is "
            "kept."
        )
    if learned.given_unseen:
        yield (
            f"Given explicitly, and not seen in use: {', '.join(learned.given_unseen)}. They stay; "
            "whether one goes is your decision."
        )
    if learned.set_id:
        yield (
            f"Set-id programs: {_listed(learned.set_id)}. With no-new-privileges they give nobody more "
            "rights; leave new-privileges-allowed out if somebody needs them."
        )


def _listed(names: Iterable[str]) -> str:
    """The first few names."""
    first = [*names]
    more = len(first) - _MOST_NAMED
    return ", ".join(first[:_MOST_NAMED]) + (f" and {plural(more, 'other')}" if more > 0 else "")


_HEADINGS = {
    Result.WORKS: ("A hardened configuration works", Tone.GOOD),
    Result.NOTHING_WORKS: ("No change can be kept", Tone.PLAIN),
    Result.BASELINE_FAILS: (
        "The twin does not work even without changes",
        Tone.BAD,
    ),
    Result.NO_ROOM: (
        "Nothing was tried: this host has not enough left",
        Tone.BAD,
    ),
    Result.ORIGINAL_SUFFERS: (
        "The trial was ended: the container needs what its twins took",
        Tone.BAD,
    ),
}
_LOG_LINES = 12


def trial_page(trial: Trial) -> tuple[PageSection, ...]:
    """What works, what was relaxed, what was left out, what proves it. Muted lines are shown as
    they are."""
    heading, tone = _HEADINGS[trial.result]
    about = f"{plural(len(trial.rounds), 'round')}, {trial.seconds:.0f} s. {trial.sure}".strip()
    result = PageSection(
        trial.container,
        (PageLine("", heading, tone), PageLine("", about)),
    )
    lacks = _section("The twins did not have", map(str, trial.lacks))
    hooks = _section("The engine ran on this host for each twin", trial.hooks)
    if not trial.result.judged:
        baseline = trial.baseline
        why = (
            _section("Why", [baseline.why]),
            _section("What helps", [baseline.advice]),
        )
        return _with_lines(
            result,
            lacks,
            hooks,
            *why,
            _log("Its last lines", baseline.log),
        )
    untried = (f"{change.check}: {change.reason}" for change in trial.not_tried)
    questions = (f"{question.check}: {what_it_changes(question)}" for question in trial.decide)
    again = (
        [f"--probe '{trial.proposed_probe.replace(_QUOTE, _QUOTED)}'"]
        if trial.proposed_probe
        else []
    )
    return _with_lines(
        result,
        lacks,
        hooks,
        _section("Kept", _kept(trial)),
        _section("Loosened", (_relaxed(trial))),
        _section(
            "Left out", (f"{left.check}: {left.reason} {left.evidence}" for left in trial.left_out)
        ),
        *_logs(trial),
        _section("Kept, but not tried", untried),
        _section("Exercised", [exercised(trial)]),
        _section(
            "Decide (these are taken only when chosen by themselves)",
            questions,
        ),
        _section(
            "Learned",
            _learned(trial.learned) if trial.learned is not None else (),
        ),
        _section(
            "For a more certain result, try again with this probe",
            again,
            Tone.MUTED,
        ),
    )


_QUOTE, _QUOTED = "'", "'\\''"


def _with_lines(*sections: PageSection) -> tuple[PageSection, ...]:
    return tuple(section for section in sections if section.lines)


def _section(
    title: str,
    texts: Iterable[str],
    tone: Tone = Tone.PLAIN,
) -> PageSection:
    return PageSection(
        title, tuple(PageLine("", text.strip(), tone) for text in texts if text.strip())
    )


def _log(title: str, log: str) -> PageSection:
    return _section(
        title,
        log.splitlines()[-_LOG_LINES:],
        Tone.MUTED,
    )


def _kept(trial: Trial) -> Iterator[str]:
    effective = {proof.check: proof for proof in trial.proof}
    for check in dict.fromkeys(kept.check for kept in trial.kept):
        changes = (flagged(kept.option, kept.after) for kept in trial.kept if kept.check == check)
        proof = effective.get(check)
        seen = f" ({proof.status}: {proof.effective})" if proof and proof.effective else ""
        yield f"{check}: {', '.join(changes)}{seen}"


def _relaxed(trial: Trial) -> Iterator[str]:
    for relaxed in trial.relaxed:
        yield f"{relaxed.check}: {flagged(relaxed.option, relaxed.given)}. {relaxed.evidence}"


def flagged(option: str, value: str | None) -> str:
    """`--memory 512m`, `--privileged removed`."""
    row = BY_NAME.get(option)
    flag = row.flag if row is not None and row.flag.startswith("-") else option
    return flag if value == "true" else f"{flag} {value or 'removed'}"


def _logs(trial: Trial) -> Iterator[PageSection]:
    """What the last twin with a fix that was left out logged, and what the unchanged one did."""
    out = {left.check for left in trial.left_out}
    rounds = (past for past in reversed(trial.rounds) if not past.ready and past.log)
    failed = next((past for past in rounds if out.intersection(past.changes)), None)
    if failed is not None:
        yield _log("The log of the last twin that failed", failed.log)
        yield _log(
            "The log of the twin without changes",
            trial.baseline.log or "(empty)",
        )


def _learned(learned: Learned) -> Iterator[str]:
    """What the container was seen to need, a sentence each, and what could not be seen."""
    yield f"Watched {plural(learned.runs, 'run')}; {plural(len(learned.seen), 'system call')} seen."
    if "capabilities" not in learned.unknown:
        yield f"Capabilities needed, seen in use: {' '.join(learned.capabilities) or 'none'}."
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
        yield (
            f"Connects to {ways}."
            if ways
            else "No outgoing connections: its network can be internal."
        )
    if learned.memory_peak:
        yield (
            f"Used {-(-learned.memory_peak >> 20)} MiB and {plural(learned.pids_peak, 'task')} "
            "at most."
        )
    for what, why in learned.unknown.items():
        yield f"Unknown: {what}: {why}"
