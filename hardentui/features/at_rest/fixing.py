"""`hardentui fix PATH…`: minimal edits of files, each proven before it is shown or written.

A Quadlet is proven by the port of the generator for its Podman: its command holds the planned
changes and nothing else. A compose file is read again: only the changed service differs, and only
as planned.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, HardenError, InputError
from hardentui.features.at_rest.checking import Looked
from hardentui.features.at_rest.choosing import Choosing, Offer, Wanted, offer
from hardentui.features.at_rest.edits.commands import RunTarget
from hardentui.features.at_rest.edits.quadlet import QuadletTarget
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.masked_lines import mask_line
from hardentui.features.at_rest.services import Format, Service
from hardentui.features.at_rest.sources import Sources
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.draft import DraftFile
from hardentui.model.known import Unread
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.reading.vendors import delivered_by
from hardentui.visible import visible


class Fixed(Struct, frozen=True):
    """One service after its fixes."""

    service: Service
    made: tuple[str, ...]  # checks whose fixes are in the text
    left_out: tuple[str, ...]  # fixes and changes that are not, one sentence each
    files: Mapping[str, str]  # absolute path -> new text, of the changed files
    proof: str = ""
    taken: tuple[Offer, ...] = ()  # those of them that changed something, in their order
    choices: tuple[Offer, ...] = ()  # fixes of failing checks that a user has to ask for

    def to_choose(self, choosing: Choosing) -> tuple[str, ...]:
        """The checks whose fixes need at least to be asked for like this."""
        return tuple(each.check.id for each in self.choices if each.choosing is choosing)


class Target(Protocol):
    """A service in its files: changes are made one fix after the other, and proven, or not made at
    all."""

    proof: str
    files: dict[str, str]

    def apply(self, before: Spec, after: Spec) -> None:
        """Make the changes between two specs. Raises HardenError, and then nothing is changed."""


class PartsOfFiles(Protocol):
    """The files of several services, each of which is edited in its own part of them."""

    unclear: set[tuple[str, int]]
    """Places of services that cannot be changed in their parts."""

    @property
    def changed(self) -> dict[str, str]:
        """The texts of the changed files. Raises CannotExpress."""

    def target(self, service: Service) -> Target:
        """Raises CannotExpress where its part does not say what the whole does."""

    def take(
        self,
        service: Service,
        files: Mapping[str, str],
        planned: Spec,
    ) -> None:
        """Put a changed part into the whole, unless more than it changed."""

    def prove(self, changed: Mapping[str, str]) -> None:
        """Raises CannotExpress unless each service of the changed files is as planned."""


_IN_PARTS = (Format.COMPOSE, Format.RUN, Format.KUBE)


def _stack_of(service: Service) -> str:
    """What is cut into parts together: a compose project, else a file."""
    return service.group if service.format is Format.COMPOSE else service.file.shown


def fix_all(
    looked: Looked,
    wanted: Wanted,
    version: Version,
    texts: dict[str, str] | None = None,
) -> tuple[Fixed, ...]:
    """Every service with its fixes; those of one file are made one after the other.

    Args:
        version: the Podman that will read Quadlets.
        texts: by path, the files that were changed before; those that are changed now are added.
    """
    texts = {} if texts is None else texts
    stacks: dict[str, list[Judged]] = {}
    for judged in looked.services:
        if judged.service.format in _IN_PARTS:
            stacks.setdefault(_stack_of(judged.service), []).append(judged)
    fixed: dict[str, Iterator[Fixed]] = {}
    every: list[Fixed] = []
    for judged in looked.services:
        group = _stack_of(judged.service)
        if judged.service.format not in _IN_PARTS:
            every.append(_one(judged, looked, wanted, version, texts))
            continue
        if group not in fixed:
            fixed[group] = iter(
                _stack(
                    stacks[group],
                    looked,
                    wanted,
                    version,
                    texts,
                )
            )
        every.append(next(fixed[group]))
    return tuple(every)


def changed_files(
    looked: Looked,
    service: Service,
    plan: Plan,
    version: Version,
) -> tuple[tuple[DraftFile, ...], str]:
    """The files of a service with a whole plan, and their proof.

    Raises:
        HardenError: the files cannot hold all of it.
    """
    target = _target(
        looked,
        service,
        version,
        {},
    )
    target.apply(_plain(plan.before), _plain(plan.after))
    return tuple(drafts_of(target.files, looked.sources)), target.proof


def _stack(
    stack: Sequence[Judged],
    looked: Looked,
    wanted: Wanted,
    version: Version,
    texts: dict[str, str],
) -> list[Fixed]:
    """The services of a compose project, a script or Kubernetes YAML, each edited in its own part
    where the files can be cut."""
    try:
        return _by_parts(stack, looked, wanted, version, texts)
    except CannotExpress:
        return [_one(judged, looked, wanted, version, texts) for judged in stack]


def _by_parts(
    stack: Sequence[Judged],
    looked: Looked,
    wanted: Wanted,
    version: Version,
    texts: dict[str, str],
) -> list[Fixed]:
    """Raises CannotExpress where services share what a fix changes."""
    parts = _parts_of(
        looked.sources,
        [judged.service for judged in stack],
        texts,
    )
    fixed = []
    for judged in stack:
        done = _fixed(
            judged,
            looked,
            wanted,
            partial(parts.target, judged.service),
        )
        if done.taken:
            parts.take(
                judged.service,
                done.files,
                _plain(done.taken[-1].after),
            )
        fixed.append(done)
    changed = parts.changed
    if changed:
        parts.prove(changed)
        texts.update(changed)
    for place, judged in enumerate(stack):
        if judged.service.place in parts.unclear:
            fixed[place] = _one(judged, looked, wanted, version, texts)
            changed |= fixed[place].files
    return [replace(each, files=changed if each.made else {}) for each in fixed]


def _parts_of(
    sources: Sources,
    services: Sequence[Service],
    texts: Mapping[str, str],
) -> PartsOfFiles:
    """Raises CannotExpress where their files cannot be cut."""
    if services[0].format is Format.COMPOSE:
        from hardentui.features.at_rest.edits.parts import StackParts

        return StackParts(sources, services, texts)
    from hardentui.features.at_rest.edits.blocks import FileParts

    return FileParts(sources, services, texts)


def _one(
    judged: Judged,
    looked: Looked,
    wanted: Wanted,
    version: Version,
    texts: dict[str, str],
) -> Fixed:
    """A service in the files as earlier fixes left them."""
    fixed = _fixed(
        judged,
        looked,
        wanted,
        lambda: _target(
            looked,
            judged.service,
            version,
            texts,
        ),
    )
    texts.update(fixed.files)
    return fixed


def _fixed(
    judged: Judged,
    looked: Looked,
    wanted: Wanted,
    target_of: Callable[[], Target],
) -> Fixed:
    service = judged.service
    spec: Spec = service.spec.literal
    making = _Making(judged, looked.judge.checklist, wanted)
    checks = [
        check
        for check in _failing(judged, looked)
        if (service.key, check.id) not in wanted.without and making.wants(check)
    ]
    if not checks or not wanted.is_of(service):
        return Fixed(
            service,
            (),
            (),
            {},
            choices=tuple(making.choices),
        )
    try:
        _refuse_extended(service)
        target = target_of()
    except HardenError as error:
        return Fixed(
            service,
            (),
            (error.title.rstrip("."),),
            {},
        )
    for check in (*checks, *checks):  # twice: some can only be fixed once another is
        spec = making.make(check, spec, target)
    return Fixed(
        service,
        tuple(making.made),
        making.why_not(),
        target.files,
        target.proof,
        tuple(making.taken),
        tuple(making.choices),
    )


def _refuse_extended(service: Service) -> None:
    """Raises CannotExpress: what fits it may break a service of another project that is made of it."""
    if service.extended_by:
        shown = visible(service.extended_by, 200)
        raise CannotExpress(f"{shown} extends it: change both by hand")


def _failing(judged: Judged, looked: Looked) -> Iterator[Check]:
    failing = {finding.check for finding in judged.findings if finding.failing}
    return (check for check in looked.judge.checks if check.id in failing)


class _Making:
    """The fixes of one service, made one after the other."""

    def __init__(
        self,
        judged: Judged,
        checklist: Checklist,
        wanted: Wanted,
    ) -> None:
        self._judged = judged
        self._checklist = checklist
        self._wanted = wanted
        self._key = judged.service.key
        self._why_not: dict[str, str] = {}
        self.made: list[str] = []
        self.taken: list[Offer] = []
        self.choices: list[Offer] = []

    def _offer(self, check: Check, spec: Spec) -> Offer | None:
        return offer(
            check,
            self._judged,
            spec,
            self._checklist,
            self._wanted.values_of(self._key, check.id),
        )

    def wants(self, check: Check) -> bool:
        """Whether its fix is to be made, or to be told why not; others become choices."""
        try:
            each = self._offer(check, self._judged.service.spec.literal)
        except (HardenError, Unread):
            return self._wanted.asks_for(check, self._key)
        if each is None:  # what its file writes is right: what fails is open
            return False
        if self._wanted.takes(each, self._key):
            return True
        if not self._wanted.checks:
            self.choices.append(each)
        return False

    def make(
        self,
        check: Check,
        spec: Spec,
        target: Target,
    ) -> Spec:
        """The spec with the fix; unchanged where it cannot be made."""
        if check.id in self.made:
            return spec
        try:
            each = self._offer(check, spec)
            if each is not None and not self._wanted.takes(each, self._key):
                return spec
            if each is not None:
                target.apply(_plain(spec), _plain(each.after))
        except Unread as unread:
            self._why_not[check.id] = unread.reason
            return spec
        except HardenError as error:
            self._why_not[check.id] = error.title.rstrip(".")
            return spec
        self._why_not.pop(check.id, None)
        self.made.append(check.id)
        if each is None:
            return spec
        self.taken.append(each)
        return each.after

    def why_not(self) -> tuple[str, ...]:
        """Fixes that could not be made, one sentence for each reason."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in self._why_not.items():
            by_reason.setdefault(reason, []).append(name)
        return tuple(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def _plain(spec: Spec) -> Spec:
    return Spec(spec.settings, spec.unknowable)


def _target(
    looked: Looked,
    service: Service,
    version: Version,
    texts: Mapping[str, str],
) -> Target:
    """Raises InputError: its format is not edited."""
    vendor = next(
        delivered_by(judged.facts) for judged in looked.services if judged.service is service
    )
    if service.format is Format.QUADLET and not service.infra:
        return QuadletTarget(service, version, vendor)
    if service.format is Format.COMPOSE:
        from hardentui.features.at_rest.edits.compose import ComposeTarget

        return ComposeTarget(looked.sources, service, texts)
    if service.format is Format.RUN:
        return RunTarget(looked.sources, service, texts)
    if service.format is Format.KUBE and not service.infra:
        from hardentui.features.at_rest.edits.kube import KubeTarget

        return KubeTarget(looked.sources, service, texts)
    if service.format is Format.SERVICE:
        from hardentui.features.at_rest.edits.units import UnitTarget

        return UnitTarget(looked.sources, service, texts, vendor)
    raise InputError("a pod file is not edited; the findings say what to change")


def drafts_of(texts: Mapping[str, str], sources: Sources) -> Iterator[DraftFile]:
    """The changed files with their text of before. `texts`: by path."""
    for path, text in texts.items():
        file = sources.files.get(path)
        directory, name = posixpath.split(path)
        yield DraftFile(
            name or (file.shown if file is not None else visible(path, 200)),
            text,
            masked="\n".join(map(mask_line, text.split("\n"))),
            directory=directory,
            before=file.text if file is not None else "",
        )
