"""The meaning of a score, for its readers: `hardentui explain score`, docs/score.md, the help."""

from __future__ import annotations

from hardentui.harden.score import FAIR, PILLAR, STRONG, TAKEOVER_CEILING

SHORT = (
    "What an intruder in the container gains sets the band of the score; the share of its defences "
    f"that are in force sets the place within the band. {TAKEOVER_CEILING} or below: whoever takes "
    f"it over has the host. While another critical finding is open, it stays below {FAIR}; while a "
    f"high one is open, or a pillar could not be checked, below {STRONG}. 100: every defence is in "
    "force. Only checks that fail lower it; how many were checked is shown beside it."
)


MEANING: tuple[tuple[str, str], ...] = (
    (
        "In five sentences",
        "Each failing check gives an intruder something: the host, root on it, data of others, "
        "secrets, the network, a way to stay, or only the container itself, at once or after "
        "further steps; the severity follows from both. The worst of it decides the band of the score. "
        "Within its band, a score is the share of the defences in force, each with points by what "
        "it keeps an intruder from. What passes, does not apply, was waived or is unknown costs "
        "nothing, so a new failure never raises a score, and a condition that is absent earns "
        "nothing. Points that are promised are what the score really rises by, with the fixes that "
        "can be applied.",
    ),
    (
        "Levels",
        f"takeover: whoever is inside has the host, without a further step ({TAKEOVER_CEILING} or "
        f"below). weak: below {FAIR}, and whatever has another critical finding open. fair: {FAIR} "
        f"to {STRONG - 1}, and the most with a high finding open or a pillar unknown. strong: "
        f"{STRONG} and more.",
    ),
    (
        "Host takeover",
        "Privileged mode, an engine socket, the host's D-Bus as root, writable system paths of the "
        "host, a disk or the memory of the host, or a capability that leads to the host on its own, "
        "with no user namespace in between. Under a rootless engine, what is taken over is the "
        "account of the engine's user. A single fix that leaves another way open brings no points "
        "worth telling, and says so.",
    ),
    (
        "What does not count",
        "The image (its packages, vulnerabilities, signature and name), the networks, the engine "
        "and the host: whoever runs the container cannot change them with its options. Their "
        "findings are shown with it and in their own places. A check of some steps or checks alone "
        "has no score.",
    ),
    (
        "Unknown findings",
        "An unknown finding is neither a pass nor a failure. It costs nothing, is always shown, and "
        '"58 of 61 checked" says how much was looked at. Nothing is strong while one of its pillars '
        f"(a defence of {PILLAR} points or more) is unknown, and what was looked at by less than "
        "half has no score at all: an image that nobody looked inside has none. The score measures "
        "configuration against these checks, not the likelihood of an attack.",
    ),
    (
        "Steps, host, average",
        "A step's score is that of its own findings; its mark shows the worst of them: failing, "
        "then unknown, then passed. The host, each engine, image and network have scores of their "
        "own in the same bands, where the severity of a finding is its weight.",
    ),
    (
        "What raises it most",
        "What ends a host takeover comes first, then the fix that brings the most points. Findings "
        "that no change to the container can fix on its own come last, and so do those that "
        "privileged mode causes while it is on. The terminal UI shows the first ones with their points "
        "below the list and under the key e, and `hardentui plan NAME` predicts the new score.",
    ),
)
