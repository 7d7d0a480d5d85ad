"""A spec as a shell script that creates or runs the container again."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from typing import Any

from hardentui.model.file_names import profile_name
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Option, Spec
from hardentui.options import COMMAND, IMAGE, NAME, ROOTFS, SECCOMP_PROFILE, TABLE
from hardentui.options.codecs import as_csv_field
from hardentui.systemd.unit_text import comment_lines
from hardentui.writers.context import UnitContext
from hardentui.writers.left_behind import left_behind
from hardentui.writers.supporting import prerequisites

_OTHER_VERB = {"run": "create", "create": "run"}

_HEX = frozenset("0123456789abcdef")
POSITIONAL = frozenset({IMAGE, COMMAND, ROOTFS})


def flag_words(
    option: Option[Any],
    value: Any,
    version: Version,
) -> tuple[str, ...]:
    """The words of a command line of this Podman that set an option."""
    words = option.to_words(value)
    if option.codec.comma_list or not option.is_comma_list(version):
        return words
    return tuple(
        f"{option.flag}={as_csv_field(argument)}" for argument in option.to_arguments(value)
    )


def positional_words(spec: Spec) -> tuple[str, ...]:
    """The image (or the root directory, with its flag) and the command."""
    root = spec[ROOTFS]
    image: tuple[str, ...] = ("--rootfs", root) if root else (spec[IMAGE],)
    return (*image, *spec[COMMAND])


def run_arguments(
    spec: Spec,
    verb: str = "run",
    version: Version = NEWEST_KNOWN,
) -> tuple[str, ...]:
    """argv after `podman`: global flags, the verb, flags in the order of the table, image, command.

    With the verb `run` or `create`, flags of the other one are left out (`Option.only_verb`).
    """
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option not in spec or option in POSITIONAL or option.only_verb == _OTHER_VERB.get(verb):
            continue
        target = before if option.before_verb else flags
        target.extend(flag_words(option, spec[option], version))
    return (*before, verb, *flags, *positional_words(spec))


__all__ = ["run_arguments", "run_commands", "run_script"]


def _quoted(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def run_script(
    spec: Spec,
    context: UnitContext | None = None,
    comments: Sequence[str] = (),
) -> str:
    """A POSIX shell script: `sh NAME.sh` runs the container, `sh NAME.sh create` only creates it.

    Missing networks, volumes and pods whose inspect documents are in the context are created first.

    Args:
        comments: what was changed, waived or left out; written at the top, with what is not carried
            over.
    """
    context = context or UnitContext()
    known = set(comments)
    notes = [f"Note: {note}" for note in left_behind(spec) if note not in known]
    about = f"Container {spec[NAME]}: run it with sh, or only create it with the argument create."
    lines = [
        "#!/bin/sh",
        *comment_lines([about, *comments, *notes]),
        "set -eu",
        "",
    ]
    lines += [*_profile(spec), *_prerequisites(spec, context)]
    lines += ['case "${1:-run}" in', "create)"]
    lines += _branch("create", spec, context.version)
    lines += ["run)"]
    lines += _branch("run", spec, context.version)
    lines += [
        "*)",
        '    echo "usage: $0 [run|create]" >&2',
        "    exit 2",
        "    ;;",
        "esac",
        "",
    ]
    return "\n".join(lines)


def run_commands(spec: Spec, context: UnitContext | None = None) -> str:
    """Shell commands, one per line: creating missing dependencies of the container, then `podman
    run`.

    A container with an option of `podman create` only is created and not started.
    """
    context = context or UnitContext()
    verb = "create" if _unknown_to("run", spec) else "run"
    words = list(run_arguments(spec, verb, context.version))
    if verb == "run":
        words.insert(words.index("run") + 1, "--detach")
    needed = filter(None, _prerequisites(spec, context))
    return "\n".join([*needed, f"podman {_quoted(words)}"])


def _unknown_to(verb: str, spec: Spec) -> list[str]:
    return sorted(option.flag for option in spec if option.only_verb not in ("", verb))


def _branch(
    verb: str,
    spec: Spec,
    version: Version,
) -> list[str]:
    if impossible := _unknown_to(verb, spec):
        return [
            f'    echo "podman {verb} does not know {" ".join(impossible)}" >&2',
            "    exit 2",
            "    ;;",
        ]
    words = list(run_arguments(spec, verb, version))
    if verb == "run":
        words.insert(words.index("run") + 1, "--detach")
    return [
        "    exec podman " + " \\\n    ".join(shlex.quote(word) for word in words),
        "    ;;",
    ]


def _prerequisites(spec: Spec, context: UnitContext) -> list[str]:
    lines = [_unless_there(*needed) for needed in prerequisites(spec, context)]
    return [*lines, ""] if lines else []


def _profile(spec: Spec) -> list[str]:
    """A learned profile that lies beside the script goes where the container looks for it."""
    path, name = spec[SECCOMP_PROFILE], profile_name(spec[NAME])
    if posixpath.basename(path) != name:
        return []
    beside, there = f'"$(dirname "$0")"/{shlex.quote(name)}', shlex.quote(path)
    install = f"install -D -m 644 {beside} {there}"
    return [
        f"[ ! -e {beside} ] || cmp -s {beside} {there} || {install}",
        "",
    ]


def _unless_there(
    kind: str,
    name: str,
    create: Sequence[str],
) -> str:
    """A command that creates what is missing. For a short hexadecimal name, `exists` would also
    find another one whose ID begins with it."""
    there = f"podman {kind} exists {shlex.quote(name)}"
    if kind != "volume" and _HEX.issuperset(name):
        there = f"podman {kind} ls --format '{{{{.Name}}}}' | grep -Fqx -e {shlex.quote(name)}"
    return f"{there} || podman {_quoted(create)}"


def networks_and_volumes(
    spec: Spec,
    context: UnitContext,
) -> tuple[str, ...]:
    """Shell commands that create missing networks and volumes of the context."""
    return tuple(
        _unless_there(*needed) for needed in prerequisites(spec, context) if needed[0] != "pod"
    )
