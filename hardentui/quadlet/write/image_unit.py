"""The unit of an image: a Quadlet pulls and builds what its containers need."""

from __future__ import annotations

from hardentui.errors import CannotExpress
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind, Spec
from hardentui.options import *
from hardentui.systemd.command_line import escape, plain, word
from hardentui.systemd.unit_text import Unit

_POLICIES = Version(5, 6)
"""First Podman with Policy= in [Image]. Before, such a unit queries the registry at every start,
while `podman run` uses the local image; so the flags stay with the container."""


def needs_image_unit(spec: Spec, version: Version) -> bool:
    """Whether the pull gets its own unit.

    With the policies always and newer each start of the container pulls; a unit would pull once per
    boot.
    """
    if version < _POLICIES or spec[ROOTFS] or spec[PULL] not in ("", "missing", "never"):
        return False
    return any(option.image_key is not None for option in spec)


def image_unit(spec: Spec, stem: str) -> Unit:
    """The unit that pulls the image with the container's options."""
    unit = Unit(f"{stem}.image")
    unit.add(
        "Unit",
        "Description",
        plain(f"Image of {stem}"),
    )
    unit.add(
        "Image",
        "Image",
        escape(spec[IMAGE], KeyKind.RAW_ONE),
    )
    unit.add("Image", "Policy", spec[PULL] or "missing")
    for option in TABLE:
        key = option.image_key
        if key is None or option not in spec:
            continue
        (argument,) = option.to_arguments(spec[option])
        try:
            if not key:
                raise CannotExpress("no key")
            unit.add(
                "Image",
                key,
                escape(argument, KeyKind.RAW_ONE),
            )
        except CannotExpress:
            unit.add(
                "Image",
                "PodmanArgs",
                word(f"{option.flag}={argument}"),
            )
    unit.define_helpers()
    return unit


def without_pull(spec: Spec) -> Spec:
    """The container's spec when such a unit pulls the image."""
    pulling = (
        option for option in spec if option.image_key is not None and not option.selects_image
    )
    return spec.without(PULL, *pulling)
