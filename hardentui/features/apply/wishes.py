"""The options of an apply, and its refusal to lose what only the writable layer holds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct

from hardentui.do import Flag, Sentence, joined
from hardentui.errors import CannotFix
from hardentui.features.change.wait import PATIENCE
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import volume_for
from hardentui.model.known import Unread, known
from hardentui.reading.layer import LayerData
from hardentui.reading.scratch import hidden_code
from hardentui.visible import visible

_SPECIAL = "[].*^$\\,"  # in an expression that is enclosed in commas


def keeping_commands(
    name: str,
    directories: Sequence[str],
    *,
    rootless: bool,
) -> tuple[str, ...]:
    """Commands that copy directories of a container's writable layer to volumes, with owners and
    modes, including those of the directories themselves: each becomes the directory `_data` of its
    volume."""
    commands = []
    for directory in directories:
        volume, path = volume_for(name, directory), directory.strip("/")
        place = f'"$(podman volume inspect -f {{{{.Mountpoint}}}} {shlex.quote(volume)})"'
        copy = (
            f"podman export {shlex.quote(name)} | tar -xp --numeric-owner -C {place}/.."
            f" --transform {shlex.quote(_renaming(path))} {shlex.quote(path)}"
        )
        commands.append(f"podman volume create {shlex.quote(volume)}")
        commands.append(f"podman unshare sh -c {shlex.quote(copy)}" if rootless else copy)
    return tuple(commands)


def _renaming(path: str) -> str:
    """The expression with which tar renames a directory while unpacking; targets of links are
    unchanged."""
    pattern = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in path)
    return f"s,^{pattern},_data,S"


def keeping_hint(
    name: str,
    directories: Sequence[str],
    *,
    rootless: bool,
) -> str:
    """The same as a hint, with the steps that follow."""
    mounts = " ".join(f"{volume_for(name, directory)}:{directory}" for directory in directories)
    commands = keeping_commands(name, directories, rootless=rootless)
    return "\n".join(
        [
            "Podman removes it whenever it stops, so any restart loses this data. Keep it first:",
            *(f"  {visible(command, 400)}" for command in commands),
            f"Then mount {visible(mounts, 400)} (Volume= of a Quadlet), restart it, and apply again."
            " What it writes between the copy and the restart is lost.",
        ]
    )


SHOWN_FILES = 8
_DISCARD_IT = ("Discard it", Flag("--discard-data"), " to go on without it")
_KEEP_OR_DISCARD_IT = (
    "Keep it",
    Flag("--keep-data"),
    ", copied to volumes, or discard it",
    Flag("--discard-data"),
)


class ApplyWishes(Struct, frozen=True, kw_only=True):
    """Options of an apply."""

    probes: tuple[str, ...] = ()  # commands that must succeed on this host, before and after
    patience: float = PATIENCE  # seconds within which the service must work again
    # seconds within which the change must be confirmed; 0 = no confirmation
    confirm_within: float = 0.0
    keep_data: bool = False  # copy the data in the container's writable layer to volumes
    over_code: bool = False  # also to one that hides programs of the image
    discard_data: bool = False  # discard that data
    # seconds in which a learned seccomp profile only logs what it would refuse; 0 = none
    soak: float = 0.0
    # seconds that a twin needed to start and to stop, in the trial that the plan comes from
    tried: tuple[float, float] | None = None
    # what showed there that it asks others; None: not known, or not from a trial
    client: tuple[str, ...] | None = None


def refuse_loss(
    facts: ContainerFacts,
    layer: LayerData,
    wishes: ApplyWishes,
    *,
    can_keep: bool = False,
) -> None:
    """Refuse to go on while data in the writable layer would be lost and the user did not say so.

    Args:
        can_keep: apply can copy it to volumes.

    Raises:
        CannotFix: data would be lost, or that is unknown.
    """
    if isinstance(unread := known(lambda: facts.changes), Unread) and not wishes.discard_data:
        raise CannotFix(
            f"Unknown whether the container has data in its writable layer: {unread.reason}.",
            (*_DISCARD_IT, "."),
        )
    if not layer.data or wishes.discard_data:
        return
    name = visible(facts.name, 80)
    the_list = f". Complete list: podman diff {name}"
    shown = ", ".join(visible(path, 80) for path in layer.data[:SHOWN_FILES])
    more = f" and {len(layer.data) - SHOWN_FILES} more" if len(layer.data) > SHOWN_FILES else ""
    if wishes.keep_data and can_keep:
        if layer.directories:
            _refuse_over_code(facts, layer, wishes)
            return
        raise CannotFix(
            f"{name} has data where no volume can be mounted: {shown}{more}.",
            (*_DISCARD_IT, the_list),
        )
    hint: Sentence = (*(_KEEP_OR_DISCARD_IT if can_keep else _DISCARD_IT), the_list)
    if not can_keep and layer.directories:
        rootless = facts.engine.rootless is True
        first = keeping_hint(facts.name, layer.directories, rootless=rootless)
        hint = joined(f"{first}\n", hint)
    raise CannotFix(
        f"{name} has data in its writable layer that would be lost: {shown}{more}.", hint
    )


def _refuse_over_code(
    facts: ContainerFacts,
    layer: LayerData,
    wishes: ApplyWishes,
) -> None:
    """Raises CannotFix if a volume would hide programs of the next image, and nobody asked for it."""
    if wishes.over_code:
        return
    for directory in layer.directories:
        if code := hidden_code(directory, facts):
            name = visible(facts.name, 80)
            example = f" ({visible(code, 120)})" if code != directory else ""
            raise CannotFix(
                f"{name} keeps data beside its programs, in {visible(directory, 120)}{example}: a volume "
                "there would hide what the next image brings.",
                joined("Let it keep its data elsewhere. ", (*_DISCARD_IT, ".")),
            )
