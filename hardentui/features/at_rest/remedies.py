"""The fix of a check for a service whose mounts are open in part: `${DATA}:/var/lib/db` is a mount at
that directory, wherever it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from hardentui.errors import CannotExpress, CannotFix
from hardentui.features.at_rest.services import Service, SpecAtRest
from hardentui.features.at_rest.unread_host import around
from hardentui.harden.remedy import remedied
from hardentui.model.check import Check, FixContext
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Together, later
from hardentui.model.spec import Mount, Port, Spec
from hardentui.options import ENV, MOUNTS, PUBLISH
from hardentui.options.items import parse_argument


def remedied_at_rest(
    check: Check,
    spec: Spec,
    context: FixContext,
    mounts: Sequence[Mount] = (),
) -> Spec:
    """The fixed spec, of what the file writes.

    Args:
        mounts: those whose source is open, which the fix may not change.

    Raises:
        CannotFix: no option fixes it, or what decides that is open.
    """
    if not mounts:
        return remedied(check, spec, context)
    after = remedied(
        check,
        spec.with_(MOUNTS, (*spec[MOUNTS], *mounts)),
        context,
    )
    if any(mount not in after[MOUNTS] for mount in mounts):
        raise CannotFix("it would change a mount whose source is a variable: change it by hand")
    kept = tuple(mount for mount in after[MOUNTS] if mount not in mounts)
    return after.with_(MOUNTS, kept) if kept else after.without(MOUNTS)


def open_mounts(service: Service) -> tuple[Mount, ...]:
    """Its mounts whose source is open and whose destination is written; none if another destination
    is open."""
    mounts: list[Mount] = []
    for argument in service.whole.open:
        if argument.option is not MOUNTS:
            continue
        text = argument.text.rendered(str, lambda part: f"${{{part.name}}}")
        try:
            items = parse_argument(argument.flag, text)
        except CannotExpress:
            return ()
        for item in items:
            if not isinstance(item.value, Mount) or "$" in item.value.destination:
                return ()
            mounts.append(_as_bind(item.value))
    return tuple(mounts)


def _as_bind(mount: Mount) -> Mount:
    """A variable may hold a path of the host, whose owner a fix must not take for granted."""
    opened = mount.type == "volume" and "$" in mount.source
    return replace(mount, type="bind") if opened else mount


def as_fixes_see(
    facts: ContainerFacts,
    mounts: Sequence[Mount],
) -> ContainerFacts:
    """The service with what is known of its open mounts and ports: where they are in the container;
    and of its open variables: that they are there."""
    spec = facts.spec
    if not isinstance(spec, SpecAtRest):
        return facts
    ports, variables = _open_ports(spec), _open_variables(spec)
    given = {MOUNTS: mounts, PUBLISH: ports, ENV: variables}
    known_now = {option for option, values in given.items() if values}
    if not known_now:
        return facts
    settings = {
        **spec.literal.with_(MOUNTS, (*spec.literal[MOUNTS], *mounts))
        .with_(PUBLISH, (*spec.literal[PUBLISH], *ports))
        .with_(ENV, (*spec.literal[ENV], *variables))
        .settings
    }
    facts = facts.replace(
        spec=SpecAtRest(
            settings,
            spec.unknowable - known_now,
            spec.remarks,
            spec.unsaved,
            tuple(argument for argument in spec.open if argument.option not in known_now),
            spec.more,
        )
    )
    if not mounts:
        return facts
    reading = Together(around)
    return facts.replace(
        mounted=later(reading.part, "mounted"),
        sockets=later(reading.part, "sockets"),
    )


def _open_ports(spec: SpecAtRest) -> tuple[Port, ...]:
    """Published ports whose number on the host is open and whose number in the container is written;
    none if another of the container is open too."""
    ports: list[Port] = []
    for argument in spec.open:
        if argument.option is not PUBLISH:
            continue
        text = argument.text.rendered(str, lambda part: "$").rpartition(":")[2]
        if "$" in text:
            return ()
        try:
            items = parse_argument("--publish", text)
        except CannotExpress:
            return ()
        ports += [item.value for item in items if isinstance(item.value, Port)]
    return tuple(ports)


_HOLDS_OPTIONS = re.compile(r"OPT|ARG|FLAG|CMD|COMMAND|CONF|MEM|HEAP|BUFFER|CACHE", re.IGNORECASE)
"""In the name of a variable whose value may size the program."""


def _open_variables(spec: SpecAtRest) -> tuple[str, ...]:
    """Its open variables as they are written; none if one may hold options of the program, or
    stands for a whole file of them."""
    texts = [argument.text for argument in spec.open if argument.option is ENV]
    names = [text.rendered(str, lambda part: "").partition("=") for text in texts]
    if any(not joint or _HOLDS_OPTIONS.search(name) for name, joint, _ in names):
        return ()
    return tuple(text.written for text in texts)
