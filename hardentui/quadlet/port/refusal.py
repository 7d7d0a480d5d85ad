"""The error for a unit that a generator refuses."""

from __future__ import annotations

from hardentui.errors import GeneratorError
from hardentui.quadlet.port.text import QuadletUnit
from hardentui.visible import visible


def refused(unit: QuadletUnit, why: str) -> GeneratorError:
    """The error raised when this generator refuses a unit, with its reason."""
    return GeneratorError(
        f"The Quadlet generator of Podman {unit.version} refuses {visible(unit.name, 120)}.",
        visible(why, 300),
    )
