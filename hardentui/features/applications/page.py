"""An entry of a known application in words, with its sources."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hardentui.model.application import (
    Application,
    ApplicationPath,
    Family,
    PortUse,
    ProofKind,
    Variant,
)
from hardentui.reading.containers import is_root

PROOF = {
    ProofKind.READ: "read in its sources, not run",
    ProofKind.RUN: "run with all its fixes in force",
}


class EntrySection(Struct, frozen=True):
    """A heading, and a line for each fact."""

    heading: str
    lines: tuple[str, ...]


def sections_of(application: Application) -> tuple[EntrySection, ...]:
    """What an entry says; a section without anything known is left out."""
    sections = (
        EntrySection("Images", application.match.repositories),
        EntrySection("User", tuple(_user(application))),
        EntrySection("Capabilities", tuple(_capabilities(application))),
        EntrySection("Programs that gain rights", tuple(_privileges(application))),
        EntrySection("Read-only root", tuple(_root(application))),
        EntrySection(
            "Directories that it writes",
            tuple(_path(path, application.user.work) for path in application.path),
        ),
        EntrySection("What it only reads", application.reads),
        EntrySection("Ports", tuple(_ports(application))),
        EntrySection("Health check", tuple(_health(application))),
        EntrySection("Stop, and memory", tuple(_stop(application))),
        EntrySection("Secrets, and the variable for a file", tuple(_secrets(application))),
        EntrySection("What breaks with which fix", tuple(_breaks(application))),
        EntrySection("Another release", (application.upgrade,) if application.upgrade else ()),
        EntrySection("Proof", tuple(_proof(application))),
        EntrySection("Sources", tuple(_sources(application))),
    )
    return tuple(section for section in sections if section.lines)


def tags_of(variant: Variant) -> str:
    """The tags that a variant is about: `*alpine*, until 18`."""
    parts = [*variant.tags]
    parts += [f"from {variant.first}"] if variant.first else []
    parts += [f"until {variant.until}"] if variant.until else []
    return ", ".join(parts) or "all others"


def differences(family: Family) -> Iterator[EntrySection]:
    """What the variants say otherwise than the general entry."""
    said = {line for section in sections_of(family.general) for line in section.lines}
    for variant in family.variants[:-1]:
        other = tuple(
            f"{section.heading}: {line}"
            for section in sections_of(variant.application)
            for line in section.lines
            if line not in said
        )
        yield EntrySection(f"Tags {tags_of(variant)}", other)


def _user(application: Application) -> Iterator[str]:
    user = application.user
    yield f"the image names {user.image}; it works as {user.work or 'a user that is not known'}"
    if user.start_as:
        yield f"it can start as {user.start_as} (root-user)"
    if user.why_root:
        yield user.why_root


def _capabilities(application: Application) -> Iterator[str]:
    own = application.capabilities
    if own.start is None and is_root(application.user.image):
        yield "not known"
        return
    yield f"as its image starts: {' '.join(own.start or ()) or 'none'}"
    if application.user.start_as:
        yield f"started as {application.user.start_as}: {' '.join(own.work) or 'none'}"
    if own.why:
        yield own.why


def _privileges(application: Application) -> Iterator[str]:
    yield from application.privileges.programs
    if application.privileges.needed == "unknown":
        yield "not known whether it works with no-new-privileges"
    elif application.privileges.needed:
        yield "it does not work with no-new-privileges"
    if application.privileges.why:
        yield application.privileges.why


def _root(application: Application) -> Iterator[str]:
    works = application.root.works
    yield {True: "it works", False: "it does not work", None: "not known"}[works]
    if application.root.why:
        yield application.root.why


def _path(path: ApplicationPath, work: str) -> str:
    owner = work if path.owner == "work" else path.owner
    owner = f" of {owner}" if owner else ""
    kept = ", a volume of the image" if path.volume else ""
    only = f", if {path.only_with} is mounted" if path.only_with else ""
    size = f", {path.size}" if path.size else ""
    note = f" {path.note}" if path.note else ""
    return f"{path.path}: {path.use}{owner}, mode {path.mode}{size}{kept}{only}.{note}"


def _ports(application: Application) -> Iterator[str]:
    for port in application.port:
        who = "" if port.use is PortUse.CLIENTS else f" for {port.use}"
        yield f"{port.number}/{port.protocol}{who}"


def _health(application: Application) -> Iterator[str]:
    if application.health.command:
        yield application.health.command
    if application.health.in_image:
        yield "the image declares one"


def _stop(application: Application) -> Iterator[str]:
    stop, memory = application.stop, application.memory
    yield f"{stop.signal or 'SIGTERM'}, up to {stop.seconds} seconds"
    if memory.floor:
        yield f"at least {memory.floor} of memory{f': {memory.why}' if memory.why else ''}"
    calls = (*application.calls.system_calls, *application.calls.families)
    if calls:
        yield f"it also uses {' '.join(calls)}. {application.calls.why}".rstrip()


def _secrets(application: Application) -> Iterator[str]:
    for name, file in application.secrets.items():
        yield f"{name}: {file or 'none'}"


def _breaks(application: Application) -> Iterator[str]:
    for check, sentence in application.breaks.items():
        yield f"{check}: {sentence}"


def _proof(application: Application) -> Iterator[str]:
    how = application.proof.how
    yield f"{PROOF[application.proof.kind]}{f': {how}' if how else ''}"


def _sources(application: Application) -> Iterator[str]:
    for source in application.source:
        yield f"{source.address}, read {source.read.isoformat()}"
