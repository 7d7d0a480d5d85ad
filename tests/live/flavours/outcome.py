"""The findings of a scan against what is known to be true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hardentui.model.finding import Finding, Status
from tests.live.flavours.making import World
from tests.live.flavours.model import Ids
from tests.live.flavours.table import INFRA_UNKNOWN, MACHINE_DECIDES, NOT_LOOKED_AT


@dataclass(frozen=True)
class Row:
    """One container of the table.

    Attributes:
        bad: checks that must fail.
        judged: checks whose answer is asserted, the bad ones included.
        false_passes: bad conditions that were not reported, as readable sentences.
        false_failures: conditions that were reported and are not there.
        observed: check -> whether its bad condition was found inside, which decides.
        driven: the limits that stopped a process when they were driven; None where they were not
            driven.
        undecided: answers that are unknown without need, or are not although nobody can tell; and
            probes that show that the flavour is not what it says.
    """

    name: str
    engine: str
    bad: Ids
    judged: int
    false_passes: tuple[str, ...]
    false_failures: tuple[str, ...]
    undecided: tuple[str, ...]
    observed: Mapping[str, bool] = field(default_factory=dict)
    driven: Ids | None = None

    @property
    def right(self) -> bool:
        return not (self.false_passes or self.false_failures or self.undecided)


def rows(world: World) -> Iterator[Row]:
    """The rows of one engine: each flavour, and the other containers of each pod."""
    for flavour in world.flavours:
        place = world.places[flavour.name]
        row = _row(
            world,
            flavour.name,
            flavour.must_fail(place),
            flavour.unknown,
            flavour.free,
        )
        untrue, driven = (
            world.observed.untrue.get(flavour.name, ()),
            world.observed.driven.get(flavour.name),
        )
        yield replace(
            row,
            undecided=(*row.undecided, *untrue),
            driven=driven,
        )
        if flavour.beside:
            yield _row(
                world, f"{flavour.name}-beside", flavour.beside_must_fail(place), flavour.unknown
            )
        if flavour.pod is not None:
            name = f"{flavour.name}-infra"
            yield _row(
                world,
                name,
                flavour.infra_bad,
                INFRA_UNKNOWN,
            )


def _row(
    world: World,
    name: str,
    bad: Ids,
    unknown: Mapping[str, str],
    free: Ids | None = None,
) -> Row:
    """`free` is None for a row of which `unknown` only says what may be unknown."""
    report = world.reports.get(name)
    assert report is not None, f"{world.engine}: {name} was not found by the scan"
    assert not report.trouble, f"{world.engine}: {name}: {report.trouble}"
    findings = {finding.check: finding for finding in report.everything}
    observed = world.observed.truths.get(name, {})
    bad = frozenset(check for check in bad if observed.get(check, True))
    bad |= {
        check
        for check, there in observed.items()
        if there and check in {*findings} - {*(free or ())}
    }
    assert bad <= set(findings), f"{name}: there are no checks {sorted(bad - set(findings))}"
    judged = {
        check: finding
        for check, finding in findings.items()
        if check not in {*MACHINE_DECIDES, *(free or ())}
    }
    missed, wrong, undecided = [], [], []
    for check, finding in judged.items():
        said = _said(finding)
        status = finding.status
        if check in bad:
            missed += [] if status is Status.FAIL else [said]
        elif status is Status.FAIL:
            wrong.append(said)
        elif check in NOT_LOOKED_AT:
            undecided += [said] if status is Status.PASS else []
        elif check in unknown and free is not None:
            undecided += (
                [] if status is Status.UNKNOWN else [f"{said}; expected unknown: {unknown[check]}"]
            )
        elif status is Status.UNKNOWN and check not in unknown:
            undecided.append(said)
    seen = {check: there for check, there in observed.items() if check in judged}
    return Row(
        name, world.engine, bad, len(judged), tuple(missed), tuple(wrong), tuple(undecided), seen
    )


def _said(finding: Finding) -> str:
    verdict = finding.verdict
    shown = "; ".join(
        part for part in (verdict.reason, verdict.declared, verdict.effective) if part
    )
    return f"{finding.check} said {verdict.status.value} ({shown})"
