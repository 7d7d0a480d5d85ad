"""The files of a plan, of any type: the only way to create a draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft, NextSteps, ShellCommands, Target
from hardentui.model.plan import Plan
from hardentui.model.version import Version
from hardentui.model.written import WrittenFile
from hardentui.workbench.changing.drafts import new_files, shell_commands
from hardentui.workbench.changing.in_place import OwnUnit, own_unit
from hardentui.workbench.changing.lasting_profile import with_lasting_profile
from hardentui.workbench.changing.taking_over import next_steps, steps_in_place
from hardentui.workbench.changing.unit_draft import changed_unit
from hardentui.workbench.looking.neighbours import Neighbours
from hardentui.workbench.looking.unit_origin import UNIT_LABEL
from hardentui.workbench.views import Report, known_facts


class Drafter:
    """Drafts for containers that were judged before.

    Args:
        files: of the host that runs the containers.
        stack: the containers that are taken over with one.
    """

    def __init__(self, files: Files, stack: Callable[[Report], Neighbours]) -> None:
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
        if target.changes_unit:
            plan = plan or Plan(facts.name, facts.image_name, (), (), facts.spec, facts.spec)
            draft = changed_unit(self._files, facts, plan, target, version=version, verify=verify)
            return replace(draft, files=(*draft.files, *profile)) if draft.files else draft
        stack = self._stack(report)
        draft = new_files(facts, plan, target, version=version, verify=verify, neighbours=stack)
        return replace(draft, files=(*draft.files, *(replace(file, directory="") for file in profile)))

    def shell_commands(self, report: Report, plan: Plan | None) -> ShellCommands:
        """What a person types to run a plan's container, or (None) the container as it is.

        Raises:
            CannotExpress: it only holds a pod together.
        """
        return shell_commands(known_facts(report), plan)

    def next_steps(self, report: Report, draft: Draft, directory: str) -> NextSteps:
        """What to do once the files are written, with the files that it needs beside them.

        Args:
            directory: empty = the files are written where systemd reads them.
        """
        stack = Neighbours() if draft.target.changes_unit else self._stack(report)
        return next_steps(self._files, known_facts(report), stack, draft, directory)

    def steps_in_place(self, report: Report, draft: Draft, saved: Sequence[WrittenFile]) -> NextSteps:
        """What to do once a unit was changed where systemd reads it, and how to undo it."""
        return steps_in_place(self._files, known_facts(report), draft, saved)

    def own_unit(self, report: Report) -> OwnUnit | None:
        """The unit that a container runs from; None if it runs from none."""
        if report.facts is None or not report.facts.labels.get(UNIT_LABEL):
            return None
        return own_unit(self._files, report.facts)
