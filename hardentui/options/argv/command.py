"""A `podman run` command line in which every flag knows which words it takes and what it means. Pure.

For those who change a single flag of it and keep every other word as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.spec import Spec
from hardentui.options import COMMAND, IMAGE, ROOTFS
from hardentui.options.argv.items import Item, image_item, parse_argument, spec_of
from hardentui.options.argv.tokens import Token, read_line

_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


def items_of_token(token: Token) -> tuple[Item, ...]:
    """What the flags of a token say."""
    return tuple(item for flag, argument in token.parts for item in parse_argument(flag, argument))


class RunCommand(Struct, frozen=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name.

    Attributes:
        verb: position of run or create.
        image: position of the image; the number of words when there is none.
    """

    words: tuple[str, ...]
    globals: tuple[Token, ...]
    verb: int
    flags: tuple[Token, ...]
    image: int

    def items(self) -> tuple[Item, ...]:
        """Everything that it says, the image and the words after it last."""
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
    """Take the words after `podman` apart; None when they are no run and no create."""
    line = read_line(words)
    if line is None:
        return None
    return RunCommand(tuple(words), line.globals, line.verb, line.flags, line.image)


def may_vanish(word: str) -> bool:
    """Whether a word is nothing but a variable whose value is not known here: it may be no word or many.

    Units that take more flags through a variable are common (`${HTTPD_EXTRA_CONF}`), and it is mostly unset.
    One that names an image by its own name is the image.
    """
    variable = _VARIABLE_WORD.fullmatch(word)
    return variable is not None and "IMAGE" not in variable[1].upper()


def without_optional(words: Sequence[str]) -> tuple[int, ...]:
    """Positions of the words that are left when variables that may vanish are taken out.

    They are looked for where a flag or the image is expected, not where a flag expects its argument; the last
    word is never one of them: then it is the image.
    """
    kept = list(range(len(words)))
    while True:
        command = read_command([words[at] for at in kept])
        if command is None or command.image >= len(kept) - 1 or not may_vanish(words[kept[command.image]]):
            return tuple(kept)
        del kept[command.image]


def spec_from_argv(argv: Sequence[str]) -> Spec:
    """The spec of a `podman run` command line whose variables have been put in.

    Args:
        argv: with the program's name.

    Raises:
        InputError: it is no podman run.
    """
    command = read_command(argv[1:])
    if command is None:
        raise InputError("The command line is neither podman run nor podman create.")
    return spec_of(command.items())
