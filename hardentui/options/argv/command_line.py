"""The command line that made a container, taken apart.

`Config.CreateCommand` is the only source for what inspect does not show. It is absent for containers made
through the API, may be garbage (the command line of the service), and is stale after rename and update.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from hardentui.options.argv.flags import COMMA_LISTS, split_csv
from hardentui.options.argv.tokens import read_line


class CommandLine(Struct):
    """`podman [globals] run|create [flags] IMAGE [words]`.

    Attributes:
        verb: run or create.
        flags, globals: flag in its long spelling -> arguments in the order given; switches have `true` or
            `false`; comma lists are split.
        image: the image, or the directory with --rootfs.
        words: what stands after the image.
    """

    verb: str = ""
    flags: dict[str, list[str]] = field(default_factory=dict)
    globals: dict[str, list[str]] = field(default_factory=dict)
    image: str = ""
    words: tuple[str, ...] = ()

    def all(self, flag: str) -> tuple[str, ...]:
        return tuple(self.flags.get(flag, ()))

    def last(self, flag: str) -> str | None:
        """The argument that counts for a flag that is not repeatable; None when it was not given."""
        found = self.flags.get(flag)
        return found[-1] if found else None

    def switched(self, flag: str) -> bool | None:
        """True, False, or None when the switch was not given."""
        found = self.flags.get(flag)
        return None if not found else is_true(found[-1])


def is_true(text: str) -> bool:
    return text in ("1", "t", "T", "true", "TRUE", "True")


def parse_create_command(argv: Sequence[str] | None) -> CommandLine | None:
    """Take a recorded command line apart; None when it is no `podman run` or `podman create`."""
    line = read_line(argv[1:]) if argv else None
    if argv is None or line is None:
        return None
    words = argv[1:]
    found = CommandLine(verb=words[line.verb])
    for into, tokens in ((found.globals, line.globals), (found.flags, line.flags)):
        for token in tokens:
            for flag, argument in token.parts:
                into.setdefault(flag, []).extend(split_csv(argument) if flag in COMMA_LISTS else [argument])
    if line.image < len(words):
        found.image = words[line.image]
        found.words = tuple(words[line.image + 1 :])
    return found
