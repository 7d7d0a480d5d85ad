"""A podman command line that makes a container, as it was written and by its flags. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from hardentui.options.codecs import is_true, split_csv


class Token(Struct, frozen=True):
    """The words from `start` to `end` (exclusive); several parts for a cluster such as `-dit`."""

    start: int
    end: int
    parts: tuple[tuple[str, str], ...]  # (long flag, argument; `true` for a bare switch)


class RunCommand(Struct, frozen=True, dict=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name."""

    words: tuple[str, ...]
    global_tokens: tuple[Token, ...]
    verb_at: int  # index of run or create
    tokens: tuple[Token, ...]  # the flags
    image_at: int  # index of the image; the number of words if there is none
    comma_lists: frozenset[str] = frozenset()  # flags whose arguments its Podman splits at commas

    @property
    def verb(self) -> str:
        """`run` or `create`."""
        return self.words[self.verb_at]

    @property
    def image(self) -> str:
        """The image, or the directory with --rootfs; empty if there is none."""
        return self.words[self.image_at] if self.image_at < len(self.words) else ""

    @property
    def rest(self) -> tuple[str, ...]:
        """The words after the image."""
        return self.words[self.image_at + 1 :]

    @cached_property
    def flags(self) -> dict[str, list[str]]:
        """Long flag -> arguments in order; switches have `true` or `false`."""
        return self._by_flag(self.tokens)

    @cached_property
    def globals(self) -> dict[str, list[str]]:
        """The same for the flags before the verb."""
        return self._by_flag(self.global_tokens)

    def all(self, flag: str) -> tuple[str, ...]:
        return tuple(self.flags.get(flag, ()))

    def last(self, flag: str) -> str | None:
        """The effective argument of a flag that is not repeatable; None if it is not set."""
        arguments = self.flags.get(flag)
        return arguments[-1] if arguments else None

    def switched(self, flag: str) -> bool | None:
        """True, False, or None if the switch is not set."""
        arguments = self.flags.get(flag)
        return None if not arguments else is_true(arguments[-1])

    def _by_flag(self, tokens: Iterable[Token]) -> dict[str, list[str]]:
        by_flag: dict[str, list[str]] = {}
        for token in tokens:
            for flag, argument in token.parts:
                split = split_csv(argument) if flag in self.comma_lists else [argument]
                by_flag.setdefault(flag, []).extend(split)
        return by_flag
