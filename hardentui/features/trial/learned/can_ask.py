"""What is kept although it was not seen: its programs can ask for it.

A probe exercises a part of a service, so the decision never depends on how much a probe shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.trial.learned.effects import AF_INET, AF_INET6
from hardentui.features.trial.learned.needs import Needs
from hardentui.features.trial.learned.started import Reached
from hardentui.features.trial.learned.system_calls import ORDINARY, Allowed, SocketUse, margin
from hardentui.features.trial.learned.teaching import DEFAULT_CAPABILITIES, PlansLimits
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.plan import Choice
from hardentui.model.spec import Spec
from hardentui.model.trial import CanNeed, Decision, OptionChange
from hardentui.options import MOUNTS, READ_ONLY, TMPFS
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.application_needs import entry_capabilities
from hardentui.reading.asked_functions import DECIDED, FUNCTIONS, calls_of, capabilities_of
from hardentui.reading.behaviour import inside, owners_of_mounts, runs_as_root, uid_lines
from hardentui.reading.capabilities import used_by_processes
from hardentui.reading.containers import known_application, listed
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible

_PRIVILEGES, _ROOT = "new-privileges-allowed", "writable-rootfs"
_NONE = frozenset[str]()
_FOR_FOREIGN_FILES = frozenset({"CAP_DAC_OVERRIDE"})
_BY_THE_ENGINE = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp")  # noqa: S108 - compared
"""Its own mounts, with a read-only root too."""


_OF_THE_SYSTEM = frozenset(
    "chage chfn chsh expiry gpasswd mount newgidmap newgrp newuidmap passwd ssh-agent ssh-keysign su umount"
    " unix_chkpwd unix_update utempter wall write".split()
)
"""Set-id programs of nearly every image, for people who log in: a service of root gains nothing by
them."""


class CanAsk(Struct, frozen=True):
    """What the programs of a container can ask for."""

    capabilities: frozenset[str]  # of those that it has
    # system calls that matter to an intruder; the ordinary ones are always kept
    calls: frozenset[str]
    functions: Mapping[str, frozenset[str]] = {}  # program -> functions that it imports
    unknown: Mapping[str, str] = {}  # program -> why what it asks for is not known
    set_id: tuple[str, ...] = ()  # programs with set-id bits or file capabilities
    first_uses: Mapping[str, str] = {}  # directory that it may make or fill -> who names it
    writes: Mapping[str, str] = {}  # directory, outside mounts -> the program that writes there
    foreign: str = ""  # a place of another account that root meets; empty if there is none
    unclear: Mapping[str, str] = {}  # directory that a compiled program names -> its name


def can_ask(
    reached: Reached,
    facts: ContainerFacts,
    first_uses: Mapping[str, str] | None = None,
    writes: Mapping[str, str] | None = None,
    foreign: str = "",
    unclear: Mapping[str, str] | None = None,
) -> CanAsk:
    """What is not known stays as the engine grants it by default."""
    defaults = facts.engine.default_capabilities
    held = bounding_set(facts.spec, defaults)
    capabilities: frozenset[str] = frozenset()
    if runs_as_root(facts, facts.spec) or reached.set_id:
        functions = (name for names in reached.functions.values() for name in names)
        asked = defaults if reached.unknown else capabilities_of(functions)
        capabilities = (asked | (_FOR_FOREIGN_FILES if foreign else _NONE)) & held
    calls = (
        DECIDED
        if reached.unknown
        else calls_of(name for n in reached.functions.values() for name in n)
    )
    return CanAsk(
        capabilities,
        calls,
        reached.functions,
        reached.unknown,
        reached.set_id,
        first_uses or {},
        writes or {},
        foreign,
        unclear or {},
    )


def foreign_place(
    facts: ContainerFacts,
    folders: Mapping[str, tuple[int, int]],
    written: Iterable[str],
) -> str:
    """A place of another account, where root without DAC_OVERRIDE is like anybody: a mount, or a
    directory that was or will be written; empty if none is known.

    Args:
        folders: of the image, path -> (owner, mode).
        written: directories that it writes, now or later.
    """
    owners = known(lambda: owners_of_mounts(facts), else_={})
    places = [place for place, owner in owners.items() if owner != 0]
    lines = uid_lines(facts)
    for change in known(lambda: facts.changes, else_=()):
        if change.uid is not None and inside(change.uid, lines):
            places.append(change.path)
    for place in written:
        owner, mode = folders.get(place, (0, 0))
        if owner != 0 and not mode & 0o002:
            places.append(place)
    return next(iter(places), "")


def keeping(
    choices: Iterable[Choice],
    ask: CanAsk,
    needs: Needs | None,
    facts: ContainerFacts,
) -> tuple[Choice, ...]:
    """The choices; the fix of the default capabilities keeps what was seen, and what the entry of
    its known application names, else what can be asked for.

    Without learning, an unknown program leaves it to the fix's own guess.
    """
    application = known_application(facts)
    named = None if application is None else entry_capabilities(application, facts.spec)
    if named is None and ask.unknown and (needs is None or needs.capabilities is None):
        return tuple(choices)
    seen = frozenset[str]() if needs is None else needs.capability_names
    able = ask.capabilities if named is None else named
    kept = able | seen | used_by_processes(facts).keys()
    words = tuple(sorted(name.removeprefix("CAP_") for name in kept))
    taught = Choice(DEFAULT_CAPABILITIES, (("keep", words),))
    return tuple(taught if choice == Choice(DEFAULT_CAPABILITIES) else choice for choice in choices)


def left_to_decide(
    choices: tuple[Choice, ...],
    ask: CanAsk,
    planner: PlansLimits,
) -> tuple[tuple[Choice, ...], tuple[Decision, ...]]:
    """The choices without those that its programs speak against, each a question with the reason:
    no-new-privileges where they can start others with set-id bits of their own, a read-only root
    where they write what gets no place.
    """
    questions = []
    for choice in choices:
        plan = planner.plan((choice,)) if choice.check in (_PRIVILEGES, _ROOT) else None
        if plan is None:
            continue
        why = _loses_rights(ask) if choice.check == _PRIVILEGES else _refuses(plan.after, ask)
        if why:
            changes = tuple(
                OptionChange(
                    change.option,
                    change.before,
                    change.after,
                    change.checks,
                )
                for change in plan.changes
            )
            questions.append(Decision(choice.check, changes, why))
    asked = {question.check for question in questions}
    return tuple(choice for choice in choices if choice.check not in asked), tuple(questions)


def _loses_rights(ask: CanAsk) -> str:
    names = [name for name in ask.set_id if name not in _OF_THE_SYSTEM]
    return (
        f"it can start {listed(names)}, which would lose the rights of its set-id bits"
        if names
        else ""
    )


def _refuses(after: Spec, ask: CanAsk) -> str:
    """Which writes that its programs name a read-only root refuses; empty for none."""
    if not after[READ_ONLY]:
        return ""
    places = [*(mount.destination for mount in after[MOUNTS]), *_BY_THE_ENGINE]
    places += [tmpfs.partition(":")[0] for tmpfs in after[TMPFS]]
    refused = {
        path: program
        for path, program in ask.writes.items()
        if not any(at_or_above(place, path) for place in places)
    }
    if not refused:
        return ""
    program = visible(next(iter(refused.values())), 80)
    return f"{program} may write in {listed([*refused])}, which a read-only root refuses"


def widened(allowed: Allowed, ask: CanAsk) -> Allowed:
    """What a profile must allow with what can be asked for."""
    more = ORDINARY | ask.calls
    if allowed.others:
        more |= margin(more, other_ways=True)
    sockets = allowed.sockets
    if sockets is not None:
        sockets |= {SocketUse(AF_INET), SocketUse(AF_INET6)}
    made = {"unshare"} & ask.calls
    return replace(
        allowed,
        names=allowed.names | more,
        sockets=sockets,
        new_namespaces=allowed.new_namespaces | made,
    )


def can_need(ask: CanAsk, needs: Needs) -> tuple[CanNeed, ...]:
    """What is kept only because of what the programs can ask for, by capability, then all system
    calls."""
    unseen = ask.capabilities - needs.capability_names
    programs = sorted(
        ask.functions, key=lambda program: -len(capabilities_of(ask.functions[program]) & unseen)
    )
    kept = []
    for capability in sorted(unseen):
        program = next(
            (p for p in programs if capability in capabilities_of(ask.functions[p])),
            "",
        )
        names = ask.functions.get(program, frozenset())
        functions = tuple(sorted(name for name in names if capability in capabilities_of({name})))
        kept.append(
            CanNeed(
                program,
                functions,
                capability=capability.removeprefix("CAP_"),
                place=ask.foreign if not program and capability in _FOR_FOREIGN_FILES else "",
            )
        )
    for program, names in ask.functions.items():
        calls = calls_of(names) - needs.seen
        if calls:
            asking = tuple(sorted(name for name in names if FUNCTIONS[name].calls & calls))
            kept.append(CanNeed(program, asking, syscalls=tuple(sorted(calls))))
    return tuple(kept)
