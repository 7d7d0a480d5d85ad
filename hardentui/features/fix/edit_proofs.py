"""Would systemd run the intended command? That of an edited unit is compared with the command of
before plus the changes."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import astuple

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.features.fix.unit_edits import UnitEdit
from hardentui.features.looking.unit_origin import Origin, OriginKind
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
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option
from hardentui.options.argv import items_of_token, read_command, without_optional
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.edit.item_changes import applied
from hardentui.quadlet.read.service import EXTRA, ServiceFiles
from hardentui.quadlet.read.templates import has_branches

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
    beside = {file.name: file.text for file in files if file.name.endswith((".network", ".volume"))}
    return {
        **(origin.companions or {}),
        **beside,
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
    if has_branches(origin.text):
        raise GeneratorError(
            "It is a template with branches, and a new line would stand in one of them: fix the unit "
            "that is made of it."
        )
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
        _last_values(_podman(before, origin)),
        _last_values(_podman(after, origin)),
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


def _last_values(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command without values of scalars that a later one of the same flag replaces."""
    words = argv[1:]
    command = read_command(words)
    if command is None:
        return argv
    kept = list(words)
    known: set[Option[Any]] = set()
    for token in reversed(command.tokens):
        items = items_of_token(token)
        scalars = {item.option for item in items if not item.is_list}
        if len(items) == 1 and scalars and scalars <= known:
            del kept[token.start : token.end]
        known |= scalars
    return (*argv[:1], *kept)


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
