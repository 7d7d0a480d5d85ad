"""What to do first, across a whole host: at most five lines, the worst way to the host first. Pure.

A line is one cause with one fix, of however many containers: a way to the host, default rights, one
failing check, or a decision that is taken once for all. What a line promises is what its fix brings
to its first container, and it is left out where that fix cannot be applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct, field

from hardentui.harden.score import Rise, most_severe_first
from hardentui.model.check import Check
from hardentui.model.finding import Finding, Kind, Severity, Subject
from hardentui.model.gain import Gained
from hardentui.model.remediation import FixKind, Risk
from hardentui.visible import command_word
from hardentui.words import plural

MOST = 5
DEFAULT_RIGHTS = frozenset(
    (
        "root-user host-user-namespace default-capabilities-kept new-privileges-allowed "
        "writable-rootfs"
    ).split()
)
"""What a plain `podman run` leaves open: one trial closes it together, so it is one thing to do."""
OF_PRIVILEGED = frozenset(
    (
        "host-takeover-capabilities host-devices open-device-cgroup unmasked-system-paths "
        "seccomp-unconfined apparmor-unconfined selinux-disabled disruptive-capabilities "
        "docker-default-capabilities"
    ).split()
)
"""What privileged mode leaves open: its fix closes that, so it is one thing to do."""
_RISK = {
    Risk.SAFE: "safe",
    Risk.MAY_BREAK: "trial",
    Risk.CHANGES_BEHAVIOUR: "trial",
    Risk.DECISION: "decide",
}
_NO_OPTION = (
    FixKind.DECISION,
    FixKind.HOST_FILE,
    FixKind.IMAGE_REBUILD,
)
_RISK_ORDER = ("safe", "trial", "decide")
_TRIED = 4
"""So many containers of a group are tried before its fix counts as refused."""
_NAMED = 2
"""So many containers are named; of more, the number is told."""


class DoFirst(Struct, frozen=True):
    """One line of "Do these first"."""

    # those it is about, the worst first; of a decision for all, the site, the host or an engine
    subjects: tuple[Subject, ...]
    checks: tuple[str, ...]  # that fail, the worst first
    text: str  # what is wrong, in a few words
    # by how much the score of the first one rises; 0 = nothing options decide
    points: int
    risk: str  # `safe`, `trial` (a trial shows what it breaks) or `decide` (only a person can)
    affects: int  # the number of containers that it concerns
    gain: str = ""  # what is gained, in a few words; may be empty
    whole: bool = False  # it is hardened as a whole, because single fixes are not what is needed

    @property
    def subject(self) -> Subject:
        return self.subjects[0]

    @property
    def names(self) -> str:
        """`web, db`, `30 containers`, of several hosts `web01/db`; an image without its registry."""
        names = [
            subject.name.rpartition("/")[2] if subject.kind is Kind.IMAGE else subject.name
            for subject in self.subjects
        ]
        if len(names) <= _NAMED:
            return ", ".join(names)
        return plural(len(names), self.subject.kind.value)

    @property
    def sentence(self) -> str:
        """What is wrong, and what is gained."""
        return f"{self.text}; {self.gain}" if self.gain else self.text

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of the command that leads into it."""
        if self.subject.kind is not Kind.CONTAINER or self.risk == "decide":
            return ("explain", self.checks[0])
        name = command_word(self.subject.name, self.subject.id[:12])
        named = () if self.whole else self.checks
        return (
            "harden",
            name,
            *(word for check in named for word in ("--check", check)),
        )


class Candidate(Struct, frozen=True):
    """A container, and what its fixes would bring."""

    subject: Subject
    findings: tuple[Finding, ...]  # its own
    way: str  # the worst way to the host in a few words; empty if there is none
    causes: tuple[str, ...]  # the checks that hand over the host
    # the checks to fix, or none for all that needs no decision -> what that brings
    rise: Callable[[tuple[str, ...]], Rise]


class _Cause(Struct, frozen=True):
    """One cause with one fix: the same of several containers is one line."""

    checks: tuple[str, ...]
    gained: Gained  # the worst that it gives
    text: str  # of a single container
    texts: str  # of several
    # of default rights, the checks that fail; the container is hardened as a whole then
    open_rights: tuple[str, ...] = ()


class _Group(Struct):
    """The containers of one cause."""

    cause: _Cause  # of the one to whom it gives most
    members: list[Candidate] = field(default_factory=list)

    def add(
        self,
        cause: _Cause,
        candidate: Candidate,
    ) -> None:
        """The one to whom it gives most comes first."""
        if self.members and cause.gained.rank > self.cause.gained.rank:
            self.members.insert(0, candidate)
            self.cause = cause
        else:
            self.members.append(candidate)


def do_first(
    containers: Iterable[Candidate],
    others: Iterable[Finding],
    checks: Mapping[str, Check],
) -> tuple[DoFirst, ...]:
    """The lines, the most urgent first.

    Args:
        containers: the worst first.
        others: failing findings of the site, images, host, engines and networks.
        checks: id -> check.
    """
    groups: dict[tuple[str, ...], _Group] = {}
    for candidate in containers:
        for cause in _causes(candidate):
            key = (*cause.checks, cause.texts)
            groups.setdefault(key, _Group(cause)).add(cause, candidate)
    ranked: list[tuple[tuple[object, ...], _Group | DoFirst]] = [
        (_rank(group.cause.gained, len(group.members)), group) for group in groups.values()
    ]
    ranked += [
        (_rank(finding.gained, len(finding.affects)), line) for finding, line in _decisions(others)
    ]
    ranked.sort(
        key=lambda pair: pair[0],
        reverse=True,
    )
    lines: list[DoFirst] = []
    for _, entry in ranked:
        line = _line(entry, checks) if isinstance(entry, _Group) else entry
        if line is not None:
            lines.append(line)
        if len(lines) == MOST:
            break
    return tuple(lines)


def _rank(gained: Gained, concerned: int) -> tuple[object, ...]:
    """The more urgent one is greater."""
    return *gained.rank, concerned


def _causes(candidate: Candidate) -> Iterator[_Cause]:
    """What there is to do about a container."""
    failing = {finding.check: finding for finding in candidate.findings if finding.failing}
    if candidate.causes:
        named = [failing[check] for check in candidate.causes]
        yield _Cause(
            candidate.causes,
            _worst(named),
            candidate.way or named[0].title,
            ", ".join(finding.title for finding in named),
        )
        return  # until that is closed, nothing else of it counts
    if "privileged" in failing:  # in a user namespace of its own
        failing = {check: each for check, each in failing.items() if check not in OF_PRIVILEGED}
    rights = sorted(
        (finding for check, finding in failing.items() if check in DEFAULT_RIGHTS),
        key=most_severe_first,
    )
    if len(rights) > 1:
        text = _rights_words(rights)
        yield _Cause(
            (),
            _worst(rights),
            text,
            text,
            tuple(finding.check for finding in rights),
        )
        failing = {check: each for check, each in failing.items() if check not in DEFAULT_RIGHTS}
    for finding in failing.values():
        if finding.severity >= Severity.MEDIUM:
            yield _Cause(
                (finding.check,),
                finding.gained,
                finding.title,
                finding.title,
            )


def _worst(findings: Iterable[Finding]) -> Gained:
    return max(
        (finding.gained for finding in findings),
        key=lambda gained: gained.rank,
    )


def _decisions(others: Iterable[Finding]) -> Iterator[tuple[Finding, DoFirst]]:
    """What is decided once for all; of one check, one line."""
    by_check: dict[str, list[Finding]] = {}
    for finding in others:
        if finding.failing and finding.severity >= Severity.MEDIUM:
            by_check.setdefault(finding.check, []).append(finding)
    for check, same in by_check.items():
        worst = max(same, key=lambda finding: finding.severity)
        yield (
            worst,
            DoFirst(
                tuple(finding.subject for finding in same),
                (check,),
                worst.title,
                0,
                "decide",
                sum(max(1, len(finding.affects)) for finding in same),
            ),
        )


def _line(group: _Group, checks: Mapping[str, Check]) -> DoFirst | None:
    """None where its fix is refused, and there is no other way to end it."""
    cause, members = group.cause, group.members
    text = cause.text if len(members) == 1 else cause.texts
    subjects = tuple(member.subject for member in members)
    refused = cause.checks
    for member in members[:_TRIED]:
        rise = member.rise(cause.checks)
        refused = tuple(check for check in cause.checks if check not in rise.applied) or refused
        if not rise.applied or (cause.gained.takes_over and not rise.ends_takeover):
            continue
        first = (
            member.subject,
            *(each for each in subjects if each != member.subject),
        )
        applied = cause.checks or tuple(
            check for check in cause.open_rights if check in rise.applied
        )
        if not applied:
            continue
        return DoFirst(
            first,
            cause.checks or cause.open_rights,
            text,
            rise.points,
            _risk(checks, applied, whole=not cause.checks),
            len(members),
            _gained_by(cause, applied),
            whole=not cause.checks,
        )
    if cause.gained.severity < Severity.HIGH or not cause.checks:
        return None
    # what a person has to decide comes first
    decided = sorted(cause.checks, key=lambda check: check not in refused)
    return DoFirst(
        subjects,
        tuple(decided),
        text,
        0,
        "decide",
        len(members),
    )


def _risk(
    checks: Mapping[str, Check],
    applied: tuple[str, ...],
    *,
    whole: bool,
) -> str:
    """The worst of these fixes. Of a container that is hardened as a whole, none is a decision."""
    risks = [
        "decide"
        if check not in checks or checks[check].fix in _NO_OPTION
        else _RISK[checks[check].risk]
        for check in applied
    ]
    worst = max(risks, key=_RISK_ORDER.index)
    return "trial" if whole and worst == "decide" else worst


def _gained_by(cause: _Cause, applied: tuple[str, ...]) -> str:
    """What is gained, in a few words."""
    if cause.gained.takes_over:
        return "ends the way to the host"
    if {"host-user-namespace", "root-user"} & {*applied}:
        return "a breakout is no longer root"
    return next(iter(gained(applied)), "")


_GAINED = {
    "privileged": "no longer has full access to the host",
    "mounted-engine-socket": "can no longer control the engine",
    "mounted-control-socket": "can no longer control the host through its sockets",
    "sensitive-host-mount": "can no longer change the host's directories",
    "host-takeover-capabilities": "has no capability that leads to the host",
    "disruptive-capabilities": "can no longer disturb the host or its neighbours",
    "host-devices": "no longer reaches the host's devices",
    "seccomp-unconfined": "its system calls are filtered again",
    "host-pid": "no longer sees the host's processes",
    "host-network": "is no longer on the host's network",
    "host-ipc": "no longer shares memory and names with the host",
    "unmasked-system-paths": "no longer reads kernel files of the whole machine",
    "root-user": "no longer runs as root",
    "host-user-namespace": "root inside is an ordinary user on the host",
    "default-capabilities-kept": "keeps only the capabilities that it can use",
    "new-privileges-allowed": "can no longer become root through setuid programs",
    "writable-rootfs": "can no longer write its programs",
    "writable-mount": "can no longer run programs from its data",
    "no-memory-limit": "can no longer use all memory",
    "no-cpu-limit": "can no longer use all CPUs",
    "no-pids-limit": "can no longer fill the process table",
    "unbounded-logs": "can no longer fill the disk with logs",
    "loose-tmpfs": "can no longer fill memory or run programs through a tmpfs",
    "default-seccomp-only": "can make only the system calls that it needs",
    "default-network": "is on a network of its own",
    "shared-network": "is on a network of its own",
    "wildcard-port": "answers only on the chosen address",
    "exposed-admin-port": "other machines no longer reach its admin port",
    "missing-health-check": "its health is watched",
    "unbraked-restart": "no longer restarts without end",
}
"""Check -> what is different once it passes, after the name of the container."""


def gained(checks: Iterable[str]) -> tuple[str, ...]:
    """What is different for an intruder once these checks pass, the most important first."""
    passing = frozenset(checks)
    return tuple(dict.fromkeys(words for check, words in _GAINED.items() if check in passing))


def _rights_words(rights: Iterable[Finding]) -> str:
    checks = {finding.check for finding in rights}
    kept = "with default rights" if "default-capabilities-kept" in checks else "without confinement"
    return f"Runs as root {kept}" if "root-user" in checks else "Keeps default rights"
