"""A lab: an exercise that starts broken on purpose and is solved by other options of `podman run`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,40}\Z")]
Words = Annotated[tuple[str, ...], Meta(min_length=1)]
Text = Annotated[str, Meta(min_length=1)]


class Level(StrEnum):
    """The difficulty of a lab."""

    GENTLE = "gentle"
    STEP = "step"
    COMBINED = "combined"


class Mode(StrEnum):
    """The mode of a lab: with the next move shown, alone, or alone against the clock."""

    GUIDED = "guided"
    CHALLENGE = "challenge"
    EXAM = "exam"


class Attack(Struct, frozen=True, forbid_unknown_fields=True):
    """A harmless attack on the lab's own containers. It works while the lab is broken and fails afterwards.

    Attributes:
        title: what the attacker does, as an imperative.
        run: the command; exit code 0 means that the attack worked.
        user: its user inside the container; empty = the container's own user.
        neighbour: the neighbour that attacks; empty = from inside the lab's container.
        unseen: it works only if the container's log contains nothing it printed.
        moves_tag: instead of a command: another image is pushed under the tag `latest`.
        copies_unsigned: instead of a command: an unsigned image is copied under the learner's policy.
        seconds: the limit for the command.
    """

    title: Text
    run: tuple[str, ...] = ()
    user: str = ""
    neighbour: str = ""
    unseen: bool = False
    moves_tag: bool = False
    copies_unsigned: bool = False
    seconds: int = 20


class Neighbour(Struct, frozen=True, forbid_unknown_fields=True):
    """Another container of the lab. The learner cannot change it.

    Attributes:
        networks: its networks of the lab.
        app: the value of its label `app`.
        command: its command; empty = it serves a page on port 8080.
    """

    name: Name
    networks: tuple[Name, ...]
    app: str
    command: tuple[str, ...] = ()


class Lab(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exercise. The field names are those of its TOML file.

    Attributes:
        id: its name; that of its file.
        steps: its steps of the checklist, the main one first.
        minutes: how long it takes; the time limit of the exam.
        checks: IDs of the checks that fail at the start and must pass at the end.
        learn: why this matters. picture: the attack as a drawing in plain characters.
        task: what to do, for a learner who works alone.
        guided: what to do next, for a guided learner.
        hints: where to look, which flag, and nearly the whole answer.
        start, solution: options of `podman run`.
        wrong: option -> the message for a learner who tries it and has not solved the lab.
        finish: what was learned, and what comes next.
        image: the initial variant of the lab's image; the learner may choose another.
        inside: the files of the image are inspected.
        networks: names of its networks; none = the container has no network at all.
        app: value of the container's label `app`.
        service: a command inside the container that works as long as the service does.
        policy: in a lab about signatures: the policy.json that the learner edits. There is no container.
        solved_policy: the same, solved.
    """

    id: Name = ""
    title: Annotated[str, Meta(min_length=1, max_length=50)]
    level: Level
    steps: Annotated[tuple[Annotated[int, Meta(ge=1, le=10)], ...], Meta(min_length=1)]
    minutes: Annotated[int, Meta(ge=1, le=60)]
    checks: Words
    learn: Text
    picture: str
    task: Text
    guided: Text
    hints: Annotated[tuple[Text, ...], Meta(min_length=3, max_length=3)]
    finish: Text
    attack: Attack
    start: tuple[str, ...] = ()
    solution: tuple[str, ...] = ()
    wrong: dict[str, str] = {}
    image: str = "1.0"
    inside: bool = False
    networks: tuple[Name, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    app: str = "shop"
    service: tuple[str, ...] = ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/")
    policy: str = ""
    solved_policy: str = ""

    @property
    def container(self) -> str:
        """The name of its container."""
        return f"{PREFIX}{self.id}"

    def neighbour(self, name: str) -> str:
        """The name of the container of a neighbour."""
        return f"{self.container}-{name}"

    def network(self, name: str) -> str:
        """The name of one of its networks on the engine."""
        return f"{self.container}-{name}"


PREFIX = "ht-lab-"
LABEL = "io.hardentui.lab"
"""The label of every container and network of a lab; its value is the lab's id."""
DIRECTORY = "{folder}"
"""In options: the lab's own directory on the host."""
