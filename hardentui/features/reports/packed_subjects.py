"""Subjects of a report as bytes: they cross between processes, and ten thousand of them take little
memory."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct, msgpack
from msgspec.structs import replace

from hardentui.features.reports.subject_result import CountedSubjects, SubjectResult
from hardentui.harden.score import Rise, Score
from hardentui.lib.spilled import SpilledRecords
from hardentui.model.finding import Finding, Kind, Subject


class PackedSubject(Struct, frozen=True):
    """A subject of a report, with what a report asks for instead of the functions that find it."""

    subject: Subject
    score: Score
    findings: tuple[Finding, ...]
    detail: str
    trouble: str
    attack: str
    fixable: frozenset[str]
    rises: dict[str, Rise]
    file: str
    line: int
    also: tuple[Finding, ...]
    image: str


_SUBJECTS = msgpack.Decoder(tuple[PackedSubject, ...])


def pack(
    subjects: Iterable[SubjectResult],
    *,
    with_rises: bool,
) -> bytes:
    """Subjects of a report, a tenth as large as they are.

    Args:
        with_rises: also what each fix brings, which only some reports tell.
    """
    return zlib.compress(
        msgpack.encode([_packed(subject, with_rises=with_rises) for subject in subjects]), 6
    )


def _packed(
    subject: SubjectResult,
    *,
    with_rises: bool,
) -> PackedSubject:
    return PackedSubject(
        subject=subject.subject,
        score=subject.score,
        findings=subject.findings,
        detail=subject.detail,
        trouble=subject.trouble,
        attack=subject.attack,
        fixable=subject.fixable,
        rises=dict(subject.rises) if with_rises else {},
        file=subject.file,
        line=subject.line,
        also=subject.also,
        image=subject.image,
    )


def unpack(packed: bytes, host: str) -> tuple[SubjectResult, ...]:
    """The subjects of `pack`, as those of this host."""
    if not packed:
        return ()
    return tuple(_result(subject, host) for subject in _SUBJECTS.decode(zlib.decompress(packed)))


def _result(packed: PackedSubject, host: str) -> SubjectResult:
    return SubjectResult(
        packed.subject,
        packed.score,
        packed.findings,
        packed.detail,
        packed.trouble,
        add_up=partial(str, packed.attack),
        can_fix=partial(frozenset, packed.fixable),
        can_rise=partial(dict, packed.rises),
        host=host,
        file=packed.file,
        line=packed.line,
        also=packed.also,
        image=packed.image,
    )


class _Packed(Struct, frozen=True):
    """A subject with its own findings. `order`: of all, the places of those that others have alike;
    -1 = the next own one."""

    subject: PackedSubject
    order: tuple[int, ...]


_ONE = msgpack.Decoder(_Packed)
_ANY = Subject(Kind.SERVICE, "", "")
_OWN = -1


_MOST_ALIKE = 2_000
"""Findings that are kept once for all services that have them alike; further ones are each service's
own."""


class PackedSubjects(CountedSubjects):
    """The services of files, unpacked one by one whenever a report lists them. A finding without a
    place in a file is that of thousands of services: it is kept once, and names none of them."""

    def __init__(self) -> None:
        self._packed = SpilledRecords()
        self._alike: list[Finding] = []
        self._places: dict[bytes, int] = {}
        self.counted = Counter()
        self.trouble = False

    def add(
        self,
        subjects: Iterable[SubjectResult],
        *,
        with_rises: bool,
    ) -> None:
        for subject in subjects:
            self.counted.update(
                (finding.verdict.status, finding.severity) for finding in subject.findings
            )
            self.trouble = self.trouble or bool(subject.trouble)
            order = tuple(map(self._place, subject.findings))
            own = tuple(
                finding
                for finding, place in zip(subject.findings, order, strict=True)
                if place == _OWN
            )
            packed = _packed(
                subject,
                with_rises=with_rises,
            )
            entry = _Packed(replace(packed, findings=own), order)
            self._packed.append(zlib.compress(msgpack.encode(entry), 6))

    def _place(self, finding: Finding) -> int:
        if finding.place is not None:
            return _OWN
        plain = replace(finding, subject=_ANY)
        key = msgpack.encode(plain)
        place = self._places.get(key)
        if place is not None:
            return place
        if len(self._alike) >= _MOST_ALIKE:
            return _OWN
        self._places[key] = len(self._alike)
        self._alike.append(plain)
        return self._places[key]

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[SubjectResult]:
        for packed in self._packed:
            entry = _ONE.decode(zlib.decompress(packed))
            own = iter(entry.subject.findings)
            findings = tuple(
                next(own) if place == _OWN else self._alike[place] for place in entry.order
            )
            yield _result(replace(entry.subject, findings=findings), "")
