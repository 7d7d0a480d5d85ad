"""What a score means, for whoever reads one: `hardentui explain score`, docs/score.md, the help."""

from __future__ import annotations

from hardentui.harden.score import CEILING_WHILE_CRITICAL, WEIGHT
from hardentui.model.finding import Severity

_WEIGHTS = ", ".join(f"{severity.word} {WEIGHT[severity]}" for severity in reversed(Severity))

SHORT = (
    "The share of what applies that is known to be right, weighed by severity; 100: all of it was looked at "
    "and passed. What could not be looked at counts as not passed. While something critical fails, the score "
    f"is at most {CEILING_WHILE_CRITICAL}."
)
MEANING: tuple[tuple[str, str], ...] = (
    (
        "What it says",
        "From 0 to 100, the share of what applies here that is known to be right. 100 means that everything "
        "that applies was looked at and passed; 0 means that nothing is known to be right. It measures "
        "configuration against this checklist, not the chance of an attack.",
    ),
    (
        "How it is counted",
        f"Each finding weighs by its severity in this context: {_WEIGHTS}. The score is the weight of what "
        "passed, divided by the weight of what passed, failed or is unknown. Not applicable and waived "
        "findings are left out on both sides.",
    ),
    (
        "While something critical fails",
        f"The score is at most {CEILING_WHILE_CRITICAL}, however much else is right: one way to the host is "
        "enough.",
    ),
    (
        "Unknown, and coverage",
        "An unknown finding counts as not passed, so looking at less never raises a score. Coverage says how "
        "much of the weight could be looked at. A score of 60 with 80% looked at means: 60 points passed, 20 "
        "failed, of 20 nobody knows. `hardentui check NAME` and `hardentui images --inside` look closer.",
    ),
    (
        "Container, step, host, all",
        "A container's score counts the checks of that container. The score of a step counts those of its "
        "checks that belong to the step; its mark shows the worst of them: failing before unknown before "
        "passed. In the walk a step also shows what is wrong with the image, the networks, the engine and "
        "the host below the container: it counts in the marks there, but in no container's score. The host "
        "and each engine have scores of their own. The score above the list of the terminal UI is the mean "
        "of its containers.",
    ),
    (
        "What raises it most",
        "The fix of the failing finding with the highest severity. Reports list findings in this order, the "
        "terminal UI names the first ones below the list and behind the key e, and `hardentui plan NAME` "
        "says what the score will be.",
    ),
)
