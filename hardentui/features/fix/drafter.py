"""The files of a plan, of any type: the only way to create a draft."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from hardentui.do import Flag
from hardentui.errors import CannotFix
from hardentui.features.fix.compose_draft import compose_draft
from hardentui.features.fix.drafts import (
    chowned_volumes,
    new_files,
    shell_commands,
)
from hardentui.features.fix.edit_proofs import prove_edit
from hardentui.features.fix.headings import heading, writing_context
from hardentui.features.fix.saving import OwnUnit, own_unit
from hardentui.features.fix.steps import next_steps, steps_in_place
from hardentui.features.fix.unit_edits import edited, unit_diff
from hardentui.features.looking.containers import Neighbours
from hardentui.features.looking.unit_origin import (
    UNIT_LABEL,
    Origin,
    drift_of,
    manager_of,
    origin_of,
)
from hardentui.features.trial.tried import with_profile
from hardentui.features.views import Report, known_facts
from hardentui.host.files import Files
from hardentui.model.draft import Draft, DraftFile, NextSteps, ShellCommands, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import profile_name, soak_name
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.written_file import WrittenFile
from hardentui.options import SECCOMP_PROFILE
from hardentui.reading.vendors import delivered_by


def changed_unit(
    files: Files,
    facts: ContainerFacts,
    plan: Plan,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
) -> Draft:
    """The container's own unit with the plan applied.

    Args:
        version: the Podman to write for; None = the container's own.
        verify: let the generator or systemd check it.

    Raises:
        CannotFix: it runs from no unit, or from one on another machine.
        CannotExpress: this style cannot hold the change.
        GeneratorError: systemd would not run the intended command.
    """
    origin = _origin(files, facts)
    podman = version or facts.engine.version
    edit = edited(
        origin,
        plan,
        podman,
        style="drop-in" if target is Target.DROP_IN else "edit",
        comments=heading(facts, plan),
        context=writing_context(facts, plan.after, podman),
        vendor=delivered_by(facts),
    )
    differs = tuple(
        f"the running container differs from its unit: {difference}"
        for difference in drift_of(origin, facts)
    )
    return Draft(
        target=target,
        files=edit.files,
        diff=unit_diff(edit.files),
        proof=prove_edit(
            origin,
            edit,
            podman,
            facts.engine.version,
        )
        if verify
        else "",
        warnings=(*edit.notes, *differs),
        left_out=edit.left_out,
        commands=edit.commands,
        chowned=tuple(chowned_volumes(facts, plan.after)),
    )


def _origin(files: Files, facts: ContainerFacts) -> Origin:
    origin = origin_of(files, facts) if facts.engine.local else None
    if origin is None:
        raise CannotFix(
            "No unit of this container was found.",
            (
                "Write a new Quadlet",
                Flag("--to quadlet"),
                " or script",
                Flag("--to run"),
                " instead.",
            ),
        )
    return origin


_LONGEST = 1 << 20


def with_lasting_profile(
    files: Files,
    facts: ContainerFacts,
    plan: Plan | None,
) -> tuple[Plan | None, tuple[DraftFile, ...]]:
    """The plan that names its learned profile where it lasts, and the file to put there; none if it
    cannot be read yet, because a trial is about to write it.
    """
    path = plan.after[SECCOMP_PROFILE] if plan else ""
    name = posixpath.basename(path)
    if (
        plan is None
        or name not in (profile_name(facts.name), soak_name(facts.name))
        or path == facts.spec[SECCOMP_PROFILE]
    ):
        return plan, ()
    manager = manager_of(files, facts.engine)
    place = manager.containers_directory
    try:
        text = files.read_text(path, _LONGEST)
    except OSError:
        kept: tuple[DraftFile, ...] = ()
    else:
        of_root = facts.engine.rootless is not True
        kept = (
            DraftFile(
                name,
                text,
                of_root=of_root,
                masked=text,
                directory=place,
            ),
        )
    return with_profile(plan, posixpath.join(place, name)), kept


class Drafter:
    """Drafts for containers that were judged before.

    Args:
        files: of the host that runs the containers.
        stack: the containers that are taken over with one.
    """

    def __init__(
        self,
        files: Files,
        stack: Callable[[Report], Neighbours],
    ) -> None:
        self._files = files
        self._stack = stack

    def draft(
        self,
        report: Report,
        plan: Plan | None,
        target: Target,
        *,
        version: Version | None = None,
        verify: bool = True,
    ) -> Draft:
        """The files of a plan, or (None) of the unchanged container.

        Args:
            version: the Podman to write for; None = the container's own.
            verify: let a Quadlet generator or systemd check them (some 20 ms).

        Raises:
            CannotFix, CannotExpress: the target cannot hold it.
            GeneratorError: the files would not produce the intended command.
        """
        facts = known_facts(report)
        plan, profile = with_lasting_profile(self._files, facts, plan)
        if target is Target.COMPOSE:
            return compose_draft(facts, plan)
        if target.changes_unit:
            plan = plan or Plan(
                facts.name,
                facts.image_name,
                (),
                (),
                facts.spec,
                facts.spec,
            )
            draft = changed_unit(
                self._files,
                facts,
                plan,
                target,
                version=version,
                verify=verify,
            )
            return replace(draft, files=(*draft.files, *profile)) if draft.files else draft
        stack = self._stack(report)
        draft = new_files(
            facts,
            plan,
            target,
            version=version,
            verify=verify,
            neighbours=stack,
        )
        return replace(
            draft,
            files=(
                *draft.files,
                *(replace(file, directory="") for file in profile),
            ),
        )

    def shell_commands(
        self,
        report: Report,
        plan: Plan | None,
    ) -> ShellCommands:
        """What a person types to run a plan's container, or (None) the container as it is.

        Raises:
            CannotExpress: it only holds a pod together.
        """
        return shell_commands(known_facts(report), plan)

    def next_steps(
        self,
        report: Report,
        draft: Draft,
        directory: str,
    ) -> NextSteps:
        """What to do once the files are written, with the files that it needs beside them.

        Args:
            directory: empty = the files are written where systemd reads them.
        """
        stack = Neighbours() if draft.target.changes_unit else self._stack(report)
        return next_steps(
            self._files,
            known_facts(report),
            stack,
            draft,
            directory,
        )

    def steps_in_place(
        self,
        report: Report,
        draft: Draft,
        saved: Sequence[WrittenFile],
    ) -> NextSteps:
        """What to do once a unit was changed where systemd reads it, and how to undo it."""
        return steps_in_place(
            self._files,
            known_facts(report),
            draft,
            saved,
        )

    def own_unit(self, report: Report) -> OwnUnit | None:
        """The unit that a container runs from; None if it runs from none."""
        if report.facts is None or not report.facts.labels.get(UNIT_LABEL):
            return None
        return own_unit(self._files, report.facts)
