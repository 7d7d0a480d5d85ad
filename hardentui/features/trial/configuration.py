"""A configuration to try: the chosen fixes, and their relaxations. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.capability_sets import bounding_set, with_no_more, with_only
from hardentui.reading.behaviour import powerless, runs_as_root
from hardentui.reading.layer import holds_logs
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch import hidden_code, is_scratch
from hardentui.reading.scratch_mounts import tmpfs_at, volume_at

TMPFS_SIZE = "64m"
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot")


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
        return spec.with_(
            TMPFS,
            (*spec[TMPFS], tmpfs_at(directory, TMPFS_SIZE, self.facts)),
        )
