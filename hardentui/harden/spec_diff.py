"""The difference between two specs, option by option."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from hardentui.model.spec import Option, Spec
from hardentui.model.version import Version
from hardentui.options import RESTART, TABLE
from hardentui.quadlet.write.restart import restart_lines

_PLACE = {option: place for place, option in enumerate(TABLE)}


class OptionDiff(Struct, frozen=True):
    """One changed option: arguments before and after, and the values of its Quadlet key."""

    option: Option[Any]
    before: tuple[str, ...]
    after: tuple[str, ...]
    values_before: tuple[str, ...]
    values_after: tuple[str, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        return _missing(self.before, self.after)

    @property
    def added(self) -> tuple[str, ...]:
        return _missing(self.after, self.before)


def _missing(texts: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for text in texts if text not in other)


def arguments(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    """The arguments of one option; empty if it is absent."""
    return option.to_arguments(spec[option]) if option in spec else ()


def _values(spec: Spec, option: Option[Any]) -> tuple[str, ...]:
    return option.to_values(spec[option]) if option in spec else ()


def spec_diff(before: Spec, after: Spec) -> tuple[OptionDiff, ...]:
    """The options that differ, in table order."""
    if before is after:
        return ()
    changed = [o for o in {*before.settings, *after.settings} if before[o] != after[o]]
    return tuple(
        OptionDiff(
            option,
            arguments(before, option),
            arguments(after, option),
            _values(before, option),
            _values(after, option),
        )
        for option in sorted(changed, key=_PLACE.__getitem__)
    )


def as_run_lines(changed: tuple[OptionDiff, ...]) -> str:
    """As flags of `podman run`: `-` removed, `+` added."""
    lines = []
    for diff in changed:
        lines += [f"-{_flag(diff.option, argument)}" for argument in diff.removed]
        lines += [f"+{_flag(diff.option, argument)}" for argument in diff.added]
    return "\n".join(lines)


def as_quadlet_lines(changed: tuple[OptionDiff, ...], version: Version) -> str:
    """As lines of a Quadlet unit, for display only; the unit writer does the escaping."""
    lines = []
    for diff in changed:
        key = diff.option.quadlet
        if diff.option is RESTART:
            before, after = _restart(diff.removed), _restart(diff.added)
            lines += [f"-{line}" for line in before if line not in after]
            lines += [f"+{line}" for line in after if line not in before]
        elif key is None or key.since > version:
            lines += [f"-PodmanArgs={_flag(diff.option, argument)}" for argument in diff.removed]
            lines += [f"+PodmanArgs={_flag(diff.option, argument)}" for argument in diff.added]
        else:
            lines += [f"-{key.name}={v}" for v in _missing(diff.values_before, diff.values_after)]
            lines += [f"+{key.name}={v}" for v in _missing(diff.values_after, diff.values_before)]
    return "\n".join(lines)


def _restart(policies: Iterable[str]) -> list[str]:
    return [
        f"[{section}] {key}={value}" for policy in policies for section, key, value in restart_lines(policy)
    ]


def _flag(option: Option[Any], argument: str) -> str:
    if not option.flag.startswith("-"):
        return shlex.quote(argument)
    return shlex.quote(f"{option.flag}={argument}") if argument else option.flag
