"""The meaning of a score, for its readers: `hardentui explain score`, docs/score.md, the help."""

from __future__ import annotations

from hardentui.harden.score import COST, HALF, TAKEOVER_CEILING
from hardentui.model.finding import Severity

_COSTS = ", ".join(f"{severity.word} {COST[severity]}" for severity in reversed(Severity))

SHORT = (
    "100: everything that applies was checked and passed. Each finding that fails or is unknown "
    f"lowers the score by its severity. At {TAKEOVER_CEILING} or below, whoever takes over the "
    "container also gets the host. Above that, no way to the host is known."
)
MEANING: tuple[tuple[str, str], ...] = (
    (
        "In five sentences",
        "Each finding that fails or is unknown has a cost that depends on its severity in this "
        f"context ({_COSTS}); checks that pass, do not apply or are waived cost nothing. The score "
        f"starts at 100 and falls with the total cost, with diminishing effect: a cost of {HALF} "
        "halves it. A container whose compromise alone hands over the host scores at most "
        f"{TAKEOVER_CEILING}, and every other container scores higher. Exposure to the network "
        "costs through findings of its own, and so does anything unknown. A score of 100 means "
        "that nothing failed and nothing is unknown.",
    ),
    (
        "Host takeover",
        "Privileged mode, an engine socket, writable system paths of the host, a disk or the "
        "memory of the host, or a capability that leads to the host on its own, with no user "
        "namespace in between. Under a rootless engine, what is taken over is the account of the "
        "engine's user. Other critical findings weigh heavily but do not push a container below "
        "the line: an attacker needs a second weakness.",
    ),
    (
        "Unknown findings and coverage",
        "An unknown finding costs as much as a failing one, so checking less never raises a "
        "score. Coverage is the share of the weight that could be checked. The score measures "
        "configuration against this checklist, not the likelihood of an attack.",
    ),
    (
        "One container, one score",
        "The score is the same in lists, detail views, plans and reports. Findings that only a "
        "closer look at a single container can answer (its processes, listening ports, changed "
        "files, denials) are shown next to it and do not count.",
    ),
    (
        "Containers, steps, host, average",
        "A container's score counts the checks of that container. A step's score is what the "
        "container would have if only the findings of that step counted; its mark shows the worst "
        "of them: failing, then unknown, then passed. In the walk, a step also shows problems of "
        "the image, the networks, the engine and the host beneath the container; these count "
        "towards the marks there, but not towards any container's score. The host and each engine "
        "have scores of their own. The score above the list in the terminal UI is the average of "
        "its containers.",
    ),
    (
        "What raises it most",
        "Host takeover comes first, then the failing finding with the highest severity. Findings "
        "that no change to the container can fix on its own come last, and so do those that "
        "privileged mode causes while it is on. Reports list findings in this order; the terminal "
        "UI shows the first ones below the list and under the key e, and `hardentui plan NAME` "
        "predicts the new score.",
    ),
)
