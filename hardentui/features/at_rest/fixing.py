"""`hardentui fix PATH…`: minimal edits of files, each proven before it is shown or written.

A Quadlet is proven by the port of the generator for the asked Podman: its command holds the planned
changes and nothing else. A compose file is read again: only the changed service differs, and only
as planned.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress, CannotFix, HardenError, InputError
from hardentui.features.at_rest.checking import Looked
from hardentui.features.at_rest.edits.commands import RunTarget
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.quadlets import UnitFiles
from hardentui.features.at_rest.services import Format, Service
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.fix.unit_edits import edited, prove_by_port
from hardentui.features.looking.unit_origin import Origin, OriginKind
from hardentui.harden.protection import weakenings
from hardentui.harden.remedy import advised, fix_parameters, remedied
from hardentui.model.check import Check, Checklist, FixContext
from hardentui.model.draft import DraftFile
from hardentui.model.finding import Risk
from hardentui.model.known import Unread
from hardentui.model.plan import Caution, Plan
from hardentui.model.spec import Spec, Version
from hardentui.options import TABLE
from hardentui.quadlet.read.container import CONTAINER, REFERENCES
from hardentui.reading.containers import known_application
from hardentui.reading.masking import mask_text
from hardentui.systemd.search_paths import ServiceManager
from hardentui.systemd.unit_text import QUADLET, UnitText
from hardentui.visible import visible

USUAL = Version(4, 9)
"""The oldest Podman of the distributions that people run Quadlets on; used where nothing names one.
"""
_SINCE = {
    option.quadlet.name: option.quadlet.since for option in TABLE if option.quadlet is not None
}
_SECTION_OF = {
    "network": "Network",
    "volume": "Volume",
    "pod": "Pod",
    "image": "Image",
    "build": "Build",
}


class Wanted(Struct, frozen=True):
    """Which fixes."""

    checks: tuple[str, ...] = ()  # named ones; with none the caution decides
    caution: Caution = Caution.LIKELY


class Fixed(Struct, frozen=True):
    """One service after its fixes."""

    service: Service
    made: tuple[str, ...]  # checks whose fixes are in the text
    left_out: tuple[str, ...]  # fixes and changes that are not, one sentence each
    files: Mapping[str, str]  # absolute path -> new text, of the changed files
    proof: str = ""
    # failing checks whose fixes may break the service and were not asked for
    with_all: tuple[str, ...] = ()


class Target(Protocol):
    """A service in its files: changes are made one fix after the other, and proven, or not made at
    all."""

    proof: str
    files: dict[str, str]

    def apply(self, before: Spec, after: Spec) -> None:
        """Make the changes between two specs. Raises HardenError, and then nothing is changed."""


def fix_all(
    looked: Looked,
    wanted: Wanted,
    version: Version | None,
) -> tuple[Fixed, ...]:
    """Every service with its fixes; those of one file are made one after the other.

    Args:
        version: the Podman that will read the files; None = as they hint.
    """
    texts = {path: file.text for path, file in looked.sources.files.items()}
    return tuple(
        _fixed(
            judged,
            looked,
            wanted,
            version,
            texts,
        )
        for judged in looked.services
    )


def changed_files(
    looked: Looked,
    service: Service,
    plan: Plan,
    version: Version | None,
) -> tuple[tuple[DraftFile, ...], str]:
    """The files of a service with a whole plan, and their proof.

    Raises:
        HardenError: the files cannot hold all of it.
    """
    texts = {path: file.text for path, file in looked.sources.files.items()}
    target = _target(looked, service, version, texts)
    target.apply(_plain(plan.before), _plain(plan.after))
    return drafts_of(
        (
            Fixed(
                service,
                (),
                (),
                target.files,
                target.proof,
            ),
        ),
        looked,
    ), target.proof


def _fixed(
    judged: Judged,
    looked: Looked,
    wanted: Wanted,
    version: Version | None,
    texts: dict[str, str],
) -> Fixed:
    service = judged.service
    spec: Spec = service.spec.literal
    failing = {finding.check for finding in judged.findings if finding.failing}
    checks = [
        check
        for check in looked.judge.checks
        if check.id in failing and _is_wanted(check, wanted, judged, looked.judge.checklist)
    ]
    every = Wanted(wanted.checks, Caution.ALL)
    bolder = [
        check
        for check in looked.judge.checks
        if check.id in failing and _is_wanted(check, every, judged, looked.judge.checklist)
    ]
    with_all = tuple(check.id for check in bolder if check not in checks)
    if not checks:
        return Fixed(
            service,
            (),
            (),
            {},
            with_all=with_all,
        )
    try:
        target = _target(looked, service, version, texts)
    except HardenError as error:
        return Fixed(
            service,
            (),
            (error.title.rstrip("."),),
            {},
        )
    made: list[str] = []
    left_out: dict[str, str] = {}
    for check in (*checks, *checks):  # twice: some can only be fixed once another is
        if check.id in made:
            continue
        context = FixContext(
            judged.facts,
            fix_parameters(check, looked.judge.checklist, {}),
        )
        try:
            after = remedied(check, spec, context)
            if weaker := weakenings(judged.facts, spec, after):
                raise CannotFix(f"it would weaken the container: {weaker[0].why}")
            if after != spec:
                target.apply(_plain(spec), _plain(after))
        except Unread as unread:
            left_out[check.id] = unread.reason
        except HardenError as error:
            left_out[check.id] = error.title.rstrip(".")
        else:
            spec = after
            made.append(check.id)
            left_out.pop(check.id, None)
    texts.update(target.files)
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        by_reason.setdefault(reason, []).append(name)
    why = tuple(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
    return Fixed(
        service,
        tuple(made),
        why,
        target.files,
        target.proof,
        with_all,
    )


def _is_wanted(
    check: Check,
    wanted: Wanted,
    judged: Judged,
    checklist: Checklist,
) -> bool:
    if wanted.checks:
        return check.id in wanted.checks
    if check.remediate is None or check.risk is Risk.DECISION:
        return False
    return wanted.caution.allows(_risk_here(check, judged, checklist))


def _risk_here(
    check: Check,
    judged: Judged,
    checklist: Checklist,
) -> Risk:
    """The risk of a fix for this service: its known application may say what the image needs."""
    if known_application(judged.facts) is None:
        return check.risk
    context = FixContext(judged.facts, fix_parameters(check, checklist, {}))
    spec = judged.service.spec
    try:
        advice = advised(check, spec, remedied(check, spec, context), context)
    except (HardenError, Unread):
        return check.risk
    return check.risk if advice.risk is None else advice.risk


def _plain(spec: Spec) -> Spec:
    return Spec(spec.settings, spec.unknowable)


def _target(
    looked: Looked,
    service: Service,
    version: Version | None,
    texts: dict[str, str],
) -> Target:
    if service.format is Format.QUADLET and not service.infra:
        return _Quadlet(service, version)
    if service.format is Format.COMPOSE:
        from hardentui.features.at_rest.edits.compose import ComposeTarget

        return ComposeTarget(looked.sources, service, texts)
    if service.format is Format.RUN:
        return RunTarget(looked.sources, service, texts)
    if service.format is Format.KUBE and not service.infra:
        from hardentui.features.at_rest.edits.kube import KubeTarget

        return KubeTarget(looked.sources, service, texts)
    if service.format is Format.SERVICE:
        raise InputError("a service unit is changed on its host, by a drop-in")
    raise InputError("a pod file is not edited; the findings say what to change")


class _Quadlet:
    """A `.container` with its drop-ins."""

    def __init__(
        self,
        service: Service,
        version: Version | None,
    ) -> None:
        source: UnitFiles = service.source
        self._version = version or max(USUAL, oldest_for(source.files))
        self._origin = _origin(service, source, self._version)
        self._name = service.name
        self.files: dict[str, str] = {}
        self.proof = ""

    def apply(self, before: Spec, after: Spec) -> None:
        done = edited(
            self._origin,
            Plan(self._name, "", (), (), before, after),
            self._version,
        )
        if done.left_out:
            raise CannotExpress(done.left_out[0])
        self.proof = prove_by_port(self._origin, done, self._version)
        changed = {file.path: file.text for file in done.files}
        self.files |= changed
        self._origin = replace(
            self._origin,
            text=changed.get(self._origin.path, self._origin.text),
            drop_ins=tuple((path, changed.get(path, text)) for path, text in self._origin.drop_ins),
        )


def oldest_for(files: Iterable[SourceFile]) -> Version:
    """The oldest Podman that knows every key that these files use."""
    keys = [line.key for file in files for line in UnitText(file.text, QUADLET).of(CONTAINER)]
    return max((_SINCE[key] for key in keys if key in _SINCE), default=USUAL)


def _origin(
    service: Service,
    source: UnitFiles,
    version: Version,
) -> Origin:
    first, *drop_ins = source.files
    user = source.rootless is not False
    manager = ServiceManager(
        user,
        "/home/user" if user else "/root",
        1000,
    )
    path = first.path or f"/src/{first.name}"
    return Origin(
        OriginKind.QUADLET,
        f"{service.name}.service",
        path,
        first.text,
        manager,
        drop_ins=tuple((file.path, file.text) for file in drop_ins),
        companions={**_stubs(source), **source.beside},
        version=version,
    )


def _stubs(source: UnitFiles) -> dict[str, str]:
    """Empty units for those that are referred to and lie elsewhere: the generator wants them to be
    there."""
    made = {}
    for file in source.files:
        for line in UnitText(file.text, QUADLET).of(CONTAINER):
            for word in re.findall(r"[\w.@-]+", line.value):
                suffix = posixpath.splitext(word)[1]
                if suffix in REFERENCES and suffix[1:] in _SECTION_OF and word not in source.beside:
                    needed = "Image=x\n" if suffix in (".image", ".build") else ""
                    made[word] = f"[{_SECTION_OF[suffix[1:]]}]\n{needed}"
    return made


def drafts_of(
    fixed: Sequence[Fixed],
    looked: Looked,
) -> tuple[DraftFile, ...]:
    """The changed files, each once, with its text of before."""
    last: dict[str, str] = {}
    for each in fixed:
        last.update(each.files)
    drafts = []
    for path, text in last.items():
        file = looked.sources.files.get(path)
        before = file.text if file is not None else ""
        directory, name = posixpath.split(path)
        masked = "\n".join(map(mask_text, text.split("\n")))
        shown = file.shown if file is not None else visible(path, 200)
        drafts.append(
            DraftFile(
                name or shown,
                text,
                masked=masked,
                directory=directory,
                before=before,
            )
        )
    return tuple(drafts)


def diff_of(draft: DraftFile) -> str:
    """The unified diff of a file, with secrets masked."""
    old, new = (
        [mask_text(line) for line in text.splitlines()] for text in (draft.before, draft.text)
    )
    path = posixpath.join(draft.directory, draft.name)
    beside = posixpath.relpath(path) if draft.directory else path
    path = path.lstrip("/") if beside.startswith("..") else beside
    lines = difflib.unified_diff(
        old,
        new,
        f"a/{path}",
        f"b/{path}",
        lineterm="",
    )
    return "".join(f"{visible(line)}\n" for line in lines)
