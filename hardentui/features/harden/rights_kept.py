"""Why a hardened container keeps each of its capabilities. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hardentui.model.trial import Learned, Trial
from hardentui.reading.containers import listed
from hardentui.visible import visible

_DEFAULT_CAPABILITIES = "default-capabilities-kept"
_CALLS = 3  # so many are named as evidence


def rights_kept(trial: Trial, kept: Sequence[str]) -> Iterator[str]:
    """A sentence for each cause. `kept`: the capabilities after hardening, without their prefix.

    Needed is what was seen in use, or what the service did not work without.
    """
    learned = trial.learned or Learned()
    causes: dict[str, list[str]] = {}
    for name in kept:
        causes.setdefault(_cause(name, learned, trial), []).append(name)
    for cause, names in causes.items():
        yield f"{' '.join(names)}: {cause}"


def _cause(
    name: str,
    learned: Learned,
    trial: Trial,
) -> str:
    calls = tuple(dict.fromkeys(learned.evidence.get(name, ())))
    if calls:
        return f"needed, seen in use ({visible(', '.join(calls[:_CALLS]), 120)})"
    if name in learned.capabilities:
        return "needed, seen in use"
    for relaxed in trial.relaxed:
        if relaxed.check == _DEFAULT_CAPABILITIES and name in (relaxed.given or ""):
            return f"needed, it does not work without ({visible(relaxed.evidence, 120)})"
    if name in learned.given_unseen:
        return "given explicitly, not seen in use"
    for ask in learned.can_need:
        if ask.capability == name and ask.place:
            return f"kept for files of another account in {visible(ask.place, 80)}"
        if ask.capability == name and ask.program:
            return f"kept because a program of the image can ask for it: {ask.program}"
    if learned.unread:
        programs = visible(listed(list(learned.unread), _CALLS), 120)
        return f"kept because it is not known what {programs} can ask for"
    return "kept, not seen in use"
