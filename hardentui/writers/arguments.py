"""A spec as the argument list of `podman`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hardentui.model.spec import Option, Spec
from hardentui.options import COMMAND, IMAGE, MOUNTS, ROOTFS, TABLE
from hardentui.options.argv.flags import CARRIED_GLOBALS
from hardentui.options.argv.mount_text import mount_flag

RUN_ONLY = frozenset({"--passwd", "--rmi"})
"""Flags that `podman create` does not know."""
CREATE_ONLY = frozenset({"--init-ctr"})
"""Flags that `podman run` does not know."""

POSITIONAL = frozenset({IMAGE, COMMAND, ROOTFS})


def flag_word(option: Option[Any], argument: str) -> str:
    """`--flag=argument`, or the bare flag of a switch."""
    return option.flag if argument == "" and isinstance(option.default, bool) else f"{option.flag}={argument}"


def option_words(option: Option[Any], value: Any) -> Iterator[str]:
    """The words that give an option this value."""
    if option is MOUNTS:
        for mount in value:
            flag, argument = mount_flag(mount)
            yield f"{flag}={argument}"
        return
    for argument in option.to_arguments(value):
        yield flag_word(option, argument)


def positional_words(spec: Spec) -> tuple[str, ...]:
    """The image (or the root directory, with its flag) and the words after it."""
    root = spec[ROOTFS]
    image: tuple[str, ...] = ("--rootfs", root) if root else (spec[IMAGE],)
    return (*image, *spec[COMMAND])


def run_arguments(spec: Spec, verb: str = "run") -> tuple[str, ...]:
    """argv after `podman`: global flags, the verb, flags in the order of the table, image, words.

    With verb `run` or `create`, flags that the verb does not know are left out; see RUN_ONLY, CREATE_ONLY.
    """
    unknown = {"run": CREATE_ONLY, "create": RUN_ONLY}.get(verb, frozenset())
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option not in spec or option in POSITIONAL or option.flag in unknown:
            continue
        target = before if option.flag in CARRIED_GLOBALS else flags
        target.extend(option_words(option, spec[option]))
    return (*before, verb, *flags, *positional_words(spec))
