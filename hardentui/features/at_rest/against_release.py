"""Today's units with the drop-ins of an admin, rehearsed on the units of a vendor's next release.

What the release ships is found by file name. A drop-in that the release ships too is replaced by it,
but for one that the vendor's tool never overwrites; every other one stays, and is read in the same
order as today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.features.at_rest.checking import Looked
from hardentui.features.at_rest.judging import Judged, judge_services
from hardentui.features.at_rest.quadlets import UnitFiles
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.at_rest.units import InUnit, pod_line, services_of
from hardentui.harden.remedy import OptionDiff, arguments, spec_diff
from hardentui.model.finding import Status
from hardentui.model.open_value import OpenText
from hardentui.model.spec import Spec
from hardentui.options import IMAGE
from hardentui.options.argv import items_of_command
from hardentui.options.items import spec_of
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.service import RunLine, ServiceFiles
from hardentui.reading.masking import mask_argument
from hardentui.reading.vendors import delivered_by, kept_drop_in
from hardentui.visible import strict_json, visible
from hardentui.words import plural


class ReleaseOutcome(StrEnum):
    """What becomes of a drop-in, or of a unit."""

    APPLIES = "still applies"
    NEEDLESS = "the release does it itself"
    HIDES = "hides what the release brings"
    KEEPS = "keeps what the release drops"
    BREAKS = "would break"
    NEW = "new in the release"
    GONE = "not in the release"
    FINDING = "new finding"
    SETTLED = "finding is gone"


_BAD = (
    ReleaseOutcome.HIDES,
    ReleaseOutcome.KEEPS,
    ReleaseOutcome.BREAKS,
    ReleaseOutcome.FINDING,
)


class ReleaseLine(Struct, frozen=True, kw_only=True):
    """One outcome."""

    service: str  # as its file is named
    outcome: ReleaseOutcome
    drop_in: str = ""  # file name; empty: about the unit itself
    details: tuple[str, ...] = ()  # flags with their masked arguments, a check, or a reason


class Rehearsed(Struct, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/release/1"):
    """All outcomes, by service."""

    today: tuple[str, ...]  # the paths
    release: str
    units: int  # how many are in both
    lines: tuple[ReleaseLine, ...]

    @property
    def breaks(self) -> bool:
        return any(line.outcome in _BAD for line in self.lines)


class _Unit(Struct, frozen=True):
    """The files of a service, and how they are read."""

    files: tuple[SourceFile, ...]  # of the unit, then its drop-ins
    reader: ServiceFiles | QuadletFiles
    judged: Judged

    def spec(self, files: Iterable[SourceFile]) -> Spec:
        """What these files ask for: of a container, or of the pod that a unit makes.

        Raises:
            InputError: they ask for none.
        """
        reader = self._reader(files)
        if isinstance(reader, ServiceFiles):
            return spec_of(items_of_command(self._line(reader).command))
        return reader.spec()

    def open(self, files: Iterable[SourceFile]) -> frozenset[str]:
        """What these files leave to variables of the host: arguments, and whole words.

        Raises:
            InputError: they ask for no container.
        """
        reader = self._reader(files)
        of_spec = (
            f"{argument.flag} {mask_argument(argument.option.name, argument.text.written)}"
            for argument in self.spec(files).open
            if argument.option is not IMAGE
        )
        vanished = self._line(reader).vanished if isinstance(reader, ServiceFiles) else ()
        return frozenset((*of_spec, *(OpenText.read(word).written for word in vanished)))

    def _reader(self, files: Iterable[SourceFile]) -> ServiceFiles | QuadletFiles:
        return replace(
            self.reader,
            texts=tuple(file.text for file in files),
        )

    def _line(self, reader: ServiceFiles) -> RunLine:
        return pod_line(reader) if self.judged.service.infra else reader.run_line()


def rehearse(
    today: Looked,
    release: Looked,
    day: date,
) -> Rehearsed:
    """What the release makes of today's drop-ins and findings."""
    ours, theirs = _units(today), _units(release)
    lines: list[ReleaseLine] = []
    for name in sorted({*ours, *theirs}):
        if name not in theirs:
            lines.append(
                ReleaseLine(
                    service=name,
                    outcome=ReleaseOutcome.GONE,
                )
            )
        elif name not in ours:
            lines.append(
                ReleaseLine(
                    service=name,
                    outcome=ReleaseOutcome.NEW,
                )
            )
        else:
            kept = _kept(
                ours[name],
                theirs[name],
            )
            whole = _together(
                theirs[name],
                kept,
            )
            lines += _drop_ins(
                ours[name],
                theirs[name],
                kept,
                whole,
            )
            before = ours[name].judged
            after = (
                _judged(
                    theirs[name],
                    whole,
                    release,
                    day,
                )
                if kept
                else theirs[name].judged
            )
            lines += _findings(
                name,
                before,
                after,
            )
    return Rehearsed(
        today=tuple(today.sources.shown),
        release=" ".join(release.sources.shown),
        units=len(ours.keys() & theirs.keys()),
        lines=tuple(lines),
    )


def _kept(ours: _Unit, theirs: _Unit) -> list[SourceFile]:
    """Today's drop-ins that the release does not ship itself, or whose vendor's tool keeps them."""
    own = kept_drop_in(
        delivered_by(ours.judged.facts),
        ours.files[0].name,
    )
    shipped = {file.name for file in theirs.files} - {own}
    return [file for file in ours.files[1:] if file.name not in shipped]


def _together(theirs: _Unit, kept: list[SourceFile]) -> list[SourceFile]:
    names = {file.name for file in kept}
    shipped = [file for file in theirs.files[1:] if file.name not in names]
    drop_ins = sorted(
        (*shipped, *kept),
        key=lambda file: file.name,
    )
    return [theirs.files[0], *drop_ins]


def _judged(
    unit: _Unit,
    whole: list[SourceFile],
    release: Looked,
    day: date,
) -> Judged | None:
    """The unit of the release with today's drop-ins; None if that cannot be judged."""
    if not isinstance(
        unit.reader,
        ServiceFiles,
    ):
        return None
    service = unit.judged.service
    try:
        made = services_of(
            release.sources,
            tuple(whole),
        )
    except InputError:
        return None
    made = [
        replace(
            each,
            pod=service.pod,
        )
        for each in made
    ]
    return next(
        iter(
            judge_services(
                made,
                release.judge,
                (),
                day,
            )
        ),
        None,
    )


def _units(looked: Looked) -> dict[str, _Unit]:
    """By file name; of several containers in one unit the first."""
    units: dict[str, _Unit] = {}
    for judged in looked.services:
        source = judged.service.source
        if isinstance(source, InUnit):
            units.setdefault(
                source.files[0].name,
                _Unit(
                    source.files,
                    source.unit,
                    judged,
                ),
            )
        elif isinstance(source, UnitFiles):
            units.setdefault(
                source.files[0].name,
                _Unit(
                    source.files,
                    source.quadlet,
                    judged,
                ),
            )
    return units


def _drop_ins(
    ours: _Unit,
    theirs: _Unit,
    kept: list[SourceFile],
    whole: list[SourceFile],
) -> Iterator[ReleaseLine]:
    for file in kept:
        outcome, details = _outcome(
            file,
            ours,
            theirs,
            whole,
        )
        yield ReleaseLine(
            service=ours.files[0].name,
            outcome=outcome,
            drop_in=file.name,
            details=tuple(details),
        )


def _outcome(
    file: SourceFile,
    ours: _Unit,
    theirs: _Unit,
    whole: list[SourceFile],
) -> tuple[ReleaseOutcome, list[str]]:
    """What becomes of one drop-in."""
    try:
        today = ours.spec(ours.files)
        today_without = ours.spec(
            _without(
                ours.files,
                file,
            )
        )
        base = theirs.spec(_without(whole, file))
        after = theirs.spec(whole)
        open_today = ours.open(_without(ours.files, file))
        open_base, open_after = theirs.open(_without(whole, file)), theirs.open(whole)
    except InputError as error:
        return ReleaseOutcome.BREAKS, [error.title]
    own = spec_diff(today_without, today)
    changed = {diff.option for diff in own}
    brought = [
        diff
        for diff in spec_diff(today_without, base)
        if diff.option is not IMAGE and (diff.option.is_list or diff.option not in changed)
    ]
    hidden = [
        _told(diff, argument)
        for diff in brought
        for argument in diff.added
        if argument
        not in arguments(
            after,
            diff.option,
        )
    ]
    hidden += sorted(open_base - open_today - open_after)
    if hidden:
        return ReleaseOutcome.HIDES, hidden
    kept = [
        _told(diff, argument)
        for diff in brought
        for argument in diff.removed
        if argument
        in arguments(
            after,
            diff.option,
        )
    ]
    kept += sorted((open_today - open_base) & open_after)
    if kept:
        return ReleaseOutcome.KEEPS, kept
    lost = [
        _told(diff, argument)
        for diff in own
        for argument in diff.added
        if argument
        not in arguments(
            after,
            diff.option,
        )
    ]
    if lost:
        return ReleaseOutcome.BREAKS, [f"{text} has no effect any more" for text in lost]
    effects = [_told(diff, argument) for diff in own for argument in diff.added]
    if own and after == base:
        return ReleaseOutcome.NEEDLESS, effects
    return ReleaseOutcome.APPLIES, effects


def _without(
    files: Iterable[SourceFile],
    file: SourceFile,
) -> list[SourceFile]:
    return [each for each in files if each is not file]


def _told(diff: OptionDiff, argument: str) -> str:
    return f"{diff.option.flag} {mask_argument(diff.option.name, argument)}".rstrip()


_FINE = (Status.PASS, Status.NOT_APPLICABLE)


def _findings(
    name: str,
    before: Judged,
    after: Judged | None,
) -> Iterator[ReleaseLine]:
    """What a check finds only after, or only before; an accepted finding stays accepted."""
    if after is None:
        return
    status = {finding.check: finding.status for finding in before.findings}
    new = sorted(
        finding.check
        for finding in after.findings
        if finding.failing and status.get(finding.check) in _FINE
    )
    settled = sorted(
        finding.check
        for finding in after.findings
        if finding.status in _FINE and status.get(finding.check) in (Status.FAIL, Status.WAIVED)
    )
    for outcome, checks in (
        (ReleaseOutcome.FINDING, new),
        (ReleaseOutcome.SETTLED, settled),
    ):
        if checks:
            yield ReleaseLine(
                service=name,
                outcome=outcome,
                details=tuple(checks),
            )


def document_of(rehearsed: Rehearsed) -> str:
    """As JSON."""
    return (
        strict_json(
            json.dumps(
                to_builtins(rehearsed),
                indent=1,
            )
        )
        + "\n"
    )


def lines_of(rehearsed: Rehearsed) -> Iterator[str]:
    """As text, a line for each outcome."""
    name = ""
    for line in rehearsed.lines:
        if line.service != name:
            name = line.service
            yield visible(name, 120)
        about = f"{visible(line.drop_in, 80)}: " if line.drop_in else ""
        details = f": {visible(', '.join(line.details), 400)}" if line.details else ""
        yield f"  {about}{line.outcome}{details}"
    bad = sum(line.outcome in _BAD for line in rehearsed.lines)
    told = (
        f"{plural(bad, 'line')} {'needs' if bad == 1 else 'need'} a decision before the upgrade"
        if bad
        else "Nothing would break"
    )
    yield f"{told}. {plural(rehearsed.units, 'unit')} compared with {visible(rehearsed.release, 120)}."
