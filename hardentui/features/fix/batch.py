"""Several containers at once: a plan and its files for each, all written together.

A container that cannot be checked, planned or written is reported with the reason and does not stop
the others. Each draft is proven on its own. Together they stay proven: what two drafts share (a
network, a pod) is the same file in both, or the second container is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, EngineError, HardenError
from hardentui.features.fix.saving import save
from hardentui.features.views import Report
from hardentui.model.draft import Draft, DraftFile, NextSteps, Target
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.podman_version import Version
from hardentui.model.written_file import WrittenFile
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class BatchItem(Struct, frozen=True):
    """The plan and files of one container."""

    report: Report
    plan: Plan | None = None  # None only if there is trouble
    after: int | None = None  # the score after the plan
    draft: Draft | None = None  # None if the plan changes nothing
    # why nothing is written for it; None if something is, or if there is nothing to change
    trouble: HardenError | None = None

    @property
    def files(self) -> tuple[DraftFile, ...]:
        return self.draft.files if self.draft else ()


def prepare(
    bench: Workbench,
    report: Report,
    caution: Caution | None,
    chosen: Iterable[Choice] = (),
    *,
    to: Target = Target.QUADLET,
    version: Version | None = None,
) -> BatchItem:
    """Plan and files of one container; an obstacle becomes its trouble.

    Args:
        caution: which fixes; None: only the chosen ones.
        chosen: fixes chosen for it, with their values; they are added.
    """
    plan = None
    after = None
    try:
        if report.trouble:
            raise EngineError("It could not be checked.", report.trouble)
        plan = bench.planner.plan_with(report, caution, chosen)
        after = bench.planner.score_after(report, plan).value
        if not plan.changes:
            return BatchItem(report, plan, after)
        draft = bench.drafter.draft(
            report,
            plan,
            to,
            version=version,
        )
    except HardenError as error:
        return BatchItem(
            report,
            plan,
            after,
            trouble=error,
        )
    return BatchItem(report, plan, after, draft)


class Batch(Struct, frozen=True):
    """All containers, and their files together."""

    items: tuple[BatchItem, ...]
    files: tuple[DraftFile, ...]

    @property
    def written(self) -> tuple[BatchItem, ...]:
        """The containers that get files."""
        return tuple(item for item in self.items if item.trouble is None and item.files)

    @property
    def refused(self) -> tuple[BatchItem, ...]:
        """The containers without files because of an obstacle."""
        return tuple(item for item in self.items if item.trouble is not None)


def combine(items: Iterable[BatchItem]) -> Batch:
    """Combine the files of all containers.

    A container's own unit wins over the copy that another member of its pod brings.
    A container whose file conflicts with another container's is left out as a whole.
    """
    combined = list(items)
    while True:
        files: dict[str, tuple[DraftFile, BatchItem]] = {}
        clash = _add(files, combined, of_pod=False) or _add(files, combined, of_pod=True)
        if clash is None:
            return Batch(tuple(combined), tuple(file for file, _ in files.values()))
        at, file, owner = clash
        error = CannotExpress(
            f"{visible(file.name, 80)} is also a file of {visible(owner.report.subject.name, 80)} on "
            f"{visible(owner.report.subject.engine, 40)}, with another text.",
            "Write this container separately, to another directory.",
        )
        combined[at] = replace(combined[at], trouble=error)


_Clash = tuple[int, DraftFile, BatchItem]


def _add(
    files: dict[str, tuple[DraftFile, BatchItem]],
    items: Sequence[BatchItem],
    *,
    of_pod: bool,
) -> _Clash | None:
    for at, item in enumerate(items):
        if item.trouble is not None:
            continue
        for file in item.files:
            if file.of_pod is not of_pod:
                continue
            known, owner = files.setdefault(file.name, (file, item))
            if (known.text, known.directory) == (file.text, file.directory):
                files[file.name] = replace(known, mode=known.mode & file.mode), owner
            elif known.of_pod or not of_pod:
                return at, file, owner
    return None


def save_together(
    bench: Workbench,
    batch: Batch,
    directory: str,
) -> tuple[tuple[WrittenFile, ...], tuple[ItemSteps, ...]]:
    """Write all files to the directory, which is created if missing; with what to do then for each
    container.

    Raises:
        WriteError: nothing was written.
    """
    steps = tuple(_next_steps(bench, batch, directory))
    files = [file for _, step in steps for file in step.files]
    return save((*batch.files, *files), directory, create=True), steps


ItemSteps = tuple[BatchItem, NextSteps]


def _next_steps(
    bench: Workbench,
    batch: Batch,
    directory: str,
) -> Iterator[ItemSteps]:
    """Container by container. Those of a stack start with the one that brings the files of most
    others."""
    covered: set[str] = set()
    for item in sorted(
        batch.written,
        key=_brought,
        reverse=True,
    ):
        if item.draft is None or item.files[0].name in covered:
            continue
        covered |= {file.name for file in item.files if file.of_pod}
        yield (
            item,
            bench.drafter.next_steps(
                item.report,
                item.draft,
                directory,
            ),
        )


def _brought(item: BatchItem) -> int:
    """How many files of others it brings."""
    return sum(file.of_pod for file in item.files)
