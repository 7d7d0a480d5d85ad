"""A spec as the argument list of `podman`."""

from __future__ import annotations

from hardentui.model.spec import Spec
from hardentui.options import COMMAND, IMAGE, ROOTFS, TABLE

_OTHER_VERB = {"run": "create", "create": "run"}

POSITIONAL = frozenset({IMAGE, COMMAND, ROOTFS})


def positional_words(spec: Spec) -> tuple[str, ...]:
    """The image (or the root directory, with its flag) and the command."""
    root = spec[ROOTFS]
    image: tuple[str, ...] = ("--rootfs", root) if root else (spec[IMAGE],)
    return (*image, *spec[COMMAND])


def run_arguments(spec: Spec, verb: str = "run") -> tuple[str, ...]:
    """argv after `podman`: global flags, the verb, flags in the order of the table, image, command.

    With the verb `run` or `create`, flags of the other one are left out (`Option.only_verb`).
    """
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option not in spec or option in POSITIONAL or option.only_verb == _OTHER_VERB.get(verb):
            continue
        target = before if option.before_verb else flags
        target.extend(option.to_words(spec[option]))
    return (*before, verb, *flags, *positional_words(spec))
