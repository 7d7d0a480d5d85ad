"""What no lab asks for, and no answer may bring: rights that the container did not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.features.training.lab import Ask, Lab
from hardentui.model.facts import ALL_CAPABILITIES, STOCK_CAPABILITIES, ContainerFacts
from hardentui.model.known import Known, Unread, known
from hardentui.model.own_check import CheckOperator
from hardentui.model.spec import Spec
from hardentui.model.trust import Policy, Requirement
from hardentui.options import MEMORY, MEMORY_SWAP, PRIVILEGED

SURPLUS: Mapping[str, Ask] = {
    "no-privileged": Ask(
        "It does not run in privileged mode",
        CheckOperator.ABSENT,
        "Privileged mode gives every capability and device, and turns the filters off.",
        option="privileged",
    ),
    "no-filter-off": Ask(
        "Its system calls are filtered",
        CheckOperator.LACKS,
        "Its system calls are no longer filtered: nobody asked for that.",
        option="seccomp",
        value=["unconfined"],
    ),
    "no-unmask": Ask(
        "No path of the kernel is unmasked",
        CheckOperator.ABSENT,
        "Parts of /proc and /sys that Podman hides are open now: nobody asked for that.",
        option="unmask",
    ),
    "no-profile-off": Ask(
        "AppArmor confines it as before",
        CheckOperator.LACKS,
        "AppArmor no longer confines it: nobody asked for that.",
        option="apparmor",
        value=["unconfined"],
    ),
    "no-label-off": Ask(
        "SELinux separates it as before",
        CheckOperator.ABSENT,
        "SELinux no longer separates it from others: nobody asked for that.",
        option="label-disable",
    ),
    "no-new-groups": Ask(
        "It is in no further group",
        CheckOperator.ABSENT,
        "It got one more group, and the files of that group: nobody asked for that.",
        option="group-add",
    ),
}
"""By a name that a lab's wrong answers can give as what refuses them."""
RIGHTS = "no-new-rights"
UNSIGNED = "no-unsigned"
SWAP = "no-endless-swap"
NAMES = frozenset((*SURPLUS, RIGHTS, UNSIGNED, SWAP))
_LOCAL = frozenset({"containers-storage", "docker-daemon"})
"""Transports of what is on this host already."""


def surplus_asks(lab: Lab, facts: ContainerFacts) -> Iterator[tuple[str, Ask]]:
    """What is to be judged besides the asks of a lab, once there is an answer."""
    asked = {(ask.option, ask.operator) for ask in lab.asks.values()}
    for name, ask in SURPLUS.items():
        if (ask.option, ask.operator) not in asked:
            yield name, ask
        if facts.spec[PRIVILEGED]:  # the first of them: it brings all the rest along
            return
    usual: Known[frozenset[str]] = known(lambda: facts.engine.default_capabilities)
    stock = STOCK_CAPABILITIES if isinstance(usual, Unread) else STOCK_CAPABILITIES | usual
    names = sorted(name.removeprefix("CAP_") for name in ALL_CAPABILITIES - stock)
    yield (
        RIGHTS,
        Ask(
            "It got no capability that containers do not have by default",
            CheckOperator.LACKS,
            "It has a capability now that a container does not get by default. The task needs none.",
            fact="capabilities",
            value=names,
        ),
    )


def has_endless_swap(spec: Spec) -> bool:
    """Whether a limit on memory was asked for that gives way to all swap of the host. Where the
    kernel does not limit swap, Podman forgets that it was asked for."""
    return spec[MEMORY] > 0 and spec[MEMORY_SWAP] < 0


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
