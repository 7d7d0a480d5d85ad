"""What a fix changes: the remediation of a finding, and the difference between two specs, by
option."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.check import Advice, Check, FixContext, Parameters, ParameterValue
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.model.remediation import Remediation
from hardentui.model.spec import Option, Spec
from hardentui.options import RESTART, TABLE
from hardentui.quadlet.write.restart import restart_lines

_PLACE = {option: place for place, option in enumerate(TABLE)}


class OptionDiff(Struct, frozen=True):
    """One changed option: arguments before and after, and the values of its Quadlet key."""

    option: Option[Any]
    before: tuple[str, ...]
    after: tuple[str, ...]
    values_before: tuple[str, ...]
    values_after: tuple[str, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        return _missing(self.before, self.after)

    @property
    def added(self) -> tuple[str, ...]:
        return _missing(self.after, self.before)


def _missing(
    texts: tuple[str, ...],
    other: tuple[str, ...],
) -> tuple[str, ...]:
    return tuple(text for text in texts if text not in other)


def arguments(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    """The written arguments of one option; empty if it is absent."""
    return option.to_arguments(spec.written(option)) if option in spec else ()


def _values(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    return option.to_values(spec.written(option)) if option in spec else ()


def spec_diff(before: Spec, after: Spec) -> tuple[OptionDiff, ...]:
    """The options that differ, in table order."""
    if before is after:
        return ()
    changed = [
        option
        for option in {*before.settings, *after.settings}
        if before.written(option) != after.written(option)
    ]
    return tuple(
        OptionDiff(
            option,
            arguments(before, option),
            arguments(after, option),
            _values(before, option),
            _values(after, option),
        )
        for option in sorted(changed, key=_PLACE.__getitem__)
    )


def as_run_lines(changed: tuple[OptionDiff, ...]) -> str:
    """As flags of `podman run`: `-` removed, `+` added."""
    lines = []
    for diff in changed:
        lines += [f"-{_flag(diff.option, argument)}" for argument in diff.removed]
        lines += [f"+{_flag(diff.option, argument)}" for argument in diff.added]
    return "\n".join(lines)


def as_quadlet_lines(
    changed: tuple[OptionDiff, ...],
    version: Version,
) -> str:
    """As lines of a Quadlet unit, for display only; the unit writer does the escaping."""
    lines = []
    for diff in changed:
        key = diff.option.quadlet
        if diff.option is RESTART:
            before, after = _restart(diff.removed), _restart(diff.added)
            lines += [f"-{line}" for line in before if line not in after]
            lines += [f"+{line}" for line in after if line not in before]
        elif key is None or key.since > version:
            lines += [f"-PodmanArgs={_flag(diff.option, argument)}" for argument in diff.removed]
            lines += [f"+PodmanArgs={_flag(diff.option, argument)}" for argument in diff.added]
        else:
            lines += [f"-{key.name}={v}" for v in _missing(diff.values_before, diff.values_after)]
            lines += [f"+{key.name}={v}" for v in _missing(diff.values_after, diff.values_before)]
    return "\n".join(lines)


def _restart(policies: Iterable[str]) -> list[str]:
    return [
        f"[{section}] {key}={value}"
        for policy in policies
        for section, key, value in restart_lines(policy)
    ]


def _flag(option: Option[Any], argument: str) -> str:
    if not option.flag.startswith("-"):
        return shlex.quote(argument)
    return shlex.quote(f"{option.flag}={argument}") if argument else option.flag


def fix_parameters(
    check: Check,
    checklist: Checklist,
    chosen: Mapping[str, ParameterValue],
) -> Parameters:
    """The parameters of a fix: as `parameters_of`, with the user's defaults below the checklist's
    values."""
    own = checklist.fix_values.get(check.id, {})
    listed = checklist.parameters.get(check.id, {})
    return Parameters({**check.parameters, **own, **listed, **chosen})


def remedied(
    check: Check,
    spec: Spec,
    context: FixContext,
) -> Spec:
    """The fixed spec.

    Raises:
        CannotFix: no option fixes it, or not this container, or what decides that cannot be read.
    """
    if check.remediate is None:
        raise CannotFix(f"no container option fixes it. {check.summary}")
    try:
        return check.remediate(spec, context)
    except Unread as unread:
        raise CannotFix(f"what the fix depends on is not known: {unread.reason}") from None


def advised(
    check: Check,
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """What the fix means for this container, as far as that is known."""
    advise = check.advise
    return (
        Advice()
        if advise is None
        else known(lambda: advise(before, after, context), else_=Advice())
    )


def remediation(
    check: Check,
    facts: object,
    verdict: Verdict,
    checklist: Checklist,
    chosen: Mapping[str, ParameterValue] | None = None,
) -> Remediation:
    """The remediation of a failing check on these facts, with the chosen values."""
    run = quadlet = ""
    summary = check.summary
    advice = Advice()
    if check.remediate is not None and isinstance(facts, ContainerFacts):
        parameters = fix_parameters(check, checklist, chosen or {})
        context = FixContext(
            facts,
            parameters,
            chosen=frozenset(chosen or ()),
        )
        try:
            after = remedied(check, facts.spec, context)
        except CannotFix as error:
            summary = f"{summary} ({error.title})"
        else:
            changed = spec_diff(facts.spec, after)
            run, quadlet = as_run_lines(changed), as_quadlet_lines(changed, facts.engine.version)
            if changed:
                advice = advised(
                    check,
                    facts.spec,
                    after,
                    context,
                )
    return Remediation(
        summary=summary,
        impact=check.section("What may break"),
        kind=check.fix,
        risk=check.risk,
        run=run,
        quadlet=quadlet,
        commands=verdict.commands,
        here=advice.risk,
        notes=advice.notes,
    )
