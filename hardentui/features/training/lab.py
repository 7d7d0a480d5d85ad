"""Labs, and the learner's progress in them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from hardentui.engine.shapes import LAB_LABEL, OUR_NAMES
from hardentui.harden.own.requirement import OPERATORS, typed
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.model.finding import Severity
from hardentui.model.own_check import CheckOperator, OwnCheck

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,40}\Z")]
Words = Annotated[tuple[str, ...], Meta(min_length=1)]
Text = Annotated[str, Meta(min_length=1)]


class Level(StrEnum):
    """The difficulty of a lab."""

    GENTLE = "gentle"
    STEP = "step"
    COMBINED = "combined"


class Attack(Struct, frozen=True, forbid_unknown_fields=True):
    """A harmless attack on the lab's own containers. It works until the lab is mended."""

    title: Text  # what the attacker does, as an imperative
    run: tuple[str, ...] = ()  # the command; exit code 0 means that the attack worked
    user: str = ""  # its user inside the container; empty = the container's own user
    neighbour: str = ""  # the neighbour that attacks; empty = from inside the lab's container
    unseen: bool = False  # it works only if the container's log contains nothing it printed
    moves_tag: bool = False  # instead of a command: another image is pushed under the tag `latest`
    # instead of a command: an unsigned image is copied under the learner's policy
    copies_unsigned: bool = False
    # the limit for the command: a machine that a class shares, or an emulated one, is slow
    seconds: int = 60


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the task asks for, judged on the container's facts; a row as in
    docs/own-checks.md."""

    says: Text  # the state that is wanted, as a statement
    operator: CheckOperator
    remark: Text  # what the learner is told while it is not so
    option: str = ""  # of podman run, without its dashes; or
    fact: str = ""  # one that can be asked for; exactly one of the two is set
    at: str = ""  # of its mounts only the one that holds this path counts, and those below the path
    value: bool | int | float | str | list[str] | None = None


class WrongAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """An answer that is refused, tested on a real Podman."""

    options: tuple[str, ...] = ()
    policy: str = ""  # in a lab about signatures, instead of options
    # by what: the name of an ask, the ID of a check, `service` or `attack`
    refused_by: str = ""


class Neighbour(Struct, frozen=True, forbid_unknown_fields=True):
    """Another container of the lab. The learner cannot change it."""

    name: Name
    networks: tuple[Name, ...]  # its networks of the lab
    app: str  # the value of its label `app`
    command: tuple[str, ...] = ()  # its command; empty = it serves a page on port 8080


ASKS_FOR_PAGE = ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/")


class Lab(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exercise. The field names are those of its TOML file."""

    id: Name = ""  # its name; that of its file
    title: Annotated[str, Meta(min_length=1, max_length=50)]
    level: Level
    # its steps of the checklist, the main one first
    steps: Annotated[tuple[Annotated[int, Meta(ge=1, le=10)], ...], Meta(min_length=1)]
    minutes: Annotated[int, Meta(ge=1, le=60)]  # how long it takes
    checks: Words  # IDs of the checks that fail at the start and must pass at the end
    story: str = ""  # of one shop, and what happened to it
    learn: Text  # why this matters. picture: the attack as a drawing in plain characters
    picture: str = ""
    task: Text  # what to do
    guided: Text  # what to do next
    # where to look, which flag, and nearly the whole answer
    hints: Annotated[tuple[Text, ...], Meta(min_length=3, max_length=3)]
    why: str = ""  # why the solution works, in three sentences
    finish: Text  # what comes next
    question: str = ""  # asked once it is solved
    reply: str = ""  # its answer, told on request
    attack: Attack
    # start, solution: options of `podman run`
    start: tuple[str, ...] = ()
    solution: tuple[str, ...] = ()
    # what the task asks for besides the checks, by a short name
    asks: dict[str, Ask] = {}
    wrong: tuple[WrongAnswer, ...] = ()
    right: tuple[tuple[str, ...], ...] = ()  # other answers that solve it, tested as well
    # what the learner is told while the service does not work
    service_remark: str = "The shop no longer works. A fix that breaks the service is no fix."
    image: str = "1.0"  # the initial variant of the lab's image; the learner may choose another
    inside: bool = False  # the files of the image are inspected
    # names of its networks; none = the container has no network at all
    networks: tuple[Name, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    app: str = "shop"  # value of the container's label `app`
    # a command inside the container that works as long as the service does
    service: tuple[str, ...] = ASKS_FOR_PAGE
    # in a lab about signatures: the policy.json that the learner edits. There is no container.
    policy: str = ""
    solved_policy: str = ""  # the same, solved
    # the scope whose images the policy must accept if they are signed
    policy_scope: str = ""
    learner: str = ""  # whose lab it is; part of every name on the engine

    @property
    def container(self) -> str:
        """The name of its container."""
        return f"{PREFIX}{self.learner}-{self.id}" if self.learner else f"{PREFIX}{self.id}"

    @property
    def label(self) -> str:
        """The value of the label of all that belongs to it."""
        return label_of(self.learner, self.id)

    @property
    def afterwards(self) -> tuple[tuple[str, str], ...]:
        """What is told once it is solved: the title and the text of each part."""
        checks = " --check ".join(self.checks)
        parts = (
            ("Why it works", self.why),
            ("What comes next", self.finish),
            ("The same on your host", f"hardentui check --check {checks}"),
            ("A question", self.question),
        )
        return tuple((title, text) for title, text in parts if text)

    def neighbour(self, name: str) -> str:
        """The name of the container of a neighbour."""
        return f"{self.container}-{name}"

    def network(self, name: str) -> str:
        """The name of one of its networks on the engine."""
        return f"{self.container}-{name}"


SCOPE = "policy-scope"
"""The name of the goal that a policy accepts what is signed."""


def label_of(learner: str, lab: str) -> str:
    """The value of the label of a learner's lab, or of all that the learner has made."""
    return f"{learner}.{lab}" if learner else lab


PREFIX = OUR_NAMES[LAB_LABEL]
DIRECTORY = "{folder}"
"""In options: the lab's own directory on the host."""


def row_of(name: str, ask: Ask) -> OwnCheck:
    """The row of a checklist that says the same.

    Raises:
        ValueError: it names what is not there, or asks what cannot be asked of it.
    """
    table: Mapping[str, object] = OPTIONS if ask.option else FACTS
    subject = ask.option or ask.fact
    if bool(ask.option) == bool(ask.fact) or subject not in table:
        raise ValueError("it needs an option of podman run, or a fact, that can be asked for")
    option = OPTIONS[ask.option] if ask.option else None
    shape = shape_of(option) if option is not None else FACTS[ask.fact].shape
    if ask.operator not in OPERATORS[shape]:
        raise ValueError(f"{ask.operator} cannot be asked of {shape}")
    with_value = ask.operator not in (CheckOperator.PRESENT, CheckOperator.ABSENT)
    if with_value != (ask.value is not None):
        raise ValueError("present and absent have no value, all others have one")
    try:
        value = typed(shape, ask.operator, ask.value, option) if with_value else None
    except ValueError as error:
        raise ValueError(f"value must be {error}") from error
    return OwnCheck(
        id=name,
        title=ask.says,
        step=1,
        severity=Severity.LOW,
        operator=ask.operator,
        option=ask.option,
        fact=ask.fact,
        value=value,
    )
