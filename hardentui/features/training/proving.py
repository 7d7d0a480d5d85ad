"""Whether a lab can be given to learners: what its text lacks; insecure at the start, solved by its
solution, each wrong answer refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardentui.features.training.judging import LabOutcome
from hardentui.features.training.lab import Lab, WrongAnswer
from hardentui.features.training.training import Training


def check_lab(
    lab: Lab,
    training: Training,
) -> tuple[str, ...]:
    """The faults of a lab, found by running it: insecure at the start, solved by its solution.

    On the simulated host nobody attacks, and no service answers.

    Returns:
        One sentence for each fault; none for a good lab.
    """
    faults = []
    before = training.start(lab)
    if before.solved:
        faults.append("it is solved at the start")
    faults += [
        f"{goal.name} does not fail at the start"
        for goal in before.goals
        if goal.name in lab.checks and goal.reached
    ]
    if not training.simulated and before.attack.works is not True:
        faults.append(f"its attack does not work at the start: {before.attack.output}")
    if not _serves(before):
        faults.append(f"its service does not work at the start: {before.service.output}")
    after = solve(lab, training)
    faults += [
        f"{goal.name} does not pass with the solution: {goal.observed}"
        for goal in after.goals
        if not goal.reached
    ]
    if not training.simulated and after.attack.works is not False:
        faults.append(f"its attack is not blocked by the solution: {after.attack.output}")
    if not _serves(after):
        faults.append(f"its service does not work with the solution: {after.service.output}")
    if not after.solved:
        faults.append("it is not solved by its solution")
    if before.done >= after.done:
        faults.append("what is done does not become more")
    return tuple(faults)


def _serves(outcome: LabOutcome) -> bool:
    if outcome.simulated or outcome.lab.policy:
        return outcome.service.works is not False
    return outcome.service.works is True


def solve(
    lab: Lab,
    training: Training,
) -> LabOutcome:
    """The outcome of the lab's own solution."""
    if not lab.policy:
        return training.answer(lab.solution)
    training.write_policy(lab, lab.solved_policy)
    return training.check()


def missed(
    lab: Lab,
    training: Training,
) -> Iterator[str]:
    """The right answers to the open lab that do not solve it."""
    for options in lab.right:
        outcome = training.answer(options)
        if not outcome.solved:
            why = [*outcome.remarks, *(goal.name for goal in outcome.goals if not goal.reached)]
            words = " ".join(options) or "without options"
            yield f"the right answer {words} does not solve it: {'; '.join(why) or 'see its attack'}"


def refused(
    lab: Lab,
    answer: WrongAnswer,
    training: Training,
) -> str:
    """Why a wrong answer to the open lab is not refused as the lab says; empty if it is."""
    if lab.policy:
        training.write_policy(lab, answer.policy)
        outcome = training.check()
    else:
        outcome = training.answer(answer.options)
    if outcome.solved:
        return "it is taken for solved"
    open_goals = {goal.name for goal in outcome.goals if not goal.reached}
    nobody_knows = outcome.simulated and bool(outcome.service.output)
    if outcome.service.works is False or nobody_knows:
        open_goals.add("service")
    if outcome.attack.works is True:
        open_goals.add("attack")
    if answer.refused_by not in open_goals:
        return f"it is refused by {sorted(open_goals)}, not by {answer.refused_by}"
    remark = lab.asks[answer.refused_by].remark if answer.refused_by in lab.asks else ""
    if remark and remark not in outcome.remarks:
        return "its remark is not made"
    done, most = outcome.done
    return "" if done < most else "it counts as all done"


_FEWEST_WRONG = 5


def lint(lab: Lab) -> Iterator[str]:
    """What a lab's file lacks, seen without running it."""
    if len(lab.wrong) < _FEWEST_WRONG:
        yield f"it has {len(lab.wrong)} wrong answers; {_FEWEST_WRONG} show that it judges"
    if len({(answer.options, answer.policy) for answer in lab.wrong}) < len(lab.wrong):
        yield "two of its wrong answers are the same"
    if any(answer.options == lab.solution and not lab.policy for answer in lab.wrong):
        yield "its solution is among its wrong answers"
    refusing = {answer.refused_by for answer in lab.wrong}
    for name in lab.asks:
        if name not in refusing:
            yield f"no wrong answer is refused by asks.{name}"
    says = [ask.says for ask in lab.asks.values()]
    shown = " ".join(
        (lab.title, lab.story, lab.learn, lab.picture, lab.task, *says, *lab.hints[:1])
    )
    for option in lab.solution:
        if option not in lab.start and _names(shown, option):
            yield f"{option} is told before the second hint"
    if lab.solution and all(_names(lab.hints[1], option) for option in lab.solution):
        yield "its whole answer is told before the last hint"


def _names(text: str, option: str) -> bool:
    return re.search(rf"{re.escape(option)}(?![-\w])", text) is not None


def faults_of(
    lab: Lab,
    training: Training,
) -> Iterator[str]:
    """What is wrong with a lab, seen by doing it: start, solution, each right and wrong answer.

    On the simulated host, wrong answers that only the service or the attack can tell are left out.
    """
    yield from check_lab(lab, training)
    training.start(lab)
    yield from missed(lab, training)
    for wrong in lab.wrong:
        if training.simulated and wrong.refused_by in ("service", "attack"):
            continue
        if fault := refused(
            lab,
            wrong,
            training,
        ):
            words = " ".join(wrong.options) or "without options"
            yield f"the wrong answer {words}: {fault}"
