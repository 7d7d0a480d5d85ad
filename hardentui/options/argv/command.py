"""A parsed `podman run` command line with the words of every flag. Pure.

It allows changing a single flag while keeping every other word unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.spec import Spec
from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options import COMMAND, IMAGE, ROOTFS
from hardentui.options.argv.items import Item, image_item, parse_argument, spec_of
from hardentui.options.argv.tokens import Token, read_line

_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


def items_of_token(token: Token, version: Version = NEWEST_KNOWN) -> tuple[Item, ...]:
    """The items of a token's flags, as this Podman parses them."""
    return tuple(item for flag, argument in token.parts for item in parse_argument(flag, argument, version))


class RunCommand(Struct, frozen=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name.

    Attributes:
        verb: index of run or create.
        image: index of the image; the number of words if there is none.
    """

    words: tuple[str, ...]
    globals: tuple[Token, ...]
    verb: int
    flags: tuple[Token, ...]
    image: int

    def items(self) -> tuple[Item, ...]:
        """All items; the image and the words after it come last."""
        entries = [
            item for token in self.globals for item in items_of_token(token) if item.option.before_verb
        ]
        entries += [item for token in self.flags for item in items_of_token(token)]
        return (*entries, *self.positional())

    def positional(self) -> tuple[Item, ...]:
        """The image (or root directory) and the command."""
        if self.image >= len(self.words):
            return ()
        rootfs = any(part == ("--rootfs", "true") for token in self.flags for part in token.parts)
        image = image_item(ROOTFS if rootfs else IMAGE, self.words[self.image])
        words = self.words[self.image + 1 :]
        return (image, Item(COMMAND, words, "", COMMAND.flag)) if words else (image,)


def read_command(words: Sequence[str]) -> RunCommand | None:
    """Parse the words after `podman`; None if they are neither run nor create."""
    line = read_line(words)
    if line is None:
        return None
    return RunCommand(tuple(words), line.globals, line.verb, line.flags, line.image)


def may_vanish(word: str) -> bool:
    """Whether a word is only a variable with an unknown value, which may expand to no word or to many.

    Units often take extra flags from a variable (`${HTTPD_EXTRA_CONF}`), which is usually unset. A variable
    whose name refers to an image is the image.
    """
    variable = _VARIABLE_WORD.fullmatch(word)
    return variable is not None and "IMAGE" not in variable[1].upper()


def without_optional(words: Sequence[str]) -> tuple[int, ...]:
    """Indexes of the words that remain without variables that may vanish.

    Only words in the place of a flag or the image are considered, not arguments of flags. The last word never
    is, because it would be the image.
    """
    kept = list(range(len(words)))
    while True:
        command = read_command([words[at] for at in kept])
        if command is None or command.image >= len(kept) - 1 or not may_vanish(words[kept[command.image]]):
            return tuple(kept)
        del kept[command.image]


def spec_from_argv(argv: Sequence[str]) -> Spec:
    """The spec of a `podman run` command line with its variables expanded.

    Args:
        argv: including the program's name.

    Raises:
        InputError: it is neither podman run nor podman create.
    """
    command = read_command(argv[1:])
    if command is None:
        raise InputError("The command line is neither podman run nor podman create.")
    return spec_of(command.items())
