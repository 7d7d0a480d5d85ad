"""What to do first, across a whole host: at most five lines, the worst way to the host first. Pure.

A line is one container that hands over the host, one failing check of several containers, the
default rights of all containers that keep them, or a decision that is taken once for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from hardentui.harden.score import Score, score
from hardentui.model.check import Check
from hardentui.model.finding import Finding, FixKind, Kind, Risk, Severity, Subject
from hardentui.visible import command_word

MOST = 5
DEFAULT_RIGHTS = frozenset(
    (
        "root-user host-user-namespace default-capabilities-kept new-privileges-allowed "
        "writable-rootfs"
    ).split()
)
"""What a plain `podman run` leaves open: one trial closes it together, so it is one thing to do."""
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


class DoFirst(Struct, frozen=True):
    """One line of "Do these first"."""

    # those it is about, the worst first; of a decision for all, the site, the host or an engine
    subjects: tuple[Subject, ...]
    checks: tuple[str, ...]  # that fail, the worst first
    text: str  # what is wrong, in a few words
    # by how much the score of each container rises, the highest; 0 = nothing options decide
    points: int
    risk: str  # `safe`, `trial` (a trial shows what it breaks) or `decide` (only a person can)
    affects: int  # the number of containers that it concerns

    @property
    def subject(self) -> Subject:
        return self.subjects[0]

    @property
    def names(self) -> str:
        """`web, db, +3`; an image without its registry."""
        names = [subject.name.rpartition("/")[2] for subject in self.subjects]
        return ", ".join(names if len(names) < 3 else [*names[:2], f"+{len(names) - 2}"])

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of the command that leads into it."""
        if self.subject.kind is not Kind.CONTAINER or self.risk == "decide":
            return ("explain", self.checks[0])
        name = command_word(self.subject.name, self.subject.id[:12])
        return (
            "harden",
            name,
            *(("--check", self.checks[0]) if len(self.checks) == 1 else ()),
        )


def do_first(
    containers: Iterable[tuple[Subject, Score, Iterable[Finding], str]],
    others: Iterable[Finding],
    checks: Mapping[str, Check],
) -> tuple[DoFirst, ...]:
    """The lines, the most urgent first.

    Args:
        containers: subject, score, findings, and what its findings add up to in a few words.
        others: failing findings of the site, images, host, engines and networks.
        checks: id -> check.
    """
    ranked: dict[tuple[str, ...], tuple[int, DoFirst]] = {}

    def add(
        key: tuple[str, ...],
        rank: int,
        line: DoFirst,
    ) -> None:
        if known := ranked.get(key):
            both = known[1]
            rank, line = (
                max(rank, known[0]),
                replace(
                    both,
                    subjects=(*both.subjects, *line.subjects),
                    points=max(both.points, line.points),
                    risk=max(both.risk, line.risk, key=_RISK_ORDER.index),
                    affects=both.affects + line.affects,
                ),
            )
        ranked[key] = rank, line

    for subject, before, findings, way in containers:
        findings = tuple(findings)
        failing = sorted(
            (each for each in findings if each.failing), key=lambda each: -each.severity
        )
        if any(each.takes_over for each in failing):
            takeover = [each for each in failing if each.severity is Severity.CRITICAL]
            line = _line(
                subject,
                takeover,
                way or takeover[0].title,
                before,
                findings,
                checks,
            )
            add(
                ("takeover", subject.engine, subject.id),
                1000 - (before.value or 0),
                line,
            )
            continue  # until that is closed, nothing else of it counts
        rights = [each for each in failing if each.check in DEFAULT_RIGHTS]
        if rights:
            line = _line(
                subject,
                rights,
                _rights_words(rights),
                before,
                findings,
                checks,
            )
            add(
                ("rights",),
                100 * max(each.severity for each in rights) + line.points,
                line,
            )
        for finding in failing:
            if finding not in rights and finding.severity >= Severity.MEDIUM:
                line = _line(
                    subject,
                    [finding],
                    finding.title,
                    before,
                    findings,
                    checks,
                )
                add(
                    (finding.check,),
                    100 * finding.severity + line.points,
                    line,
                )
    for finding in others:
        if finding.failing and finding.severity >= Severity.MEDIUM:
            concerned = max(1, len(finding.affects))
            line = DoFirst(
                (finding.subject,), (finding.check,), finding.title, 0, "decide", concerned
            )
            add(
                (finding.check,),
                100 * finding.severity + len(finding.affects),
                line,
            )
    order = sorted(
        ranked.values(), key=lambda pair: (-pair[0], pair[1].subject.name, pair[1].checks)
    )
    return tuple(line for _, line in order[:MOST])


def _line(
    subject: Subject,
    fixed: list[Finding],
    text: str,
    before: Score,
    findings: tuple[Finding, ...],
    checks: Mapping[str, Check],
) -> DoFirst:
    ids = tuple(finding.check for finding in fixed)
    risks = [
        _RISK[checks[check].risk]
        for check in ids
        if check in checks and checks[check].fix not in _NO_OPTION
    ] or ["decide"]
    points = gain(before, findings, frozenset(ids))
    return DoFirst(
        (subject,),
        ids,
        text,
        points,
        max(risks, key=_RISK_ORDER.index),
        1,
    )


def gain(
    before: Score,
    findings: Iterable[Finding],
    fixed: frozenset[str],
) -> int:
    """By how much the score rises once these checks pass."""
    if before.value is None:
        return 0
    return max(0, (score(findings, fixed=fixed).value or 0) - before.value)


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
    "host-user-namespace": "its root is nobody on the host",
    "default-capabilities-kept": "keeps only the capabilities that it needs",
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
    as_root = any(finding.check == "root-user" for finding in rights)
    return "Runs as root with default rights" if as_root else "Keeps default rights"
