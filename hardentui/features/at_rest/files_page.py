"""The services of files with the fixes of a level, as one page tells them: what most have alike once,
each with its score before and after, and what would be written."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct

from hardentui.do import said
from hardentui.errors import HardenError
from hardentui.features.at_rest.browsing import Services
from hardentui.features.at_rest.choosing import Choosing, Offer, Wanted
from hardentui.features.at_rest.fixing import Fixed
from hardentui.features.at_rest.in_place import write_in_place
from hardentui.features.at_rest.patches import patch_of
from hardentui.features.harden.host_run import Fix, Member, Standing
from hardentui.features.planner import Planner
from hardentui.features.sections import PageLine, PageSection
from hardentui.features.task import Task, TaskResult, Tell, Then
from hardentui.features.views import Report
from hardentui.harden.remedy import spec_diff
from hardentui.model.draft import DraftFile, TextFile
from hardentui.model.plan import Choice
from hardentui.model.spec import Spec
from hardentui.visible import visible
from hardentui.words import plural

PATCH = "hardening.patch"
_FEWEST_ALIKE = 3
_MISSING = "a value or a decision of yours"


class CommonFix(Struct, frozen=True):
    """A fix that most services get alike: told once."""

    check: str
    text: str
    keys: tuple[str, ...]  # of the services


class FilesResult(Struct, frozen=True):
    """What a level makes of the files."""

    members: tuple[Member, ...] = ()
    common: tuple[CommonFix, ...] = ()
    drafts: tuple[DraftFile, ...] = ()


def result_of(
    services: Services,
    planner: Planner,
    wanted: Wanted,
) -> FilesResult:
    """The services with all wanted fixes, and the files that these change."""
    fixed, drafts = services.fixed(wanted)
    members = []
    for each in fixed:
        report = services.report(each.service.key)
        if report is None or not wanted.is_of(each.service):
            continue
        members.append(_member(each, report, planner))
    return FilesResult(
        members=tuple(members),
        common=tuple(_common(members)),
        drafts=drafts,
    )


def _member(
    fixed: Fixed,
    report: Report,
    planner: Planner,
) -> Member:
    service = fixed.service
    made = planner.plan(report, [Choice(check) for check in fixed.made])
    after = planner.score_after(report, made).value if fixed.made else None
    opened = [
        Fix(each.check.id, visible(each.check.summary, 200), missing=_MISSING)
        for each in fixed.choices
        if each.choosing is Choosing.NAMED
    ]
    return Member(
        key=service.key,
        id=service.id,
        name=service.name,
        engine=service.format.value,
        group=service.file.shown,
        fingerprint="",
        standing=Standing.READY if fixed.made else Standing.NOTHING,
        before=report.score.value,
        after=after,
        fixes=(*_fixes(fixed), *opened),
        decide=fixed.to_choose(Choosing.ALL),
        left_out=fixed.left_out,
    )


def _fixes(fixed: Fixed) -> Iterator[Fix]:
    before: Spec = fixed.service.spec.literal
    for taken in fixed.taken:
        yield Fix(taken.check.id, _words(taken, before))
        before = taken.after


def _words(taken: Offer, before: Spec) -> str:
    """`--security-opt no-new-privileges`."""
    return visible("; ".join(_changed(taken, before)), 200)


def _changed(taken: Offer, before: Spec) -> Iterator[str]:
    for diff in spec_diff(before, taken.after):
        for argument in diff.added:
            yield f"{diff.option.flag} {argument}".rstrip()
        if not diff.added:
            yield f"{diff.option.flag} {' '.join(diff.removed)} removed"


def _common(members: Iterable[Member]) -> Iterator[CommonFix]:
    changed = [member for member in members if member.standing is Standing.READY]
    fixes = [(fix, member.key) for member in changed for fix in member.fixes if not fix.is_open]
    counts = Counter((fix.check, fix.text) for fix, _ in fixes)
    for (check, text), count in counts.items():
        if count >= _FEWEST_ALIKE and 2 * count > len(changed):
            keys = [key for fix, key in fixes if (fix.check, fix.text) == (check, text)]
            yield CommonFix(check, text, tuple(keys))


def score_without(
    services: Services,
    planner: Planner,
    member: Member,
    struck: Collection[str],
) -> int | None:
    """The score of a service without these fixes."""
    report = services.report(member.key)
    made = [fix.check for fix in member.fixes if not fix.is_open and fix.check not in struck]
    if report is None:
        return None
    try:
        plan = planner.plan(report, [Choice(each) for each in made])
    except HardenError:
        return None
    return planner.score_after(report, plan).value


def writing_task(
    services: Services,
    wanted: Wanted,
    only: Callable[[DraftFile], bool],
    where: str,
) -> Task:
    """The difference of the files, to be written in place or as a patch."""

    def task(stop: threading.Event, tell: Tell) -> TaskResult:
        tell("making the changes")
        fixed, drafts = services.fixed(wanted)
        drafts = tuple(filter(only, drafts))
        paths = {draft.path for draft in drafts}
        about = [each for each in fixed if paths & each.files.keys()]
        patches = [patch_of(draft) for draft in drafts]
        heads = [
            f"# {visible(draft.name, 100)}: {said(patch.how)}\n"
            for draft, patch in zip(drafts, patches, strict=True)
            if patch.how
        ]
        text = "".join((*heads, *(patch.text for patch in patches)))
        notes = tuple(_notes(about))
        if not drafts:
            return TaskResult((PageSection("No file would change.", notes),))
        many = plural(len(drafts), "file")
        return TaskResult(
            (PageSection(f"{many} would change", ()),),
            files=(TextFile(PATCH, text),),
            diff=text,
            notes=(PageSection("To know before", notes),) if notes else (),
            then=Then(
                f"Write {many} in place?",
                f"{where} A file that Git holds as it is needs no backup; others get one.",
                lambda: _write(services, drafts),
            ),
        )

    return task


def _notes(about: Iterable[Fixed]) -> Iterator[PageLine]:
    """What a maintainer has to know of these very services, each sentence once."""
    names: dict[str, list[str]] = {}
    for each in about:
        sentences = [
            sentence for taken in each.taken for sentence in (*taken.to_weigh, *taken.notes)
        ]
        sentences += [f"not changed: {reason}" for reason in each.left_out]
        for sentence in dict.fromkeys(sentences):
            names.setdefault(sentence, []).append(each.service.name)
    for sentence, whose in names.items():
        label = whose[0] if len(whose) == 1 else f"{len(whose)} services"
        yield PageLine(label, sentence)


def _write(
    services: Services,
    drafts: Iterable[DraftFile],
) -> str:
    """Raises HardenError: what was changed meanwhile is not written."""
    texts = {draft.path: draft.text for draft in drafts}
    count = sum(len(written) for written, _ in write_in_place(texts, services.looked.sources))
    return f"{plural(count, 'file')} written."
