"""A container of a run over a whole host: who it is, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.harden.card import EVERYTHING, Card, Side
from hardentui.features.harden.host_run import Asked, Fix, Member, Standing
from hardentui.features.harden.keeping import score_without
from hardentui.features.harden.kept_trials import created_as
from hardentui.features.harden.page import summary
from hardentui.features.harden.task import Hardening
from hardentui.features.looking.stack import stacks
from hardentui.features.trial.page import flagged
from hardentui.features.views import Row
from hardentui.harden.decisions import decisions, what_changes
from hardentui.harden.score import Level
from hardentui.model.application_labels import compose_project
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.trial import Result
from hardentui.visible import visible


def member_of(
    row: Row,
    group: str,
    asked: Asked,
) -> Member:
    """It before its trial."""
    report = row.report
    facts = report.facts if report is not None else None
    score = report.score if report is not None else None
    return Member(
        key=row.key,
        id=row.id,
        name=row.name,
        engine=row.engine.label,
        group=group,
        asked=asked,
        fingerprint=_fingerprint(
            facts,
            asked,
        )
        if facts
        else "",
        before=score.value if score else None,
        level_before=score.level.value if score and score.level else "",
    )


def tried(
    member: Member,
    task: Hardening,
    wanted: Plan,
    card: Card,
    seconds: float,
) -> Member:
    """It after its trial. `wanted`: what was tried."""
    before, after = card.before, card.after
    standing, reason = _standing_of(card)
    works = standing is not Standing.NOT_READY
    fixes = (*_fixes(task, card), *_open(wanted, card)) if works else ()
    return replace(
        member,
        standing=standing,
        reason=reason,
        refused=card.refused if standing is Standing.DECIDE else "",
        advice=visible(card.trial.baseline.advice, 400) if not works else "",
        now="",
        seconds=round(
            seconds,
            1,
        ),
        before=before.score,
        after=after.score if works else None,
        level_before=before.level or "",
        level_after=(after.level or "") if works else "",
        capabilities=(before.capabilities, after.capabilities),
        calls=_pair(
            before.system_calls,
            after.system_calls,
        ),
        bugs=_pair(
            before.kernel_vulnerabilities,
            after.kernel_vulnerabilities,
        ),
        user=(before.user, after.user),
        writes=(_writes(before), _writes(after)),
        reaches=(before.network, after.network),
        downtime=card.expected_downtime_seconds,
        fixes=fixes,
        decide=(*card.decide, *card.needs_values),
        left_out=card.left_out,
    )


def _writes(side: Side) -> str:
    if EVERYTHING in side.writable:
        return "everything"
    return visible(", ".join(side.writable), 200) or "nothing"


def _open(wanted: Plan, card: Card) -> Iterator[Fix]:
    """The fixes that are not in it because they need a value, or a decision."""
    kept = {kept.check for kept in card.trial.kept}
    named = {text.partition(" ")[0] for text in card.needs_values}
    for skip in wanted.skipped:
        if skip.check in named:
            yield Fix(
                skip.check,
                visible(skip.why, 200),
                missing=f"a value: {skip.needs}",
            )
    for skip in decisions(wanted):
        if skip.check not in kept | named:
            yield Fix(
                skip.check,
                visible(what_changes(skip), 200),
                missing="your decision",
            )


def in_order(rows: tuple[Row, ...]) -> Iterator[tuple[Row, str]]:
    """Each with its group: the worst first, and what belongs together side by side."""
    facts = {row.key: row.report.facts if row.report else None for row in rows}
    able = [
        row for row in rows if (about := facts[row.key]) is None or not about.inspect.get("IsInfra")
    ]
    groups = stacks((row, facts[row.key]) for row in able)

    def worst(members: list[Row]) -> int:
        scores = [row.report.score.value for row in members if row.report is not None]
        return min((score for score in scores if score is not None), default=100)

    for members in sorted(
        groups,
        key=worst,
    ):
        name = _group_name(
            members,
            facts,
        )
        for row in sorted(
            members,
            key=lambda row: worst([row]),
        ):
            yield row, name


def _group_name(
    members: list[Row],
    facts: Mapping[str, ContainerFacts | None],
) -> str:
    if len(members) == 1:
        return members[0].name
    projects = [compose_project(about.labels) for row in members if (about := facts[row.key])]
    return next(
        filter(
            None,
            (*projects, *(row.pod for row in members)),
        ),
        members[0].name,
    )


def _fingerprint(
    facts: ContainerFacts,
    asked: Asked,
) -> str:
    """Of what a result depends on: what it was created with, what was asked for, its engine."""
    encoded = msgspec.json.encode((created_as(facts), __version__, asked))
    return hashlib.sha256(encoded).hexdigest()[:24]


def _standing_of(card: Card) -> tuple[Standing, str]:
    """And why, where it is not simply ready."""
    if not card.works:
        why = (card.trial.baseline.why or card.trial.ended).rstrip(".")
        if card.trial.result is Result.BASELINE_FAILS:
            why = f"The twin does not work even without changes: {why}"
        reason = summary(card) if card.trial.result.judged else f"{why}."
        return Standing.NOT_READY, visible(
            " ".join(reason.split()),
            400,
        )
    if card.obstacle:
        return Standing.DECIDE, visible(
            card.obstacle,
            400,
        )
    asks = (*card.decide, *card.needs_values)
    if card.after.level == Level.TAKEOVER and asks:
        return Standing.DECIDE, visible(
            f"Still {card.after.level}: {asks[0]}",
            400,
        )
    return Standing.READY, ""


def _pair(
    before: int | None,
    after: int | None,
) -> tuple[int, int] | None:
    return None if before is None or after is None else (before, after)


def _fixes(
    task: Hardening,
    card: Card,
) -> Iterator[Fix]:
    """Each fix with what it changes, and the score without it."""
    texts: dict[str, list[str]] = {}
    for kept in card.trial.kept:
        texts.setdefault(
            kept.check,
            [],
        ).append(
            flagged(
                kept.option,
                kept.after,
            )
        )
    for check, changes in texts.items():
        score = score_without(
            task,
            frozenset({check}),
        )
        yield Fix(
            check,
            visible(
                "; ".join(dict.fromkeys(changes)),
                200,
            ),
            score,
        )
