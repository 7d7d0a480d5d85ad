"""The vendor overlays that come with HardenTUI and those of the site."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

from msgspec import ValidationError, convert

from hardentui.account import is_confined
from hardentui.checks import CHECKS
from hardentui.errors import ChecklistError
from hardentui.features.checklists.loading import directory_of_ours
from hardentui.features.checklists.loading import names as checklist_names
from hardentui.model.facts import ContainerFacts
from hardentui.model.vendor import Vendor
from hardentui.named_files import read_named
from hardentui.options import TABLE
from hardentui.reading.vendors import managed_by, names_of
from hardentui.state import config_directory
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible
from hardentui.words import nearest

SCHEMA = "hardentui/vendor/1"
_ENDING = ".toml"
_LARGEST = 64 << 10  # bytes


def vendor_of(facts: ContainerFacts) -> Vendor | None:
    """The overlay of a container; one of the site before ours."""
    words = {name.partition("-")[0] for name in names_of(facts)} - {""}
    labels = set(facts.labels)
    near = (
        path
        for path, text in _files()
        if any(word in text for word in words) or any(label in text for label in labels)
    )
    return managed_by(facts, (vendor for path in near if (vendor := _valid(path)) is not None))


def overlays() -> tuple[Vendor, ...]:
    """All that are valid."""
    vendors = (_valid(path) for path, _ in _files())
    return tuple(vendor for vendor in vendors if vendor is not None)


@cache
def _files() -> tuple[tuple[str, str], ...]:
    """Path and text of each. A session confined to a directory (in a browser) has none of the site."""
    ours = os.path.join(directory_of_ours(), "vendors")
    places = [ours] if is_confined(os.environ) else [site_directory(), ours]
    return tuple(
        (path, read_named(path, largest=_LARGEST))
        for place in places
        if os.path.isdir(place)
        for path in sorted(os.path.join(place, name) for name in os.listdir(place))
        if path.endswith(_ENDING)
    )


@cache
def _valid(path: str) -> Vendor | None:
    """None: `config vendor lint` tells what is wrong with it."""
    try:
        return lint(path)
    except ChecklistError:
        return None


def site_directory() -> str:
    """Where overlays of the site stand; it may not exist."""
    return os.path.join(config_directory(), "vendors")


def lint(path: str) -> Vendor:
    """The overlay in a file.

    Raises:
        InputError: it cannot be read.
        ChecklistError: it has faults.
    """
    return parse(read_named(path, largest=_LARGEST), path)


def parse(text: str, where: str) -> Vendor:
    """The overlay in a TOML text; raises ChecklistError with its faults. `where` names it there."""
    try:
        document = read_toml(text)
    except TomlFault as error:
        line, what = error.place_in(text)
        raise _rejected(where, [f"{line}: invalid TOML: {visible(what)}"]) from error
    if document.pop("schema", None) != SCHEMA:
        raise _rejected(where, [f"1: schema must be {SCHEMA!r}"])
    try:
        vendor = convert(document, Vendor)
    except ValidationError as error:
        raise _rejected(where, [visible(str(error), 200)]) from error
    if faults := list(_faults(vendor, os.path.basename(where).removesuffix(_ENDING))):
        raise _rejected(where, faults)
    return vendor


def _faults(vendor: Vendor, name: str) -> Iterator[str]:
    if vendor.name != name:
        yield f"name must be that of the file, {name!r}"
    match = vendor.match
    if not (match.units or match.names or match.labels):
        yield "match is empty: no container can be recognised"
    for pattern in (*match.units, *match.names, *match.labels.values()):
        if len(pattern.strip("*?")) == 0 and pattern != "?*":
            yield f"{visible(pattern, 80)!r} in match fits everything"
    if not vendor.source:
        yield "an overlay needs a source"
    if bool(vendor.checklist) != bool(vendor.checklist_for):
        yield "checklist and checklist_for belong together"
    if vendor.checklist and vendor.checklist not in checklist_names():
        yield f"there is no checklist {visible(vendor.checklist, 80)!r}"
    flags = {option.flag for option in TABLE}
    for purpose in vendor.purpose:
        if not (purpose.options or purpose.checks):
            yield f"a purpose names no option and no check: {visible(purpose.why, 80)}"
        for check in purpose.checks:
            if check not in CHECKS:
                yield f"there is no check {visible(check, 80)!r}{nearest(check, CHECKS)}"
        for flag in purpose.options:
            if flag not in flags:
                yield f"there is no option {visible(flag, 80)!r}{nearest(flag, flags)}"


def _rejected(where: str, faults: list[str]) -> ChecklistError:
    count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ChecklistError(f"The overlay {visible(where)} has {count}.", tuple(faults), where)
