"""The unit of a container with a plan's changes: an edited file or a drop-in, all else as it is."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, InputError
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.model.version import Version
from hardentui.options import NAME, NETWORK
from hardentui.quadlet.edit.changes import OptionChange
from hardentui.quadlet.edit.container import Edited, edit_quadlet, planned_changes
from hardentui.quadlet.edit.drop_in import (
    QUADLET_DROP_INS,
    changed_keys,
    drop_in_name,
    quadlet_drop_in,
    says_key,
)
from hardentui.quadlet.edit.service import concerns_command, service_drop_in
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.reading.masking import mask_text
from hardentui.visible import visible
from hardentui.workbench.changing.unit_origin import Origin, OriginKind, outdated_copy
from hardentui.writers.supporting import network_create_arguments, network_name

Style = Literal["edit", "drop-in"]


class EditedFile(Struct, frozen=True):
    """A file to be written: folder, name, text, permission bits, and what stands there now."""

    folder: str
    name: str
    text: str
    mode: int = 0o644
    before: str = ""

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"


class EditedUnit(Struct, frozen=True):
    """What a plan makes of a unit.

    Attributes:
        files: those that change; none when the unit says all of it already.
        notes: what the reader has to know.
        left_out: changes of the plan that could not be made here, one sentence each.
        applied: the changes that were made, for the proof.
        commands: what makes systemd take them over.
    """

    files: tuple[EditedFile, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    applied: tuple[OptionChange, ...] = ()
    commands: tuple[str, ...] = ()


def edited(
    origin: Origin,
    plan: Plan,
    version: Version,
    *,
    style: Style = "edit",
    comments: Sequence[str] = (),
    context: UnitContext | None = None,
) -> EditedUnit:
    """The files of the unit with the plan's changes, everything else as it is.

    Args:
        version: the Podman that will read them.
        style: edit the file itself, or write a drop-in; a service always gets a drop-in.
        comments: sentences for the top of a drop-in.
        context: inspect documents of networks that the plan brings; units for them are written too.

    Raises:
        CannotExpress: a drop-in cannot say it.
        InputError: the unit cannot be used, or its file is a symbolic link and style is `edit`.
    """
    changes, notes = planned_changes(plan.before, plan.after)
    comments = tuple(comments) or (f"HardenTUI: hardens the container {visible(plan.container, 80)}.",)
    if origin.kind is OriginKind.SERVICE:
        made = _edited_service(origin, changes, comments, context)
    else:
        made = _edited_quadlet(origin, changes, version, style, comments, context)
    return replace(made, notes=tuple(dict.fromkeys((*notes, *made.notes))), commands=_commands(origin))


def _commands(origin: Origin) -> tuple[str, ...]:
    systemctl = "systemctl --user" if origin.manager.rootless else "systemctl"
    return (f"{systemctl} daemon-reload", f"{systemctl} restart {origin.unit}")


def _edited_quadlet(
    origin: Origin,
    changes: Sequence[OptionChange],
    version: Version,
    style: Style,
    comments: Sequence[str],
    context: UnitContext | None,
) -> EditedUnit:
    networks = _new_networks(changes, version, context)
    units = {name: file.name for name, file in networks.items()}
    files = origin.quadlet()
    done = edit_quadlet(files, changes, version, units)
    notes = [*done.notes, *_service_notes(origin)]
    if style == "drop-in":
        written = _quadlet_drop_in(origin, done, version, comments)
    else:
        written = _edited_files(origin, files, done)
        if origin.path.startswith("/usr/") and written:
            notes.append(
                f"{origin.path} belongs to a package, whose next version takes the edit back: use a drop-in"
            )
    written += [replace(file, folder=origin.folder) for file in networks.values()]
    return EditedUnit(tuple(written), tuple(notes), done.left_out, done.applied)


def _service_notes(origin: Origin) -> list[str]:
    commands = [path for path, text in origin.service_drop_ins if concerns_command(text)]
    return [f"{path} changes the generated command; HardenTUI does not look at it" for path in commands]


def _edited_files(origin: Origin, files: QuadletFiles, done: Edited) -> list[EditedFile]:
    places = [(origin.path, origin.mode), *((path, 0o644) for path, _ in origin.drop_ins)]
    found = []
    for (path, mode), old, new in zip(places, files.texts, done.files.texts, strict=True):
        if old == new:
            continue
        if path == origin.path and origin.link:
            raise InputError(
                f"{visible(path, 120)} is a symbolic link to {visible(origin.link, 120)}; it is not edited.",
                "Let a drop-in be written instead.",
            )
        found.append(EditedFile(posixpath.dirname(path), posixpath.basename(path), new, mode, old))
    return found


def _quadlet_drop_in(
    origin: Origin, done: Edited, version: Version, comments: Sequence[str]
) -> list[EditedFile]:
    if version < QUADLET_DROP_INS:
        raise CannotExpress(
            f"Quadlet reads drop-ins since Podman {QUADLET_DROP_INS}, and this is for {version}.",
            "Let the file itself be edited.",
        )
    keys = changed_keys(origin.quadlet(), done.files)
    others = {posixpath.basename(path): text for path, text in origin.drop_ins}
    name = drop_in_name(others, lambda text: says_key(text, keys))
    own = next((path for path, _ in origin.drop_ins if posixpath.basename(path) == name), "")
    if not keys:
        return []
    text = quadlet_drop_in(origin.quadlet(without=own), done, comments)
    folder = posixpath.dirname(own) if own else origin.drop_in_folder
    return [EditedFile(folder, name, text, 0o644, dict(origin.drop_ins).get(own, ""))]


def _edited_service(
    origin: Origin, changes: Sequence[OptionChange], comments: Sequence[str], context: UnitContext | None
) -> EditedUnit:  # fmt: skip
    old = outdated_copy(origin)
    if old:
        raise CannotExpress(
            f"The drop-in {visible(old, 120)} repeats a command that the unit has changed since.",
            "Remove it, restart the unit, and plan again: then nothing of the new command is lost.",
        )
    others = {posixpath.basename(path): text for path, text in origin.drop_ins}
    name = drop_in_name(others, concerns_command)
    own = next((path for path, _ in origin.drop_ins if posixpath.basename(path) == name), "")
    now = dict(origin.drop_ins).get(own, "")
    known = context.networks if context else {}
    networks = {name: network_create_arguments(name, inspect) for name, inspect in known.items()}
    done = service_drop_in(origin.service(without=own), changes, comments, now, networks)
    folder = posixpath.dirname(own) if own else origin.drop_in_folder
    files = (EditedFile(folder, name, done.text, 0o644, now),) if done.text else ()
    return EditedUnit(files, done.notes, done.left_out, done.applied)


def _new_networks(
    changes: Sequence[OptionChange], version: Version, context: UnitContext | None
) -> dict[str, EditedFile]:
    """Network -> the unit of a network that the plan brings."""
    if context is None:
        return {}
    added = [item.raw for change in changes if change.option is NETWORK for item in change.added]
    wanted = tuple(one for one in added if network_name(one) in context.networks)
    if not wanted:
        return {}
    spec = Spec.of((NAME, "unit"), (NETWORK, wanted))
    made = bundle(spec, replace(context, version=version, pod=None, unit_name="unit"))
    files = [EditedFile("", one.name, one.text) for one in made.files if one.name.endswith(".network")]
    names = [network_name(one) for one in wanted]
    return dict(zip(dict.fromkeys(names), files, strict=False)) if files else {}


def shown_diff(made: EditedUnit) -> str:
    """Unified diff of the files as they stand against what they become, with secrets masked."""
    lines: list[str] = []
    for file in made.files:
        before = [mask_text(line) for line in file.before.splitlines()]
        after = [mask_text(line) for line in file.text.splitlines()]
        lines += difflib.unified_diff(before, after, f"today{file.path}", f"hardened{file.path}", lineterm="")
    return "\n".join(lines)
