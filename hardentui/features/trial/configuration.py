"""A configuration to try: the chosen fixes, and their relaxations. Pure."""

from __future__ import annotations

import posixpath
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.features.change.wait import PATIENCE
from hardentui.features.trial.learned.effects import capabilities
from hardentui.features.trial.learned.needs import Needs, subject_of, writes
from hardentui.host.files import Files
from hardentui.lib.observer.records import CallLog
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.known import NOT_READ, Known, Unread
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Option, Spec
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep
from hardentui.options import *
from hardentui.options.capability_sets import bounding_set, with_no_more, with_only
from hardentui.reading.behaviour import powerless, runs_as_root
from hardentui.reading.layer import holds_logs, is_bytecode
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch import access_to_tmpfs, hidden_code, is_scratch, volume_at
from hardentui.visible import visible

TMPFS_SIZE = "64m"
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")
_OPTIONS = "rw,noexec,nosuid,nodev"


class CapabilityBack(Struct, frozen=True):
    """Keep one capability."""

    capability: str

    @property
    def options(self) -> tuple[str, ...]:
        return (CAP_DROP.name, CAP_ADD.name)

    @property
    def words(self) -> str:
        return f"capability {self.capability.removeprefix('CAP_')} kept"


class WritableDirectory(Struct, frozen=True):
    """Keep one directory of a read-only root writable: with a tmpfs if it is scratch, else with a
    volume."""

    directory: str

    @property
    def options(self) -> tuple[str, ...]:
        return (READ_ONLY.name,)

    @property
    def words(self) -> str:
        if is_scratch(self.directory):
            return f"tmpfs of {TMPFS_SIZE} at {self.directory}"
        return f"volume at {self.directory}"


class Raised(Struct, frozen=True):
    """Raise one limit by `factor`."""

    option: str
    factor: int

    @property
    def options(self) -> tuple[str, ...]:
        return (self.option,)

    @property
    def words(self) -> str:
        return f"{BY_NAME[self.option].flag} {self.factor} times as high"


Loosening = CapabilityBack | WritableDirectory | Raised


class TrialConfiguration(Struct, frozen=True):
    """The configuration of a twin."""

    choices: tuple[Choice, ...]
    loosenings: tuple[Loosening, ...] = ()
    profile: str = ""  # path of a learned seccomp profile; empty = none

    @property
    def checks(self) -> tuple[str, ...]:
        return tuple(choice.check for choice in self.choices)

    def without(self, check: str) -> TrialConfiguration:
        return replace(
            self,
            choices=tuple(c for c in self.choices if c.check != check),
        )

    def with_(self, *loosenings: Loosening) -> TrialConfiguration:
        """With these relaxations added; a limit is raised once."""
        raised = {new.option for new in loosenings if isinstance(new, Raised)}
        kept = [
            old for old in self.loosenings if not (isinstance(old, Raised) and old.option in raised)
        ]
        return replace(
            self,
            loosenings=(*kept, *(new for new in loosenings if new not in kept)),
        )

    def tighter(self, *loosenings: Loosening) -> TrialConfiguration:
        return replace(
            self, loosenings=tuple(kept for kept in self.loosenings if kept not in loosenings)
        )


def can_be_writable(
    directory: str,
    spec: Spec,
    facts: ContainerFacts,
) -> bool:
    """Whether something can be mounted there: it hides no program, and is not covered yet."""
    trees = (*_PROGRAMS, "/proc", "/sys", "/dev")
    if directory == "/" or any(at_or_above(tree, directory) for tree in trees):
        return False
    kept = is_scratch(directory) or holds_logs(directory)
    if not kept and hidden_code(directory, facts):
        return False
    covered = [mount.destination for mount in spec[MOUNTS]]
    covered += [entry.partition(":")[0] for entry in spec[TMPFS]]
    return not any(at_or_above(place, directory) for place in covered)


MakePlan = Callable[[ContainerFacts, tuple[Choice, ...]], Plan]


class TwinPlanner:
    """Configurations as specs.

    Args:
        facts: the container, with what its unchanged twin wrote and used.
        make_plan: the plan of chosen fixes.
    """

    def __init__(
        self,
        facts: ContainerFacts,
        make_plan: MakePlan,
    ) -> None:
        self.facts = facts
        self._make_plan = make_plan
        self._plans: dict[tuple[Choice, ...], Plan] = {}

    def plan(self, choices: tuple[Choice, ...]) -> Plan:
        if choices not in self._plans:
            self._plans[choices] = self._make_plan(self.facts, choices)
        return self._plans[choices]

    def spec(self, configuration: TrialConfiguration) -> Spec:
        spec = self.plan(configuration.choices).after
        for loosening in configuration.loosenings:
            spec = self._loosened(spec, loosening)
        return spec.with_(SECCOMP_PROFILE, configuration.profile) if configuration.profile else spec

    def checks_of(
        self,
        loosening: Loosening,
        choices: tuple[Choice, ...],
    ) -> tuple[str, ...]:
        """The chosen fixes that it loosens."""
        changes = [
            change for change in self.plan(choices).changes if change.option in loosening.options
        ]
        return tuple(dict.fromkeys(check for change in changes for check in change.checks))

    def loosened_checks(
        self,
        configuration: TrialConfiguration,
    ) -> frozenset[str]:
        """The chosen fixes that its relaxations loosen."""
        loosened = (
            self.checks_of(each, configuration.choices) for each in configuration.loosenings
        )
        return frozenset(check for checks in loosened for check in checks)

    def dropped_capabilities(
        self,
        configuration: TrialConfiguration,
    ) -> frozenset[str]:
        """The capabilities that it could use before and lacks now."""
        defaults, spec = self.facts.engine.default_capabilities, self.spec(configuration)
        own = not runs_as_root(self.facts, self.facts.spec) and not self.facts.spec[CAP_ADD]
        if own and powerless(self.facts, spec.without(CAP_ADD)):
            return frozenset()  # an ordinary user who cannot gain any has none
        return bounding_set(self.facts.spec, defaults) - bounding_set(spec, defaults)

    def _loosened(
        self,
        spec: Spec,
        loosening: Loosening,
    ) -> Spec:
        if isinstance(loosening, CapabilityBack):
            defaults = self.facts.engine.default_capabilities
            bounding = bounding_set(spec, defaults)
            if loosening.capability in bounding:
                return spec
            if runs_as_root(self.facts, self.facts.spec):
                return with_only(spec, {*bounding, loosening.capability})
            return with_no_more(
                spec,
                {*bounding, loosening.capability},
                defaults,
            )
        if isinstance(loosening, Raised):
            option: Option[int] = BY_NAME[loosening.option]
            limit: int = spec[option]
            raised = spec.with_(option, limit * loosening.factor)
            return raised.without(MEMORY_SWAP) if option.name == "memory" else raised
        if not spec[READ_ONLY]:
            return spec
        directory = loosening.directory
        if not is_scratch(directory):
            return spec.with_(
                MOUNTS,
                (*spec[MOUNTS], volume_at(directory, spec, self.facts)),
            )
        access = access_to_tmpfs(directory, self.facts)
        return spec.with_(
            TMPFS,
            (
                *spec[TMPFS],
                f"{directory}:{_OPTIONS},size={TMPFS_SIZE}{access}",
            ),
        )


# The request of a trial, and its dependencies.


class Wishes(Struct, frozen=True):
    """Options of a trial besides the fixes."""

    peers: tuple[str, ...] = ()  # names of containers that it needs; each gets a twin
    probes: tuple[str, ...] = ()  # commands that must succeed
    patience: float = PATIENCE
    outside: bool = False  # the twins can reach the outside, and the host
    # learn what it needs; the future path of the learned seccomp profile; empty = do not learn
    learn: str = ""
    tight: bool = False  # keep only what was seen
    # what the twins get although it reaches beyond them: `OPTION` or `OPTION=ENTRY`
    granted: tuple[str, ...] = ()


class TrialRequest(Struct, frozen=True):
    """The request of a trial."""

    facts: ContainerFacts  # the container after a detailed inspection
    choices: tuple[Choice, ...]  # the fixes; those with user-set parameters are tried unchanged
    peers: tuple[ContainerFacts, ...] = ()  # containers that it needs; they get unchanged twins
    members: tuple[ContainerFacts, ...] = ()  # the other members of its pod
    # the rest of its stack, and of its networks, from which the trial takes those that it needs
    company: tuple[ContainerFacts, ...] = ()
    wishes: Wishes = Wishes()
    before: Needs | None = None  # what earlier trials learned about the same container and image
    named: bool = False  # the user named the fixes, so none of them is left as a question


class Tools(Struct, frozen=True):
    """The dependencies of a trial."""

    changing: ChangingEngine
    files: Files | None  # this machine's; None when the engine runs on another one
    # detailed facts of a running container, from its inspect document
    look: Callable[[Mapping[str, Any]], ContainerFacts]
    make_plan: MakePlan
    judge: Callable[[str, ContainerFacts], Verdict]  # runs a check on facts
    on_event: OnTrialEvent
    stop: threading.Event  # ends the trial
    # the seccomp profile in force, as JSON: what a learned one must not weaken, and twins are
    # watched with
    profile: Callable[[], Known[Mapping[str, Any]]] = lambda: NOT_READ
    keep: Callable[[Needs], None] = lambda needs: (
        None
    )  # stores what was learned, for the next trial

    def tell(
        self,
        step: TrialStep,
        text: str,
        **about: Any,
    ) -> None:
        """Tell an event. `about`: its other fields."""
        self.on_event(TrialEvent(step, text, **about))


# What was denied, and which relaxation would allow it. Pure.

_SHOWN = 160


class FailureSign(Struct, frozen=True):
    """Evidence of why it fails."""

    text: str
    loosening: Loosening | None = None  # the relaxation that would help, if known
    blames: str = ""  # the option named as the reason


_ASK_TO_WRITE = frozenset({"access", "faccessat", "faccessat2"})


def of_calls(
    log: Known[CallLog],
    low_ports: int = 1024,
) -> Iterator[FailureSign]:
    """The evidence in the calls of a twin: those that need a capability that their caller lacks,
    and those that write where nothing can be written. `low_ports`: the first port that anybody may
    bind.
    """
    for detail in () if isinstance(log, Unread) else log.details:
        about = visible(f"{detail.call} {subject_of(detail)}", _SHOWN)
        for name in sorted(
            capabilities(detail, low_ports) - (detail.caller.capabilities or frozenset())
        ):
            yield FailureSign(
                f"{about} needs {name.removeprefix('CAP_')}",
                CapabilityBack(name),
            )
        for file in detail.files:
            if is_bytecode(file.path):
                continue
            if file.read_only and (detail.call in _ASK_TO_WRITE or writes(detail, file)):
                yield FailureSign(
                    f"{about}: read-only file system", WritableDirectory(directory_of(file.path))
                )


def directory_of(path: str) -> str:
    return posixpath.dirname(posixpath.normpath(path))


_NOT_PERMITTED = (
    r"(operation not permitted|permission denied|not permitted|\(1: |\(13: |errno 1\b|eperm|eacces)"
)
_IN_LOG: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(words + r".*" + _NOT_PERMITTED, re.IGNORECASE), names)
    for words, names in (
        (r"(chown|changing ownership|change owner|ownership of)", ("CHOWN",)),
        (r"(setgid|set ?groups|initgroups|setresgid|setegid|switching group|change group)", ("SETGID",)),
        (r"(setuid|setresuid|seteuid|setreuid|change user|switch.*user|drop.*privileges)", ("SETUID",)),
        (r"(su-exec|gosu|setpriv|failed switching to|cannot set (user|group)s? id)", ("SETUID", "SETGID")),
        (r"(bind|listen|could not.*(socket|port)|address.*:\d{1,3}\b)", ("NET_BIND_SERVICE",)),
        (r"(chmod|changing permissions|set.*permissions|utime)", ("FOWNER",)),
        (r"(chroot)", ("SYS_CHROOT",)),
        (r"(mknod)", ("MKNOD",)),
        (r"\b(kill)\b", ("KILL",)),
        (r"(raw socket|icmp|socket)", ("NET_RAW",)),
        (r"(mkdir|open|creat|cannot (access|read|write|remove|stat)|unlink|rename|touch)", ("DAC_OVERRIDE",)),
    )
)  # fmt: skip
_EROFS = re.compile(r"read-only file ?system|erofs|\(30: ", re.IGNORECASE)
_PATH = re.compile(r"(/[A-Za-z0-9_.@%+=~-]+(?:/[A-Za-z0-9_.@%+=~-]+)*/?)")
_NO_FORK = re.compile(
    r"(fork|thread|clone|pthread_create).*(resource temporarily unavailable|errno 11|eagain)", re.I
)
_NO_NEW_PRIVILEGES = re.compile(r"no.new.privileges|effective uid is not 0", re.IGNORECASE)
"""sudo's messages about it, from versions with and without knowledge of the flag."""
_NO_MEMORY = re.compile(
    r"(cannot allocate memory|out of memory|std::bad_alloc|outofmemoryerror)", re.IGNORECASE
)
_NO_IDS = re.compile(r"not enough (unused|available) IDs|maximum value allowed with userns=auto")


def of_engine(error: str) -> Iterator[FailureSign]:
    """The evidence in what Podman says when it cannot create or start the container."""
    if _NO_IDS.search(error):
        wanted = (
            "the user containers needs an account and a free range in /etc/subuid and /etc/subgid"
        )
        yield FailureSign(
            f"Podman has no IDs for it: {wanted}; the doctor says more", blames=USERNS.name
        )


def of_log(log: str) -> Iterator[FailureSign]:
    """The evidence in a program's messages."""
    for line in log.splitlines():
        shown = visible(line.strip(), _SHOWN)
        if _EROFS.search(line):
            for path in _PATH.findall(line)[-1:]:
                if is_bytecode(path):
                    continue
                directory = path.rstrip("/") if path.endswith("/") else directory_of(path)
                yield FailureSign(shown, WritableDirectory(directory))
            continue
        if _NO_NEW_PRIVILEGES.search(line):
            yield FailureSign(shown, blames=NO_NEW_PRIVILEGES.name)
        if _NO_FORK.search(line):
            yield FailureSign(shown, Raised("pids-limit", 4))
        if _NO_MEMORY.search(line):
            yield FailureSign(shown, Raised("memory", 2))
        for pattern, names in _IN_LOG:
            if pattern.search(line):
                yield from (FailureSign(shown, CapabilityBack(f"CAP_{name}")) for name in names)
                break
