"""Capabilities of a container: declared and in effect, and how to drop some."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.do import Flag, joined
from hardentui.errors import CannotFix
from hardentui.model.facts import CapabilitySets, ContainerFacts, NotRunning, capability_name
from hardentui.model.finding import Verdict
from hardentui.model.gain import Gain
from hardentui.model.known import Unread
from hardentui.model.spec import Spec
from hardentui.options import CAP_ADD, CAP_DROP, MOUNTS, PRIVILEGED
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.behaviour import inside, owners_of_mounts, runs_as_root, uids
from hardentui.reading.containers import ask, ask_or, image_config, judge, listed, proc
from hardentui.visible import visible

HOST_TAKEOVER = frozenset(
    "CAP_SYS_ADMIN CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_BPF CAP_MAC_ADMIN "
    "CAP_MAC_OVERRIDE".split()
)
"""Any of these alone gives access to code or files of the host if root inside is root on the host.
"""

DISRUPTIVE = frozenset(
    "CAP_NET_ADMIN CAP_SYS_TIME CAP_SYS_BOOT CAP_SYSLOG CAP_AUDIT_CONTROL CAP_SYS_RESOURCE CAP_PERFMON "
    "CAP_LINUX_IMMUTABLE CAP_IPC_OWNER CAP_SYS_NICE CAP_AUDIT_READ CAP_CHECKPOINT_RESTORE CAP_IPC_LOCK "
    "CAP_LEASE CAP_SYS_TTY_CONFIG CAP_SYS_PACCT CAP_WAKE_ALARM CAP_BLOCK_SUSPEND".split()
)
"""These can disrupt the host or other containers, but do not give access to the host."""

_NOTHING: frozenset[str] = frozenset()

_FOR_EACH_CONNECTION = dict.fromkeys(
    ("dovecot", "sshd", "vsftpd", "in.tftpd"),
    "CAP_SYS_CHROOT",
)
"""Name of a server -> the capability that it uses only while a client is connected."""

IMAGE_LABEL = "io.containers.capabilities"


def short(names: Iterable[str]) -> str:
    """Names without the prefix, as text."""
    return listed([name.removeprefix("CAP_") for name in names])


def needed_by_image(facts: ContainerFacts) -> frozenset[str]:
    """What the image declares (label io.containers.capabilities); empty if it declares nothing."""
    labels = image_config(facts).get("Labels") or {}
    text = str(labels.get(IMAGE_LABEL) or facts.labels.get(IMAGE_LABEL) or "")
    return (
        frozenset(capability_name(word) for word in text.split(",") if word.strip())
        if text
        else _NOTHING
    )


def used_by_processes(facts: ContainerFacts) -> dict[str, str]:
    """Capability -> evidence that one of its processes has used it, or keeps it for later."""
    processes, sets = ask_or(facts, lambda kernel: kernel.processes, None), live_sets(facts)
    if processes is None:
        return {}
    lines = ask_or(facts, lambda kernel: kernel.uid_map, ())
    used: dict[str, str] = {}
    for process in processes:
        name = visible(process.name, 30)
        if process.root:
            used.setdefault(
                "CAP_SYS_CHROOT", f"{name} uses {visible(process.root, 80)} as its root"
            )
        if process.name in _FOR_EACH_CONNECTION:
            used.setdefault(
                _FOR_EACH_CONNECTION[process.name], f"{name} uses it for each connection"
            )
        if process.capabilities is None or not isinstance(sets, CapabilitySets):
            continue
        if process.capabilities.bounding < sets.bounding:
            used.setdefault(
                "CAP_SETPCAP",
                f"{name} has dropped capabilities permanently",
            )
        if process.uid is not None and inside(process.uid, lines):
            held = process.capabilities
            # who keeps all of them chose none
            for kept in held.permitted if held.permitted < held.bounding else held.effective:
                used.setdefault(kept, f"{name} keeps it as an ordinary user")
    if why := _prepares_data(facts):
        used.setdefault("CAP_FOWNER", why)
    return {capability: used[capability] for capability in sorted(used)}


def _prepares_data(facts: ContainerFacts) -> str:
    """Why root may set the mode of another user's directory before it switches to that user, as the
    entry points of database images do; empty if nothing shows it.
    """
    if not runs_as_root(facts, facts.spec):
        return ""
    names = dict(uids(facts) or ())
    writable = {mount.destination for mount in facts.spec[MOUNTS] if not mount.read_only}
    for place, uid in sorted(owners_of_mounts(facts).items()):
        if uid and uid in names and place in writable:
            where, name = visible(place, 60), visible(names[uid], 30)
            return (
                f"it starts as root, and {where} belongs to UID {uid} ({name}), whose modes "
                "root may set"
            )
    return ""


def declared_set(facts: ContainerFacts) -> frozenset[str]:
    """The requested bounding set; Podman narrows it to what the image declares."""
    asked = bounding_set(facts.spec, facts.engine.default_capabilities)
    needed = needed_by_image(facts)
    narrowed = bool(needed) and needed <= asked and not facts.spec[PRIVILEGED]
    return needed if narrowed else asked


def live_sets(facts: ContainerFacts) -> CapabilitySets | Unread | NotRunning:
    return ask(facts, lambda kernel: kernel.capabilities)


def reach(sets: CapabilitySets) -> frozenset[str]:
    """Everything that the process has or can get."""
    return sets.bounding | sets.effective | sets.permitted | sets.ambient


def granted(facts: ContainerFacts) -> frozenset[str]:
    """What it has: the kernel's answer, otherwise the declaration."""
    sets = live_sets(facts)
    return reach(sets) if isinstance(sets, CapabilitySets) else declared_set(facts)


def declared_words(facts: ContainerFacts) -> str:
    """The relevant options, in a few words."""
    spec = facts.spec
    if spec[PRIVILEGED]:
        return "privileged: all capabilities"
    parts = [f"cap-drop {listed(spec[CAP_DROP])}"] if spec[CAP_DROP] else []
    parts += [f"cap-add {listed(spec[CAP_ADD])}"] if spec[CAP_ADD] else []
    return (
        "; ".join(parts) or f"the engine's default set ({len(facts.engine.default_capabilities)})"
    )


def effective_words(sets: CapabilitySets) -> str:
    """The live sets in a few words."""
    return f"CapEff {len(sets.effective)}, CapBnd {len(sets.bounding)}: {short(sets.bounding) or 'empty'}"


def without(
    spec: Spec,
    unwanted: frozenset[str],
    defaults: frozenset[str],
) -> Spec:
    """The spec without these capabilities and otherwise unchanged."""
    kept = tuple(word for word in spec[CAP_ADD] if capability_name(word) not in unwanted)
    changed = spec.with_(CAP_ADD, kept)
    left = bounding_set(changed.without(PRIVILEGED), defaults) & unwanted
    dropped = (
        *changed[CAP_DROP],
        *sorted(name.removeprefix("CAP_") for name in left),
    )
    return changed.with_(CAP_DROP, dropped)


def judge_group(
    facts: ContainerFacts,
    unwanted: frozenset[str],
    mild: frozenset[str] = frozenset(),
) -> Verdict:
    """Fails if the container's processes have or can get any of these capabilities; `mild` ones
    alone are of low severity."""
    sets = live_sets(facts)
    declared = declared_set(facts)
    hit = (reach(sets) if isinstance(sets, CapabilitySets) else declared) & unwanted
    return judge(
        sets,
        lambda live: (bool(reach(live) & unwanted), effective_words(live)),
        declared_bad=bool(declared & unwanted),
        declared=declared_words(facts),
        reason=f"processes can use {short(hit)}",
        where=proc(facts),
        gives=Gain.NETWORK.after(2) if hit <= mild else None,
    )


WITH_PRIVILEGED = ("Fix both at once, with privileged", Flag("--check privileged"))
"""What to do where privileged mode stands in the way of another fix."""


def refuse_privileged(spec: Spec) -> None:
    """Raises CannotFix if privileged mode grants every capability, whatever is dropped."""
    if spec[PRIVILEGED]:
        raise CannotFix(
            "privileged mode grants every capability, whatever is dropped",
            joined(WITH_PRIVILEGED, "."),
        )


def drop_group(
    spec: Spec,
    facts: ContainerFacts,
    unwanted: frozenset[str],
) -> Spec:
    """The spec without these capabilities.

    Raises:
        CannotFix: privileged mode grants them regardless of the other options.
    """
    refuse_privileged(spec)
    return without(
        spec,
        unwanted,
        facts.engine.default_capabilities,
    )
