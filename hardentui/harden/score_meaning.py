"""The meaning of a score, for its readers: `hardentui explain score`, docs/score.md, the help."""

from __future__ import annotations

from hardentui.harden.score import FAIR, STRONG, TAKEOVER_CEILING

SHORT = (
    "The share of a container's defences that are in force, by what each keeps an intruder from. "
    f"100: all of them. At {TAKEOVER_CEILING} or below, whoever takes over the container also gets "
    "the host. Each fix adds its points. What could not be checked does not count; how much was "
    "looked at stands beside the score."
)
MEANING: tuple[tuple[str, str], ...] = (
    (
        "In five sentences",
        "A container's score is the share of its defences that are in force. Each defence has "
        "points by what it keeps an intruder from; a defence that does not apply, could not be "
        "checked or was waived is left out. 100 means that every defence that its options decide is "
        "in force. A container whose compromise alone hands over the host scores at most "
        f"{TAKEOVER_CEILING}, and every other container scores higher. Each fix raises the score by "
        "its points, and the points of several fixes add up.",
    ),
    (
        "Levels",
        f"takeover: a known way to the host ({TAKEOVER_CEILING} or below). weak: below {FAIR}. "
        f"fair: {FAIR} to {STRONG - 1}. strong: {STRONG} and more.",
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
        "What does not count",
        "The image (its packages, vulnerabilities, signature and name), the networks, the engine "
        "and the host: whoever runs the container cannot change them with its options. Their "
        "findings are shown with it and in their own places. A check of some steps or checks alone "
        "has no score.",
    ),
    (
        "Unknown findings",
        "An unknown finding is neither a pass nor a failure. It stays out of the score, is always "
        'shown, and "58 of 61 checked" says how much was looked at. The score measures '
        "configuration against these checks, not the likelihood of an attack.",
    ),
    (
        "Steps, host, average",
        "A step's score is that of its own findings; its mark shows the worst of them: failing, "
        "then unknown, then passed. The host, each engine and each network have scores of their "
        "own, where the severity of a finding is its weight.",
    ),
    (
        "What raises it most",
        "Host takeover comes first, then the failing finding with the highest severity. Findings "
        "that no change to the container can fix on its own come last, and so do those that "
        "privileged mode causes while it is on. The terminal UI shows the first ones with their points "
        "below the list and under the key e, and `hardentui plan NAME` predicts the new score.",
    ),
)
