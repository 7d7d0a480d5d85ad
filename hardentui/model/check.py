"""The definition of a check: one condition of one step, with texts, logic and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind, Severity, Verdict, unknown
from hardentui.model.gain import Gained
from hardentui.model.known import Unread
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Spec

T = TypeVar("T")

ParameterValue: TypeAlias = "int | str | bool | tuple[str, ...]"

FormName: TypeAlias = Literal[
    "address",
    "capabilities",
    "command",
    "count",
    "failure-action",
    "label-value",
    "log-driver",
    "log-size",
    "memory",
    "offset",
    "processors",
    "tmpfs-size",
    "update-policy",
    "user",
]
"""The form of a value that a fix takes; defined in `hardentui.reading.forms`."""

TITLE_LENGTH = 50
HEADINGS = ("What it checks", "Why it matters", "What may break")


class Settled(Exception):
    """Raised by what a check asks where that settles the verdict: there is nothing to judge."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Parameters(Struct, frozen=True):
    """Parameters of a check: the checklist's values over the check's defaults."""

    values: Mapping[str, ParameterValue] = field(default_factory=dict)

    def integer(self, name: str) -> int:
        return int(self._of(int, "number", name))

    def text(self, name: str) -> str:
        return self._of(str, "string", name)

    def texts(self, name: str) -> tuple[str, ...]:
        return self._of(tuple, "list", name)

    def _of(
        self,
        kind: type[T],
        word: str,
        name: str,
    ) -> T:
        value = self.values[name]
        if not isinstance(value, kind):
            raise TypeError(f"parameter {name} is not a {word}: {value!r}")
        return value


class FixContext(Struct, frozen=True):
    """The input of a remediation besides the spec."""

    facts: ContainerFacts
    parameters: Parameters  # the check's parameters, overridden by the user's choices
    # name -> observation from a trial or the running container (`written_paths`…)
    observations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()  # names of the parameters that were set for this container


class Advice(Struct, frozen=True):
    """What a fix means for one particular container, based on observations."""

    risk: Risk | None = None  # the risk for this service; None = the check's general risk
    # observations and their consequences, one sentence each, with evidence
    notes: tuple[str, ...] = ()


class Measured(Struct, frozen=True):
    """A value that a fix writes instead of the parameter's, based on facts about this container."""

    value: ParameterValue
    why: str


def _nothing(facts: object) -> Verdict:
    return unknown("it has no condition")


_KINDS = {
    "ContainerFacts": Kind.CONTAINER,
    "ImageFacts": Kind.IMAGE,
    "NetworkFacts": Kind.NETWORK,
    "EngineFacts": Kind.ENGINE,
    "HostFacts": Kind.HOST,
    "WaiverFacts": Kind.WAIVERS,
}
"""What a check takes -> what it is about."""


class Check(Struct, frozen=True, kw_only=True):
    """One condition of one step: a record that decorates the function with the condition."""

    # what it gives an attacker while it fails: a verdict may say otherwise for its case. With a
    # rootless engine, the host is the account of the engine's user.
    gives: Gained
    summary: str  # the fix as one imperative sentence
    # facts -> verdict; also takes the parameters if the check has any
    evaluate: Callable[..., Verdict] = _nothing
    # passes, fails: small examples: test data, also shown by `explain`. Where only a container's
    # options matter, they stand as typed after `podman run`; facts are created on demand, because a
    # scan needs none of them.
    passes: tuple[str, ...] | Callable[[], tuple[Any, ...]]
    fails: tuple[str, ...] | Callable[[], tuple[Any, ...]]
    fix: FixKind = FixKind.RECREATE
    risk: Risk = Risk.MAY_BREAK
    kind: Kind = Kind.CONTAINER
    # whose finding it is, if not that kind's: what is about an image, or one decision for all
    # containers (the site), is read with each container
    scope: Kind | None = None
    # id, step, doc, title: set by `hardentui.checks`: the name of the function with dashes, the
    # number of its directory, the docstring of `evaluate` with the HEADINGS, and its first line:
    # what is wrong, in at most TITLE_LENGTH characters, a noun phrase or a short statement
    id: str = ""
    step: int = 0
    title: str = ""
    doc: str = ""
    # spec -> fixed spec; None if no container option fixes it. Idempotent. Raises CannotFix if it
    # cannot fix this container.
    remediate: Callable[[Spec, FixContext], Spec] | None = None
    references: tuple[str, ...] = ()
    # its share of a container's score, by what the defence keeps an intruder from; 0 = no option of
    # the container decides it, so it does not count
    points: int = 0
    # it gives a compromised process more power, so it takes a step more in a user namespace of its
    # own
    contextual: bool = False
    # it uses `ContainerFacts.peers`, so it has to run again once they are known
    compares: bool = False
    # name -> default of the values that a checklist may set
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    # the parameters that the fix writes, with their forms; they can be chosen per container. The
    # others define what fails, and only a checklist sets them.
    takes: Mapping[str, FormName] = field(default_factory=dict)
    # parameter -> value that the fix writes instead of it; empty if it uses the parameters
    measured: Callable[[FixContext], Mapping[str, Measured]] | None = None
    # (spec before, spec after, context) -> advice for this container; None = only `risk` and the
    # docstring apply
    advise: Callable[[Spec, Spec, FixContext], Advice] | None = None

    def __call__(self, evaluate: Callable[..., Verdict]) -> Check:
        """What `@Check(…)` makes of a function: a check of what the function takes. What no
        container option fixes is a file of the host or a decision."""
        kind, fix = _KINDS[evaluate.__annotations__["facts"]], self.fix
        if fix is FixKind.RECREATE and self.remediate is None and self.scope is not Kind.IMAGE:
            fix = FixKind.HOST_FILE if kind in (Kind.HOST, Kind.ENGINE) else FixKind.DECISION
        return replace(
            self,
            evaluate=evaluate,
            kind=kind,
            fix=fix,
        )

    @property
    def about(self) -> Kind:
        """Whose finding it is."""
        return self.scope or self.kind

    @property
    def severity(self) -> Severity:
        """Of what it gives, where its verdict does not say otherwise."""
        return self.gives.severity

    @property
    def severity_words(self) -> str:
        """Its severity, and what becomes of it in a user namespace."""
        less = self.gives.later().severity.word
        return (
            f"{self.severity.word} ({less} in a user namespace)"
            if self.contextual
            else self.severity.word
        )

    def verdict(
        self,
        facts: object,
        parameters: Parameters | None = None,
    ) -> Verdict:
        """The verdict on these facts, with the check's own parameters by default; unknown, because
        what it asks for cannot be read."""
        try:
            if not self.parameters:
                return self.evaluate(facts)
            return self.evaluate(
                facts, Parameters(self.parameters) if parameters is None else parameters
            )
        except Settled as settled:
            return settled.verdict
        except Unread as unread:
            return unknown(unread)

    def section(self, heading: str) -> str:
        """The text below one of the HEADINGS of the docstring, one line per paragraph."""
        return sections(self.doc).get(heading, "")


@cache
def sections(doc: str) -> Mapping[str, str]:
    """Split a check's docstring: heading -> text. A heading is a line of its own that ends with a
    colon."""
    texts: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in doc.splitlines():
        text = line.strip()
        if text.endswith(":") and text[:-1] in HEADINGS:
            current = texts.setdefault(text[:-1], [])
        elif current is not None:
            current.append(text)
    return {heading: _paragraphs(lines) for heading, lines in texts.items()}


def _paragraphs(lines: list[str]) -> str:
    blocks = "\n".join(lines).strip().split("\n\n")
    return "\n\n".join(" ".join(block.split()) for block in blocks)
