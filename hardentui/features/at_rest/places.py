"""Where a file decides a finding: the entry without which the verdict is another.

Readers carry the place of each entry from their parser. An entry is pointed at only where asking
the check again without it gives another verdict; else the place is where the service begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from hardentui.features.at_rest.services import NAMED_VALUES, Service, Set, Span, SpecAtRest
from hardentui.harden.remedy import OptionDiff
from hardentui.model.finding import Finding, Place, Status, Verdict
from hardentui.model.spec import Mount, Source, Spec
from hardentui.options import NAME, PRIVILEGED, PUBLISH, SECRETS
from hardentui.options.items import spec_of

_FLAGS = re.compile(r"--[a-z][a-z-]*")


def place_of(
    service: Service,
    finding: Finding,
    changed: tuple[OptionDiff, ...],
    asked_again: Callable[[Service], Verdict],
) -> Place:
    """
    Args:
        changed: what a fix of the finding would change.
        asked_again: the verdict on the service with other entries.
    """
    if finding.check == "refused-unit" and service.refusal is not None:
        return _place_of(service.refusal.span)
    for diff in changed:
        for each in reversed(service.where(diff.option)):
            if not diff.option.is_list or each.item.canonical in diff.removed:
                return _place_of(each.span)
    worse: Set | None = None
    for each in _named(service, finding.verdict):
        without = asked_again(_without(service, each))
        if without.status is not Status.FAIL:
            return _place_of(each.span)
        # the document of a pod has its ports too, so it says the same without the entry
        of_pod = service.infra and each.item.option is PUBLISH
        of_pod = of_pod and _is_word_of(each.item.raw, finding.verdict.reason)
        if worse is None and (of_pod or _is_other(finding.verdict, without)):
            worse = each
    return _place_of(service.header if worse is None else worse.span)


def _is_other(verdict: Verdict, without: Verdict) -> bool:
    """Whether it fails for less without the entry."""
    return (verdict.severity, verdict.things, verdict.evidence) != (
        without.severity,
        without.things,
        without.evidence,
    )


def _named(service: Service, verdict: Verdict) -> Iterator[Set]:
    """Entries that the verdict may be about, those that it names first."""
    said = "\n".join(
        (
            verdict.reason,
            verdict.declared,
            *verdict.things,
            *(item.saw for item in verdict.evidence),
        )
    )
    flags = {
        *_FLAGS.findall(said),
        *(item.where for item in verdict.evidence),
    }
    for each in (*service.sets, *service.given):
        if each.item.option.flag in flags or any(_is_word_of(name, said) for name in _names(each)):
            yield each
    yield from service.where(PRIVILEGED)  # which turns most of the rest off


def _names(each: Set) -> Iterator[str]:
    """What tells an entry from the others of its option, as it is written and as a verdict says it."""
    yield _name(each)
    mount = each.item.value
    if isinstance(mount, Mount):
        yield f"{mount.source}:{mount.destination}"


def _name(each: Set) -> str:
    raw = each.item.raw
    if each.item.option is SECRETS:
        return raw.partition(",")[0]
    return raw.partition("=")[0] if each.item.option in NAMED_VALUES else raw


def _is_word_of(name: str, text: str) -> bool:
    if not name or name not in text:
        return False
    return re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w/-])", text) is not None


def _without(service: Service, left_out: Set) -> Service:
    """A service without one of its entries."""
    sets = tuple(each for each in service.sets if each is not left_out)
    spec = spec_of(each.item for each in sets)
    if not spec[NAME]:
        spec = spec.with_(
            NAME,
            Spec.__getitem__(service.spec, NAME),
            Source.UNIT,
        )
    return replace(
        service,
        sets=sets,
        given=tuple(each for each in service.given if each is not left_out),
        spec=SpecAtRest(
            spec.settings,
            spec.unknowable,
            open=spec.open,
        ),
    )


def _place_of(span: Span) -> Place:
    return span.file.place(span.start, span.end)
