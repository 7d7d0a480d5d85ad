"""The command line that made a container, taken apart.

`Config.CreateCommand` is the only source for what inspect does not show. It is absent for containers made
through the API, may be garbage (the command line of the service), and is stale after rename and update.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from hardentui.options.argv.flags import (
    ALIASES,
    COMMA_LISTS,
    GLOBAL_SHORT,
    GLOBAL_SWITCHES,
    SHORT,
    SWITCHES,
    split_csv,
)


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
    if not argv:
        return None
    found = CommandLine()
    position = _read_flags(argv, 1, found.globals, GLOBAL_SHORT, GLOBAL_SWITCHES, {})
    if argv[position : position + 1] == ["container"] or argv[position : position + 1] == ("container",):
        position += 1
    verb = argv[position] if position < len(argv) else ""
    if verb not in ("run", "create"):
        return None
    found.verb = verb
    position = _read_flags(argv, position + 1, found.flags, SHORT, SWITCHES, ALIASES)
    if position < len(argv):
        found.image = argv[position]
        found.words = tuple(argv[position + 1 :])
    return found


def _read_flags(
    argv: Sequence[str],
    position: int,
    into: dict[str, list[str]],
    short: dict[str, str],
    switches: frozenset[str],
    aliases: dict[str, str],
) -> int:
    """Read flags from `position` on; return the position of the first word that is none."""
    end = len(argv)
    while position < end:
        word = argv[position]
        if word == "--":
            return position + 1
        if word[:1] != "-" or word == "-":
            return position
        position += 1
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            flag = aliases.get(flag, flag)
            if not equals and flag in switches:
                value = "true"
            elif not equals:
                value = argv[position] if position < end else ""
                position += 1
            _add(into, flag, value)
            continue
        position += _read_cluster(argv, position, word[1:], into, short, switches)
    return position


def _read_cluster(
    argv: Sequence[str],
    following: int,
    letters: str,
    into: dict[str, list[str]],
    short: dict[str, str],
    switches: frozenset[str],
) -> int:
    """Read `-dit`, `-p8080:80`, `-e K=V`; return how many of the following words were taken."""
    index = 0
    while index < len(letters):
        flag = short.get(letters[index], f"-{letters[index]}")
        rest = letters[index + 1 :]
        index += 1
        if flag in switches:
            if rest.startswith("="):
                _add(into, flag, rest[1:])
                return 0
            _add(into, flag, "true")
        elif rest:
            _add(into, flag, rest.removeprefix("="))
            return 0
        else:
            _add(into, flag, argv[following] if following < len(argv) else "")
            return 1
    return 0


def _add(into: dict[str, list[str]], flag: str, value: str) -> None:
    values = into.setdefault(flag, [])
    if flag in COMMA_LISTS:
        values.extend(split_csv(value))
    else:
        values.append(value)
