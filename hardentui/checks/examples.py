"""Small facts for the examples of checks: the smallest container that shows the point."""

from __future__ import annotations

from typing import Any

from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.facts import ContainerFacts, EngineFacts, Kernel, Known, NotRunning
from hardentui.model.spec import Option, Spec

DEFAULT_CAPABILITIES = STOCK_CAPABILITIES


def rootful(**over: Any) -> EngineFacts:
    return EngineFacts(**{"default_capabilities": DEFAULT_CAPABILITIES, **over})


def rootless(**over: Any) -> EngineFacts:
    return EngineFacts(
        **{"label": "rootless anna", "rootless": True, "default_capabilities": DEFAULT_CAPABILITIES, **over}
    )


def container(
    *pairs: tuple[Option[Any], Any],
    kernel: Known[Kernel | NotRunning] | None = None,
    engine: EngineFacts | None = None,
    **over: Any,
) -> ContainerFacts:
    """A container with these options; not running unless a kernel view is given."""
    return ContainerFacts(
        id="0" * 64,
        name="web",
        spec=Spec.of(*pairs),
        kernel=kernel or NotRunning(),
        engine=engine or rootful(),
        **over,
    )
