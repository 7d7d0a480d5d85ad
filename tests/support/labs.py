"""Doing a lab: insecure at the start, solved by its solution."""

from hardentui.features.training.course import Lab
from hardentui.features.training.training import Training


def check_lab(lab: Lab, training: Training) -> tuple[str, ...]:
    """The faults of a lab, found by running it: insecure at the start, solved by its solution.

    Returns:
        One sentence for each fault; none for a good lab.
    """
    faults = []
    before = training.start(lab)
    faults += [f"{goal.check} does not fail at the start" for goal in before.goals if goal.reached]
    if before.attack.works is not True:
        faults.append(f"its attack does not work at the start: {before.attack.output}")
    if before.service.works is False:
        faults.append(f"its service does not work at the start: {before.service.output}")
    if lab.policy:
        training.write_policy(lab, lab.solved_policy)
        after = training.check()
    else:
        after = training.answer(lab.solution)
    faults += [
        f"{goal.check} does not pass with the solution: {goal.observed}"
        for goal in after.goals
        if not goal.reached
    ]
    if after.attack.works is not False:
        faults.append(f"its attack is not blocked by the solution: {after.attack.output}")
    if after.service.works is False:
        faults.append(f"its service does not work with the solution: {after.service.output}")
    return tuple(faults)
