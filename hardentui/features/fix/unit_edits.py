"""A container's unit with a plan applied: an edited file or a drop-in; everything else is
unchanged."""

from __future__ import annotations

import difflib
import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import astuple, replace

from hardentui.errors import CannotExpress, GeneratorError, InputError
from hardentui.features.looking.unit_origin import Origin, OriginKind, outdated_copy
from hardentui.host.podman.generator import (
    dry_run,
    exec_start,
    find_generator,
    refusal,
    verify,
    version_of,
)
from hardentui.lib.quadlet import translate
from hardentui.model.draft import DraftFile
from hardentui.model.known import Unread
from hardentui.model.open_value import UNKNOWN
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec, Version
from hardentui.options import NAME, NETWORK
from hardentui.options.argv import compare_arguments, without_optional
from hardentui.quadlet.edit.container import (
    Edited,
    ItemChange,
    applied,
    edit_quadlet,
    planned_changes,
)
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
from hardentui.quadlet.read.service import EXTRA, ServiceFiles
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.reading.masking import mask_text
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
) -> UnitEdit:
    """The files of the unit with the plan's changes; everything else is unchanged.

    Args:
        version: the Podman that will read them.
        style: edit the file itself, or write a drop-in; a service always gets a drop-in.
        comments: sentences for the top of a drop-in.
        context: inspect documents of networks that the plan adds; units for them are written too.

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
    ).edit(style)
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
    ) -> None:
        self._origin = origin
        self._changes = changes
        self._version = version
        self._comments = comments
        self._context = context

    def edit(self, style: Style) -> UnitEdit:
        if self._origin.kind is OriginKind.SERVICE:
            return self._service()
        return self._quadlet(style)

    def _quadlet(self, style: Style) -> UnitEdit:
        origin = self._origin
        networks = self._new_networks()
        units = {network: file.name for network, file in networks.items()}
        files = origin.quadlet()
        done = edit_quadlet(
            files,
            self._changes,
            self._version,
            units,
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
        written += networks.values()
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
        path, before = self._drop_in(concerns_command)
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
        )
        files = (_draft_file(path, done.text, before=before),) if done.text else ()
        return UnitEdit(
            files,
            done.notes,
            done.left_out,
            done.applied,
        )

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
        context = self._context
        if context is None:
            return {}
        added = [
            item.raw
            for change in self._changes
            if change.option is NETWORK
            for item in change.added
        ]
        wanted = tuple(argument for argument in added if network_name(argument) in context.networks)
        if not wanted:
            return {}
        spec = Spec.of((NAME, "unit"), (NETWORK, wanted))
        made = bundle(
            spec,
            replace(
                context,
                version=self._version,
                pod=None,
                unit_name="unit",
            ),
        )
        files = [
            _draft_file(
                posixpath.join(self._origin.directory, file.name),
                file.text,
            )
            for file in made.files
            if file.name.endswith(".network")
        ]
        names = dict.fromkeys(network_name(argument) for argument in wanted)
        return dict(zip(names, files, strict=False)) if files else {}


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


# Would systemd run the intended command? The edited unit is compared with the original command plus
# the changes.

_UNSET = (f"{UNKNOWN}${EXTRA}", f"{UNKNOWN}${{{EXTRA}}}")
_SPECIFIER = re.compile(f"{UNKNOWN}%(.)")
_LINE_NUMBER = re.compile(r":\d+:")


def prove_edit(
    origin: Origin,
    made: UnitEdit,
    version: Version,
    engine: Version,
) -> str:
    """One sentence that says what was checked.

    Args:
        version: the Podman that the files are for; `engine`: the Podman of this host.

    Raises:
        GeneratorError: systemd would not run the intended command.
    """
    if not made.files:
        return "nothing to write: the unit already has every change"
    if origin.kind is OriginKind.SERVICE:
        return _prove_service(origin, made)
    generator = find_generator()
    if generator is None or version != (version_of(generator) or engine):
        return prove_by_port(origin, made, version)
    before = _generated(origin, generator, _units(origin, ()))
    after = _generated(
        origin,
        generator,
        _units(origin, made.files),
    )
    _compare(before, after, made)
    return (
        "this host's Quadlet generator accepts its keys; the command contains only the planned "
        "changes"
    )


def prove_by_port(
    origin: Origin,
    made: UnitEdit,
    version: Version,
) -> str:
    """The same for a Quadlet with our port of the generator; needs no Podman.

    Raises:
        GeneratorError: systemd would not run the intended command.
    """
    before = _ported(origin, version, _units(origin, ()))
    after = _ported(origin, version, _units(origin, made.files))
    _compare(before, after, made)
    return (
        f"the generator of Podman {version}, as built into HardenTUI, accepts its keys; "
        "the command contains only the planned changes"
    )


def _units(
    origin: Origin,
    files: tuple[DraftFile, ...],
) -> dict[str, str]:
    """The units in one directory, each with its drop-ins appended, which is how they are read."""
    changed = {file.path: file.text for file in files}
    drop_ins = _drop_ins(origin, files, ".container.d")
    texts = [changed.get(origin.path, origin.text), *drop_ins]
    networks = {file.name: file.text for file in files if file.name.endswith(".network")}
    return {
        **(origin.companions or {}),
        **networks,
        origin.file_name: _joined(texts),
    }


def _drop_ins(
    origin: Origin,
    files: tuple[DraftFile, ...],
    directory: str,
) -> list[str]:
    merged = {posixpath.basename(path): text for path, text in origin.drop_ins}
    places = {path for path, _ in origin.drop_ins}
    for file in files:
        if file.path in places or file.directory.endswith(directory):
            merged[file.name] = file.text
    return [merged[name] for name in sorted(merged)]


def _joined(texts: list[str]) -> str:
    return "\n\n".join(text.rstrip("\n") for text in texts) + "\n"


def _generated(
    origin: Origin,
    generator: str,
    units: Mapping[str, str],
) -> tuple[str, ...]:
    done = dry_run(
        units, user=origin.manager.rootless, generator=generator, unit_directory=origin.directory
    )  # fmt: skip
    if not done.ok:
        raise GeneratorError(
            "The Quadlet generator of this host rejects the unit.",
            done.stderr,
        )
    source = f"SourcePath={origin.path}"
    services = [text for text in done.services.values() if source in text.splitlines()]
    if len(services) != 1:
        raise GeneratorError(
            f"The Quadlet generator produced no service from {origin.file_name}.", done.stderr
        )
    return exec_start(services[0], origin.specifiers)


def _ported(
    origin: Origin,
    version: Version,
    units: Mapping[str, str],
) -> tuple[str, ...]:
    """The same with the port of another version's generator."""
    made = translate(
        units,
        version=astuple(version),
        rootless=origin.manager.rootless,
        directory=origin.directory,
        devices=origin.optional_devices - origin.absent,
    )
    if origin.file_name in made.refused:
        raise refusal(made.refused[origin.file_name])
    known = origin.specifiers
    for service in made.services.values():
        if service.unit == origin.file_name:
            return tuple(
                _SPECIFIER.sub(
                    lambda specifier: known.get(specifier[1], specifier[0]),
                    word,
                )
                for word in service.start
            )
    raise GeneratorError("Another unit of its folder makes a service of the same name.")


def _prove_service(origin: Origin, made: UnitEdit) -> str:
    before = _joined([origin.text, *(text for _, text in origin.drop_ins)])
    after = _joined(
        [
            origin.text,
            *_drop_ins(origin, made.files, ".service.d"),
        ]
    )
    _compare(
        _podman(before, origin),
        _podman(after, origin),
        made,
    )
    old = verify({origin.unit: before}, user=origin.manager.rootless)
    new = verify({origin.unit: after}, user=origin.manager.rootless)
    if isinstance(old, Unread) or isinstance(new, Unread):
        return (
            "the command contains only the planned changes; "
            "systemd-analyze is not installed, so the unit is not checked"
        )
    known = {_LINE_NUMBER.sub(":", line) for line in old}
    fresh = [line for line in new if _LINE_NUMBER.sub(":", line) not in known]
    if fresh:
        raise GeneratorError(
            "systemd complains about the edited unit.",
            "\n".join(fresh),
        )
    return "systemd-analyze accepts it; the command contains only the planned changes"


def _podman(text: str, origin: Origin) -> tuple[str, ...]:
    """The podman command line of a service, without a surrounding shell."""
    argv = exec_start(text, origin.specifiers)
    name = argv[0].rpartition("/")[2]
    if name == "podman":
        return _certain(argv)
    script = argv[2] if len(argv) > 2 else ""
    variables = ServiceFiles((text,)).variables
    lexer = shlex.shlex(
        script,
        posix=True,
        punctuation_chars=";&|()<>",
    )
    lexer.whitespace_split = True
    lexer.commenters = ""
    command: list[str] = []
    for word in lexer:
        if set(word) <= set(";&|()<>"):
            if command:
                break
        elif command and word.removeprefix("$") in (*variables, EXTRA) and word.startswith("$"):
            command += variables.get(word[1:], "").split()
        elif command or word.rpartition("/")[2] == "podman":
            command.append(word)
    return _certain(command)


def _certain(argv: Sequence[str]) -> tuple[str, ...]:
    """Without variables that nobody sets, or that may expand to nothing."""
    words = [word for word in argv[1:] if word not in _UNSET]
    return (
        *argv[:1],
        *(words[at] for at in without_optional(words)),
    )


def _compare(
    before: tuple[str, ...],
    after: tuple[str, ...],
    made: UnitEdit,
) -> None:
    try:
        meant = applied(before[1:], made.applied)
    except CannotExpress as error:
        raise GeneratorError(error.title, error.hint) from error
    different = compare_arguments(after[1:], meant)
    if different:
        raise GeneratorError(
            "The edited unit would not run the intended command; nothing was written.",
            "\n".join(different),
        )
