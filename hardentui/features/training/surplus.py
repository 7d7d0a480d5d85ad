"""What no lab asks for, and no answer may bring: less protection than the container had without it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from hardentui.features.training.lab_images import ACCOUNTS, MOVING
from hardentui.harden.protection import weakenings
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Mount, Spec
from hardentui.model.trust import Policy
from hardentui.options import GROUP_ADD, IMAGE, MEMORY, MEMORY_SWAP, MOUNTS, USER
from hardentui.reading.images import reference
from hardentui.reading.mounts import normal
from hardentui.visible import visible

SURPLUS = "nothing-weaker"
UNSIGNED = "no-unsigned"
NAMES = frozenset((SURPLUS, UNSIGNED))
"""What can refuse a wrong answer besides what its lab asks for."""
_WHY_LENGTH = 80
"""Characters of a reason: privileged mode adds more capabilities than anybody reads."""
_HARMLESS = frozenset({"rw", "z", "Z"})
_READING = frozenset(
    {"ro", "readonly", "noexec", "nosuid", "nodev", "bind", "rbind", "private", "rprivate"}
)
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
    asked = _without_harmless(asked, solution)
    plain = Spec().with_(IMAGE, asked[IMAGE]).with_(USER, asked[USER])
    below_plain = {
        weakening.option
        for weakening in weakenings(
            facts,
            plain,
            asked,
        )
    }
    shortest: dict[str, str] = {}
    for weakening in weakenings(
        facts,
        solution,
        asked,
    ):
        if weakening.option in below_plain:
            told = shortest.get(weakening.option, weakening.why)
            shortest[weakening.option] = min(
                told,
                weakening.why,
                key=len,
            )
    for option, why in shortest.items():
        yield f"--{option} {visible(why, _WHY_LENGTH)}"
    tag = reference(asked[IMAGE]).tag
    if tag == MOVING != reference(solution[IMAGE]).tag:
        yield f"--image={tag} moves with every push"
    memory, with_swap = asked[MEMORY], asked[MEMORY_SWAP]
    if memory > 0 and not 0 <= with_swap <= 2 * memory:
        # where the kernel does not limit swap, Podman forgets that it was asked for
        yield "--memory-swap moves the memory to swap"


def _without_harmless(
    asked: Spec,
    solution: Spec,
) -> Spec:
    """Without what protects as much: another spelling of a path, options that only make the lab's
    own directory readable, and what is mounted read-only where the solution has nothing."""
    needed = {normal(mount.destination) for mount in solution[MOUNTS]}
    mounts = [
        replace(
            mount,
            source=mount.source.rstrip("/"),
            destination=normal(mount.destination),
            options=tuple(option for option in mount.options if option not in _HARMLESS),
        )
        for mount in asked[MOUNTS]
    ]
    kept = [mount for mount in mounts if mount.destination in needed or not _only_reads(mount)]
    user, _, group = asked[USER].partition(":")
    own = group or user
    groups = tuple(
        group for group in asked[GROUP_ADD] if ACCOUNTS.get(group, group) != ACCOUNTS.get(own, own)
    )
    return asked.with_(MOUNTS, tuple(kept)).with_(GROUP_ADD, groups)


def _only_reads(mount: Mount) -> bool:
    """Whether it changes nothing on the host: U gives the files below it another owner, and a shared
    mount brings those of the container there."""
    return mount.read_only and _READING.issuperset(mount.options)


def accepts_unsigned(policy: Policy) -> str:
    """A scope from which a policy accepts images without a signature; empty if there is none.

    What is on this host already is left out: those who build here need it.
    """
    for transport, scopes in policy.transports.items():
        for scope, rules in scopes.items():
            if transport not in _LOCAL and all(
                rule.type == "insecureAcceptAnything" for rule in rules
            ):
                return f"{transport}:{scope}"
    return ""
