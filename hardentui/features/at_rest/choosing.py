"""Which fixes of a service at rest are made unasked, and which are for a person to decide.

What stands in a file, somebody wanted: it is never replaced unasked. Values that only a running
service can tell (limits, users, commands) are suggestions, made when a fix is named. Nothing is
named that the file does not define.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.errors import CannotFix
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.masked_lines import mask_line
from hardentui.features.at_rest.remedies import open_mounts, remedied_at_rest
from hardentui.features.at_rest.services import Format, Service, Set
from hardentui.harden.explicit import gives_reason, weighed
from hardentui.harden.fix_values import From, settings_of
from hardentui.harden.protection import weakenings
from hardentui.harden.remedy import OptionDiff, advised, fix_parameters, spec_diff
from hardentui.model.check import Check, FixContext
from hardentui.model.checklist import Checklist
from hardentui.model.plan import Caution, Choice
from hardentui.model.remediation import Risk
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_ON_FAILURE, IMAGE, MOUNTS, NETWORK, RESTART, SECRETS
from hardentui.quadlet.edit.item_changes import changes_between
from hardentui.reading.comments import comment_about, without_comment
from hardentui.reading.containers import known_application
from hardentui.reading.forms import text_of
from hardentui.reading.networks import mode_of
from hardentui.visible import visible

_SUGGESTED = frozenset(
    {
        "command",
        "count",
        "failure-action",
        "log-size",
        "memory",
        "offset",
        "processors",
        "tmpfs-size",
        "update-policy",
        "user",
    }
)
"""Forms of values that only the service or its site can tell: ours are suggestions."""
_OF_APPLICATIONS = frozenset({"command", "tmpfs-size", "user"})
"""Those that the entry of a known application tells."""
_CONTINUED = re.compile(r"[ \t]*\\\r?\n[ \t]*")
"""Where a command goes on in the next line."""
_KEY = re.compile(r"\s*(?:-\s+)*([\"']?(?:[\w-]+\s*[=:]\s*)?)")
"""What may stand before a value in its line."""
_STAYS_DOWN = (RESTART, HEALTH_ON_FAILURE)
"""With another value of these, a service may not come back by itself."""


class Choosing(IntEnum):
    """The least that a user has to say for a fix to be made."""

    SAFE = 0  # --safe
    UNASKED = 1
    ALL = 2  # --all
    NAMED = 3  # --check ID


class Wanted(Struct, frozen=True):
    """Which fixes."""

    checks: tuple[str, ...] = ()  # named ones; with none the caution decides
    caution: Caution = Caution.LIKELY
    only: frozenset[str] = frozenset()  # keys of services; empty = of all
    # by the key of a service and a check: fixes that are left out, and those that are made with the
    # values given for them
    without: frozenset[tuple[str, str]] = frozenset()
    given: Mapping[tuple[str, str], Choice] = field(default_factory=dict)

    def is_of(self, service: Service) -> bool:
        return not self.only or service.key in self.only

    def takes(self, offer: Offer, service: str) -> bool:
        if (service, offer.check.id) in self.given:
            return True
        if self.checks:
            return offer.check.id in self.checks
        return offer.choosing <= _FOR[self.caution]

    def values_of(self, service: str, check: str) -> Choice:
        """A fix with the values given for it."""
        return self.given.get((service, check), Choice(check))

    def asks_for(self, check: Check, service: str) -> bool:
        """Whether a fix that cannot be made would have been taken."""
        if (service, check.id) in self.given:
            return True
        if self.checks:
            return check.id in self.checks
        return check.remediate is not None and OF_RISK[check.risk] <= _FOR[self.caution]


_FOR = {
    Caution.SAFE: Choosing.SAFE,
    Caution.LIKELY: Choosing.UNASKED,
    Caution.ALL: Choosing.ALL,
}
OF_RISK = {
    Risk.SAFE: Choosing.SAFE,
    Risk.CHANGES_BEHAVIOUR: Choosing.UNASKED,
    Risk.MAY_BREAK: Choosing.ALL,
    Risk.DECISION: Choosing.NAMED,
}


class Overridden(Struct, frozen=True):
    """What stands in the file and a fix takes away: with something in its place, or nothing."""

    entry: Set
    is_replaced: bool


class Offer(Struct, frozen=True):
    """A fix of one service, and what a maintainer has to know of it."""

    check: Check
    after: Spec
    risk: Risk  # for this service
    choosing: Choosing
    overridden: tuple[Overridden, ...]
    suggested: tuple[str, ...]  # values that are only suggestions
    starting_empty: tuple[str, ...]  # where new volumes are mounted
    notes: tuple[str, ...]  # what is known of its effect here, one sentence each

    @property
    def to_weigh(self) -> Iterator[str]:
        """What somebody has to know who accepts it, one sentence each."""
        for each in self.overridden:
            verb = "replaces" if each.is_replaced else "removes"
            yield f"it {verb} {_written(each.entry)}"
            if comment := comment_beside(each.entry):
                yield f'beside it stands: "{visible(comment, 120)}"'
        for value in self.suggested:
            yield f"{value} is a suggestion: compare it with what the service uses"
        for path in self.starting_empty:
            yield (
                f"the volume at {visible(path, 80)} is new and starts empty: copy into it first what "
                "the container of today has there"
            )


def offer(
    check: Check,
    judged: Judged,
    spec: Spec,
    checklist: Checklist,
    choice: Choice | None = None,
) -> Offer | None:
    """The fix of a failing check on top of earlier ones; None where they fix it already.

    Raises:
        CannotFix: no option of this file fixes it.
        Unread: what it depends on is not known.
    """
    service, choice = judged.service, choice or Choice(check.id)
    mounts = open_mounts(service)
    facts = judged.fix_facts
    context = FixContext(facts, fix_parameters(check, checklist, dict(choice.parameters)))
    after = _on_own_network(
        service,
        spec,
        remedied_at_rest(
            check,
            spec,
            context,
            mounts,
        ),
    )
    if after == spec:
        return None
    if weaker := weakenings(facts, spec, after):
        raise CannotFix(f"it would weaken the container: {weaker[0].why}")
    after = _on_own_volumes(service, spec, after)
    _refuse_names_of_nothing(service, spec, after)
    changed = spec_diff(spec, after)
    advice = weighed(
        advised(check, spec, after, context),
        check,
        judged.facts,
        changed,
    )
    risk = check.risk if advice.risk is None or check.risk is Risk.DECISION else advice.risk
    overridden = tuple(_overridden(service, spec, after))
    suggested = tuple(
        _suggested(
            check,
            judged,
            checklist,
            changed,
            choice,
        )
    )
    choosing = OF_RISK[risk]
    if overridden:
        choosing = max(choosing, Choosing.ALL)
    meant = any(
        each.entry.item.option not in spec.settings or gives_reason(comment_beside(each.entry))
        for each in overridden
    )
    if suggested or meant or any(diff.option in _STAYS_DOWN for diff in changed):
        choosing = Choosing.NAMED
    return Offer(
        check,
        after,
        risk,
        choosing,
        overridden,
        suggested,
        tuple(_starting_empty(service, spec, after)),
        advice.notes,
    )


def _starting_empty(
    service: Service,
    before: Spec,
    after: Spec,
) -> Iterator[str]:
    """Where new volumes are: what an earlier container has there is not in them."""
    names = new_names(service, before, after, "volume")
    return (mount.destination for mount in after[MOUNTS] if mount.source in names)


def _suggested(
    check: Check,
    judged: Judged,
    checklist: Checklist,
    changed: tuple[OptionDiff, ...],
    choice: Choice,
) -> Iterator[str]:
    """New values that neither the site nor the user has set."""
    known = known_application(judged.facts) is not None
    forms = _SUGGESTED - _OF_APPLICATIONS if known else _SUGGESTED
    ours = {name for name, form in check.takes.items() if form in forms}
    for value in settings_of(
        check,
        judged.facts,
        choice,
        checklist,
    ):
        if value.name not in ours or value.said_by is not From.CHECK:
            continue
        text = text_of(value.measured.value if value.measured is not None else value.value)
        own_option = (
            f"--{check.takes[value.name]}"  # its value is raised to what is needed at least
        )
        for diff in changed:
            for argument in diff.added:
                if diff.option.flag == own_option or (text and text in argument):
                    yield visible(f"{diff.option.flag}={argument}", 80)


def _overridden(
    service: Service,
    before: Spec,
    after: Spec,
) -> Iterator[Overridden]:
    """The arguments of the file that a fix takes away or turns around; to say more than before
    (`ro` for a mount, a registry for an image) is neither."""
    plain = (Spec(before.settings), Spec(after.settings))
    for change in changes_between(*plain):
        removed = {item.canonical for item in change.removed}
        if change.option is MOUNTS:
            kept = {mount.destination: {*mount.options} for mount in after[MOUNTS]}
            removed = {
                item.canonical
                for item in change.removed
                if item.value.destination not in kept
                or not {*item.value.options} <= kept[item.value.destination]
            }
        elif change.option is IMAGE and after[IMAGE].endswith(f"/{before[IMAGE]}"):
            continue
        in_place = {item.identity for item in change.added}
        for each in service.where(change.option):
            if each.item.canonical in removed or not change.option.is_list:
                yield Overridden(each, each.item.identity in in_place)


def comment_beside(each: Set) -> str:
    """What a comment of the file says of an argument."""
    return comment_about(each.span.file.text, each.span.start, each.span.end)


def _written(each: Set) -> str:
    """What the file writes, with its key, and where."""
    file, span = each.span.file, each.span
    line = file.line_of(span.start)
    key = _KEY.fullmatch(file.text, file.offset_of(line), span.start)
    start = span.start if key is None else key.start(1)
    written = _CONTINUED.sub(" ", file.text[start : span.end])
    text = without_comment(written.partition("\n")[0]).strip()
    return f"{visible(mask_line(text), 80)} ({visible(file.shown, 200)}:{line})"


def _on_own_network(
    service: Service,
    before: Spec,
    after: Spec,
) -> Spec:
    """A stack has a network of its own already."""
    if service.format is not Format.COMPOSE or before[NETWORK] == after[NETWORK]:
        return after
    default = _default_network(service)
    new = {name for kind, name in _named(after) - _named(before) if kind == "network"}
    if not default or not new:
        return after
    networks = [default if value.partition(":")[0] in new else value for value in after[NETWORK]]
    return after.with_(NETWORK, tuple(dict.fromkeys(networks)))


_OF_EVERY_VOLUME = ("nodev", "nosuid")


def _on_own_volumes(
    service: Service,
    before: Spec,
    after: Spec,
) -> Spec:
    """The volumes of a stack begin with its name: two stacks share none. What Podman mounts them
    with anyway is not written: podman-compose knows no such option."""
    default = _default_network(service)
    new = {name for kind, name in _named(after) - _named(before) if kind == "volume"}
    if service.format is not Format.COMPOSE or not default or not new:
        return after
    stack = default.removesuffix("_default")
    mounts = [
        replace(
            mount,
            source=f"{stack}_{mount.source}",
            options=tuple(word for word in mount.options if word not in _OF_EVERY_VOLUME),
        )
        if mount.type == "volume" and mount.source in new
        else mount
        for mount in after[MOUNTS]
    ]
    return after.with_(MOUNTS, tuple(mounts))


def _default_network(service: Service) -> str:
    """Of a stack, as the engine names it; empty if it has none or names it otherwise."""
    return next(
        (name for name in service.networks if name.endswith("_default")),
        "",
    )


def new_names(
    service: Service,
    before: Spec,
    after: Spec,
    kind: str,
) -> tuple[str, ...]:
    """The networks or volumes that a fix names and no file defines."""
    known: Mapping[str, Any] = {**service.networks, **service.volumes}
    new = sorted(_named(after) - _named(before))
    return tuple(name for its_kind, name in new if its_kind == kind and name not in known)


_WRITTEN = {
    # networks and volumes as units of their own; the note of the fix tells how to make a secret
    Format.QUADLET: ("network", "volume", "secret"),
    Format.COMPOSE: ("volume",),  # below the key `volumes` of the file
    Format.RUN: ("volume", "secret"),  # Podman makes the volume at the first start
    Format.SERVICE: ("volume", "secret"),
}


def _refuse_names_of_nothing(
    service: Service,
    before: Spec,
    after: Spec,
) -> None:
    """Raises CannotFix where the file would name what nobody makes."""
    for kind in ("network", "volume", "secret"):
        names = new_names(service, before, after, kind)
        if names and kind not in _WRITTEN.get(service.format, ()):
            raise CannotFix(
                f"it needs the {kind} {visible(names[0], 60)}, which this file does not define",
                f"Make the {kind} first, then name it here.",
            )


def _named(spec: Spec) -> set[tuple[str, str]]:
    """The objects that a spec names: kind and name."""
    networks = {value.partition(":")[0] for value in spec[NETWORK] if mode_of(value) == "network"}
    volumes = {mount.source for mount in spec[MOUNTS] if mount.type == "volume" and mount.source}
    secrets = {text.partition(",")[0] for text in SECRETS.to_arguments(spec[SECRETS])}
    return {
        *(("network", name) for name in networks),
        *(("volume", name) for name in volumes),
        *(("secret", name) for name in secrets),
    }
