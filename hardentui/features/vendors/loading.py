"""The vendor overlays that come with HardenTUI and those of the site."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache

from msgspec import ValidationError, convert

from hardentui.checks import CHECKS
from hardentui.errors import ChecklistError, InputError
from hardentui.features.checklists.loading import directory_of_ours
from hardentui.features.checklists.loading import names as checklist_names
from hardentui.model.facts import ContainerFacts
from hardentui.model.settings import Notice
from hardentui.model.vendor import Purpose, Vendor, VendorOverrides
from hardentui.named_files import read_named
from hardentui.options import TABLE
from hardentui.reading.vendors import image_of, managed_by, names_of, recognises
from hardentui.state import config_directory
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible
from hardentui.words import nearest, plural

SCHEMA = "hardentui/vendor/1"
_ENDING = ".toml"
_LARGEST = 64 << 10  # bytes
_DROP_IN_NAME = re.compile(r"[A-Za-z0-9_@.-]*[A-Za-z0-9_@-]\.conf")
_OPEN_END = re.compile(r"[-_]\*")
_NO_WORD = re.compile(r"[^A-Za-z0-9]")
_BY_COMMENT = "comments"  # of a file that may name some
_ANY_VALUE = "?*"  # of a label that is there


def vendor_of(facts: ContainerFacts) -> Vendor | None:
    """The overlay of a container; one of the site before ours."""
    names = (*names_of(facts), posixpath.basename(image_of(facts)))
    words = {_NO_WORD.split(name)[0] for name in names} - {""} | set(facts.labels)
    near = (
        path
        for path, text in _files()
        if _BY_COMMENT in text or any(word in text for word in words)
    )
    return managed_by(
        facts,
        (vendor for path in near if (vendor := _valid(path)) is not None),
    )


def overlays() -> tuple[Vendor, ...]:
    """All that are valid."""
    vendors = (_valid(path) for path, _ in _files())
    return tuple(vendor for vendor in vendors if vendor is not None)


def site_faults() -> tuple[Notice, ...]:
    """Why overlays of the site are not used, a sentence for each."""
    notices: list[Notice] = []
    for path in _paths(site_directory()):
        try:
            lint(path)
        except ChecklistError as error:
            notices.append(_not_used(path, error.faults[0]))
        except InputError as error:
            why = error.title.removeprefix(f"{visible(path)} ")
            notices.append(_not_used(path, why))
    return tuple(notices)


def _not_used(path: str, why: str) -> Notice:
    return Notice(
        visible(path, 200),
        f"the overlay is not used: {why.rstrip('.')}",
    )


def vendor_about(word: str) -> Vendor | None:
    """The overlay of that name, or the one that recognises a container or unit of that name."""
    known = overlays()
    named = (vendor for vendor in known if vendor.name == word)
    return next(named, None) or next(
        (vendor for vendor in known if recognises(vendor.match, word)),
        None,
    )


@cache
def _files() -> tuple[tuple[str, str], ...]:
    """Path and text of each that can be read."""
    ours = os.path.join(
        directory_of_ours(),
        "vendors",
    )
    files: list[tuple[str, str]] = []
    for path in (*_paths(site_directory()), *_paths(ours)):
        with suppress(InputError):
            files.append((path, _text(path)))
    return tuple(files)


def _paths(directory: str) -> list[str]:
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return [os.path.join(directory, name) for name in sorted(names) if name.endswith(_ENDING)]


def _text(path: str) -> str:
    """Raises InputError."""
    return read_named(
        path,
        largest=_LARGEST,
    )


@cache
def _valid(path: str) -> Vendor | None:
    """None if it has a fault: a file of the site does not stop a check."""
    try:
        return lint(path)
    except (ChecklistError, InputError):
        return None


def site_directory() -> str:
    """Where overlays of the site stand; it may not exist."""
    return os.path.join(
        config_directory(),
        "vendors",
    )


def lint(path: str) -> Vendor:
    """The overlay in a file.

    Raises:
        InputError: it cannot be read.
        ChecklistError: it has faults.
    """
    return parse(
        _text(path),
        path,
    )


def summary(vendor: Vendor) -> str:
    """What a valid overlay holds."""
    match = vendor.match
    kinds = (match.units, match.names, match.labels, match.images, match.comments)
    patterns = sum(map(len, kinds))
    purposes = plural(len(vendor.purpose), "purpose")
    return f"{vendor.tool}, recognised by {plural(patterns, 'pattern')}, {purposes}"


def parse(text: str, where: str) -> Vendor:
    """The overlay in a TOML text; raises ChecklistError with its faults. `where` names it there."""
    try:
        document = read_toml(text)
    except TomlFault as error:
        line, what = error.place_in(text)
        raise _rejected(
            where,
            [f"{line}: invalid TOML: {visible(what)}"],
        ) from error
    if document.pop("schema", None) != SCHEMA:
        raise _rejected(
            where,
            [f"1: schema must be {SCHEMA!r}"],
        )
    try:
        vendor = convert(document, Vendor)
    except ValidationError as error:
        raise _rejected(
            where,
            [
                visible(
                    str(error),
                    200,
                )
            ],
        ) from error
    if faults := list(
        _faults(
            vendor,
            os.path.basename(where).removesuffix(_ENDING),
        )
    ):
        raise _rejected(where, faults)
    return vendor


def _faults(vendor: Vendor, name: str) -> Iterator[str]:
    if vendor.name != name:
        yield f"name must be that of the file, {name!r}"
    if not vendor.source:
        yield "an overlay needs a source"
    for key in ("title", "tool", "upgrade"):
        if not getattr(vendor, key).strip():
            yield f"{key} is empty"
    yield from _faults_of_match(vendor)
    yield from _faults_of_overrides(vendor.overrides)
    yield from _faults_of_checklist(vendor)
    for purpose in vendor.purpose:
        yield from _faults_of_purpose(purpose)


def _faults_of_match(vendor: Vendor) -> Iterator[str]:
    match = vendor.match
    patterns = (
        *match.units,
        *match.names,
        *match.labels.values(),
        *match.images,
        *match.comments,
    )
    if not patterns:
        yield "match is empty: no container can be recognised"
    for pattern in patterns:
        if not pattern.strip("*?") and pattern != _ANY_VALUE:
            yield f"{visible(pattern, 80)!r} in match fits everything"
    for pattern in (*match.units, *match.names, *match.images):
        if _OPEN_END.search(pattern):
            yield f"{visible(pattern, 80)!r} in match also fits a name without the last part: -?*"


def _faults_of_overrides(overrides: VendorOverrides) -> Iterator[str]:
    if not overrides.place.strip():
        yield "overrides.place is empty: say where settings survive an upgrade"
    if overrides.drop_in and not _DROP_IN_NAME.fullmatch(overrides.drop_in):
        yield f"drop_in is the name of a file that ends in .conf, not {visible(overrides.drop_in, 80)!r}"
    if overrides.drop_in_for and not overrides.drop_in:
        yield "drop_in_for says nothing without drop_in"


def _faults_of_checklist(vendor: Vendor) -> Iterator[str]:
    if bool(vendor.checklist) != bool(vendor.checklist_for):
        yield "checklist and checklist_for belong together"
    if vendor.checklist and vendor.checklist not in checklist_names():
        yield f"there is no checklist {visible(vendor.checklist, 80)!r}"


def _faults_of_purpose(purpose: Purpose) -> Iterator[str]:
    if not (purpose.options or purpose.checks):
        yield f"a purpose names no option and no check: {visible(purpose.why, 80)}"
    yield from _unknown(
        "check",
        purpose.checks,
        CHECKS,
    )
    yield from _unknown(
        "option",
        purpose.options,
        {option.flag for option in TABLE},
    )


def _unknown(
    kind: str,
    names: Iterable[str],
    there: Collection[str],
) -> Iterator[str]:
    for name in names:
        if name not in there:
            near = nearest(name, there)
            yield f"there is no {kind} {visible(name, 80)!r}{near}"


def _rejected(where: str, faults: list[str]) -> ChecklistError:
    count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ChecklistError(
        f"The overlay {visible(where)} has {count}.",
        tuple(faults),
        where,
    )
