"""Doing a lab: insecure at the start, solved by its solution, refused with each wrong answer."""

from hardentui.features.training.judging import LabOutcome
from hardentui.features.training.lab import Lab, WrongAnswer
from hardentui.features.training.training import Training


def check_lab(lab: Lab, training: Training) -> tuple[str, ...]:
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
    if before.service.works is False:
        faults.append(f"its service does not work at the start: {before.service.output}")
    after = solve(lab, training)
    faults += [
        f"{goal.name} does not pass with the solution: {goal.observed}"
        for goal in after.goals
        if not goal.reached
    ]
    if not training.simulated and after.attack.works is not False:
        faults.append(f"its attack is not blocked by the solution: {after.attack.output}")
    if after.service.works is False:
        faults.append(f"its service does not work with the solution: {after.service.output}")
    if not after.solved:
        faults.append("it is not solved by its solution")
    if before.done >= after.done:
        faults.append("what is done does not become more")
    return tuple(faults)


def solve(lab: Lab, training: Training) -> LabOutcome:
    """The outcome of the lab's own solution."""
    if not lab.policy:
        return training.answer(lab.solution)
    training.write_policy(lab, lab.solved_policy)
    return training.check()


def refused(lab: Lab, answer: WrongAnswer, training: Training) -> str:
    """Why a wrong answer to the open lab is not refused as the lab says; empty if it is."""
    if lab.policy:
        training.write_policy(lab, answer.policy)
        outcome = training.check()
    else:
        outcome = training.answer(answer.options)
    if outcome.solved:
        return "it is taken for solved"
    open_goals = {goal.name for goal in outcome.goals if not goal.reached}
    if outcome.service.works is False:
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
