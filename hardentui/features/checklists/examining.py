"""A checklist of your own: begun from a template, how much it has, what its checks can inspect."""

from __future__ import annotations

import os
import re

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.errors import InputError
from hardentui.features.checklists.loading import directory_of_ours, load
from hardentui.files import write_bundle
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.model.draft import TextFile
from hardentui.visible import visible
from hardentui.words import plural


class LintedChecklist(Struct, frozen=True):
    """How many steps a valid checklist has, checks, own checks, and built-in checks that it leaves
    out."""

    steps: int
    checks: int
    own: int
    unused: int

    @property
    def summary(self) -> str:
        return (
            f"valid. {plural(self.steps, 'step')}, {plural(self.checks, 'check')}, {self.own} of them your "
            f"own; {self.unused} built-in checks are not used."
        )


def lint_checklist(where: str) -> LintedChecklist:
    """What a checklist has; raises what `load` raises."""
    checklist = load(where)
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check not in used for check in CHECKS)
    return LintedChecklist(
        len(checklist.steps),
        len(used),
        len(checklist.own),
        unused,
    )


def selectable_options() -> tuple[tuple[str, str, str], ...]:
    """What a check of one's own can inspect of a container: name, shape, meaning."""
    return tuple(
        (name, shape_of(option).value, option.about) for name, option in sorted(OPTIONS.items())
    )


def selectable_facts() -> tuple[tuple[str, str, str], ...]:
    """What such a check can inspect of what the kernel enforces: name, shape, meaning."""
    return tuple((name, fact.shape.value, fact.about) for name, fact in FACTS.items())


# A new checklist, from a template that explains itself.

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_checklist(path: str) -> str:
    """Write a checklist, never replacing an existing file; returns its path.

    Raises:
        InputError: the path is not a valid checklist name, or exists.
        WriteError: it cannot be written.
    """
    directory, name = os.path.split(os.path.abspath(path))
    identity = name.removesuffix(".toml")
    if not name.endswith(".toml") or not _ID.fullmatch(identity):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a checklist.",
            "Use lower-case letters, digits and dashes: site.toml",
        )
    if os.path.lexists(path):
        raise InputError(f"{visible(name)} already exists and is not replaced.")
    with open(
        os.path.join(
            directory_of_ours(),
            "templates",
            "own.toml",
        ),
        encoding="utf-8",
    ) as file:
        text = file.read().replace("{id}", identity)
    write_bundle(
        directory,
        [TextFile(name, text)],
        overwrite=False,
        follow_symlink=True,
    )
    return path
