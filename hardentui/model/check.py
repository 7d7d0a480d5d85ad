"""What a check is: one condition of one step, with its texts, its logic and its examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Kind, Risk, Severity, Verdict
from hardentui.model.spec import Spec

F = TypeVar("F")
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
    "selinux-type",
    "tmpfs-size",
    "update-policy",
    "user",
]
"""What a value that a fix takes has to look like; `hardentui.reading.forms` has them."""

TITLE_LENGTH = 50
HEADINGS = ("What it checks", "Why it matters", "What may break")


class Parameters(Struct, frozen=True):
    """The values that a checklist may set for a check, over the check's own defaults."""

    values: Mapping[str, ParameterValue] = field(default_factory=dict)

    def integer(self, name: str) -> int:
        value = self.values[name]
        if not isinstance(value, int):
            raise TypeError(f"parameter {name} is no number: {value!r}")
        return int(value)

    def text(self, name: str) -> str:
        value = self.values[name]
        if not isinstance(value, str):
            raise TypeError(f"parameter {name} is no text: {value!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values[name]
        if not isinstance(value, tuple):
            raise TypeError(f"parameter {name} is no list: {value!r}")
        return value


class FixContext(Struct, frozen=True):
    """What a remediation may look at besides the spec.

    Attributes:
        facts: the container that is being fixed.
        parameters: the check's parameters; a user's own choices are set over them.
        observations: name -> what a trial or a look at the running container showed (`written_paths`…).
        chosen: names of the parameters that somebody set for this very container.
    """

    facts: ContainerFacts
    parameters: Parameters
    observations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()


class Advice(Struct, frozen=True):
    """What a fix means for one very container, by what was seen of it.

    Attributes:
        risk: what it does to this service; None = what the check says of every one.
        notes: what was seen and what follows from it, one sentence each, with the evidence.
    """

    risk: Risk | None = None
    notes: tuple[str, ...] = ()


class Measured(Struct, frozen=True):
    """A value that a fix writes instead of its parameter's, because something is known of this container."""

    value: ParameterValue
    why: str


class Check(Struct, Generic[F], frozen=True, kw_only=True):
    """One condition of one step. F is the kind of facts it looks at.

    Attributes:
        title: what is wrong, in at most TITLE_LENGTH characters: a noun phrase or a short statement.
        summary: the fix as one imperative sentence.
        id, step, doc: `hardentui.checks` sets them by where the module stands: its name with dashes, the
            number of its folder, and its docstring with the HEADINGS.
        evaluate: facts -> verdict; takes the parameters too where the check has some.
        remediate: spec -> better spec; None where no container option fixes it. Applied twice it is the
            same as applied once. Raises CannotFix where it does not fit.
        compares: it looks at `ContainerFacts.peers`, so it has to be run again when they are known.
        takes_over: where it fails with critical severity, whoever takes the container over has the host, or
            the account of the engine's user, by a known way and without another hole.
        closer: it answers only after a closer look at one container. It has no part in the score, so that
            the score is the same in a list and in a close look.
        contextual: the severity moves with the context (rootful, user namespace, exposure, host mounts);
            true for what widens the power of a process that was taken over.
        parameters: name -> default of what a checklist may set.
        takes: those of the parameters that the fix writes, so that they can be chosen for one container, and
            the form of each. The others say what the check finds wrong: only a checklist sets them.
        advise: (spec before, spec after, context) -> what this fix means for this very container. None =
            nothing but what `risk` and the docstring say of every container.
        measured: what the fix writes instead of such a parameter, by its name; nothing where it keeps to it.
        passes, fails: make tiny examples: test data, and what `explain` shows. Made when they are asked for,
            because a scan needs none of the four hundred.
    """

    title: str
    severity: Severity
    summary: str
    fix: FixKind
    risk: Risk
    evaluate: Callable[[F], Verdict] | Callable[[F, Parameters], Verdict]
    passes: Callable[[], tuple[F, ...]]
    fails: Callable[[], tuple[F, ...]]
    kind: Kind = Kind.CONTAINER
    id: str = ""
    step: int = 0
    doc: str = ""
    remediate: Callable[[Spec, FixContext], Spec] | None = None
    references: tuple[str, ...] = ()
    catalogue: str = ""
    takes_over: bool = False
    closer: bool = False
    contextual: bool = False
    compares: bool = False
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    takes: Mapping[str, FormName] = field(default_factory=dict)
    measured: Callable[[FixContext], Mapping[str, Measured]] | None = None
    advise: Callable[[Spec, Spec, FixContext], Advice] | None = None

    def verdict(self, facts: F, parameters: Parameters | None = None) -> Verdict:
        """What it says of these facts, with the check's own parameters where none are given."""
        evaluate: Callable[..., Verdict] = self.evaluate
        if not self.parameters:
            return evaluate(facts)
        return evaluate(facts, Parameters(self.parameters) if parameters is None else parameters)

    def section(self, heading: str) -> str:
        """The text below one of the HEADINGS of the docstring, unwrapped to one paragraph per blank line."""
        return sections(self.doc).get(heading, "")


AnyCheck: TypeAlias = "Check[Any]"


@cache
def sections(doc: str) -> Mapping[str, str]:
    """Split a check's docstring: heading -> text. A heading is a line of its own that ends with a colon."""
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
