"""Labs, and the learner's progress in them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace

import hardentui
from hardentui.engine.shapes import LAB_LABEL, OUR_NAMES
from hardentui.errors import InputError, UsageError, WriteError
from hardentui.state import read_document, state_directory, write_own
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

# A lab: an exercise that starts broken on purpose and is solved by other options of `podman run`.

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
    seconds: int = 20  # the limit for the command


class Neighbour(Struct, frozen=True, forbid_unknown_fields=True):
    """Another container of the lab. The learner cannot change it."""

    name: Name
    networks: tuple[Name, ...]  # its networks of the lab
    app: str  # the value of its label `app`
    command: tuple[str, ...] = ()  # its command; empty = it serves a page on port 8080


class Lab(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exercise. The field names are those of its TOML file."""

    id: Name = ""  # its name; that of its file
    title: Annotated[str, Meta(min_length=1, max_length=50)]
    level: Level
    # its steps of the checklist, the main one first
    steps: Annotated[tuple[Annotated[int, Meta(ge=1, le=10)], ...], Meta(min_length=1)]
    minutes: Annotated[int, Meta(ge=1, le=60)]  # how long it takes
    checks: Words  # IDs of the checks that fail at the start and must pass at the end
    learn: Text  # why this matters. picture: the attack as a drawing in plain characters
    picture: str
    task: Text  # what to do
    guided: Text  # what to do next
    # where to look, which flag, and nearly the whole answer
    hints: Annotated[tuple[Text, ...], Meta(min_length=3, max_length=3)]
    finish: Text  # what was learned, and what comes next
    attack: Attack
    # start, solution: options of `podman run`
    start: tuple[str, ...] = ()
    solution: tuple[str, ...] = ()
    # option -> the message for a learner who tries it and has not solved the lab
    wrong: dict[str, str] = {}
    image: str = "1.0"  # the initial variant of the lab's image; the learner may choose another
    inside: bool = False  # the files of the image are inspected
    # names of its networks; none = the container has no network at all
    networks: tuple[Name, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    app: str = "shop"  # value of the container's label `app`
    # a command inside the container that works as long as the service does
    service: tuple[str, ...] = ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/")
    # in a lab about signatures: the policy.json that the learner edits. There is no container.
    policy: str = ""
    solved_policy: str = ""  # the same, solved

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


PREFIX = OUR_NAMES[LAB_LABEL]
DIRECTORY = "{folder}"
"""In options: the lab's own directory on the host."""


# The learner's progress: stored in our own file, versioned, written atomically.

VERSION = 1


class LabResult(Struct, frozen=True):
    """The learner's progress in one lab. Times are seconds since 1970."""

    hints: int = 0  # how many were shown since the lab was started
    started: float = 0.0
    passed: float = 0.0  # when it was first solved; 0 = never
    # the solution was shown before it was passed; it counts as passed only after a restart
    given_up: bool = False

    @property
    def state(self) -> str:
        if self.passed:
            return "passed"
        if self.given_up:
            return "shown"
        return "started" if self.started else "new"


STATES = {
    "passed": ("✓", "passed"),
    "started": ("…", "begun"),
    "shown": ("–", "solution seen"),
    "new": (" ", "new"),
}
"""State of a lab -> its sign and its word."""
SIGNS = {True: "✓", False: "✗", None: "?"}
"""Whether something is as it shall be -> its sign."""


class Current(Struct, frozen=True):
    """The lab that is open now."""

    lab: str
    started: float
    # those of its current container; None = the initial ones
    options: tuple[str, ...] | None = None
    simulated: bool = False  # it runs on the simulated host


class TrainingProgress(Struct, frozen=True):
    """All results, by the id of the lab."""

    version: int = VERSION
    results: dict[str, LabResult] = {}
    current: Current | None = None

    def of(self, lab: str) -> LabResult:
        return self.results.get(lab, LabResult())

    def with_result(
        self,
        lab: str,
        result: LabResult,
    ) -> TrainingProgress:
        return replace(self, results={**self.results, lab: result})

    def passed(self, labs: Iterable[Lab]) -> int:
        """How many of them are passed."""
        return sum(bool(self.of(lab.id).passed) for lab in labs)


def progress_file() -> str:
    return os.path.join(state_directory(), "training.json")


def load_progress(path: str) -> tuple[TrainingProgress, str]:
    """The progress, and a notice about its file; empty if there is none.

    A file that cannot be used is moved aside, never overwritten.
    """
    try:
        document = read_document(path)
    except FileNotFoundError:
        return TrainingProgress(), ""
    except (OSError, ValueError) as error:
        return TrainingProgress(), _set_aside(
            path, str(getattr(error, "strerror", "") or "it is damaged")
        )
    try:
        progress = convert(document, TrainingProgress)
    except ValidationError as error:
        return TrainingProgress(), _set_aside(path, str(error))
    if progress.version != VERSION:
        return TrainingProgress(), _set_aside(path, f"it is of version {progress.version}")
    return progress, ""


def keep_progress(path: str, progress: TrainingProgress) -> None:
    """Write it.

    Raises:
        WriteError: it cannot be written; the previous file is untouched.
    """
    try:
        write_own(path, json.dumps(to_builtins(progress), indent=1) + "\n")
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error


def _set_aside(path: str, why: str) -> str:
    kept = f"{path}.{int(time.time())}.kept"
    with suppress(OSError):
        os.rename(path, kept)
        return f"Your progress cannot be read ({why}). It is kept as {kept}, and you start over."
    return f"Your progress cannot be read ({why}), and {path} cannot be moved aside."


# Labs: where they are stored, and how they are read from TOML.


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""The id becomes the name of a directory and of containers."""
_ORDER = tuple(Level)


def load_labs(
    where: str = "",
    *,
    checks: Iterable[str],
) -> tuple[Lab, ...]:
    """The labs of a directory or of one file, in learning order.

    Args:
        where: a TOML file or a directory of them; empty = the labs that come with HardenTUI.
        checks: ids of all checks.

    Raises:
        InputError: one cannot be read or has a fault; names it and the place.
    """
    directory = where or _packaged()
    try:
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else None
    except OSError as error:
        raise InputError(f"{visible(directory)} cannot be read: {error.strerror}.") from error
    paths = [directory] if names is None else [os.path.join(directory, name) for name in names]
    paths = [path for path in paths if path.endswith(".toml")]
    if not paths:
        raise InputError(
            f"There are no labs in {visible(directory)}.", "A lab is a TOML file: docs/training.md"
        )
    known = frozenset(checks)
    return tuple(sorted((_load(path, known) for path in paths), key=_place))


def parse_lab(
    text: str,
    name: str,
    checks: Iterable[str],
) -> Lab:
    """A lab from a TOML text; `name` is its file name without `.toml`.

    Raises:
        InputError: it has a fault; names it and the place.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a lab.",
            "Use lower-case letters, digits and dashes: my-lab.toml",
        )
    try:
        lab = replace(convert(read_toml(text), Lab), id=name)
    except (TomlFault, ValidationError) as error:
        raise InputError(
            f"The lab {visible(name, 60)} has a fault: {visible(str(error), 300)}."
        ) from error
    for fault in _faults(lab, frozenset(checks)):
        raise InputError(f"The lab {visible(name, 60)} has a fault: {fault}.")
    return lab


def find_lab(labs: Iterable[Lab], name: str) -> Lab:
    """A lab by its id or its number on the map.

    Raises:
        UsageError: there is no such lab.
    """
    labs = tuple(labs)
    for number, lab in enumerate(labs, 1):
        if name in (lab.id, str(number)):
            return lab
    raise UsageError(
        f"There is no lab called {visible(name, 60)!r}.",
        f"There are: {', '.join(lab.id for lab in labs)}",
    )


def _packaged() -> str:
    package = os.path.dirname(hardentui.__file__)
    inside = os.path.join(package, "checklists", "labs")
    return (
        inside
        if os.path.isdir(inside)
        else os.path.join(
            os.path.dirname(package),
            "checklists",
            "labs",
        )
    )


def _load(path: str, checks: frozenset[str]) -> Lab:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{visible(path)} cannot be read: {reason}.") from error
    return parse_lab(
        text,
        os.path.basename(path).removesuffix(".toml"),
        checks,
    )


def _place(lab: Lab) -> tuple[int, int, str]:
    return _ORDER.index(lab.level), lab.steps[0] if lab.level is Level.STEP else lab.minutes, lab.id


def _faults(lab: Lab, checks: frozenset[str]) -> Iterable[str]:
    for check in lab.checks:
        if check not in checks:
            yield f"there is no check called {visible(check, 60)}"
    kinds = (
        bool(lab.attack.run),
        lab.attack.moves_tag,
        lab.attack.copies_unsigned,
    )
    if sum(kinds) != 1:
        yield "its attack needs exactly one of run, moves_tag and copies_unsigned"
    if bool(lab.policy) != lab.attack.copies_unsigned or bool(lab.policy) != bool(
        lab.solved_policy
    ):
        yield "policy, solved_policy and the attack copies_unsigned belong together"
    names = {neighbour.name for neighbour in lab.neighbours}
    if lab.attack.neighbour and lab.attack.neighbour not in names:
        yield (
            f"its attack comes from {visible(lab.attack.neighbour, 60)}, which is not one of its "
            "neighbours"
        )
    for neighbour in lab.neighbours:
        for network in neighbour.networks:
            if network not in lab.networks:
                yield f"{neighbour.name} is on {network}, which is not one of its networks"
