"""A container's unit with a plan applied: an edited file or a drop-in; everything else is
unchanged."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, InputError
from hardentui.features.looking.unit_origin import Origin, OriginKind, outdated_copy
from hardentui.model.draft import DraftFile
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Spec
from hardentui.model.vendor import Vendor
from hardentui.options import MOUNTS, NAME, NETWORK
from hardentui.options.items import Item
from hardentui.quadlet.edit.container import Edited, edit_quadlet, planned_changes
from hardentui.quadlet.edit.item_changes import ItemChange
from hardentui.quadlet.edit.service import (
    QUADLET_DROP_INS,
    changed_keys,
    concerns_command,
    drop_in_name,
    quadlet_drop_in,
    service_drop_in,
    sets_key,
)
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.object_names import DROP_IN, LAST_DROP_IN
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.quadlet.write.container import UnitsBeside
from hardentui.reading.masking import mask_text
from hardentui.reading.vendors import kept_drop_in
from hardentui.visible import visible
from hardentui.writers.supporting import network_create_arguments, network_name

Style = Literal["edit", "drop-in"]


class UnitEdit(Struct, frozen=True):
    """The result of applying a plan to a unit."""

    files: tuple[DraftFile, ...]  # the changed ones; none if the unit already has every change
    notes: tuple[str, ...] = ()  # remarks for the user
    # changes of the plan that cannot be made here, one sentence each
    left_out: tuple[str, ...] = ()
    applied: tuple[ItemChange, ...] = ()  # the changes that were made, for the proof
    commands: tuple[str, ...] = ()  # those that make systemd load them


def edited(
    origin: Origin,
    plan: Plan,
    version: Version,
    *,
    style: Style = "edit",
    comments: Sequence[str] = (),
    context: UnitContext | None = None,
    vendor: Vendor | None = None,
) -> UnitEdit:
    """The files of the unit with the plan's changes; everything else is unchanged.

    Args:
        version: the Podman that will read them.
        style: edit the file itself, or write a drop-in; a service always gets a drop-in.
        comments: sentences for the top of a drop-in.
        context: inspect documents of networks that the plan adds; units for them are written too.
        vendor: whose unit it is; nothing is written that the next release overwrites, or that would
            hide what it brings where the unit has a variable for more options.

    Raises:
        CannotExpress: a drop-in cannot hold the change.
        InputError: the unit cannot be used, or its file is a symbolic link and style is `edit`.
    """
    changes, notes = planned_changes(plan.before, plan.after)
    comments = tuple(comments) or (
        f"HardenTUI: hardens the container {visible(plan.container, 80)}.",
    )
    edit = _UnitEditor(
        origin,
        changes,
        version,
        comments,
        context,
        vendor,
    ).edit("drop-in" if vendor is not None else style)
    return replace(
        edit, notes=tuple(dict.fromkeys((*notes, *edit.notes))), commands=_commands(origin)
    )


def _commands(origin: Origin) -> tuple[str, ...]:
    systemctl = "systemctl --user" if origin.manager.rootless else "systemctl"
    return (
        f"{systemctl} daemon-reload",
        f"{systemctl} restart {origin.unit}",
    )


class _UnitEditor:
    """Changes options in one unit."""

    def __init__(
        self,
        origin: Origin,
        changes: Sequence[ItemChange],
        version: Version,
        comments: Sequence[str],
        context: UnitContext | None,
        vendor: Vendor | None,
    ) -> None:
        self._origin = origin
        self._changes = changes
        self._version = version
        self._comments = comments
        self._context = context
        self._vendor = vendor

    def edit(self, style: Style) -> UnitEdit:
        if self._origin.kind is OriginKind.SERVICE:
            return self._service()
        return self._quadlet(style)

    def _quadlet(self, style: Style) -> UnitEdit:
        origin = self._origin
        networks, volumes = self._new_networks(), self._new_volumes()
        beside = UnitsBeside(
            networks={name: file.name for name, file in networks.items()},
            volumes={name: file.name for name, file in volumes.items()},
        )
        files = origin.quadlet()
        done = edit_quadlet(
            files,
            self._changes,
            self._version,
            beside,
        )
        notes = [*done.notes, *_service_notes(origin)]
        if style == "drop-in":
            written = self._quadlet_drop_in(done)
        else:
            written = self._edited_files(files, done)
            if origin.path.startswith("/usr/") and written:
                notes.append(
                    f"{origin.path} belongs to a package, whose next version undoes the edit: use "
                    "a drop-in"
                )
        written += (*networks.values(), *volumes.values())
        return UnitEdit(
            tuple(written),
            tuple(notes),
            done.left_out,
            done.applied,
        )

    def _edited_files(
        self,
        files: QuadletFiles,
        done: Edited,
    ) -> list[DraftFile]:
        origin = self._origin
        places = [
            (origin.path, origin.mode),
            *((path, 0o644) for path, _ in origin.drop_ins),
        ]
        changed = []
        for (path, mode), old, new in zip(
            places,
            files.texts,
            done.files.texts,
            strict=True,
        ):
            if old == new:
                continue
            if path == origin.path and origin.link:
                raise InputError(
                    f"{visible(path, 120)} is a symbolic link to {visible(origin.link, 120)}, not "
                    "edited.",
                    "Write a drop-in instead.",
                )
            changed.append(
                _draft_file(
                    path,
                    new,
                    before=old,
                    mode=mode,
                )
            )
        return changed

    def _quadlet_drop_in(self, done: Edited) -> list[DraftFile]:
        origin = self._origin
        if self._version < QUADLET_DROP_INS:
            raise CannotExpress(
                f"Quadlet reads drop-ins since Podman {QUADLET_DROP_INS}, and this is for {self._version}.",
                "Edit the file itself.",
            )
        keys = changed_keys(origin.quadlet(), done.files)
        path, before = self._drop_in(lambda text: sets_key(text, keys))
        if not keys:
            return []
        text = quadlet_drop_in(
            origin.quadlet(without=path),
            done,
            self._comments,
        )
        return [_draft_file(path, text, before=before)]

    def _service(self) -> UnitEdit:
        origin = self._origin
        old = outdated_copy(origin)
        if old:
            raise CannotExpress(
                f"The drop-in {visible(old, 120)} repeats a command that has since changed in the "
                "unit.",
                "Remove it, restart the unit, and plan again: then nothing of the new command is "
                "lost.",
            )
        takes_more = origin.service().run_line().extra is not None
        kept = self._kept_drop_in() if takes_more else None
        path, before = kept or self._drop_in(concerns_command)
        known = self._context.networks if self._context else {}
        networks = {
            name: network_create_arguments(name, inspect) for name, inspect in known.items()
        }
        service = origin.service(without=path)
        done = service_drop_in(
            service,
            self._changes,
            self._comments,
            before,
            networks,
            may_copy=self._vendor is None or not takes_more,
            kept_by_vendor=kept is not None,
        )
        files = (_draft_file(path, done.text, before=before),) if done.text else ()
        notes = done.notes
        if self._vendor is not None and not takes_more and files:
            notes += (f"write it anew after {self._vendor.upgrade}",)
        return UnitEdit(
            files,
            notes,
            done.left_out,
            done.applied,
        )

    def _kept_drop_in(self) -> tuple[str, str] | None:
        """Path and text of the drop-in that the vendor keeps for an admin; None if ours is there
        already, or another one is read later and sets the same."""
        origin = self._origin
        texts = {posixpath.basename(path): text for path, text in origin.drop_ins}
        name = kept_drop_in(self._vendor, origin.unit)
        if not name or not texts.keys().isdisjoint((DROP_IN, LAST_DROP_IN)):
            return None
        if any(other > name and concerns_command(text) for other, text in texts.items()):
            return None
        path = posixpath.join(origin.drop_in_directory, name)
        return path, texts.get(name, "")

    def _drop_in(self, concerns: Callable[[str], bool]) -> tuple[str, str]:
        """Path and text of the drop-in to write: our existing one, else a new one that sorts after
        those it must override. `concerns`: whether another drop-in's text sets what ours will set.
        """
        drop_ins = dict(self._origin.drop_ins)
        name = drop_in_name(
            {posixpath.basename(path): text for path, text in drop_ins.items()}, concerns
        )
        present = next(
            (path for path in drop_ins if posixpath.basename(path) == name),
            "",
        )
        return present or posixpath.join(self._origin.drop_in_directory, name), drop_ins.get(
            present, ""
        )

    def _new_networks(self) -> dict[str, DraftFile]:
        """Network -> the unit of a network that the plan adds."""
        known = self._context.networks if self._context is not None else {}
        return {
            network_name(item.raw): file
            for item in self._added(NETWORK)
            if network_name(item.raw) in known
            for file in self._units_of((NETWORK, (item.raw,)), ".network")
        }

    def _new_volumes(self) -> dict[str, DraftFile]:
        """Volume -> the unit of a volume that the plan adds."""
        known = self._context.volumes if self._context is not None else {}
        return {
            item.value.source: file
            for item in self._added(MOUNTS)
            if item.value.type == "volume" and item.value.source in known
            for file in self._units_of((MOUNTS, (item.value,)), ".volume")
        }

    def _added(self, option: Option[Any]) -> list[Item]:
        return [
            item for change in self._changes if change.option is option for item in change.added
        ]

    def _units_of(
        self,
        naming: tuple[Option[Any], Any],
        suffix: str,
    ) -> list[DraftFile]:
        """The unit of what one option names; none where it could not keep its name."""
        if self._context is None:
            return []
        context = replace(
            self._context,
            version=self._version,
            pod=None,
            unit_name="unit",
        )
        made = bundle(Spec.of((NAME, "unit"), naming), context)
        return [
            _draft_file(
                posixpath.join(self._origin.directory, file.name),
                file.text,
            )
            for file in made.files
            if file.name.endswith(suffix)
        ]


_NAMES_SECRET = re.compile(r"\s*Secret\s*=")
_HEADER_LINES = 2
"""Of a unified diff: the names of both files."""


def _service_notes(origin: Origin) -> list[str]:
    commands = [path for path, text in origin.service_drop_ins if concerns_command(text)]
    return [f"{path} changes the generated command; HardenTUI ignores it" for path in commands]


def _draft_file(
    path: str,
    text: str,
    *,
    before: str = "",
    mode: int = 0o644,
) -> DraftFile:
    directory, name = posixpath.split(path)
    masked = "\n".join(map(_mask_line, text.split("\n")))
    return DraftFile(
        name,
        text,
        mode,
        masked=masked,
        directory=directory,
        before=before,
    )


def _mask_line(line: str) -> str:
    """A line of a unit with secrets masked. `Secret=` only names what the engine keeps."""
    return line if _NAMES_SECRET.match(line) else mask_text(line)


def unit_diff(files: Sequence[DraftFile]) -> str:
    """Unified diff between the current files and the new ones, with secrets masked.

    A changed line is shown even where both its versions look the same when masked.
    """
    lines: list[str] = []
    for file in files:
        old, new = file.before.splitlines(), file.text.splitlines()
        diff = difflib.unified_diff(
            old, new, f"today{file.path}", f"hardened{file.path}", lineterm=""
        )
        lines += [
            line if at < _HEADER_LINES else line[:1] + _mask_line(line[1:])
            for at, line in enumerate(diff)
        ]
    return "\n".join(lines)
