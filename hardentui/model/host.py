"""Facts of the host and of one user's trust configuration. (Filled by hardentui.host.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """Signature policy and registries that hold for one engine's user."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The machine below the engines."""
