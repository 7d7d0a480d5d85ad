"""A vendor overlay: the tool that manages a container, as data with sources.

It says where settings survive an upgrade and what the tool set on purpose. It gives no rights: it
only turns fixes into decisions.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.application import EntrySource


class VendorMatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How its containers are recognised; each is enough by itself. Patterns as of a shell."""

    units: tuple[str, ...] = ()  # of systemd services: `uyuni-*.service`
    names: tuple[
        str, ...
    ] = ()  # of containers; one that says little, such as `redis`, does not fit
    labels: Mapping[str, str] = field(default_factory=dict)  # name -> pattern of its value
    images: tuple[str, ...] = ()  # as they are named, without tag and digest
    comments: tuple[str, ...] = ()  # at the head of the unit's file, without the `#`


class VendorOverrides(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where settings of an admin live and survive an upgrade."""

    place: str  # a sentence
    # file name of the drop-in that the tool keeps and never overwrites; empty = ours stands alone
    drop_in: str = ""
    drop_in_for: tuple[str, ...] = ()  # patterns of the units whose drop-in it keeps; empty = all


class Purpose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the tool set on purpose, or must do itself."""

    why: str  # completes "NAME: …"; a sentence
    source: str  # issue, bug or commit
    members: tuple[str, ...] = ()  # patterns of container names; empty = all
    options: tuple[str, ...] = ()  # flags: no fix that changes one is taken unasked
    checks: tuple[str, ...] = ()  # whose fixes are not taken unasked


class CommentedValue(Struct, frozen=True):
    """A value of a unit with a comment above it."""

    option: str  # its name
    argument: str
    comment: str


class SignedImages(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Images that the vendor signs, and the key that verifies them."""

    scope: str  # of a policy: a registry, or a path in it
    key: str  # the file
    package: str  # that brings the file
    source: str


class Vendor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who manages a container."""

    name: str  # `uyuni`, as the file
    title: str
    tool: str  # the program that writes its units: `mgradm`
    upgrade: str  # the command that brings the next release
    match: VendorMatch
    overrides: VendorOverrides
    source: tuple[EntrySource, ...]
    purpose: tuple[Purpose, ...] = ()
    signed: tuple[SignedImages, ...] = ()
    # its units are the vendor's work and not an admin's, so all that they set was set by the vendor
    delivers: bool = True
    one_application: bool = False  # its containers belong together and need each other
    checklist: str = ""  # one of ours that fits `checklist_for`
    checklist_for: tuple[str, ...] = ()  # patterns of container names
