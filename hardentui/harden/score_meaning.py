"""What a score means, for whoever reads one: `hardentui explain score`, docs/score.md, the help."""

from __future__ import annotations

from hardentui.harden.score import COST, HALF, TAKEOVER_CEILING
from hardentui.model.finding import Severity

_COSTS = ", ".join(f"{severity.word} {COST[severity]}" for severity in reversed(Severity))

SHORT = (
    "100: all that applies was looked at and passed. Each finding that fails or is unknown "
    f"lowers it by its severity. At {TAKEOVER_CEILING} or below, whoever takes the container "
    "over has the host; above, not by a known way."
)
MEANING: tuple[tuple[str, str], ...] = (
    (
        "In five sentences",
        "Every finding that fails or is unknown costs by its severity in this context "
        f"({_COSTS}); what passes, does not apply or is waived costs nothing. The score starts "
        f"at 100 and falls with the cost, each further point a little less: a cost of {HALF} "
        "takes half of the way. While whoever takes the container over has the host by that "
        f"alone, the score is at most {TAKEOVER_CEILING}, and every other container's is higher. "
        "Being reachable costs by findings of its own, and so does what is not known. 100 means "
        "that nothing failed and nothing is unknown.",
    ),
    (
        "What takes the host over",
        "Privileged mode, a socket of the engine, system paths of the host that can be written, "
        "a disk or the memory of the host, or a capability that leads to the host alone, "
        "without a user namespace between. Under a rootless engine it is the account of the "
        "engine's user that is taken over. Other critical findings weigh a lot but do not put a "
        "container below the line: they need one more hole.",
    ),
    (
        "Unknown, and coverage",
        "An unknown finding costs as much as a failing one, so looking at less never raises a "
        "score. Coverage says how much of the weight could be looked at. It measures "
        "configuration against this checklist, not the chance of an attack.",
    ),
    (
        "One container, one score",
        "The score is the same in a list, in a close look, in a plan and in a report: what only "
        "a closer look at one container answers (its processes, listening ports, changed files, "
        "refusals) is shown beside it and does not count.",
    ),
    (
        "Container, step, host, all",
        "A container's score counts the checks of that container. The score of a step is what "
        "the container would have if only the findings of that step counted; its mark shows the "
        "worst of them: failing before unknown before passed. In the walk a step also shows "
        "what is wrong with the image, the networks, the engine and the host below the "
        "container: it counts in the marks there, but in no container's score. The host and "
        "each engine have scores of their own. The score above the list of the terminal UI is "
        "the mean of its containers.",
    ),
    (
        "What raises it most",
        "What takes the host over comes first, then the failing finding with the highest "
        "severity. What no change of the container repairs by itself comes last, and so does "
        "what privileged mode brings along while that is on. Reports list findings in this "
        "order, the terminal UI names the first ones below the list and behind the key e, and "
        "`hardentui plan NAME` says what the score will be.",
    ),
)
