"""What no lab asks for, and no answer may bring: less protection than the container had without it."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.harden.protection import weakenings
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.model.trust import Policy, Requirement
from hardentui.options import IMAGE, MEMORY, MEMORY_SWAP, USER
from hardentui.visible import visible

SURPLUS = "nothing-weaker"
UNSIGNED = "no-unsigned"
NAMES = frozenset((SURPLUS, UNSIGNED))
"""What can refuse a wrong answer besides what its lab asks for."""
_WHY_LENGTH = 80
"""Characters of a reason: privileged mode adds more capabilities than anybody reads."""
_LOCAL = frozenset({"containers-storage", "docker-daemon"})
"""Transports of what is on this host already."""


def weaker(
    facts: ContainerFacts,
    *,
    asked: Spec,
    solution: Spec,
) -> Iterator[str]:
    """How an answer protects less than a container without any options does, and also less than
    the solution, in a few words each.

    Args:
        facts: of the container that the learner made.
        asked: what the learner typed.
    """
    plain = Spec().with_(IMAGE, asked[IMAGE]).with_(USER, asked[USER])
    below_plain = {weakening.option for weakening in weakenings(facts, plain, asked)}
    shortest: dict[str, str] = {}
    for weakening in weakenings(facts, solution, asked):
        if weakening.option in below_plain:
            told = shortest.get(weakening.option, weakening.why)
            shortest[weakening.option] = min(told, weakening.why, key=len)
    for option, why in shortest.items():
        yield f"--{option} {visible(why, _WHY_LENGTH)}"
    memory, with_swap = asked[MEMORY], asked[MEMORY_SWAP]
    if memory > 0 and not 0 <= with_swap <= 2 * memory:
        # where the kernel does not limit swap, Podman forgets that it was asked for
        yield "--memory-swap moves the memory to swap"


def accepts_unsigned(policy: Policy) -> str:
    """A scope from which a policy accepts images without a signature; empty if there is none.

    What is on this host already is left out: those who build here need it.
    """
    for transport, scopes in policy.transports.items():
        for scope, rules in scopes.items():
            outside = transport == "docker" or (not scope and transport not in _LOCAL)
            if outside and all(rule.type == "insecureAcceptAnything" for rule in rules):
                return f"{transport}:{scope}"
    return ""


def has_key(rule: Requirement) -> bool:
    """Whether a requirement of a signature names a key; Podman refuses a policy where it does not."""
    return bool(rule.files) or rule.inline
