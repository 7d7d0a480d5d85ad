"""The difference between two specs, option by option."""

from __future__ import annotations

import shlex
from typing import Any

from msgspec import Struct

from hardentui.model.spec import KeyKind, Option, Spec
from hardentui.model.version import Version
from hardentui.options import TABLE

_PLACE = {option: place for place, option in enumerate(TABLE)}


class OptionDiff(Struct, frozen=True):
    """One option with its arguments before and after; the lost and the new ones apart."""

    option: Option[Any]
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(argument for argument in self.before if argument not in self.after)

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(argument for argument in self.after if argument not in self.before)


def arguments(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    """The arguments of one option; none when it is absent."""
    return option.to_arguments(spec[option]) if option in spec else ()


def spec_diff(before: Spec, after: Spec) -> tuple[OptionDiff, ...]:
    """Every option whose value differs, in the order of the table."""
    if before is after:
        return ()
    changed = [o for o in {*before.settings, *after.settings} if before[o] != after[o]]
    return tuple(
        OptionDiff(option, arguments(before, option), arguments(after, option))
        for option in sorted(changed, key=_PLACE.__getitem__)
    )


def as_run_lines(changed: tuple[OptionDiff, ...]) -> str:
    """As flags of `podman run`: `-` what goes, `+` what comes."""
    lines = []
    for one in changed:
        lines += [f"-{_flag(one.option, argument)}" for argument in one.removed]
        lines += [f"+{_flag(one.option, argument)}" for argument in one.added]
    return "\n".join(lines)


def as_quadlet_lines(changed: tuple[OptionDiff, ...], version: Version) -> str:
    """As lines of a Quadlet unit, for reading; the writer of units escapes for real."""
    lines = []
    for one in changed:
        lines += [f"-{_line(one.option, argument, version)}" for argument in one.removed]
        lines += [f"+{_line(one.option, argument, version)}" for argument in one.added]
    return "\n".join(lines)


def _flag(option: Option[Any], argument: str) -> str:
    if not option.flag.startswith("-"):
        return shlex.quote(argument)
    return shlex.quote(f"{option.flag}={argument}") if argument else option.flag


def _line(option: Option[Any], argument: str, version: Version) -> str:
    key = option.quadlet
    if option.flag == "--restart":
        return f"[Service] Restart={argument.split(':')[0]}"
    if key is None or key.since > version:
        return f"PodmanArgs={_flag(option, argument)}"
    if option.to_values is not None and key.kind is not KeyKind.BOOLEAN:
        argument = argument.partition("=")[2] if option.flag == "--security-opt" else argument
        argument = argument.split(":", 1)[1] if option.name.startswith("label-") else argument
    if key.kind is KeyKind.BOOLEAN:
        argument = "false" if argument == "false" else "true"
    return f"{key.name}={argument}"
