"""A spec as the argument list of `podman`."""

from __future__ import annotations

from typing import Any

from hardentui.model.spec import Option, Spec
from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options import COMMAND, IMAGE, ROOTFS, TABLE
from hardentui.options.codecs.plain import as_csv_field

_OTHER_VERB = {"run": "create", "create": "run"}

POSITIONAL = frozenset({IMAGE, COMMAND, ROOTFS})


def flag_words(option: Option[Any], value: Any, version: Version) -> tuple[str, ...]:
    """The words of a command line of this Podman that set an option."""
    words = option.to_words(value)
    if option.codec.comma_list or not option.is_comma_list(version):
        return words
    return tuple(f"{option.flag}={as_csv_field(argument)}" for argument in option.to_arguments(value))


def positional_words(spec: Spec) -> tuple[str, ...]:
    """The image (or the root directory, with its flag) and the command."""
    root = spec[ROOTFS]
    image: tuple[str, ...] = ("--rootfs", root) if root else (spec[IMAGE],)
    return (*image, *spec[COMMAND])


def run_arguments(spec: Spec, verb: str = "run", version: Version = NEWEST_KNOWN) -> tuple[str, ...]:
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
