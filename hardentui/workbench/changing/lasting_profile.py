"""A learned seccomp profile goes beside the units: the directory of a trial is deleted one day, and nothing
that names a file in it would start again."""

from __future__ import annotations

import posixpath

from msgspec.structs import replace

from hardentui.harden.spec_diff import arguments
from hardentui.host.files.reader import Files
from hardentui.model.draft import DraftFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.options import SECCOMP_PROFILE
from hardentui.workbench.looking.unit_origin import manager_of
from hardentui.writers.context import profile_name

_LONGEST = 1 << 20


def with_lasting_profile(
    files: Files, facts: ContainerFacts, plan: Plan | None
) -> tuple[Plan | None, tuple[DraftFile, ...]]:
    """The plan that names its learned profile where it lasts, and the file to put there; none if it cannot be
    read yet, because a trial is about to write it.
    """
    path = plan.after[SECCOMP_PROFILE] if plan else ""
    name = profile_name(facts.name)
    if plan is None or posixpath.basename(path) != name or path == facts.spec[SECCOMP_PROFILE]:
        return plan, ()
    manager = manager_of(files, facts.engine)
    place = manager.containers_directory
    after = plan.after.with_(SECCOMP_PROFILE, posixpath.join(place, name))
    words = arguments(after, SECCOMP_PROFILE)
    changes = tuple(
        replace(change, after=words) if change.option == SECCOMP_PROFILE.name else change
        for change in plan.changes
    )
    try:
        text = files.read_text(path, _LONGEST)
    except OSError:
        kept: tuple[DraftFile, ...] = ()
    else:
        of_root = facts.engine.rootless is not True
        kept = (DraftFile(name, text, of_root=of_root, masked=text, directory=place),)
    return replace(plan, after=after, changes=changes), kept
