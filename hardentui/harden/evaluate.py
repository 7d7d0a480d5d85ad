"""Run checks on facts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.harden.score import COST
from hardentui.model.check import Advice, AnyCheck, FixContext, Parameters, ParameterValue
from hardentui.model.checklist import Checklist
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Kind, Remediation, Severity, Status, Subject, Verdict, unknown
from hardentui.model.known import Unread, known
from hardentui.model.spec import Option, Spec, Version
from hardentui.options import RESTART, TABLE
from hardentui.quadlet.write.restart import restart_lines
from hardentui.reading.mounts import own_user_namespace

# The difference between two specs, option by option.

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


def _missing(texts: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for text in texts if text not in other)


def arguments(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    """The arguments of one option; empty if it is absent."""
    return option.to_arguments(spec[option]) if option in spec else ()


def _values(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    return option.to_values(spec[option]) if option in spec else ()


def spec_diff(before: Spec, after: Spec) -> tuple[OptionDiff, ...]:
    """The options that differ, in table order."""
    if before is after:
        return ()
    changed = [o for o in {*before.settings, *after.settings} if before[o] != after[o]]
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


def as_quadlet_lines(changed: tuple[OptionDiff, ...], version: Version) -> str:
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
        f"[{section}] {key}={value}" for policy in policies for section, key, value in restart_lines(policy)
    ]


def _flag(option: Option[Any], argument: str) -> str:
    if not option.flag.startswith("-"):
        return shlex.quote(argument)
    return shlex.quote(f"{option.flag}={argument}") if argument else option.flag


def context_shift(facts: object) -> int:
    """The shift of a contextual check's severity on these facts: -1 or 0."""
    return -1 if isinstance(facts, ContainerFacts) and own_user_namespace(facts) else 0


_NOT_COMPARED = unknown("the other containers of this engine were not read")


def parameters_of(
    check: AnyCheck, checklist: Checklist, over: Mapping[str, ParameterValue] | None = None
) -> Parameters:
    """The check's defaults, overridden by the checklist and then by the user."""
    return Parameters({**check.parameters, **checklist.parameters.get(check.id, {}), **(over or {})})


def fix_parameters(check: AnyCheck, checklist: Checklist, chosen: Mapping[str, ParameterValue]) -> Parameters:
    """The parameters of a fix: as `parameters_of`, with the user's defaults below the checklist's values."""
    own = checklist.fix_values.get(check.id, {})
    listed = checklist.parameters.get(check.id, {})
    return Parameters({**check.parameters, **own, **listed, **chosen})


def evaluate(
    facts: object, subject: Subject, checks: Iterable[AnyCheck], checklist: Checklist
) -> list[Finding]:
    """One finding per check of the subject's kind, in the order of `checks`."""
    return run(
        facts,
        subject,
        [(check, parameters_of(check, checklist)) for check in checks if check.kind is subject.kind],
    )


def run(
    facts: object,
    subject: Subject,
    checks: Iterable[tuple[AnyCheck, Parameters]],
    *,
    compared: bool = True,
    verdict_of: Callable[[AnyCheck, Any, Parameters], Verdict] | None = None,
) -> list[Finding]:
    """One finding per check, with the given parameters.

    Args:
        verdict_of: judges instead of `judge`.
        compared: False = checks that compare containers are unknown, because the others are not read yet,
            except where what is known hands over the host already.
    """
    shift = known(lambda: context_shift(facts), else_=0)
    findings = []
    for check, parameters in checks:
        verdict = (verdict_of or judge)(check, facts, parameters)
        if not compared and check.compares and not _is_certain(check, verdict):
            verdict = _NOT_COMPARED
        severity = verdict.severity or (check.severity.shifted(shift) if check.contextual else check.severity)
        by_itself = (verdict.severity or check.severity) is Severity.CRITICAL  # whoever can reach it
        takes_over = (
            check.takes_over and verdict.status is Status.FAIL and severity is Severity.CRITICAL and by_itself
        )
        findings.append(
            Finding(
                check.id,
                check.step,
                check.title,
                subject,
                verdict,
                severity,
                check.references,
                None,
                takes_over,
                check.points if subject.kind is Kind.CONTAINER else COST[severity],
                scope=check.about,
            )
        )
    return findings


def _is_certain(check: AnyCheck, verdict: Verdict) -> bool:
    """Whether it hands over the host, whatever the other containers are."""
    critical = (verdict.severity or check.severity) is Severity.CRITICAL
    return check.takes_over and verdict.status is Status.FAIL and critical


def judge(check: AnyCheck, facts: object, parameters: Parameters) -> Verdict:
    """The check's verdict. Documents from an engine may have any shape: an exception in a check becomes an
    unknown with the reason, and does not abort the scan."""
    try:
        return check.verdict(facts, parameters)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return unknown(f"the engine's answer has an unexpected shape ({type(error).__name__}: {error})")


def remedied(check: AnyCheck, spec: Spec, context: FixContext) -> Spec:
    """The fixed spec.

    Raises:
        CannotFix: no option fixes it, or not this container, or what decides that cannot be read.
    """
    if check.remediate is None:
        raise CannotFix(f"no option of the container fixes it. {check.summary}")
    try:
        return check.remediate(spec, context)
    except Unread as unread:
        raise CannotFix(f"what the fix depends on is not known: {unread.reason}") from None


def advised(check: AnyCheck, before: Spec, after: Spec, context: FixContext) -> Advice:
    """What the fix means for this container, as far as that is known."""
    advise = check.advise
    return Advice() if advise is None else known(lambda: advise(before, after, context), else_=Advice())


def remediation(
    check: AnyCheck,
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
        context = FixContext(facts, parameters, chosen=frozenset(chosen or ()))
        try:
            after = remedied(check, facts.spec, context)
        except CannotFix as error:
            summary = f"{summary} ({error.title})"
        else:
            changed = spec_diff(facts.spec, after)
            run, quadlet = as_run_lines(changed), as_quadlet_lines(changed, facts.engine.version)
            if changed:
                advice = advised(check, facts.spec, after, context)
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


def container_subject(facts: ContainerFacts) -> Subject:
    return Subject(Kind.CONTAINER, facts.id, facts.name, facts.engine.label)
