"""The document of a check, `hardentui/check/3`; its schema is made from these structs.

A field that can be UNSET is left out where it does not apply.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from hardentui.features.frameworks.answers import ControlAnswer
from hardentui.features.reports.entries import (
    AsideEntry,
    BySeverity,
    Count,
    EngineEntry,
    KeptEntry,
    ScoreValue,
    SeverityWord,
)
from hardentui.features.reports.fleet_view import FleetEntry
from hardentui.features.vendors.telling import ManagedContainers
from hardentui.harden.score import Level
from hardentui.harden.undecided import Undecided
from hardentui.model.finding import Kind, Status
from hardentui.model.gain import Origin

SCHEMA = "hardentui/check/3"


class ToolEntry(Struct, frozen=True, kw_only=True):
    """What made the report."""

    name: str = "hardentui"
    version: str = ""
    checklist: str = ""  # id of the checklist that was used


class HostEntry(Struct, frozen=True, kw_only=True):
    """The host that was looked at."""

    name: str
    simulated: bool = False  # true: nothing of this is real
    # when its facts were saved, UTC; empty for a host that was looked at when the report was made
    saved_at: str = ""


class FleetHostEntry(Struct, frozen=True, kw_only=True):
    """A host in a report on several; its subjects refer to it."""

    name: str  # unique in the report
    source: str  # the file of its facts
    saved_at: str  # when its facts were saved, UTC
    group: str  # the folder of its facts
    simulated: bool
    engines: tuple[EngineEntry, ...]
    containers: Count
    worst_score: ScoreValue | None
    failing: BySeverity
    unknown: Count
    trouble: str  # why something of it could not be looked at; empty when all could


class DoFirstEntry(Struct, frozen=True, kw_only=True):
    """A line of what to do first."""

    subject: str  # the first of subjects
    subjects: tuple[str, ...]  # names of those that it is about
    kind: Kind
    checks: tuple[str, ...]
    text: str
    gain: str  # what is gained, in a few words; may be empty
    points: ScoreValue  # by how much the score of a container rises; 0: no option decides it
    risk: str  # `safe`; `trial`: a trial shows what it breaks; `decide`: only a person can
    affects: Count  # number of containers that it concerns


class EvidenceEntry(Struct, frozen=True, kw_only=True):
    """A finding that a control's answer rests on."""

    subject: str
    kind: Kind
    check: str
    status: Status
    severity: SeverityWord
    reason: str


class ControlEntry(Struct, frozen=True, kw_only=True):
    """A control of a framework with its answer."""

    id: str
    title: str
    place: str  # section of the framework's text, and how binding or how assessed
    demands: str  # what it demands, in our words
    # `met`, `not met`, `not looked at` or `not applicable`, as older versions have it; `answer`
    # tells more
    status: str
    answer: ControlAnswer  # shown: checks decide it wholly, and pass
    how_far: str  # how far checks show it: `wholly` or `in part`; empty: not at all
    because: str  # why it is unknown, or why no check of it applied
    needs: str  # what a person has to look at
    checks: tuple[str, ...]  # whose failure contradicts it
    shown_by: tuple[str, ...]  # those that pass
    passed: Count
    evidence: tuple[EvidenceEntry, ...]  # what contradicts it, else what is unknown


class FrameworkEntry(Struct, frozen=True, kw_only=True):
    """The findings by control."""

    id: str
    title: str
    edition: str
    source: str  # where its text is
    left_out: dict[str, str]  # numbers of controls that do not apply to Podman -> why
    controls: tuple[ControlEntry, ...]


class CheckEntry(Struct, frozen=True, kw_only=True):
    """What is the same for all findings of a check."""

    title: str
    step: Annotated[int, Meta(ge=1, le=10)]
    scope: Kind
    references: tuple[str, ...]
    docs: str  # its page in the documentation


class FindingEntry(Struct, frozen=True, kw_only=True, gc=False):
    """A finding, complete in itself but for the texts of its check."""

    check: str
    status: Status
    severity: SeverityWord
    scope: Kind
    reason: str
    do: str | UnsetType = UNSET
    declared: str  # what the configuration asks for
    effective: str  # what the kernel enforces
    evidence: dict[str, list[str]]  # place -> what was seen there
    # by how much the score of its container rises once it ends, by its own fix where there is one;
    # 0 = nothing that options decide
    points: ScoreValue
    # of a container that hands over the host: whether ending this finding alone ends that
    ends_takeover: bool | UnsetType = UNSET
    gain: str  # what it gives an intruder, such as `control of the host`
    steps: Count  # how many further ordinary steps that takes: 0 = it is there at once
    # where an attacker stands who gets it, such as `inside the container`
    origin: Origin = field(name="from")
    # of a finding that is no container's: the lines that change it on that host
    commands: tuple[str, ...] | UnsetType = UNSET
    fixable: bool  # an option of this container fixes it
    # of a finding that is not a container's: the containers that it concerns
    affects: tuple[str, ...] | UnsetType = UNSET
    file: str | UnsetType = UNSET
    line: Count | UnsetType = UNSET
    column: Count | UnsetType = UNSET


class SubjectEntry(Struct, frozen=True, kw_only=True, gc=False):
    """A subject with its findings."""

    kind: Kind
    host: str | UnsetType = UNSET  # of a report on several hosts: the one that it is on
    id: str
    name: str
    engine: str  # label of the engine it lives on
    score: ScoreValue | None
    level: Level | None  # the score as a word; null without a score
    # the worst that it gives an intruder, such as `control of the host`
    gain: str | UnsetType = UNSET
    # how many further ordinary steps that takes: 0 = it is there at once
    steps: Count | UnsetType = UNSET
    # where an attacker stands who gets it, such as `inside the container`
    origin: Origin | UnsetType = field(name="from", default=UNSET)
    # pillars that could not be looked at, so that it is not strong
    unseen: tuple[str, ...] | UnsetType = UNSET
    # how many of the findings that apply could be checked, and how many apply
    looked_at: tuple[Count, Count]
    # what could not be decided, by what would have told it
    undecided: Annotated[tuple[Undecided, ...], Meta(max_length=3)]
    trouble: str  # why there are no findings; empty when there are
    attack: str  # how the findings add up; may be empty
    file: str | UnsetType = UNSET  # the unit that the container runs from
    line: Count | UnsetType = UNSET  # of its section; 0: not known
    # what fails, is unknown or waived, the worst of each first
    findings: tuple[FindingEntry, ...]
    # of a container: ID of its image, which is a subject of its own
    image: str | UnsetType = UNSET
    # of a container: checks that fail for its image and the site, which are subjects of their own
    also: tuple[str, ...]
    passed: tuple[str, ...]  # checks that pass
    not_applicable: dict[str, str]  # check -> why it does not apply


class AttackPathEntry(Struct, frozen=True, kw_only=True):
    """A way from a container to the host."""

    container: str
    id: str
    engine: str  # label of the engine it lives on
    sentence: str  # about the container, without its name
    checks: tuple[str, ...]  # the failing checks that make the way
    also: tuple[str, ...]  # other containers of this engine that lead the same way


class SummaryEntry(Struct, frozen=True, kw_only=True):
    """The report in numbers."""

    subjects: Count
    undecided: Count  # at most three for each subject, as its `undecided` has
    passed: Count = field(name="pass")
    failed: Count = field(name="fail")
    not_applicable: Count = field(name="not-applicable")
    unknown: Count
    waived: Count
    failing: BySeverity
    fail_on: SeverityWord
    exit_code: Annotated[int, Meta(extra_json_schema={"enum": [0, 1, 4]})]
    # the worst ways from containers to the host, at most three, the worst first
    attack_paths: tuple[AttackPathEntry, ...]


class CheckDocument(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """The whole report."""

    tool: ToolEntry
    host: HostEntry
    engines: tuple[EngineEntry, ...]
    # of a report on several hosts: each of them, the worst first; subjects name theirs
    hosts: tuple[FleetHostEntry, ...] | UnsetType = UNSET
    # of a report on several hosts: what they have in common, what tells them apart
    fleet: FleetEntry | UnsetType = UNSET
    # what to do first on the whole host: the worst way to the host first
    do_first: Annotated[tuple[DoFirstEntry, ...], Meta(max_length=5)]
    managed: tuple[ManagedContainers, ...]  # the containers that a vendor's tool manages
    framework: FrameworkEntry | UnsetType = UNSET  # with --framework: the findings by control
    checks: dict[str, CheckEntry]  # id of a check -> what is the same for all its findings
    subjects: tuple[SubjectEntry, ...]  # the worst first
    # stopped containers that changes keep for their undo: not subjects, and not counted
    kept_originals: tuple[KeptEntry, ...]
    aside: tuple[AsideEntry, ...]  # twins of trials and labs: they stand apart and are not counted
    summary: SummaryEntry
