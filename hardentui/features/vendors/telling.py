"""Who manages the containers of a host, and what follows for whoever hardens them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.vendor import Purpose, Vendor
from hardentui.options import IMAGE
from hardentui.reading.vendors import concerns, fitting_checklist, vendor_known
from hardentui.visible import visible

_MOST_NAMES = 4
_REHEARSE = "rehearsed by check DIR --against-release NEXT"


class ManagedContainers(Struct, frozen=True, kw_only=True):
    """The containers of a host that one tool manages."""

    name: str  # of the overlay
    title: str
    tool: str
    containers: tuple[str, ...]
    upgrade: str  # the command that brings the next release
    overrides: str  # where settings survive an upgrade
    checklist: str = ""  # the one that fits `checklist_for`; empty if the usual one does
    checklist_for: tuple[str, ...] = ()
    # `SCOPE=KEY`, the rules for `hardentui trust` that verify its images
    trust: tuple[str, ...] = ()
    key_packages: tuple[str, ...] = ()  # what brings the keys


def managed(all_facts: Iterable[ContainerFacts]) -> tuple[ManagedContainers, ...]:
    """The tools that manage any of these containers, by name."""
    members: dict[str, list[ContainerFacts]] = {}
    vendors: dict[str, Vendor] = {}
    for facts in all_facts:
        if (vendor := vendor_known(facts)) is not None:
            vendors[vendor.name] = vendor
            members.setdefault(
                vendor.name,
                [],
            ).append(facts)
    return tuple(
        _group(
            vendors[name],
            members[name],
        )
        for name in sorted(members)
    )


def _group(
    vendor: Vendor,
    members: list[ContainerFacts],
) -> ManagedContainers:
    images = [_image_of(facts) for facts in members]
    rules = [
        signed
        for signed in vendor.signed
        if any(image.startswith(f"{signed.scope}/") for image in images)
    ]
    fits = tuple(facts.name for facts in members if fitting_checklist(facts))
    return ManagedContainers(
        name=vendor.name,
        title=vendor.title,
        tool=vendor.tool,
        containers=tuple(facts.name for facts in members),
        upgrade=vendor.upgrade,
        overrides=vendor.overrides.place,
        checklist=vendor.checklist if fits else "",
        checklist_for=fits,
        trust=tuple(f"{signed.scope}={signed.key}" for signed in rules),
        key_packages=tuple(dict.fromkeys(signed.package for signed in rules)),
    )


def vendor_sections(vendor: Vendor, container: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What an overlay says: headings, and a line for each fact. `container`: only what it set on
    purpose for that container; empty = all."""
    match = vendor.match
    labels = (f"{name}={pattern}" for name, pattern in match.labels.items())
    yield (
        "Recognised by units, names, labels, images, comments in its unit",
        (
            *match.units,
            *match.names,
            *labels,
            *match.images,
            *match.comments,
        ),
    )
    yield "Where settings survive an upgrade", (vendor.overrides.place,)
    yield "The next release", (vendor.upgrade, _REHEARSE)
    purposes = [each for each in vendor.purpose if not container or concerns(each, container)]
    yield "Set on purpose: fixes that touch it are decisions", tuple(map(_purpose, purposes))
    if vendor.checklist:
        yield "Checklist", (f"{vendor.checklist}, for {', '.join(vendor.checklist_for)}",)
    signed = (
        f"{each.scope}: {each.key} of the package {each.package}; trust plan "
        f"{each.scope}={each.key} --any-tag --accept-in-use"
        for each in vendor.signed
    )
    yield "Signed images, and the key that verifies them", tuple(signed)
    sources = (f"{each.address}, read on {each.read}" for each in vendor.source)
    yield "Sources", tuple(sources)


def _purpose(purpose: Purpose) -> str:
    members = f" of {', '.join(purpose.members)}" if purpose.members else ""
    return f"{', '.join((*purpose.options, *purpose.checks))}{members}: {purpose.why} ({purpose.source})"


def _image_of(facts: ContainerFacts) -> str:
    return known(lambda: facts.spec[IMAGE], else_="") or facts.image_name


def sentences(group: ManagedContainers, used: str = "") -> Iterator[str]:
    """What to know, the most important first. `used`: the checklist that judged them."""
    names = ", ".join(visible(name, 60) for name in group.containers[:_MOST_NAMES])
    more = len(group.containers) - _MOST_NAMES
    names += f" and {more} more" if more > 0 else ""
    command, comma, more_words = group.upgrade.partition(", ")
    upgrade = f"`{command}`{comma}{more_words}"
    yield f"{group.tool} manages {names} ({group.title}); to upgrade them: {upgrade}"
    more_of_it = "where settings survive an upgrade"
    if group.trust:
        more_of_it += ", and how its signed images are verified"
    yield f"explain {group.name} tells {more_of_it}"
    if group.checklist and group.checklist != used:
        fits = ", ".join(visible(name, 60) for name in group.checklist_for)
        yield f"--checklist {group.checklist} is made for {fits}"
