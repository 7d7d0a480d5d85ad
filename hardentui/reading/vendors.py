"""Who manages a container, and what it set there on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.vendor import Purpose, Vendor, VendorMatch
from hardentui.options import IMAGE, NAME

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"


def managed_by(
    facts: ContainerFacts,
    vendors: Iterable[Vendor],
) -> Vendor | None:
    """The overlay of a container; of several the first."""
    return next(
        (
            vendor
            for vendor in vendors
            if _is_of(
                facts,
                vendor.match,
            )
        ),
        None,
    )


def names_of(facts: ContainerFacts) -> tuple[str, str]:
    """What an overlay may recognise it by: its unit, and its own name."""
    return facts.labels.get(
        UNIT_LABEL,
        "",
    ), _name(facts)


def _is_of(facts: ContainerFacts, match: VendorMatch) -> bool:
    unit, name = names_of(facts)
    if _fits(unit, match.units) or _fits(name, match.names):
        return True
    if match.images and _fits(image_of(facts), match.images):
        return True
    if match.comments and any(_fits(comment, match.comments) for comment in _comments(facts)):
        return True
    return any(
        fnmatchcase(
            facts.labels.get(
                name,
                "",
            ),
            pattern,
        )
        for name, pattern in match.labels.items()
    )


def image_of(facts: ContainerFacts) -> str:
    """The name of its image, without tag and digest."""
    name = known(lambda: facts.spec[IMAGE], else_="") or facts.image_name
    head, slash, last = name.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _comments(facts: ContainerFacts) -> tuple[str, ...]:
    """At the head of the file of its unit, where it has one."""
    if not facts.labels.get(UNIT_LABEL):
        return ()
    unit = known(lambda: facts.unit, else_=None)
    return unit.comments if unit is not None else ()


def recognises(match: VendorMatch, name: str) -> bool:
    """Whether a container or unit of that name is one of its own. `name`: `.service` may be missing."""
    return _fits(name, match.names) or any(
        _fits(unit, match.units) for unit in (name, f"{name}.service")
    )


def vendor_known(facts: ContainerFacts) -> Vendor | None:
    """Who manages it, as far as that is known."""
    return known(
        lambda: facts.vendor,
        else_=None,
    )


def purposes(
    facts: ContainerFacts,
    check: str,
    flags: Iterable[str],
) -> tuple[Purpose, ...]:
    """What the vendor did on purpose, or left alone, that a fix would change. `flags`: of the options
    that it changes."""
    vendor = vendor_known(facts)
    if vendor is None:
        return ()
    changed = set(flags)
    return tuple(
        purpose
        for purpose in vendor.purpose
        if concerns(purpose, _name(facts))
        and (check in purpose.checks or not changed.isdisjoint(purpose.options))
    )


def concerns(purpose: Purpose, name: str) -> bool:
    """Whether it is about the container of that name."""
    return not purpose.members or _fits(
        name,
        purpose.members,
    )


def fitting_checklist(facts: ContainerFacts) -> str:
    """The checklist that is made for a container; empty if it is the usual one."""
    vendor = vendor_known(facts)
    if vendor is None or not _fits(
        _name(facts),
        vendor.checklist_for,
    ):
        return ""
    return vendor.checklist


def delivered_by(facts: ContainerFacts) -> Vendor | None:
    """The vendor whose work its unit is."""
    vendor = vendor_known(facts)
    return vendor if vendor is not None and vendor.delivers else None


def kept_drop_in(vendor: Vendor | None, unit: str) -> str:
    """File name of the drop-in of a unit that the vendor's tool never overwrites; empty = none."""
    if vendor is None:
        return ""
    overrides = vendor.overrides
    fits = not overrides.drop_in_for or _fits(
        unit,
        overrides.drop_in_for,
    )
    return overrides.drop_in if fits else ""


def application_by_vendor(facts: ContainerFacts) -> str:
    """The application whose parts the vendor's containers are; empty if each is its own."""
    vendor = vendor_known(facts)
    return vendor.name if vendor is not None and vendor.one_application else ""


def _name(facts: ContainerFacts) -> str:
    """As the container is called, whatever its file is."""
    return (
        known(
            lambda: facts.spec[NAME],
            else_="",
        )
        or facts.name
    )


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
